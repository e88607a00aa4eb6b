#include "base/random_engine.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>

#include "base/error.h"
#include "base/parallel.h"

namespace izvod {
namespace {

constexpr int64_t block = Generator::block, chunk_words = 26 * block;

// Continues the sequence: b[i] for i in [block, block + n) from the 624 words before each. Vectors
// of any length do, as no word needs one of the last 226. Always inlined: for several instruction
// sets.
[[gnu::always_inline]] inline void extend_in_vectors(uint32_t* b, int64_t n) {
  for (int64_t i = block; i < block + n; ++i) {
    const uint32_t next = b[i - 623], y = (b[i - 624] & 0x80000000u) | (next & 0x7fffffffu);
    b[i] = b[i - 227] ^ (y >> 1) ^ (-(next & 1u) & 0x9908b0dfu);
  }
}
#if defined(__x86_64__)
[[gnu::target("avx2")]] void extend_avx2(uint32_t* b, int64_t n) { extend_in_vectors(b, n); }
#endif
void extend(uint32_t* b, int64_t n) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return extend_avx2(b, n);
#endif
  extend_in_vectors(b, n);
}

}  // namespace

void Generator::manual_seed(uint64_t seed) {
  const Hold hold(this);
  seed_ = seed;
  state_[0] = uint32_t(seed);
  for (uint32_t j = 1; j < block; ++j)
    state_[j] = 1812433253u * (state_[j - 1] ^ (state_[j - 1] >> 30)) + j;
  left_ = 1;
  next_ = 0;
  kept_normal.reset();
}

uint64_t Generator::seed() {
  std::random_device entropy;
  const uint64_t high = entropy(), fresh = high << 32 | entropy();
  manual_seed(fresh);
  return fresh;
}

uint64_t Generator::initial_seed() const {
  const Hold hold(this);
  return seed_;
}

Generator::Hold::Hold(const Generator* g) : g_(g) {
  if (g->mutex_.try_lock()) return;
  const Unlocked others_run;
  g->mutex_.lock();
}
Generator::Hold::~Hold() { g_->mutex_.unlock(); }

// The next n words as they stand in the sequence, not yet tempered. The buffer has room for n + 2 *
// block.
uint32_t* Generator::take(uint32_t* buffer, int64_t n) {
  const int64_t have = left_ - 1;
  if (n <= have) {
    std::memcpy(buffer, state_ + next_, size_t(n) * 4);
    next_ += n;
    left_ -= n;
    return buffer;
  }
  const int64_t blocks = (n - have + block - 1) / block;
  std::memcpy(buffer, state_, sizeof state_);
  extend(buffer, blocks * block);
  // What is left of the old words stands at their end, but for states that others wrote.
  std::memmove(buffer + block - have, state_ + next_, size_t(have) * 4);
  std::memcpy(state_, buffer + blocks * block, sizeof state_);
  next_ = n - have - (blocks - 1) * block;
  left_ = block + 1 - next_;
  return buffer + block - have;
}

uint32_t Generator::draw32() {
  if (left_ > 1) {
    --left_;
    return tempered(state_[next_++]);
  }
  uint32_t buffer[2 * block + 1];
  return tempered(*take(buffer, 1));
}

uint64_t Generator::draw64() {
  const uint64_t high = draw32();
  return high << 32 | draw32();
}

double Generator::uniform() {
  return double(int64_t(draw64() & ((uint64_t(1) << 53) - 1))) * 0x1p-53;
}

void Generator::draw(uint32_t* out, int64_t n) {
  uint32_t buffer[chunk_words + 2 * block];
  for (int64_t i = 0; i < n; i += chunk_words) {
    const int64_t k = std::min(n - i, chunk_words);
    const uint32_t* words = take(buffer, k);
    for (int64_t j = 0; j < k; ++j) out[i + j] = tempered(words[j]);
  }
}

void Generator::skip(int64_t n) {
  uint32_t buffer[chunk_words + 2 * block];
  for (int64_t i = 0; i < n; i += chunk_words) take(buffer, std::min(n - i, chunk_words));
}

// Note [One stream, several threads]
// The sequence itself is serial, but cheap: less than a cycle a word. So every chunk is made by the
// thread that uses it: it waits for its turn, continues the sequence, passes the turn on, and then
// tempers and transforms its words, in its kernel's vectors, while the next thread continues. The
// words stay in that core's cache, and they are the same for every number of threads. Chunks are
// dealt in order: the threads take turns, and nobody waits for ever. They wait awake, as a turn
// takes less time than to be woken.
void Generator::run_stream(Generator& g, int64_t units, int64_t draws,
                           void (*use)(void*, uint32_t*, int64_t, int64_t), void* context) {
  const Hold hold(&g);  // for its threads, which take turns
  std::atomic<int64_t> turn{0};
  parallel_for<Deal::InOrder>(units, chunk_words / draws, [&](int64_t begin, int64_t end) {
    uint32_t buffer[chunk_words + 2 * block];
    for (int round = 0; turn.load(std::memory_order_acquire) != begin; ++round) await_thread(round);
    const int64_t n = (end - begin) * draws;
    uint32_t* words = g.take(buffer, n);
    turn.store(end, std::memory_order_release);
    use(context, words, begin, end);
  });
}

// torch's layout, little-endian: where the fields stand, and what is always 0 lies in between.
namespace {
constexpr int64_t at_seed = 0, at_left = 8, at_seeded = 12, at_next = 16, at_words = 24,
                  at_kept = 5024, at_has_kept = 5040;

template <class T>
T read(const uint8_t* p) {
  T x;
  std::memcpy(&x, p, sizeof x);
  return x;
}
template <class T>
void write(uint8_t* p, T x) {
  std::memcpy(p, &x, sizeof x);
}
}  // namespace

void Generator::get_state(std::span<uint8_t, state_bytes> out) const {
  const Hold hold(this);
  uint8_t* p = out.data();
  std::memset(p, 0, out.size());
  write(p + at_seed, seed_);
  write(p + at_left, int32_t(left_));
  write(p + at_seeded, int32_t(1));
  write(p + at_next, uint64_t(next_));
  for (int64_t i = 0; i < block; ++i) write(p + at_words + 8 * i, uint64_t(state_[i]));
  write(p + at_kept, kept_normal.value_or(0.0));
  write(p + at_has_kept, int32_t(kept_normal.has_value()));
}

void Generator::set_state(std::span<const uint8_t> state) {
  check(state.size() == size_t(state_bytes), "Expected a CPUGeneratorImplState of size ",
        state_bytes, " but found the input RNG state size to be ", state.size());
  const uint8_t* p = state.data();
  const int64_t left = read<int32_t>(p + at_left);
  const uint64_t next = read<uint64_t>(p + at_next);
  const bool fits = left >= 1 && left <= block && next <= uint64_t(block + 1 - left);
  check(fits && read<int32_t>(p + at_seeded), "Invalid mt19937 state");
  const Hold hold(this);
  seed_ = read<uint64_t>(p + at_seed);
  left_ = left;
  next_ = int64_t(next);
  for (int64_t i = 0; i < block; ++i) state_[i] = uint32_t(read<uint64_t>(p + at_words + 8 * i));
  kept_normal.reset();
  if (read<int32_t>(p + at_has_kept)) kept_normal = read<double>(p + at_kept);
}

Generator& default_generator() {
  static Generator* const g = [] {  // never destroyed: Python may draw from it on its way out
    Generator* fresh = new Generator;
    fresh->seed();
    return fresh;
  }();
  return *g;
}

}  // namespace izvod
