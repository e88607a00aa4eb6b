#pragma once
// The product of float or double matrices: which way, and the cut into blocks. Included by gemm.cpp
// only.
#include <algorithm>
#include <cstdlib>

#include "base/parallel.h"
#include "kernels/gemm.h"
#include "kernels/gemm_micro.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Note [Blocks]
// C is cut into blocks whose operands fit the caches: of B, depth x cols numbers are packed into
// panels (one panel of 512 x 16 floats in L1, all of them in L3), of A a tile's rows stay in L2. A
// block is one parallel loop that packs and one that multiplies tiles. Operands are read in place
// where that costs nothing: A when k is adjacent, B when it is small or used by few rows.
constexpr int64_t block_depth = 512, block_rows = 1536, block_cols = 1536;
constexpr int64_t tile_rows = 96, tile_cols = 192;
// Multiplications, and numbers to pack, below which threads cost more than they bring.
constexpr int64_t serial_work = 1'000'000, serial_pack = 32'768;
constexpr int64_t in_place_b = 8192;   // numbers of B that L1 holds
constexpr int64_t stream_b = 262'144;  // numbers of B beyond which a single row is bound by memory
// A transposed B is not packed for so few rows of A, nor for so few columns (most of a tile would
// be padding): dot products read it in place.
constexpr int64_t dots_rows = 6, dots_cols = 3;
// For somewhat more rows the transposed product reads B in place and packs A, which is the smaller.
constexpr int64_t turned_rows = 16;

// Memory that a thread keeps from call to call.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  ~Scratch() { std::free(data_); }
  template <class T>
  T* get(int64_t count) {
    const size_t bytes = (size_t(count) * sizeof(T) + 63) / 64 * 64;
    if (bytes > size_) {
      std::free(data_);
      data_ = std::aligned_alloc(64, bytes);
      size_ = data_ ? bytes : 0;
      check<MemoryError>(data_, "matmul: no memory for ", bytes, " bytes of working space");
    }
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};
thread_local Scratch packed, transposed;

template <class T>
struct Operand {
  const T* data;
  int64_t rows, cols, row_stride, col_stride;

  explicit Operand(const Matrix& m)
      : data(static_cast<const T*>(m.data)),
        rows(m.rows),
        cols(m.cols),
        // The stride of a single row or column means nothing; the plans below look at it.
        row_stride(rows == 1 ? cols * m.col_stride : m.row_stride),
        col_stride(cols == 1 ? rows * m.row_stride : m.col_stride) {
    if (rows == 1 && cols == 1) row_stride = col_stride = 1;
  }
  const T* at(int64_t i, int64_t j) const { return data + i * row_stride + j * col_stride; }
  const T* end() const { return at(rows - 1, cols - 1) + 1; }
};

// A range cut into `count` pieces whose lengths differ by one at most.
struct Pieces {
  int64_t count, shortest, longer;  // the first `longer` pieces have one more

  Pieces(int64_t size, int64_t limit) : count(1), shortest(size), longer(0) {
    if (size <= limit) return;  // small products have no time for divisions
    count = ceil_div(size, limit);
    shortest = size / count;
    longer = size % count;
  }
  int64_t begin(int64_t i) const { return i * shortest + std::min(i, longer); }
  int64_t length(int64_t i) const { return shortest + (i < longer); }
};

template <class T>
struct Call {
  Operand<T> a, b;
  T* c;
  int64_t c_row;
  bool accumulate;
  const T* bias;

  Call(const Product& p, const Matrix& a, const Matrix& b)
      : a(a),
        b(b),
        c(static_cast<T*>(p.data)),
        c_row(p.row_stride),
        accumulate(p.accumulate),
        bias(static_cast<const T*>(p.bias)) {}
};

