#pragma once
// Filling memory with values made of a fixed number of draws each.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/memory_order.h"
#include "base/random_engine.h"
#include "kernels/copy.h"
#include "kernels/fused.h"
#include "kernels/runs.h"

namespace izvod::kernels::IZVOD_ISA {

// A float32 in [0, 1) from one draw; 53 bits of two draws (high half first), also as a float64 in
// [0, 1).
static inline float uniform24(const uint32_t* w) {
  return float(int32_t(*w & 0xffffff)) * 0x1p-24f;
}
static inline uint64_t bits64(const uint32_t* w) { return uint64_t(w[0]) << 32 | w[1]; }
static inline int64_t bits53(const uint32_t* w) {
  return int64_t(bits64(w) & ((uint64_t(1) << 53) - 1));
}
static inline double uniform53(const uint32_t* w) { return double(bits53(w)) * 0x1p-53; }

// From the type of the computation to that of an element; 16-bit floats by way of float32.
template <class T, class S>
static inline T element(S x) {
  if constexpr (sizeof(T) == 2 && !std::is_integral_v<T>)
    return T(float(x));
  else
    return static_cast<T>(x);
}

// The loop that visits memory in its order, which decides what element gets which draw: see
// Note [Memory order].
template <int count>
static Loop<count> in_memory_order(const View* const (&views)[count]) {
  const int64_t n = views[0]->dim();
  const auto order = [&]<size_t... k>(std::index_sequence<k...>) {
    return memory_order(views[0]->sizes, {&views[k]->strides...});
  };
  const Dims inward = order(std::make_index_sequence<count>{});
  View sorted[count];
  const View* pointers[count];
  for (int k = 0; k < count; ++k) {
    sorted[k] = {views[k]->data, views[k]->dtype, Dims(n), Dims(n)};
    pointers[k] = &sorted[k];
    for (int64_t i = 0; i < n; ++i) {
      sorted[k].sizes[i] = views[k]->sizes[inward[n - 1 - i]];
      sorted[k].strides[i] = views[k]->strides[inward[n - 1 - i]];
    }
  }
  const auto loop = [&]<size_t... k>(std::index_sequence<k...>) {
    return Loop<count>({pointers[k]...}, false);
  };
  return loop(std::make_index_sequence<count>{});
}

// out = value(words), where words are the `draws` draws of that element.
template <int draws, class T, class F>
static void fill(const View& out, Generator* g, F value) {
  const Loop<1> loop = in_memory_order<1>({&out});
  const int64_t step = loop.strides[0].back();
  stream(*g, loop.numel(), draws, [&](const uint32_t* words, int64_t begin, int64_t end) {
    for_runs(loop, begin, end, [&](const std::array<int64_t, 1>& at, int64_t n) {
      T* p = out.ptr<T>() + at[0];
      if (step == 1)
        for (int64_t i = 0; i < n; ++i) p[i] = value(words + i * draws);
      else
        for (int64_t i = 0; i < n; ++i) p[i * step] = value(words + i * draws);
      words += n * draws;
    });
  });
}

// The same where values(made, words, n, at) makes up to so many elements of type S at once, which
// are then converted. `at`: where the operands of the loop stand, of which `out` is the first.
inline constexpr int64_t piece = 1024;
template <int draws, class S, int count, class F>
static void fill_pieces(const View& out, const Loop<count>& loop, Generator* g, F values) {
  const int64_t bytes = itemsize(out.dtype);
  stream(*g, loop.numel(), draws, [&](const uint32_t* words, int64_t begin, int64_t end) {
    for_runs(loop, begin, end, [&](std::array<int64_t, count> at, int64_t n) {
      alignas(64) S made[piece];
      for (int64_t m; n > 0; n -= m, words += m * draws) {
        m = std::min(piece, n);
        values(made, words, m, at);
        kernels::convert(
            Place<void>{out.ptr<char>() + at[0] * bytes, out.dtype, loop.strides[0].back()},
            Place<const void>{made, dtype_of<S>}, m, int64_t(1));
        for (int k = 0; k < count; ++k) at[k] += m * loop.strides[k].back();
      }
    });
  });
}

// One normal of mean 0 and deviation 1 by the polar form of Box and Muller (1958); its twin is
// kept.
static inline double one_normal(Generator* g) {
  if (g->kept_normal) {
    const double kept = *g->kept_normal;
    g->kept_normal.reset();
    return kept;
  }
  const double a = g->uniform(), b = g->uniform();
  const double radius = std::sqrt(-2.0 * std::log1p(-b)), theta = 2.0 * M_PI * a;
  g->kept_normal = radius * std::sin(theta);
  return radius * std::cos(theta);
}

}  // namespace izvod::kernels::IZVOD_ISA
