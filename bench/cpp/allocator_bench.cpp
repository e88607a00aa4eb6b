// A block taken and given back, by size. `touched` writes one byte to every page, and
// `malloc_touched` shows what that costs where memory is new each time.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <vector>

#include "tensor/allocator.h"

namespace izvod {
namespace {

void touch(void* data, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 4096) static_cast<volatile char*>(data)[i] = 1;
}

void pool(benchmark::State& state) {
  for (auto _ : state) {
    const Block block = allocate(state.range(0));
    benchmark::DoNotOptimize(block.data);
    release(block);
  }
}
BENCHMARK(pool)->RangeMultiplier(16)->Range(64, 64 << 20);

void pool_touched(benchmark::State& state) {
  const Block first = allocate(state.range(0));  // what the pool keeps has been touched before
  touch(first.data, state.range(0));
  release(first);
  for (auto _ : state) {
    const Block block = allocate(state.range(0));
    touch(block.data, state.range(0));
    release(block);
  }
}
BENCHMARK(pool_touched)->RangeMultiplier(16)->Range(4 << 10, 64 << 20);

void malloc_touched(benchmark::State& state) {
  for (auto _ : state) {
    void* data = std::malloc(state.range(0));
    touch(data, state.range(0));
    std::free(data);
  }
}
BENCHMARK(malloc_touched)->RangeMultiplier(16)->Range(4 << 10, 64 << 20);

// Many blocks alive at once, given back in the order they came: a graph between two passes.
void pool_thousand(benchmark::State& state) {
  std::vector<Block> blocks(1000);
  for (auto _ : state) {
    for (Block& block : blocks) block = allocate(state.range(0));
    for (Block block : blocks) release(block);
  }
  state.SetItemsProcessed(state.iterations() * int64_t(blocks.size()));
}
BENCHMARK(pool_thousand)->Arg(64)->Arg(4096);

}  // namespace
}  // namespace izvod