// A block of the product, small enough for the caches: rows [i, i + rows), columns [j, j + cols),
// and [k, k + depth) of the sum.
template <class T>
class Block {
 public:
  Block(const Call<T>& call, int64_t i, int64_t rows, int64_t j, int64_t cols, int64_t k,
        int64_t depth)
      : call(call),
        i0(i),
        j0(j),
        k0(k),
        rows(rows),
        cols(cols),
        depth(depth),
        strips_(rows, max_rows) {}

  void run(bool pack_a, bool pack_b) {
    panel_cols_ = width * tile_vecs[strips_.length(0)];
    panels_ = cols <= panel_cols_ ? 1 : ceil_div(cols, panel_cols_);
    first_packed_ = pack_b ? 0 : panels_ - (cols % width != 0);
    const int64_t b_size = (panels_ - first_packed_) * panel_cols_ * depth;
    const int64_t size = b_size + (pack_a ? rows * depth : 0);
    packed_b_ = size ? packed.get<T>(size) : nullptr;
    packed_a_ = pack_a ? packed_b_ + b_size : nullptr;

    const int64_t split = panels_ - first_packed_, packs = split + (pack_a ? strips_.count : 0);
    parallel_for(packs, ceil_div(serial_pack, depth * panel_cols_),
                 [&](int64_t begin, int64_t end) {
                   pack_panels(first_packed_ + begin, first_packed_ + std::min(end, split));
                   pack_strips(std::max(begin, split) - split, end - split);
                 });

    int64_t tile_strips = tile_rows / max_rows,
            tile_panels = std::max<int64_t>(1, tile_cols / panel_cols_);
    const auto tiles = [&] {
      return ceil_div(strips_.count, tile_strips) * ceil_div(panels_, tile_panels);
    };
    while (tiles() < 32 && tile_strips * tile_panels > 16)  // a small C: even shares for threads
      (tile_strips > 2 * tile_panels ? tile_strips : tile_panels) /= 2;
    const Pieces down(strips_.count, tile_strips), across(panels_, tile_panels);
    const int64_t count = down.count * across.count;
    parallel_for(
        count, rows * cols * depth < serial_work ? count : 1, [&](int64_t begin, int64_t end) {
          for (int64_t t = begin; t < end; ++t) {
            const int64_t i = t / across.count, j = t % across.count;
            multiply(down.begin(i), down.begin(i + 1), across.begin(j), across.begin(j + 1));
          }
        });
  }

 private:
  static constexpr int64_t width = Vec<T>::width;
  const Call<T>& call;
  int64_t i0, j0, k0, rows, cols, depth;
  Pieces strips_;  // of rows, at most max_rows each
  int64_t panel_cols_, panels_, first_packed_;
  T *packed_a_, *packed_b_;

  int64_t cols_of(int64_t panel) const { return std::min(panel_cols_, cols - panel * panel_cols_); }
  T* panel_memory(int64_t panel) const {
    return packed_b_ + (panel - first_packed_) * panel_cols_ * depth;
  }

  // Rows that are adjacent in memory are read some at a time over all panels: in long pieces, from
  // few pages, and few enough that rows a power of two apart leave each other in L1.
  static constexpr int64_t rows_at_once = 16;
  void pack_panels(int64_t begin, int64_t end) const {
    const Operand<T>& b = call.b;
    const int64_t step = b.col_stride == 1 ? rows_at_once : depth;
    for (int64_t k = 0; k < depth; k += step)
      for (int64_t p = begin; p < end; ++p) {
        const int64_t n = cols_of(p), row = ceil_div(n, width) * width;
        pack<T>(panel_memory(p) + k * row, row,
                {b.at(k0 + k, j0 + p * panel_cols_), std::min(step, depth - k), n, b.row_stride,
                 b.col_stride, b.end()});
      }
  }
  void pack_strips(int64_t begin, int64_t end) const {
    const Operand<T>& a = call.a;
    const int64_t step = a.row_stride == 1 ? rows_at_once : depth;
    for (int64_t k = 0; k < depth; k += step)
      for (int64_t s = begin; s < end; ++s) {
        const int64_t i = strips_.begin(s), n = strips_.length(s);
        pack<T>(packed_a_ + i * depth + k * n, n,
                {a.at(i0 + i, k0 + k), std::min(step, depth - k), n, a.col_stride, a.row_stride,
                 a.end()});
      }
  }

