// Golden vectors: what torch 2.13.0 gives right after manual_seed(123), as bits.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "kernels/random.h"

namespace izvod {
namespace {

using kernels::View;

View flat(void* data, DType dtype, int64_t n) { return {data, dtype, Dims{n}, Dims{1}}; }

// The bits of n values that `draw(view, generator)` makes.
template <class Bits, class F>
std::vector<Bits> made(int64_t n, DType dtype, F draw) {
  std::vector<Bits> out(size_t(n), Bits(0));
  Generator g(123);
  draw(flat(out.data(), dtype, n), &g);
  return out;
}
template <class Bits>
std::vector<Bits> some(const std::vector<Bits>& all, int64_t begin, int64_t end) {
  return {all.begin() + begin, all.begin() + end};
}
template <class Bits>
std::vector<Bits> uniforms(int64_t n, DType dtype, double from = 0, double to = 1) {
  return made<Bits>(n, dtype,
                    [&](const View& out, Generator* g) { kernels::uniform(out, g, from, to); });
}
template <class Bits>
std::vector<Bits> normals(int64_t n, DType dtype, double mean = 0, double std = 1) {
  return made<Bits>(n, dtype,
                    [&](const View& out, Generator* g) { kernels::normal(out, g, mean, std); });
}

using U16 = std::vector<uint16_t>;
using U32 = std::vector<uint32_t>;
using U64 = std::vector<uint64_t>;
using I64 = std::vector<int64_t>;

std::array<uint8_t, Generator::state_bytes> state_of(const Generator& g) {
  std::array<uint8_t, Generator::state_bytes> s;
  g.get_state(s);
  return s;
}

TEST(Generator, draws) {
  Generator g(123);
  const U32 expected{0xb24bcdfe, 0xb6843d6d, 0x49406d7e, 0x6db04542};
  for (uint32_t word : expected) EXPECT_EQ(g.draw32(), word);
}

TEST(Generator, all_ways_to_draw_give_one_stream) {
  Generator one(5), many(5);
  for (int64_t n : {1, 3, 620, 1, 623, 624, 625, 5000, 40000, 0, 7}) {
    std::vector<uint32_t> words(static_cast<size_t>(n));
    many.draw(words.data(), n);
    for (uint32_t w : words) ASSERT_EQ(w, one.draw32());
    EXPECT_EQ(state_of(one), state_of(many));
  }
}

TEST(Generator, state_goes_back_and_forth) {
  Generator a(uint64_t(-1)), b;
  a.skip(1000);
  a.kept_normal = -0.25;
  b.set_state(state_of(a));
  EXPECT_EQ(state_of(a), state_of(b));
  EXPECT_EQ(b.initial_seed(), uint64_t(-1));
  EXPECT_EQ(b.kept_normal, -0.25);
  EXPECT_EQ(a.draw64(), b.draw64());
}

TEST(Generator, bad_states_change_nothing) {
  Generator g(3);
  const auto before = state_of(g);
  EXPECT_THROW(g.set_state(std::vector<uint8_t>(5055)), RuntimeError);
  const auto spoilt = [&](int64_t at, uint8_t value) {
    auto s = before;
    s[size_t(at)] = value;
    return s;
  };
  EXPECT_THROW(g.set_state(spoilt(8, 0)), RuntimeError);  // left 0
  auto beyond = spoilt(9, 2);                             // 513 left, from the 255th on
  beyond[16] = 255;
  EXPECT_THROW(g.set_state(beyond), RuntimeError);
  EXPECT_THROW(g.set_state(spoilt(12, 0)), RuntimeError);    // not seeded
  EXPECT_THROW(g.set_state(spoilt(17, 255)), RuntimeError);  // next beyond the block
  EXPECT_EQ(state_of(g), before);
}

TEST(Random, uniform) {
  EXPECT_EQ(uniforms<uint32_t>(4, DType::Float32),
            (U32{0x3e979bfc, 0x3f043d6d, 0x3e80dafc, 0x3f304542}));
  EXPECT_EQ(uniforms<uint64_t>(2, DType::Float64), (U64{0x3fd79bfd6d087ada, 0x3f8b5f9b6c115080}));
  EXPECT_EQ(uniforms<uint16_t>(4, DType::BFloat16), (U16{0x3e98, 0x3f04, 0x3e81, 0x3f30}));
  EXPECT_EQ(uniforms<uint16_t>(4, DType::Float16), (U16{0x34bd, 0x3822, 0x3407, 0x3982}));
  EXPECT_EQ(uniforms<uint32_t>(3, DType::Float32, -0.37, 1.91),
            (U32{0x3e9c3aaf, 0x3f4ec97d, 0x3e50b35e}));
}

TEST(Random, normal_one_by_one) {
  EXPECT_EQ(normals<uint32_t>(3, DType::Float32), (U32{0xbde448df, 0x3df680d9, 0xbebd40bc}));
  EXPECT_EQ(normals<uint64_t>(3, DType::Float64),
            (U64{0xbfbc891be348e115, 0x3fbed01b1c608467, 0xbfd7a8177fc34a66}));
}

TEST(Random, normal_in_blocks) {
  const U32 of16 = normals<uint32_t>(16, DType::Float32),
            of17 = normals<uint32_t>(17, DType::Float32);
  EXPECT_EQ(some(of16, 0, 4), (U32{0x3eacbbc9, 0xbe360b3b, 0xbe9b67f8, 0xbf1687f2}));
  EXPECT_EQ(some(of16, 8, 10), (U32{0x3f446121, 0xbf98a3e8}));
  EXPECT_EQ(some(of17, 0, 2), (U32{0x3eacbbc9, 0xbf829ed3}));
  EXPECT_EQ(some(of17, 15, 17), (U32{0xc035c276, 0xbf48ec26}));
  const U64 doubles = normals<uint64_t>(16, DType::Float64);
  EXPECT_EQ(doubles[0], 0x3fed1cbbd4045fb5);
  EXPECT_EQ(doubles[8], 0xbfd38208123838dc);
  EXPECT_EQ(some(normals<uint16_t>(17, DType::BFloat16), 15, 17), (U16{0xbf22, 0xc036}));
  EXPECT_EQ(some(normals<uint32_t>(16, DType::Float32, 0.7, 0.013), 0, 3),
            (U32{0x3f3452a1, 0x3f329bbd, 0x3f32309a}));
}

TEST(Random, integers) {
  const auto ints = [](int64_t n, uint64_t range, bool wide) {
    return made<int64_t>(n, DType::Int64, [&](const View& out, Generator* g) {
      kernels::random(out, g, 0, range, wide);
    });
  };
  EXPECT_EQ(ints(10, 10, false), (I64{2, 9, 2, 0, 0, 2, 6, 7, 9, 4}));
  EXPECT_EQ(ints(3, 1 << 28, true), (I64{109329773, 229655874, 14537826}));
  EXPECT_EQ(ints(2, uint64_t(1) << 63, true), (I64{3624216819017203053, 5278339153051796802}));
  EXPECT_EQ(made<int64_t>(10, DType::Int64,
                          [](const View& out, Generator* g) {
                            kernels::randperm(out.data, out.dtype, int64_t(10), g);
                          }),
            (I64{2, 0, 8, 1, 3, 7, 4, 9, 5, 6}));
}

TEST(Random, bernoulli) {
  using U8 = std::vector<uint8_t>;
  EXPECT_EQ(made<uint8_t>(10, DType::Bool,
                          [](const View& out, Generator* g) { kernels::bernoulli(out, g, 0.5); }),
            (U8{1, 1, 0, 1, 1, 0, 0, 0, 0, 1}));
  float half = 0.5f;
  const View p{&half, DType::Float32, Dims{10}, Dims{0}};
  EXPECT_EQ(
      made<uint8_t>(10, DType::Bool,
                    [&](const View& out, Generator* g) { kernels::bernoulli_each(out, p, g); }),
      (U8{1, 0, 1, 0, 1, 0, 1, 1, 1, 0}));
}

TEST(Random, dropout_keeps_what_bernoulli_keeps) {
  constexpr int64_t n = 50000;  // several chunks
  std::vector<float> x(n, 3.0f), y(n), noise(n), dx(n);
  std::unique_ptr<bool[]> keep(new bool[n]);
  Generator a(9), b(9);
  kernels::dropout(static_cast<void*>(y.data()), keep.get(), static_cast<const void*>(x.data()),
                   DType::Float32, n, &a, 0.25);
  kernels::dropout_backward(static_cast<void*>(dx.data()), static_cast<const void*>(x.data()),
                            static_cast<const bool*>(keep.get()), DType::Float32, n, 0.25);
  kernels::bernoulli(flat(noise.data(), DType::Float32, n), &b, 0.75);
  for (int64_t i = 0; i < n; ++i) {
    ASSERT_EQ(y[size_t(i)], 3.0f * (noise[size_t(i)] / 0.75f));
    ASSERT_EQ(dx[size_t(i)], y[size_t(i)]);
  }
  EXPECT_EQ(state_of(a), state_of(b));
}

TEST(Random, other_distributions) {
  const auto f32 = [](int64_t n, auto draw) { return made<uint32_t>(n, DType::Float32, draw); };
  EXPECT_EQ(f32(3, [](const View& o, Generator* g) { kernels::exponential(o, g, 1.0); }),
            (U32{0x3eebaa66, 0x3c5c76e2, 0x3f655cec}));
  EXPECT_EQ(f32(3, [](const View& o, Generator* g) { kernels::cauchy(o, g, 0.0, 1.0); }),
            (U32{0xbedfac86, 0xc1be686b, 0x3e97dc15}));
  EXPECT_EQ(f32(3, [](const View& o, Generator* g) { kernels::log_normal(o, g, 1.0, 2.0); }),
            (U32{0x400b3486, 0x405d51e2, 0x3fa620e2}));
  EXPECT_EQ(made<int64_t>(6, DType::Int64,
                          [](const View& o, Generator* g) { kernels::geometric(o, g, 0.3); }),
            (I64{3, 13, 2, 7, 3, 2}));
}

template <class F>
std::vector<float> each(float parameter, int64_t n, F kernel) {
  std::vector<float> in(size_t(n), parameter), out(in);
  Generator g(123);
  kernel(static_cast<void*>(out.data()), static_cast<const void*>(in.data()), DType::Float32, n,
         &g);
  return out;
}

TEST(Random, rejection_samplers) {
  EXPECT_EQ(each(3, 6, kernels::poisson), (std::vector<float>{1, 2, 4, 2, 1, 4}));
  EXPECT_EQ(each(50, 6, kernels::poisson), (std::vector<float>{47, 52, 49, 52, 65, 58}));
  const std::vector<float> gammas = each(0.5f, 3, kernels::standard_gamma);
  U32 bits(3);
  std::memcpy(bits.data(), gammas.data(), 12);
  EXPECT_EQ(bits, (U32{0x3fa75130, 0x3eb82139, 0x3de7612d}));
}

TEST(Random, multinomial) {
  float p[] = {1, 2, 3, 4};
  I64 six(6);
  Generator g(123);
  kernels::multinomial_replace(six.data(), static_cast<const void*>(p), DType::Float32, int64_t(1),
                               int64_t(4), int64_t(6), &g);
  EXPECT_EQ(six, (I64{2, 0, 2, 0, 2, 2}));
}

// A transposed matrix is filled in the order of its memory: the same values as its rows were
// columns.
TEST(Random, memory_order) {
  std::vector<float> plain(600), transposed(600);
  Generator a(1), b(1);
  kernels::uniform(flat(plain.data(), DType::Float32, 600), &a, 0.0, 1.0);
  kernels::uniform(View{transposed.data(), DType::Float32, Dims{20, 30}, Dims{1, 20}}, &b, 0.0,
                   1.0);
  EXPECT_EQ(plain, transposed);
}

TEST(Random, threads_change_nothing) {
  constexpr int64_t n = 100003;
  std::vector<float> one(n), three(n);
  Generator a(1), b(1);
  const int before = num_threads();
  set_num_threads(1);
  kernels::normal(flat(one.data(), DType::Float32, n), &a, 0.0, 1.0);
  set_num_threads(3);
  kernels::normal(flat(three.data(), DType::Float32, n), &b, 0.0, 1.0);
  set_num_threads(before);
  EXPECT_EQ(0, std::memcmp(one.data(), three.data(), n * sizeof(float)));
  EXPECT_EQ(state_of(a), state_of(b));
}

}  // namespace
}  // namespace izvod
