// Ops on whole tensors, kernel and call together: one element (what a call costs), a tensor that
// fits the cache, and one that does not. Threads: OMP_NUM_THREADS. Fresh memory is touched before
// the clock starts.
#include <benchmark/benchmark.h>

#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/softmax.h"
#include "ops/unary.h"

namespace izvod {
namespace {

constexpr int64_t one = 1, cached = 1 << 14, large = 1 << 24;

void sizes(benchmark::internal::Benchmark* b) {
  b->Arg(one)->Arg(cached)->Arg(large)->UseRealTime();
}

// Times op().
void run(benchmark::State& state, auto op) {
  op();
  for (auto _ : state) benchmark::DoNotOptimize(op());
}

// Bytes that the op has to move, for `tensors` tensors of float32.
void count_bytes(benchmark::State& state, int tensors) {
  state.SetBytesProcessed(state.iterations() * state.range(0) * tensors * int64_t(sizeof(float)));
}

void unary_op(benchmark::State& state, Tensor (*op)(const Tensor&)) {
  const Tensor x = full({state.range(0)}, 0.5, DType::Float32);
  run(state, [&] { return op(x); });
  count_bytes(state, 2);
}
BENCHMARK_CAPTURE(unary_op, exp, exp)->Apply(sizes);
BENCHMARK_CAPTURE(unary_op, relu, relu)->Apply(sizes);
BENCHMARK_CAPTURE(unary_op, tanh, tanh)->Apply(sizes);
BENCHMARK_CAPTURE(unary_op, gelu, [](const Tensor& x) { return gelu(x); })->Apply(sizes);

void add_tensors(benchmark::State& state) {
  const Tensor a = ones({state.range(0)}, DType::Float32),
               b = ones({state.range(0)}, DType::Float32);
  run(state, [&] { return a + b; });
  count_bytes(state, 3);
}
BENCHMARK(add_tensors)->Apply(sizes);

void add_in_place(benchmark::State& state) {
  const Tensor a = ones({state.range(0)}, DType::Float32),
               b = ones({state.range(0)}, DType::Float32);
  run(state, [&] { return add_(a, b); });
  count_bytes(state, 3);
}
BENCHMARK(add_in_place)->Apply(sizes);

// A row added to every row.
void add_row(benchmark::State& state) {
  const Tensor a = ones({state.range(0) / 128, 128}, DType::Float32),
               b = ones({128}, DType::Float32);
  run(state, [&] { return a + b; });
  count_bytes(state, 2);
}
BENCHMARK(add_row)->Arg(cached)->Arg(large)->UseRealTime();

void softmax_rows(benchmark::State& state) {
  const int64_t rows = state.range(0), n = state.range(1);
  const Tensor x = ones({rows, n}, DType::Float32);
  run(state, [&] { return softmax(x, 1); });
  state.SetBytesProcessed(state.iterations() * rows * n * 2 * int64_t(sizeof(float)));
}
BENCHMARK(softmax_rows)->Args({1, 10})->Args({3072, 64})->Args({64, 50257})->UseRealTime();

}  // namespace
}  // namespace izvod
