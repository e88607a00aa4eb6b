// Sums over everything, within rows, and across rows; the largest element; mean and variance.
#include <benchmark/benchmark.h>

#include "ops/copy.h"
#include "ops/reduction.h"

namespace izvod {
namespace {

// rows x columns of float32, reduced by `op`.
void reduce(benchmark::State& state, Tensor (*op)(const Tensor&)) {
  const Tensor x = ones({state.range(0), state.range(1)}, DType::Float32);
  for (auto _ : state) benchmark::DoNotOptimize(op(x));
  state.SetBytesProcessed(state.iterations() * x.numel() * int64_t(sizeof(float)));
}

void shapes(benchmark::internal::Benchmark* b) {
  b->Args({1, 1})->Args({128, 128})->Args({4096, 4096})->UseRealTime();
}
BENCHMARK_CAPTURE(reduce, sum_all, [](const Tensor& x) { return sum(x); })->Apply(shapes);
BENCHMARK_CAPTURE(reduce, sum_in_rows, [](const Tensor& x) { return sum(x, {1}); })->Apply(shapes);
BENCHMARK_CAPTURE(reduce, sum_across_rows, [](const Tensor& x) {
  return sum(x, {0});
})->Apply(shapes);
BENCHMARK_CAPTURE(reduce, max_all, [](const Tensor& x) { return max(x); })->Apply(shapes);
BENCHMARK_CAPTURE(reduce, argmax_in_rows, [](const Tensor& x) {
  return argmax(x, 1);
})->Apply(shapes);
BENCHMARK_CAPTURE(reduce, var_in_rows, [](const Tensor& x) { return var(x, {1}); })->Apply(shapes);

}  // namespace
}  // namespace izvod
