#pragma once
// The innermost loops of the matrix product, and the packing that feeds them. Included by gemm.cpp
// only.
#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "kernels/transpose.h"
#include "kernels/upcoming.h"
#include "kernels/vec.h"

namespace izvod::kernels::IZVOD_ISA {

// Note [Matrix product]
// A tile of C, `rows` x `vecs` vectors, stays in registers while k runs; each step broadcasts one
// number per row of A and loads one row of B's panel. 6 x 2 sums of 16 registers, or 8 x 3 of 32,
// cover the latency of the multiplier. The same kernel reads packed panels and the operands
// themselves: only the strides differ.
inline constexpr int max_sums = vec_bytes == 64 ? 24 : 12;
inline constexpr int max_vecs = 8;
// Rows of the highest tiles with 3, 4, 2 and 1 vectors, or 2, 3 and 4: the best one first.
inline constexpr auto heights = [] {
  if constexpr (vec_bytes == 64)
    return std::array{8, 6, 12, 16};
  else
    return std::array{6, 4, 3};
}();
inline constexpr int max_rows = *std::max_element(heights.begin(), heights.end());

// A row's last vector of a tile. Where the machine reads and writes parts of vectors nearly as fast
// as whole ones C and B may end anywhere; elsewhere B's last columns are packed, and finish_tile
// puts C's.
template <class T>
struct WholeVector {
  explicit WholeVector(int64_t) {}
  Vec<T> load(const T* p) const { return Vec<T>::load(p); }
  void store(T* p, Vec<T> x) const { x.store(p); }
};
#if defined(__AVX512F__)
inline constexpr bool cuts_vectors = true;
template <class T>
using LastVector = FirstLanes<T>;
#else
inline constexpr bool cuts_vectors = false;
template <class T>
using LastVector = WholeVector<T>;
#endif

// Note [Fetching ahead]
// While a tile is computed the caches are filled with what comes next: C, half of its rows before
// the first step of k and half some steps later, as a burst of more would keep the loads waiting;
// B, where it comes from L2, 16 steps ahead; and the lines `ahead`, one in each step. The loop is
// one and short: processors have a place for loops of some sixty instructions, and every way out of
// them costs twenty cycles.

// Steps of k between C's halves; C's rows would come too late for fewer than twice as many.
inline constexpr int64_t half_c_depth = 32;

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
  Lines ahead{};
  bool fetches_b = true;  // with one or two vectors it is always, which costs less than to ask
};

// Puts sums[i * sums_row + j] where C ends within a vector.
template <class T>
[[gnu::noinline, gnu::noclone]] static void finish_tile(const Tile<T>& t, T* sums, int rows,
                                                        int sums_row) {
  using V = Vec<T>;
  if (t.bias || t.accumulate)
    for (int i = 0; i < rows; ++i)
      for (int64_t j = 0; j < t.cols; ++j) {
        T& x = sums[i * sums_row + j];
        if (t.bias) x += t.bias[j];
        if (t.accumulate) x += t.c[i * t.c_row + j];
      }
  const auto each_row = [&](auto copy) {
    T *from = sums, *to = t.c;
    for (int i = 0; i < rows; ++i, from += sums_row, to += t.c_row) copy(to, from);
  };
  int64_t j = 0;
  for (; j + V::width <= t.cols; j += V::width)
    each_row([j](T* to, const T* from) { V::load(from + j).store(to + j); });
#pragma GCC unroll 4
  for (int piece = V::width / 2; piece; piece /= 2)
    if (t.cols & piece) {
      each_row(
          [j, piece](T* to, const T* from) { std::memcpy(to + j, from + j, piece * sizeof(T)); });
      j += piece;
    }
}

// Vector j of a row of `vecs`.
template <int vecs, class T, class Last>
[[gnu::always_inline]] static inline Vec<T> load_part(const T* row, int j, Last last) {
  const T* p = row + j * Vec<T>::width;
  return j == vecs - 1 ? last.load(p) : Vec<T>::load(p);
}

