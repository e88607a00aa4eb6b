#pragma once
// Short rows turned into columns and back: as lanes of vectors, several rows are computed at a
// time.
#include "kernels/rows.h"
#include "kernels/transpose.h"

namespace izvod::kernels::IZVOD_ISA {

// f(i, n) for stretches of up to a vector that together cover `count` elements. Where there is a
// whole vector no stretch is shorter: the last one begins early and covers some elements twice.
template <class T, class F>
static inline void for_overlapping(int64_t count, F f) {
  constexpr int64_t width = Vec<T>::width;
  if (count < width) return f(0, count);
  for (int64_t i = 0; i < count; i += width) f(std::min(i, count - width), width);
}

// to[j * stride + r] = from[r * n + j]. Reaches up to a multiple of the vectors' width beyond
// `rows` in `to`, where zeros come to stand.
template <class S, class T = Compute<S>>
static void rows_to_columns(T* to, const S* from, int64_t rows, int64_t n, int64_t stride) {
  constexpr int64_t width = Vec<T>::width;
  for (int64_t r = 0; r < rows; r += width) {
    const int64_t count = std::min(width, rows - r);
    for_overlapping<T>(n, [&](int64_t j, int64_t k) {
      Vec<T> v[width];
      for (int64_t i = 0; i < width; ++i)
        v[i] = i < count ? load(from + (r + i) * n + j, k) : Vec<T>(T(0));
      transpose(v);
      for (int64_t i = 0; i < k; ++i) v[i].store(to + (j + i) * stride + r);
    });
  }
}

// The way back: to[r * n + j] = from[j * stride + r].
template <class S, class T = Compute<S>>
static void columns_to_rows(S* to, const T* from, int64_t rows, int64_t n, int64_t stride) {
  constexpr int64_t width = Vec<T>::width;
  for (int64_t r = 0; r < rows; r += width) {
    const int64_t count = std::min(width, rows - r);
    for_overlapping<T>(n, [&](int64_t j, int64_t k) {
      Vec<T> v[width];
      for (int64_t i = 0; i < width; ++i)
        v[i] = i < k ? Vec<T>::load(from + (j + i) * stride + r) : Vec<T>(T(0));
      transpose(v);
      for (int64_t i = 0; i < count; ++i) store(to + (r + i) * n + j, v[i], k);
    });
  }
}

}  // namespace izvod::kernels::IZVOD_ISA
