#pragma once
// The innermost loop of the matrix product, and the packing that feeds it. Included by gemm.cpp only.
#include <array>
#include <utility>

#include "kernels/vec.h"

namespace izvod::kernels::IZVOD_ISA {

// Note [Matrix product]
// A tile of C, `rows` x `vecs` vectors, stays in registers while k runs; each step broadcasts one
// number per row of A and loads one row of B's panel. 12 sums of 16 registers (24 of 32) cover the
// latency of the multiplier. The same kernel reads packed panels and the operands themselves: only the
// strides differ.
inline constexpr int max_sums = vec_bytes == 64 ? 24 : 12;
inline constexpr int max_rows = vec_bytes == 64 ? 12 : 6;
inline constexpr int max_vecs = 8;

template <class T>
struct Tile {
  int64_t depth;  // the length of k
  const T* a;     // rows x depth
  int64_t a_row, a_col;
  const T* b;  // depth x vecs * width, columns adjacent
  int64_t b_row;
  T* c;
  int64_t c_row;
  int64_t cols;  // how many columns of C exist
  const T* bias;
  bool accumulate;
};

// The first n < width lanes, in pieces of a power of two.
template <class T>
static void store_first(Vec<T> x, T* p, int64_t n) {
  T lanes[Vec<T>::width];
  x.store(lanes);
  const T* from = lanes;
#pragma GCC unroll 4
  for (int piece = Vec<T>::width / 2; piece; piece /= 2)
    if (n & piece) {
      std::memcpy(p, from, piece * sizeof(T));
      p += piece, from += piece;
    }
}
template <class T>
static Vec<T> load_first(const T* p, int64_t n) {
  T lanes[Vec<T>::width] = {};
  T* to = lanes;
#pragma GCC unroll 4
  for (int piece = Vec<T>::width / 2; piece; piece /= 2)
    if (n & piece) {
      std::memcpy(to, p, piece * sizeof(T));
      p += piece, to += piece;
    }
  return Vec<T>::load(lanes);
}

// The end of a tile at C's right edge.
template <class T>
[[gnu::noinline]] static void finish_tile(const Tile<T>& t, const T* sums, int rows, int sums_row) {
  constexpr int width = Vec<T>::width;
  for (int i = 0; i < rows; ++i)
    for (int64_t j = 0; j < t.cols; j += width) {
      T* c = t.c + i * t.c_row + j;
      const int64_t n = t.cols - j;
      const auto load = [n](const T* p) { return n < width ? load_first(p, n) : Vec<T>::load(p); };
      Vec<T> x = Vec<T>::load(sums + i * sums_row + j);
      if (t.bias) x += load(t.bias + j);
      if (t.accumulate) x += load(c);
      n < width ? store_first(x, c, n) : x.store(c);
    }
}

template <class T, int rows, int vecs>
static void multiply_tile(const Tile<T>& t) {
  using V = Vec<T>;
  constexpr int width = V::width;
  V sum[rows][vecs];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < vecs; ++j) sum[i][j] = V(typename V::Native{});

  const T *a = t.a, *b = t.b;
  const int64_t a_row = t.a_row, a_col = t.a_col, b_row = t.b_row;
  for (int64_t k = t.depth; k > 0; --k) {
    V line[vecs];
#pragma GCC unroll 16
    for (int j = 0; j < vecs; ++j) line[j] = V::load(b + j * width);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const V x(a[i * a_row]);
#pragma GCC unroll 16
      for (int j = 0; j < vecs; ++j) sum[i][j] = fma(x, line[j], sum[i][j]);
    }
    a += a_col, b += b_row;
  }

  if (t.cols == vecs * width) {
    if (t.bias)
#pragma GCC unroll 16
      for (int j = 0; j < vecs; ++j) {
        const V x = V::load(t.bias + j * width);
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) sum[i][j] += x;
      }
    T* c = t.c;
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i, c += t.c_row)
#pragma GCC unroll 16
      for (int j = 0; j < vecs; ++j) {
        if (t.accumulate) sum[i][j] += V::load(c + j * width);
        sum[i][j].store(c + j * width);
      }
  } else {
    T sums[rows * vecs * width];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
      for (int j = 0; j < vecs; ++j) sum[i][j].store(sums + (i * vecs + j) * width);
    finish_tile(t, sums, rows, vecs * width);
  }
}

template <class T>
using MultiplyTile = void(const Tile<T>&);