  void multiply(int64_t strip0, int64_t strip1, int64_t panel0, int64_t panel1) const {
    const Operand<T>&a = call.a, &b = call.b;
    Tile<T> t;
    t.depth = depth, t.c_row = call.c_row, t.accumulate = call.accumulate || k0 > 0;
    for (int64_t p = panel0; p < panel1; ++p) {
      const int64_t j = j0 + p * panel_cols_, vecs = ceil_div(cols_of(p), width);
      if (p < first_packed_)
        t.b = b.at(k0, j), t.b_row = b.row_stride;
      else
        t.b = panel_memory(p), t.b_row = vecs * width;
      t.cols = cols_of(p), t.bias = call.bias && k0 == 0 ? call.bias + j : nullptr;
      for (int64_t s = strip0; s < strip1; ++s) {
        const int64_t begin = strips_.begin(s), m = strips_.length(s);
        if (packed_a_)
          t.a = packed_a_ + begin * depth, t.a_row = 1, t.a_col = m;
        else
          t.a = a.at(i0 + begin, k0), t.a_row = a.row_stride, t.a_col = a.col_stride;
        t.c = call.c + (i0 + begin) * call.c_row + j;
        tile_table<T>[m][vecs](t);
      }
    }
  }
};

// Nothing to sum over: C keeps what it has, or is zero, plus the bias.
template <class T>
void add_bias(T* c, int64_t c_row, int64_t rows, int64_t cols, bool accumulate, const T* bias) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j)
      c[i * c_row + j] = (accumulate ? c[i * c_row + j] : T(0)) + (bias ? bias[j] : T(0));
}

// Small products: one thread, one pass over B's panels; those that cannot be read in place are
// packed into L1.
template <class T>
void multiply_small(const Call<T>& call) {
  const Operand<T>&a = call.a, &b = call.b;
  constexpr int64_t width = Vec<T>::width;
  const int64_t m = a.rows, n = b.cols, k = a.cols;
  const Pieces strips(m, max_rows);
  const int64_t panel_cols = width * tile_vecs[strips.length(0)];
  Tile<T> t{k,          nullptr, a.row_stride, a.col_stride,   nullptr, 0, nullptr,
            call.c_row, 0,       nullptr,      call.accumulate};
  for (int64_t j = 0; j < n; j += panel_cols) {
    t.cols = std::min(panel_cols, n - j);
    const int64_t vecs = ceil_div(t.cols, width);
    t.b = b.at(0, j), t.b_row = b.row_stride;
    if (b.col_stride != 1 || t.cols % width != 0) {
      T* panel = packed.get<T>(k * panel_cols);
      pack<T>(panel, vecs * width, {t.b, k, t.cols, b.row_stride, b.col_stride, b.end()});
      t.b = panel, t.b_row = vecs * width;
    }
    t.bias = call.bias ? call.bias + j : nullptr;
    for (int64_t s = 0, i = 0; s < strips.count; i += strips.length(s++)) {
      t.a = a.at(i, 0), t.c = call.c + i * call.c_row + j;
      tile_table<T>[strips.length(s)][vecs](t);
    }
  }
}

// Few rows times columns whose numbers are adjacent in memory: each column is read once.
template <class T>
void multiply_dots(const Call<T>& call) {
  const Operand<T>&a = call.a, &b = call.b;
  const int64_t m = a.rows, n = b.cols, k = a.cols, group = dots_at_once<T>;
  const int64_t groups = ceil_div(n, group);
  parallel_for(groups, ceil_div(serial_work / 4, m * k * group), [&](int64_t begin, int64_t end) {
    for (int64_t g = begin; g < end; ++g) {
      const int64_t j = g * group;
      Tile<T> t{k,
                nullptr,
                0,
                1,
                b.at(0, j),
                b.col_stride,
                nullptr,
                0,
                std::min(group, n - j),
                call.bias ? call.bias + j : nullptr,
                call.accumulate};
      for (int64_t i = 0; i < m; ++i) {
        t.a = a.at(i, 0), t.c = call.c + i * call.c_row + j;
        dots(t, b.end());
      }
    }
  });
}

