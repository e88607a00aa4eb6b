#pragma once
// Small products and transpositions over tiles that stay in cache. Included by attention*.cpp only.
#include "kernels/rows.h"
#include "kernels/transpose.h"
#include "kernels/upcoming.h"

namespace izvod::kernels::IZVOD_ISA {

// Note [Attention in strips]
// Queries are taken in strips as wide as two vectors, and everything that belongs to a strip is
// kept transposed: the scores of one key against the strip's queries are two vectors. Maxima, sums
// and exponentials then run along the keys without ever crossing lanes, and products need no
// transposed copy of keys or values:
//   scores^T = K Q^T,   out^T = V^T P^T,   dQ^T = K^T dS^T
// read K and V by broadcasting single numbers, for which any strides do.
template <class T>
inline constexpr int64_t strip = 2 * Vec<T>::width;
inline constexpr int64_t key_tile = 64;
inline constexpr int strip_rows = vec_bytes == 64 ? 8 : 6;  // of a product, in registers

// The left factor of a product: element (i, k) at data[i * row + k * col].
template <class T>
struct Factor {
  const T* data;
  int64_t row, col;
};

// c (rows x strip) = a (rows x depth) b (depth x strip), or added to c.
template <class T, int rows>
static void multiply_rows(T* c, int64_t c_row, Factor<T> a, const T* b, int64_t b_row,
                          int64_t depth, bool add, Upcoming& upcoming) {
  constexpr int64_t width = Vec<T>::width;
  Vec<T> sums[rows][2];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) sums[i][0] = sums[i][1] = T(0);
  Lines lines = upcoming.take(depth);
  for (int64_t k = 0; k < depth; ++k, a.data += a.col, b += b_row, lines.data += lines.step) {
    const Vec<T> b0 = Vec<T>::load(b), b1 = Vec<T>::load(b + width);
    __builtin_prefetch(lines.data);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      const Vec<T> x = a.data[i * a.row];
      sums[i][0] = fma(x, b0, sums[i][0]);
      sums[i][1] = fma(x, b1, sums[i][1]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i, c += c_row)
    for (int j = 0; j < 2; ++j)
      (add ? Vec<T>::load(c + j * width) + sums[i][j] : sums[i][j]).store(c + j * width);
}

template <class T, int rows = strip_rows>
static void multiply_strip(T* c, int64_t c_row, Factor<T> a, const T* b, int64_t b_row,
                           int64_t count, int64_t depth, bool add, Upcoming& upcoming) {
  for (; count >= rows; count -= rows, c += rows * c_row, a.data += rows * a.row)
    multiply_rows<T, rows>(c, c_row, a, b, b_row, depth, add, upcoming);
  if constexpr (rows > 1)
    if (count > 0) multiply_strip<T, rows / 2>(c, c_row, a, b, b_row, count, depth, add, upcoming);
}

// to (width x strip) = from (rows x width) transposed and scaled; columns from `rows` on become
// zero.
template <class S, class T = Compute<S>>
static void load_transposed(T* to, const S* from, int64_t row_stride, int64_t rows, int64_t width,
                            T scale) {
  constexpr int64_t lanes = Vec<T>::width;
  for (int64_t first = 0; first < strip<T>; first += lanes)
    for (int64_t e = 0; e < width; e += lanes) {
      Vec<T> x[lanes];
      for (int64_t i = 0; i < lanes; ++i)
        x[i] = first + i < rows ? load(from + (first + i) * row_stride + e, width - e) * scale
                                : Vec<T>(T(0));
      transpose(x);
      for (int64_t i = 0; i < std::min(lanes, width - e); ++i)
        x[i].store(to + (e + i) * strip<T> + first);
    }
}

// to (rows x width) = from (width x strip) transposed, column j times factor[j]; only the first
// `rows` columns.
template <class S, class T = Compute<S>>
static void store_transposed(S* to, int64_t row_stride, const T* from, const T* factor,
                             int64_t rows, int64_t width) {
  constexpr int64_t lanes = Vec<T>::width;
  for (int64_t first = 0; first < rows; first += lanes) {
    const Vec<T> scale = Vec<T>::load(factor + first);
    for (int64_t e = 0; e < width; e += lanes) {
      Vec<T> x[lanes];
      for (int64_t i = 0; i < lanes; ++i)
        x[i] =
            e + i < width ? Vec<T>::load(from + (e + i) * strip<T> + first) * scale : Vec<T>(T(0));
      transpose(x);
      for (int64_t i = 0; i < std::min(lanes, rows - first); ++i)
        store(to + (first + i) * row_stride + e, x[i], width - e);
    }
  }
}

// to (rows x to_stride, dense) = from (rows x width) scaled; the columns from `width` on become
// zero.
template <class S, class T = Compute<S>>
static void load_rows(T* to, int64_t to_stride, const S* from, int64_t row_stride, int64_t rows,
                      int64_t width, T scale = 1) {
  for (int64_t r = 0; r < rows; ++r) {
    for_lanes<T>(width, [&](int64_t i, int64_t k) {
      store(to + r * to_stride + i, load(from + r * row_stride + i, k) * scale, k);
    });
    std::fill(to + r * to_stride + width, to + (r + 1) * to_stride, T(0));
  }
}

template <class S, class T = Compute<S>>
static void store_rows(S* to, int64_t row_stride, const T* from, int64_t from_stride, int64_t rows,
                       int64_t width) {
  for (int64_t r = 0; r < rows; ++r)
    for_lanes<T>(width, [&](int64_t i, int64_t k) {
      store(to + r * row_stride + i, load(from + r * from_stride + i, k), k);
    });
}

}  // namespace izvod::kernels::IZVOD_ISA
