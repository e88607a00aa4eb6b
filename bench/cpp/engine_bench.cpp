// What the graph costs: ops on one element, so that next to nothing is computed. The figures are
// for a whole run; items_per_second counts nodes.
#include <benchmark/benchmark.h>

#include "engine/engine.h"
#include "graph/autograd.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"

namespace izvod {
namespace {

Tensor leaf() {
  const Tensor w = ones({1}, DType::Float32);
  set_requires_grad(w, true);
  return w;
}

void count_nodes(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

Tensor chain(const Tensor& w, const Tensor& b, int64_t length) {
  Tensor x = w;
  for (int64_t i = 0; i < length; ++i) x = x * b;
  return x;
}

void chain_forward(benchmark::State& state) {
  const Tensor w = leaf(), b = ones({1}, DType::Float32);
  for (auto _ : state) benchmark::DoNotOptimize(chain(w, b, state.range(0)));
  count_nodes(state);
}
BENCHMARK(chain_forward)->Arg(1)->Arg(100)->Arg(100'000);

void chain_forward_backward(benchmark::State& state) {
  const Tensor w = leaf(), b = ones({1}, DType::Float32);
  for (auto _ : state) backward({chain(w, b, state.range(0))}, {Tensor()}, {});
  count_nodes(state);
}
BENCHMARK(chain_forward_backward)->Arg(1)->Arg(100)->Arg(100'000);

// The same value used many times: gradients meet in one leaf.
void fan_forward_backward(benchmark::State& state) {
  const Tensor w = leaf();
  for (auto _ : state) {
    Tensor x = w * w;
    for (int64_t i = 1; i < state.range(0); ++i) x = x + w;
    backward({x}, {Tensor()}, {});
  }
  count_nodes(state);
}
BENCHMARK(fan_forward_backward)->Arg(100);

// First and second derivative of a chain.
void second_derivative(benchmark::State& state) {
  const Tensor w = leaf();
  for (auto _ : state) {
    Tensor x = w;
    for (int64_t i = 0; i < state.range(0); ++i) x = x * w;
    const Tensor dw =
        gradients_of({x}, {Tensor()}, {w}, {.retain_graph = true, .create_graph = true})[0];
    benchmark::DoNotOptimize(gradients_of({dw}, {Tensor()}, {w}, {}));
  }
  count_nodes(state);
}
BENCHMARK(second_derivative)->Arg(10);

}  // namespace
}  // namespace izvod