// The lines of a row of `vecs` vectors, to the first-level cache (level 3) or the second (2).
template <int vecs, int writes, int level>
[[gnu::always_inline]] static inline void fetch_row(const void* row) {
#pragma GCC unroll 16
  for (int j = 0; j < vecs * vec_bytes; j += 64)
    __builtin_prefetch(static_cast<const char*>(row) + j, writes, level);
}

// C = sums, with what belongs to them.
template <class T, int rows, int vecs, class Last>
[[gnu::always_inline]] static inline void store_tile(const Tile<T>& t, Last last,
                                                     Vec<T> (&sum)[rows][vecs]) {
  constexpr int width = Vec<T>::width;
  if (!cuts_vectors && t.cols != vecs * width) {
    T sums[rows * vecs * width];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
      for (int j = 0; j < vecs; ++j) sum[i][j].store(sums + (i * vecs + j) * width);
    return finish_tile(t, sums, rows, vecs * width);
  }
  if (t.bias)
#pragma GCC unroll 16
    for (int j = 0; j < vecs; ++j) {
      const Vec<T> x = load_part<vecs>(t.bias, j, last);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) sum[i][j] += x;
    }
  T* c = t.c;
  const int64_t c_row = t.c_row;  // stores might change t, for all the compiler knows
  if (t.accumulate) {
    const T* old = c;
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i, old += c_row)
#pragma GCC unroll 16
      for (int j = 0; j < vecs; ++j) sum[i][j] += load_part<vecs>(old, j, last);
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i, c += c_row)
#pragma GCC unroll 16
    for (int j = 0; j < vecs; ++j) {
      if (j == vecs - 1)
        last.store(c + j * width, sum[i][j]);
      else
        sum[i][j].store(c + j * width);
    }
}

template <class T, int rows, int vecs, class Last>
static void multiply_tile(const Tile<T>& t) {
  using V = Vec<T>;
  constexpr int width = V::width;
  V sum[rows][vecs];
  // -0 keeps the sign of a lone -0; a lone row is added to 0, as in torch.
  constexpr T start = rows > 1 ? -0.0 : 0.0;
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < vecs; ++j) sum[i][j] = V(start);

  // Steps in bytes, and a pointer to every few rows of A: the compiler would keep a register for
  // the distance of every row.
  constexpr int64_t bytes = sizeof(T);
  constexpr int few = 4;
  const int64_t a_row = t.a_row * bytes, a_col = t.a_col * bytes, b_row = t.b_row * bytes;
  const char* a[(rows + few - 1) / few] = {reinterpret_cast<const char*>(t.a)};
#pragma GCC unroll 16
  for (int i = 1; i * few < rows; ++i) {
    a[i] = a[i - 1] + few * a_row;
    asm("" : "+r"(a[i]));
  }
  const char* b = reinterpret_cast<const char*>(t.b);
  const Last last(t.cols - (vecs - 1) * width);
  const char *ahead = t.ahead.data, *c = reinterpret_cast<const char*>(t.c);
  const int64_t ahead_step = t.ahead.step, c_row = t.c_row * bytes;
  constexpr int c_rows = (rows + 1) / 2;
  const bool fetches_c = t.depth >= 2 * half_c_depth;
  const bool fetches_b = t.fetches_b;
  int64_t rest = fetches_c ? t.depth - half_c_depth : 0;
  for (int64_t k = t.depth - rest; k > 0; k = std::exchange(rest, 0)) {
    if (fetches_c)
#pragma GCC unroll 16
      for (int i = 0; i < c_rows; ++i, c += c_row) {
        fetch_row<vecs, 1, 3>(c);
        __builtin_prefetch(c + vecs * vec_bytes - 1, 1);  // C may begin within a line
      }
    for (; k > 0; --k) {
      V line[vecs];
#pragma GCC unroll 16
      for (int j = 0; j < vecs; ++j)
        line[j] = load_part<vecs>(reinterpret_cast<const T*>(b), j, last);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const V x(*reinterpret_cast<const T*>(a[i / few] + i % few * a_row));
#pragma GCC unroll 16
        for (int j = 0; j < vecs; ++j) sum[i][j] = fma(x, line[j], sum[i][j]);
      }
      __builtin_prefetch(ahead);
      if (vecs < 3 || fetches_b) fetch_row<vecs, 0, 3>(b + 16 * b_row);
#pragma GCC unroll 16
      for (const char*& rows_of_a : a) rows_of_a += a_col;
      b += b_row, ahead += ahead_step;
    }
  }
  store_tile(t, last, sum);
}