template <class T, int rows, int... vecs>
static constexpr auto tile_row(std::integer_sequence<int, vecs...>) {
  std::array<MultiplyTile<T>*, max_vecs + 1> row{};
  ((row[vecs + 1] = multiply_tile<T, rows, vecs + 1>), ...);
  return row;
}
constexpr int vecs_for(int64_t rows) { return max_sums / rows < max_vecs ? int(max_sums / rows) : max_vecs; }

// tile_table[rows][vecs], filled up to vecs_for(rows).
template <class T, int... rows>
static constexpr auto tile_rows(std::integer_sequence<int, rows...>) {
  std::array<std::array<MultiplyTile<T>*, max_vecs + 1>, max_rows + 1> table{};
  ((table[rows + 1] = tile_row<T, rows + 1>(std::make_integer_sequence<int, vecs_for(rows + 1)>{})), ...);
  return table;
}
template <class T>
static constexpr auto tile_table = tile_rows<T>(std::make_integer_sequence<int, max_rows>{});

// One step of a transposition: swaps the lanes with bit `step` set in a with those without it in b.
template <int step, class V, int... lane>
static void exchange(V& a, V& b, std::integer_sequence<int, lane...>) {
  constexpr int width = sizeof...(lane);
  const V x = __builtin_shufflevector(a, b, (lane & step ? lane - step + width : lane)...);
  b = __builtin_shufflevector(a, b, (lane & step ? lane + width : lane + step)...);
  a = x;
}
template <class T, int step = 1>
static void transpose(Vec<T> (&x)[Vec<T>::width]) {
  constexpr int width = Vec<T>::width;
  if constexpr (step < width) {
#pragma GCC unroll 16
    for (int i = 0; i < width; ++i)
      if (!(i & step)) exchange<step>(x[i].v, x[i + step].v, std::make_integer_sequence<int, width>{});
    transpose<T, 2 * step>(x);
  }
}

// A part of an operand: depth along k, breadth across; `end` is the end of the operand's memory, so that rows
// before it may be read in whole vectors.
template <class T>
struct Source {
  const T* data;
  int64_t depth, breadth, k_stride, j_stride;
  const T* end;
};

// Copies it to panel[k * panel_row + j]. Lanes of the panel beyond `breadth` may hold anything.
template <class T>
static void pack_rows(T* panel, int64_t panel_row, const Source<T>& s) {
  constexpr int width = Vec<T>::width;
  for (int64_t k = 0; k < s.depth; ++k) {
    const T* from = s.data + k * s.k_stride;
    T* to = panel + k * panel_row;
    const int64_t room = (s.depth - k) * panel_row;
    for (int64_t j = 0; j < s.breadth; j += width) {
      const bool whole = s.breadth - j >= width;
      const Vec<T> x = whole || s.end - from - j >= width ? Vec<T>::load(from + j)
                                                         : load_first(from + j, s.breadth - j);
      if (whole || room - j >= width)
        x.store(to + j);
      else
        store_first(x, to + j, s.breadth - j);
    }
  }
}

// The source's k is adjacent: transposed in squares of vectors.
template <class T>
static void pack_columns(T* panel, int64_t panel_row, const Source<T>& s) {
  constexpr int width = Vec<T>::width;
  for (int64_t j = 0; j < s.breadth; j += width) {
    const int64_t lanes = std::min<int64_t>(width, s.breadth - j);
    const T* from = s.data + j * s.j_stride;
    int64_t k = 0;
    for (; k + width <= s.depth; k += width) {
      Vec<T> x[width];
#pragma GCC unroll 16
      for (int i = 0; i < width; ++i)
        x[i] = Vec<T>::load(from + std::min<int64_t>(i, lanes - 1) * s.j_stride + k);
      transpose<T>(x);
      T* to = panel + k * panel_row + j;
#pragma GCC unroll 16
      for (int i = 0; i < width; ++i)
        if (lanes == width || panel_row - j >= width)
          x[i].store(to + i * panel_row);
        else
          store_first(x[i], to + i * panel_row, lanes);
    }
    for (; k < s.depth; ++k)
      for (int64_t i = 0; i < lanes; ++i) panel[k * panel_row + j + i] = from[i * s.j_stride + k];
  }
}

template <class T>
static void pack(T* panel, int64_t panel_row, const Source<T>& s) {
  if (s.j_stride == 1) return pack_rows(panel, panel_row, s);
  if (s.k_stride == 1) return pack_columns(panel, panel_row, s);
  for (int64_t k = 0; k < s.depth; ++k)
    for (int64_t j = 0; j < s.breadth; ++j)
      panel[k * panel_row + j] = s.data[k * s.k_stride + j * s.j_stride];
}

}  // namespace izvod::kernels::IZVOD_ISA
