#include "kernels/pointwise.h"

#include <algorithm>
#include <utility>

#include "base/parallel.h"
#include "kernels/copy.h"
#include "kernels/runs.h"
#include "kernels/stream.h"

namespace izvod::kernels::IZVOD_ISA {

// Chunks stay in the first-level cache; blocks are what one thread takes at a time.
static constexpr int64_t chunk = 1024;
static constexpr int64_t block = 16 * chunk, serial_below = 2 * block;

// n elements, `stride` apart, to neighbours of another dtype.
static void gather_chunk(void* to, DType to_type, const void* from, DType from_type, int64_t n,
                         int64_t stride) {
  if (stride == 1) return kernels::convert(to, to_type, from, from_type, n);
  alignas(64) char neighbours[chunk * 8];
  const int64_t bytes = itemsize(from_type), values = stride == 0 ? 1 : n;
  if (to_type == from_type) return kernels::copy_strided(to, int64_t(1), from, stride, n, bytes);
  kernels::copy_strided(neighbours, int64_t(1), from, stride, values, bytes);
  kernels::convert(to, to_type, static_cast<const void*>(neighbours), from_type, values);
  if (stride == 0)
    kernels::copy_strided(to, int64_t(1), static_cast<const void*>(to), int64_t(0), n,
                          itemsize(to_type));
}

namespace {

// One call of `pointwise`: the operands' memory, and where each chunk is read, converted, computed,
// written.
struct Run {
  const InnerLoop* inner;
  const void* op;
  DType compute, result;  // of the inputs, of what the inner loop writes
  int inputs;
  char* data[1 + max_inputs];
  DType types[1 + max_inputs];
  int64_t steps[1 + max_inputs];  // strides of the innermost dimension, in elements
  bool streams;                   // see Note [Streaming stores]
  bool plain;                     // the inner loop reads and writes the operands themselves

  bool direct(int k) const { return types[k] == (k ? compute : result) && steps[k] == 1; }

  // n elements from the given places on.
  void row(void* const* at, int64_t n) const {
    if (plain) return inner(at[0], at + 1, n, op);
    row_by_chunks(at, n);
  }

 private:
  void row_by_chunks(void* const* at, int64_t n) const {
    alignas(64) char buffers[1 + max_inputs][chunk * 8];
    bool filled[1 + max_inputs] = {};
    for (int64_t i = 0; i < n; i += chunk) {
      const int64_t m = std::min(chunk, n - i);
      const void* in[max_inputs];
      for (int k = 1; k <= inputs; ++k) {
        const char* from = static_cast<const char*>(at[k]) + i * steps[k] * itemsize(types[k]);
        in[k - 1] = direct(k) ? from : buffers[k];
        if (direct(k) || filled[k]) continue;
        gather_chunk(buffers[k], compute, from, types[k], steps[k] ? m : std::min(chunk, n),
                     steps[k]);
        filled[k] = steps[k] == 0;  // one value for the whole row
      }
      char* to = static_cast<char*>(at[0]) + i * steps[0] * itemsize(types[0]);
      if (direct(0) && !streams) {
        inner(to, in, m, op);
        continue;
      }
      inner(buffers[0], in, m, op);
      if (direct(0))
        stream(to, buffers[0], m * itemsize(result));
      else
        write(to, buffers[0], m);
    }
  }

  void write(char* to, const void* from, int64_t n) const {
    if (steps[0] == 1) return kernels::convert(to, types[0], from, result, n);
    alignas(64) char converted[chunk * 8];
    if (types[0] != result) {
      kernels::convert(converted, types[0], from, result, n);
      from = converted;
    }
    kernels::copy_strided(to, steps[0], from, int64_t(1), n, itemsize(types[0]));
  }
};

}  // namespace

template <int count, size_t... k>
static void strided(Run& run, const View* const (&views)[count], std::index_sequence<k...>) {
  const Loop<count> loop(views);
  const int64_t n = loop.numel();
  ((run.steps[k] = loop.strides[k].back()), ...);
  run.streams = n * itemsize(run.result) >= stream_from;
  const int64_t bytes[] = {itemsize(run.types[k])...};
  run.plain = !run.streams && (run.direct(k) && ...);
  parallel_for(n, n < serial_below ? n : block, [&](int64_t begin, int64_t end) {
    for_runs(loop, begin, end, [&](const auto& offsets, int64_t m) {
      void* at[count] = {run.data[k] + offsets[k] * bytes[k]...};
      run.row(at, m);
    });
    if (run.streams) stream_end();
  });
}

static void pointwise(const PointwiseLoops& loops, DType compute, const View& out, const View* in,
                      int inputs, const void* op) {
  Run run;
  run.inner = (compute == DType::Float32   ? loops.f32
               : compute == DType::Float64 ? loops.f64
                                           : loops.i64)
                  .function;
  run.op = op;
  run.compute = compute;
  run.result = loops.predicate ? DType::Bool : compute;
  run.inputs = inputs;
  run.data[0] = out.ptr<char>();
  run.types[0] = out.dtype;
  for (int k = 0; k < inputs; ++k) {
    run.data[k + 1] = in[k].ptr<char>();
    run.types[k + 1] = in[k].dtype;
  }
  for (int64_t s : out.sizes)
    if (s == 0) return;
  switch (inputs) {
    case 1: {
      const View* views[] = {&out, &in[0]};
      return strided<2>(run, views, std::make_index_sequence<2>{});
    }
    case 2: {
      const View* views[] = {&out, &in[0], &in[1]};
      return strided<3>(run, views, std::make_index_sequence<3>{});
    }
    default: {
      const View* views[] = {&out, &in[0], &in[1], &in[2]};
      return strided<4>(run, views, std::make_index_sequence<4>{});
    }
  }
}

static const Offer offer_pointwise(kernels::pointwise, pointwise);

}  // namespace izvod::kernels::IZVOD_ISA