template <class T>
using MultiplyTile = void(const Tile<T>&);

template <class T, class Last, int rows, int... vecs>
static constexpr auto tile_functions_of(std::integer_sequence<int, vecs...>) {
  std::array<MultiplyTile<T>*, max_vecs + 1> row{};
  ((row[vecs + 1] = multiply_tile<T, rows, vecs + 1, Last>), ...);
  return row;
}

// tile_vecs[rows] is the widest tile with that many rows; tile_table[rows][vecs] its function.
static constexpr auto tile_vecs = [] {
  std::array<int, max_rows + 1> vecs{};
  for (int rows = 1; rows <= max_rows; ++rows)
    vecs[rows] = max_sums / rows < max_vecs ? max_sums / rows : max_vecs;
  return vecs;
}();
// Tiles whose last vector is whole have functions of their own if they are high: loads of parts of
// vectors take a twentieth of their time.
inline constexpr int high_rows = 6;
template <class T, int rows>
using LastVectorOf = std::conditional_t<(rows < high_rows), LastVector<T>, WholeVector<T>>;

template <class T, bool cut, int... rows>
static constexpr auto tile_functions(std::integer_sequence<int, rows...>) {
  std::array<std::array<MultiplyTile<T>*, max_vecs + 1>, max_rows + 1> table{};
  ((table[rows + 1] =
        tile_functions_of<T, std::conditional_t<cut, LastVector<T>, LastVectorOf<T, rows + 1>>,
                          rows + 1>(std::make_integer_sequence<int, tile_vecs[rows + 1]>{})),
   ...);
  return table;
}
template <class T, bool cut>
static constexpr auto tile_table =
    tile_functions<T, cut>(std::make_integer_sequence<int, max_rows>{});

template <class T>
static void multiply_tile(const Tile<T>& t, int64_t rows, int64_t vecs) {
  const bool cut = cuts_vectors && t.cols != vecs * Vec<T>::width;
  (cut ? tile_table<T, true> : tile_table<T, false>)[rows][vecs](t);
}

template <class T>
inline constexpr int dots_at_once = Vec<T>::width < 8 ? 8 : Vec<T>::width;

// `rows` rows of A times up to dots_at_once / rows columns of B, all of whose k is adjacent; B's
// columns are b_row apart. For one row two columns at a time, in four chains of sums each: memory
// delivers two long streams 1.1 times as fast as eight, and these 1.4 times as fast as 16.
template <class T, int rows>
static void dots(const Tile<T>& t) {
  using V = Vec<T>;
  constexpr int width = V::width, cols = dots_at_once<T> / rows, together = rows == 1 ? 2 : cols,
                chains = std::min(cols / together, 4);
  V sum[rows * cols];
#pragma GCC unroll 16
  for (int first = 0; first < cols; first += together) {
    const T* column[together];
#pragma GCC unroll 16
    for (int j = 0; j < together; ++j)
      column[j] = t.b + std::min<int64_t>(first + j, t.cols - 1) * t.b_row;
    V parts[chains][rows * together];
#pragma GCC unroll 16
    for (int s = 0; s < chains * rows * together; ++s)
      parts[s / (rows * together)][s % (rows * together)] = V(typename V::Native{});
    const auto add = [&](V* part, int64_t k, auto... n) {
      V x[rows];
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) x[i] = V::load(t.a + i * t.a_row + k, n...);
#pragma GCC unroll 16
      for (int j = 0; j < together; ++j) {
        const V y = V::load(column[j] + k, n...);
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i)
          part[i * together + j] = fma(x[i], y, part[i * together + j]);
      }
    };
    int64_t k = 0;
    for (; k + chains * width <= t.depth; k += chains * width)
