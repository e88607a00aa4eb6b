// What the machine can do, with which bench/limits.py compares what kernels reach: the multipliers
// busy in every cycle, and memory read and written by plain loops, each thread on a part of its
// own.
#include <benchmark/benchmark.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "base/huge_pages.h"
#include "multipliers.h"

namespace {

constexpr int width = 4;
struct Vec {
  typedef float Native __attribute__((vector_size(width * sizeof(float))));
  Native v;
};
// In huge pages, as large tensors are.
template <class T>
struct HugePages : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = HugePages<U>;
  };
  T* allocate(size_t n) {
    const size_t bytes =
        (n * sizeof(T) + izvod::huge_page - 1) / izvod::huge_page * izvod::huge_page;
    void* p = std::aligned_alloc(izvod::huge_page, bytes);
    if (!p) throw std::bad_alloc();
    izvod::ask_for_huge_pages(p, bytes);
    return static_cast<T*>(p);
  }
  void deallocate(T* p, size_t) { std::free(p); }
};
using Memory = std::vector<Vec, HugePages<Vec>>;

void store_past_caches(Vec* p, Vec x) {
#if defined(__SSE2__)
  _mm_stream_ps(reinterpret_cast<float*>(p), x.v);
#else
  *p = x;
#endif
}

void multiply_add(benchmark::State& state) {
  int64_t numbers = 0;
  for (auto _ : state) numbers += izvod::kernels::keep_multiplying(1000);
  // Each thread's own iterations: the rates of the threads are added up.
  state.counters["FLOP/s"] = benchmark::Counter(2.0 * double(numbers), benchmark::Counter::kIsRate);
}

const Vec one{Vec::Native{} + 1};

// Numbers of this thread: state.range(0) of them in all.
size_t vectors(const benchmark::State& state) {
  return size_t(state.range(0)) / width / size_t(state.threads());
}

void read(benchmark::State& state) {
  const Memory x(vectors(state), one);
  for (auto _ : state) {
    Vec::Native sum[8] = {};
    for (size_t i = 0; i + 8 <= x.size(); i += 8)
#pragma GCC unroll 8
      for (size_t j = 0; j < 8; ++j) sum[j] += x[i + j].v;
    for (Vec::Native s : sum) benchmark::DoNotOptimize(s);
  }
  state.SetBytesProcessed(state.iterations() * int64_t(x.size() * sizeof(Vec)));
}

// y = x past the caches, and z = x + y past the caches.
void copy(benchmark::State& state) {
  const Memory x(vectors(state), one);
  Memory y(x);
  for (auto _ : state) {
    for (size_t i = 0; i < x.size(); ++i) store_past_caches(&y[i], x[i]);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * int64_t(2 * x.size() * sizeof(Vec)));
}

void add(benchmark::State& state) {
  const Memory x(vectors(state), one), y(x);
  Memory z(x);
  for (auto _ : state) {
    for (size_t i = 0; i < x.size(); ++i) store_past_caches(&z[i], {x[i].v + y[i].v});
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * int64_t(3 * x.size() * sizeof(Vec)));
}

constexpr int64_t beyond_caches = 10'000'000;
// Some third-level caches hold a part of those: the weights of a large model are beyond any.
constexpr int64_t large = 125'000'000;
BENCHMARK(multiply_add)->Name("limit/multiply_add")->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(read)->Name("limit/read")->Arg(beyond_caches)->Threads(2)->UseRealTime();
BENCHMARK(read)->Name("limit/read_large")->Arg(large)->Threads(2)->UseRealTime();
BENCHMARK(copy)->Name("limit/copy")->Arg(beyond_caches)->Threads(2)->UseRealTime();
BENCHMARK(add)->Name("limit/add")->Arg(beyond_caches)->Threads(2)->UseRealTime();

}  // namespace