// One row times a large matrix of adjacent rows: B streams past once, in long pieces, while C's
// stay in L1.
template <class T>
void multiply_row(const Call<T>& call) {
  const Operand<T>&a = call.a, &b = call.b;
  const int64_t n = b.cols, k = a.cols;
  constexpr int at_once = 8;
  const int64_t pieces = 2 * ceil_div(n, 2048);
  parallel_for(n, ceil_div(ceil_div(n, pieces), 16) * 16, [&](int64_t j, int64_t end) {
    T* c = call.c + j;
    add_bias(c, 0, 1, end - j, call.accumulate, call.bias ? call.bias + j : nullptr);
    int64_t p = 0;
    for (; p + at_once <= k; p += at_once)
      add_rows<T, at_once>(c, end - j, a.at(0, p), a.col_stride, b.at(p, j), b.row_stride);
    for (; p < k; ++p)
      add_rows<T, 1>(c, end - j, a.at(0, p), a.col_stride, b.at(p, j), b.row_stride);
  });
}

template <class T>
void multiply(const Product& product, const Matrix& am, const Matrix& bm);

// Few columns, or few rows: the transposed product is cheaper.
template <class T>
void multiply_transposed(const Call<T>& call, const Matrix& a, const Matrix& b) {
  const int64_t m = a.rows, n = b.cols;
  const bool in_place = n == 1 && call.c_row == 1 && !call.bias;
  T* y = in_place ? call.c : transposed.get<T>(n * m);
  multiply<T>({y, m, in_place && call.accumulate}, b.transposed(), a.transposed());
  if (in_place) return;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      T& c = call.c[i * call.c_row + j];
      c = y[j * m + i] + (call.bias ? call.bias[j] : T(0)) + (call.accumulate ? c : T(0));
    }
}

template <class T>
void multiply(const Product& product, const Matrix& am, const Matrix& bm) {
  const Call<T> call(product, am, bm);
  const Operand<T>&a = call.a, &b = call.b;
  const int64_t m = a.rows, n = b.cols, k = a.cols;
  if (m == 0 || n == 0) return;
  if (k == 0) return add_bias(call.c, call.c_row, m, n, call.accumulate, call.bias);
  const bool dots = a.col_stride == 1 && b.row_stride == 1 && k >= Vec<T>::width;
  if (m > n && (n == 1 || (dots && n <= dots_cols))) return multiply_transposed(call, am, bm);
  if (m <= dots_rows && dots) return multiply_dots(call);
  if (m <= turned_rows && dots && n >= 4 * m && k * n > in_place_b)
    return multiply_transposed(call, am, bm);
  if (m == 1 && b.col_stride == 1 && k * n >= stream_b) return multiply_row(call);
  if (m * n * k <= serial_work && k <= block_depth) return multiply_small(call);
  const bool pack_a = a.col_stride != 1;
  const bool pack_b = b.col_stride != 1 || (m > 2 * max_rows && k * n > in_place_b);
  const int64_t rows = block_rows * std::max<int64_t>(1, block_depth / k);  // more of short sums
  const Pieces depths(k, block_depth), downs(m, rows), acrosses(n, block_cols);
  for (int64_t j = 0; j < acrosses.count; ++j)
    for (int64_t i = 0; i < downs.count; ++i)
      for (int64_t d = 0; d < depths.count; ++d)
        Block<T>(call, downs.begin(i), downs.length(i), acrosses.begin(j), acrosses.length(j),
                 depths.begin(d), depths.length(d))
            .run(pack_a, pack_b);
}

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