#pragma GCC unroll 16
      for (int c = 0; c < chains; ++c) add(parts[c], k + c * width);
    for (; k + width <= t.depth; k += width) add(parts[0], k);
    if (k < t.depth) add(parts[0], k, t.depth - k);
#pragma GCC unroll 16
    for (int c = 1; c < chains; ++c)
#pragma GCC unroll 16
      for (int s = 0; s < rows * together; ++s) parts[0][s] += parts[c][s];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
      for (int j = 0; j < together; ++j) sum[i * cols + first + j] = parts[0][i * together + j];
  }
  T sums[rows * cols];
#pragma GCC unroll 16
  for (int j = 0; j < rows * cols; j += width) {
    V part[width];
#pragma GCC unroll 16
    for (int i = 0; i < width; ++i) part[i] = sum[j + i];
    add_lanes_of_each(part).store(sums + j);
  }
  finish_tile(t, sums, rows, cols);
}

// Adds `count` rows of B, each times its number of A, to one row of C.
template <class T, int count>
static void add_rows(T* c, int64_t cols, const T* a, int64_t a_col, const T* b, int64_t b_row) {
  using V = Vec<T>;
  V x[count];
#pragma GCC unroll 16
  for (int k = 0; k < count; ++k) x[k] = V(a[k * a_col]);
  int64_t j = 0;
  for (; j + V::width <= cols; j += V::width) {
    V sum = x[0] * V::load(b + j);
#pragma GCC unroll 16
    for (int k = 1; k < count; ++k) sum = fma(x[k], V::load(b + k * b_row + j), sum);
    (V::load(c + j) + sum).store(c + j);
  }
  for (; j < cols; ++j) {
    T sum = a[0] * b[j];
    for (int k = 1; k < count; ++k) sum += a[k * a_col] * b[k * b_row + j];
    c[j] += sum;
  }
}

// A part of an operand: depth along k, breadth across; `end` is the end of the operand's memory, so
// that rows before it may be read in whole vectors.
template <class T>
struct Source {
  const T* data;
  int64_t depth, breadth, k_stride, j_stride;
  const T* end;
};

// Copies it to panel[k * panel_row + j]. Lanes of the panel beyond `breadth` may hold anything.
template <class T>
static void pack_rows(T* panel, int64_t panel_row, const Source<T>& s) {
  using V = Vec<T>;
  const int64_t vecs = (s.breadth + V::width - 1) / V::width, span = vecs * V::width;
  // The panels of a few rows are packed in turn, each a short piece of a row, too short for the
  // hardware to see where it goes on: in the rows that are packed next.
  const int64_t ahead = 16 * s.k_stride;
  const T *from = s.data, *last = s.data + (s.depth - 1) * s.k_stride;
  // The last rows are copied exactly: whole vectors would leave the source's memory or the panel.
  int64_t exact = 0;
  while (exact < s.depth && (s.end - last < span || (exact + 1) * panel_row < span))
    ++exact, last -= s.k_stride;
  if (vecs == 1)
    for (int64_t k = exact; k < s.depth; ++k, from += s.k_stride, panel += panel_row) {
      __builtin_prefetch(from + ahead);
      V::load(from).store(panel);
    }
  else
    for (int64_t k = exact; k < s.depth; ++k, from += s.k_stride, panel += panel_row)
      for (int64_t j = 0; j < span; j += V::width) {
        __builtin_prefetch(from + ahead + j);
        V::load(from + j).store(panel + j);
      }
  for (; exact > 0; --exact, from += s.k_stride, panel += panel_row)
    for (int64_t j = 0; j < s.breadth; ++j) panel[j] = from[j];
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
#pragma GCC unroll 16
      for (int i = 0; i < width; ++i)  // the square below
        __builtin_prefetch(from + (width + i) * s.j_stride + k);
      transpose<T>(x);
      T* to = panel + k * panel_row + j;
#pragma GCC unroll 16
      for (int i = 0; i < width; ++i)
        if (lanes == width || panel_row - j >= width)
          x[i].store(to + i * panel_row);
        else
          x[i].store(to + i * panel_row, lanes);
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
