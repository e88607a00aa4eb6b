#pragma once
// The product of float or double matrices: which way, and the cut into blocks. Included by gemm.cpp
// only.
#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "base/huge_pages.h"
#include "base/parallel.h"
#include "kernels/gemm.h"
#include "kernels/gemm_micro.h"
#include "kernels/upcoming.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Note [Blocks]
// The sum is cut into layers of at most `layer_depth`, C into tiles. A tile's strip of A stays in
// L1 while its panels of B, in L2, pass by; a thread goes down the rows of a few columns, so that
// it reads those of B from beyond its own caches once. Operands are read in place where the
// kernel's steps through them are short; where they are not, each thread packs the columns of B
// that it works on, and its rows of A: what another thread has written lies in that one's cache,
// and reading it there costs more than packing it twice. Where only A is packed, a thread goes
// along many rows instead, a panel at a time: each is packed once, columns of A, which is then
// transposed, are read in long pieces, and there is time to fetch the next panel.
constexpr int64_t layer_depth = 512, tile_rows = 384, tile_cols = 384;
// Tiles that a product is cut into at least, if they are not too small: even shares for threads.
// Fewer where each packs its rows of A. Tiles of fewer multiplications are not cut: taking one
// costs a thread as much.
constexpr int64_t min_tiles = 64, min_packing_tiles = 16, least_tile = 600'000;
// Bytes between rows that are read in place. Longer steps, and those of half a page, meet in few
// lines of the caches, and where they are longer each row lies in a page of its own.
constexpr int64_t in_place_step = 3072, half_page = 2048;
constexpr int64_t serial_work = 400'000;  // multiplications that are not worth a thread
constexpr Wake wake_for_product(int64_t multiplications) { return wake_for(multiplications / 16); }
constexpr int64_t in_place_b = 8192;   // numbers of B that L1 holds
constexpr int64_t stream_b = 262'144;  // numbers of B beyond which a single row is bound by memory
// A transposed B is not packed for so few rows of A, nor for so few columns (most of a tile would
// be padding): dot products read it in place.
constexpr int64_t dots_rows = heights[0], dots_cols = 3;
// For somewhat more rows the transposed product reads B in place and packs A, which is the smaller.
constexpr int64_t turned_rows = 16;

// Memory that a thread keeps from call to call; much of it in huge pages, where there are any.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  ~Scratch() { std::free(data_); }
  template <class T>
  T* get(int64_t count) {
    size_t bytes = size_t(count) * sizeof(T);
    if (bytes > size_) {
      const size_t unit = bytes < huge_page / 2 ? 64 : huge_page;
      bytes = (bytes + unit - 1) / unit * unit;
      std::free(data_);
      data_ = std::aligned_alloc(unit, bytes);
      if (data_ && unit == huge_page) ask_for_huge_pages(data_, bytes);
      size_ = data_ ? bytes : 0;
      check<MemoryError>(data_, "matmul: no memory for ", bytes, " bytes of working space");
    }
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};
thread_local Scratch panel_of_small, transposed;

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
    cut(ceil_div(size, limit));
  }
  void cut(int64_t pieces) {
    const int64_t size = count * shortest + longer;
    count = pieces;
    shortest = size / count;
    longer = size % count;
  }
  int64_t longest() const { return shortest + (longer > 0); }
  int64_t begin(int64_t i) const { return i * shortest + std::min(i, longer); }
  int64_t length(int64_t i) const { return shortest + (i < longer); }
};

// How m rows and so many vectors of columns are cut into strips and panels: into clearly fewer
// tiles than by the best height, if another one does, as beginning and ending a tile takes as long
// as some steps of k.
struct Cut {
  Pieces strips, panels;  // of rows, and of vectors of columns

  Cut(int64_t m, int64_t vecs) : Cut(m, vecs, heights[0]) {
    if (tiles() <= 2) return;
    for (const int64_t height : heights)
      if (const Cut cut(m, vecs, height); 8 * cut.tiles() <= 7 * tiles()) *this = cut;
  }
  int64_t tiles() const { return strips.count * panels.count; }

 private:
  Cut(int64_t m, int64_t vecs, int64_t height)
      : strips(m, height), panels(vecs, tile_vecs[strips.longest()]) {}
};

template <class T>
struct Call {
  Operand<T> a, b;
  T* c;
  int64_t c_row;
  bool accumulate;
  const T* bias;
  InnerLoop* activation;
  const Operands* following;

  Call(const Product& p, const Matrix& a, const Matrix& b)
      : a(a),
        b(b),
        c(static_cast<T*>(p.data)),
        c_row(p.row_stride),
        accumulate(p.accumulate),
        bias(static_cast<const T*>(p.bias)),
        activation(p.activation),
        following(p.following) {}

  void activate(int64_t i, int64_t rows, int64_t j, int64_t cols) const {
    T* const at = c + i * c_row + j;
    const void* const in[] = {at};
    Rows together(cols, rows);
    together.next[0] = together.next[1] = c_row;
    activation(at, in, together, nullptr);
  }
};

// Every product has a number of its own, whatever its type: parts that are kept are told apart by
// it.
std::atomic<uint64_t> products{0};

// Part of an operand as the thread has packed it last, kept for the next tile that needs it.
struct PackedPart {
  Scratch memory;
  uint64_t product = 0;
  int64_t index = 0;

  template <class T, class F>
  T* get(uint64_t product_now, int64_t index_now, int64_t size, F&& fill) {
    T* data = memory.get<T>(size);
    if (product != product_now || index != index_now) {
      product = 0;
      fill(data);
      product = product_now, index = index_now;
    }
    return data;
  }
};
thread_local PackedPart packed_a, packed_b;

// The product over a piece [k0, k0 + depth) of the sum, tile by tile.
template <class T>
class Layer {
 public:
  Layer(const Call<T>& call, int64_t k0, int64_t depth)
      : call_(call),
        k0_(k0),
        depth_(depth),
        activates_(call.activation && k0 + depth == call.a.cols),
        cut_(call.a.rows, ceil_div(call.b.cols, width)) {
    const Operand<T>&a = call.a, &b = call.b;
    const auto far = [](int64_t step) {
      const int64_t bytes = step * int64_t(sizeof(T));
      return bytes > in_place_step || bytes % half_page == 0;
    };
    pack_a_ = a.col_stride != 1 && (a.row_stride != 1 || far(a.col_stride));
    const bool few = a.rows <= 2 * heights[0] || depth * b.cols <= in_place_b;
    pack_b_ = b.col_stride != 1 || (far(b.row_stride) && !few);
  }

  void run() {
    product_ = ++products;
    int64_t tile_strips = std::min(cut_.strips.count, tile_rows / cut_.strips.longest());
    int64_t tile_panels = std::max<int64_t>(1, tile_cols / (cut_.panels.longest() * width));
    tile_panels = std::min(cut_.panels.count, tile_panels);
    const auto tiles = [&] {
      return ceil_div(cut_.strips.count, tile_strips) * ceil_div(cut_.panels.count, tile_panels);
    };
    const bool along = pack_a_ && !pack_b_;
    if (along) tile_panels = 1;
    const int64_t least_tiles = pack_a_ ? min_packing_tiles : min_tiles;
    static_assert(max_sums * width * layer_depth <= least_tile);  // one panel is not cut
    const int64_t panel_work = cut_.strips.longest() * cut_.panels.longest() * width * depth_;
    while (tiles() < least_tiles && tile_strips * tile_panels * panel_work > least_tile)
      (tile_strips <= 2 && tile_panels > 1 ? tile_panels : tile_strips) /= 2;
    // As many panels to a tile everywhere: threads get the same number of tiles.
    if (const int64_t across = ceil_div(cut_.panels.count, tile_panels); across > 1)
      cut_.panels.cut(across * ceil_div(cut_.panels.count, across));
    first_packed_ = pack_b_ ? 0 : cut_.panels.count - (!cuts_vectors && call_.b.cols % width != 0);
    if (tile_strips < cut_.strips.count)
      tile_strips = ceil_div(cut_.strips.count, even_blocks(cut_.strips.count, tile_strips));
    const Pieces down(cut_.strips.count, tile_strips), across(cut_.panels.count, tile_panels);
    const int64_t count = down.count * across.count;
    const bool serial = call_.a.rows * call_.b.cols * depth_ < serial_work;
    parallel_for(count, serial ? count : 1, wake_for_product(call_.a.rows * call_.b.cols * depth_),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t t = begin; t < end; ++t)
                     if (along)
                       multiply(down, t / across.count, across, t % across.count);
                     else
                       multiply(down, t % down.count, across, t / down.count);
                 });
  }

 private:
  static constexpr int64_t width = Vec<T>::width;
  const Call<T>& call_;
  int64_t k0_, depth_;
  bool activates_;  // the sums are complete
  Cut cut_;
  int64_t first_packed_;  // panels before it are read in place
  bool pack_a_, pack_b_;
  uint64_t product_;

  int64_t col_of(int64_t panel) const { return cut_.panels.begin(panel) * width; }
  int64_t cols_of(int64_t panel) const {
    return std::min(cut_.panels.length(panel) * width, call_.b.cols - col_of(panel));
  }

  // Rows that are adjacent in memory are read some at a time over all panels: in long pieces, from
  // few pages, and few enough that rows a power of two apart leave each other in L1.
  static constexpr int64_t rows_at_once = 8;
  void pack_panels(T* to, int64_t begin, int64_t end) const {
    const Operand<T>& b = call_.b;
    const int64_t step = b.col_stride == 1 ? rows_at_once : depth_;
    for (int64_t k = 0; k < depth_; k += step)
      for (int64_t p = begin; p < end; ++p) {
        const int64_t row = cut_.panels.length(p) * width;
        pack<T>(to + (col_of(p) - col_of(begin)) * depth_ + k * row, row,
                {b.at(k0_ + k, col_of(p)), std::min(step, depth_ - k), cols_of(p), b.row_stride,
                 b.col_stride, b.end()});
      }
  }
  void pack_strips(T* to, int64_t begin, int64_t end) const {
    const Operand<T>& a = call_.a;
    const int64_t step = a.row_stride == 1 ? rows_at_once : depth_;
    for (int64_t k = 0; k < depth_; k += step)
      for (int64_t s = begin; s < end; ++s) {
        const int64_t i = cut_.strips.begin(s), n = cut_.strips.length(s);
        pack<T>(
            to + (i - cut_.strips.begin(begin)) * depth_ + k * n, n,
            {a.at(i, k0_ + k), std::min(step, depth_ - k), n, a.col_stride, a.row_stride, a.end()});
      }
  }

  // What of A is fetched while a strip of m rows is multiplied with panel `number` of `count`, see
  // Note [Fetching ahead]: one of the next m rows, or all of them if there are fewer panels and the
  // rows are adjacent; where the numbers of a row are not, what the strip's own steps come to next.
  Lines next_strip(const Tile<T>& t, int64_t m, int64_t number, int64_t count) const {
    constexpr int64_t bytes = sizeof(T);
    if (t.a_col != 1) return {reinterpret_cast<const char*>(t.a + 16 * t.a_col), t.a_col * bytes};
    const bool all = count < m && t.a_row == depth_;
    const T* rows = t.a + (m + (all ? 0 : std::min(number, m - 1))) * t.a_row;
    return {reinterpret_cast<const char*>(rows), all ? m * bytes : bytes};
  }
  // What of panel p, which is read in place, strip `number` of the panel before it fetches: its
  // lines number `number`, row by row.
  Lines next_panel(int64_t p, int64_t number) const {
    const char* lines = reinterpret_cast<const char*>(call_.b.at(k0_, col_of(p)));
    const int64_t step = call_.b.row_stride * int64_t(sizeof(T));
    return {lines + number * 64, step};
  }

  // One tile: its strip of A stays in L1 while the panels of B pass by.
  void multiply(const Pieces& down, int64_t i, const Pieces& across, int64_t j) const {
    const Operand<T>&a = call_.a, &b = call_.b;
    const int64_t strip0 = down.begin(i), strip1 = down.begin(i + 1);
    const int64_t panel0 = across.begin(j), panel1 = across.begin(j + 1);
    const int64_t packed0 = std::max(panel0, first_packed_);
    const T *strips = nullptr, *panels = nullptr;
    if (pack_a_)
      strips = packed_a.get<T>(product_, i,
                               (cut_.strips.begin(strip1) - cut_.strips.begin(strip0)) * depth_,
                               [&](T* to) { pack_strips(to, strip0, strip1); });
    if (packed0 < panel1)
      panels = packed_b.get<T>(product_, j, (col_of(panel1) - col_of(packed0)) * depth_,
                               [&](T* to) { pack_panels(to, packed0, panel1); });
    Tile<T> t;
    t.depth = depth_, t.c_row = call_.c_row, t.accumulate = call_.accumulate || k0_ > 0;
    t.fetches_b = depth_ * b.cols > in_place_b;
    for (int64_t s = strip0; s < strip1; ++s) {
      const int64_t row = cut_.strips.begin(s), m = cut_.strips.length(s);
      if (pack_a_)
        t.a = strips + (row - cut_.strips.begin(strip0)) * depth_, t.a_row = 1, t.a_col = m;
      else
        t.a = a.at(row, k0_), t.a_row = a.row_stride, t.a_col = a.col_stride;
      for (int64_t p = panel0; p < panel1; ++p) {
        const int64_t col = col_of(p), vecs = cut_.panels.length(p);
        if (p < packed0)
          t.b = b.at(k0_, col), t.b_row = b.row_stride;
        else
          t.b = panels + (col - col_of(packed0)) * depth_, t.b_row = vecs * width;
        t.cols = cols_of(p), t.bias = call_.bias && k0_ == 0 ? call_.bias + col : nullptr;
        t.c = call_.c + row * call_.c_row + col;
        const bool fetches_panel =
            pack_a_ && p + 1 < first_packed_ && (s - strip0) * 64 < vecs * vec_bytes;
        t.ahead = fetches_panel ? next_panel(p + 1, s - strip0)
                                : next_strip(t, m, p - panel0, panel1 - panel0);
        multiply_tile(t, m, vecs);
      }
      if (activates_)
        call_.activate(row, m, col_of(panel0),
                       col_of(panel1 - 1) + cols_of(panel1 - 1) - col_of(panel0));
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

template <class T>
void add_operand(Upcoming& upcoming, const Matrix& m) {
  const int64_t bytes = sizeof(T);
  if (m.col_stride == 1) return upcoming.add(m.data, m.rows, m.cols * bytes, m.row_stride * bytes);
  if (m.row_stride == 1) upcoming.add(m.data, m.cols, m.rows * bytes, m.col_stride * bytes);
}

// Small products: one thread, one pass over B's panels; those that cannot be read in place are
// packed into L1.
template <class T>
void multiply_small(const Call<T>& call) {
  const Operand<T>&a = call.a, &b = call.b;
  constexpr int64_t width = Vec<T>::width;
  const int64_t m = a.rows, n = b.cols, k = a.cols;
  const Cut cut(m, ceil_div(n, width));
  const Pieces &strips = cut.strips, &panels = cut.panels;
  Tile<T> t{k,          nullptr, a.row_stride, a.col_stride,   nullptr, 0, nullptr,
            call.c_row, 0,       nullptr,      call.accumulate};
  t.fetches_b = k * n > in_place_b;
  Upcoming upcoming;
  if (const Operands* next = call.following)
    for (const Matrix* m : {&next->a, &next->b, &next->c}) add_operand<T>(upcoming, *m);
  for (int64_t p = 0; p < panels.count; ++p) {
    const int64_t j = panels.begin(p) * width, vecs = panels.length(p);
    t.cols = std::min(vecs * width, n - j);
    t.b = b.at(0, j), t.b_row = b.row_stride;
    if (b.col_stride != 1 || (!cuts_vectors && t.cols % width != 0)) {
      T* panel = panel_of_small.get<T>(k * vecs * width);
      pack<T>(panel, vecs * width, {t.b, k, t.cols, b.row_stride, b.col_stride, b.end()});
      t.b = panel, t.b_row = vecs * width;
    }
    t.bias = call.bias ? call.bias + j : nullptr;
    for (int64_t s = 0, i = 0; s < strips.count; i += strips.length(s++)) {
      t.a = a.at(i, 0), t.c = call.c + i * call.c_row + j;
      t.ahead = upcoming.take(k);
      multiply_tile(t, strips.length(s), vecs);
    }
  }
}

// Few rows times columns whose numbers are adjacent in memory: each column is read from memory
// once.
template <class T>
void multiply_dots(const Call<T>& call) {
  const Operand<T>&a = call.a, &b = call.b;
  const int64_t m = a.rows, n = b.cols, k = a.cols, group = dots_at_once<T>;
  const auto rows_times = [&]<int rows>(std::integral_constant<int, rows>, int64_t i, int64_t j,
                                        int64_t end) {
    for (constexpr int64_t cols = dots_at_once<T> / rows; j < end; j += cols) {
      Tile<T> t{k,
                a.at(i, 0),
                a.row_stride,
                1,
                b.at(0, j),
                b.col_stride,
                call.c + i * call.c_row + j,
                call.c_row,
                std::min(cols, end - j),
                call.bias ? call.bias + j : nullptr,
                call.accumulate};
      dots<T, rows>(t);
    }
  };
  // Bound by memory, mostly: half of a matrix may stay in each core's cache where all of it would
  // not stay in one, so that two blocks of little work are worth while. Memory delivers long ones
  // best.
  const int64_t groups = ceil_div(n, group), work = m * n * k,
                least = std::clamp(work / 8, serial_work / 20, serial_work / 4);
  const int64_t pairs = work < serial_work / 10 ? 0 : std::max<int64_t>(1, work / (2 * least));
  parallel_for(groups, pairs ? ceil_div(groups, 2 * pairs) : groups, wake_for(n * k),
               [&](int64_t begin, int64_t end) {
                 for (int64_t g = begin; g < end; ++g) {
                   const int64_t j = g * group, last = std::min(n, j + group);
                   int64_t i = 0;
                   for (; i + 4 <= m; i += 4)
                     rows_times(std::integral_constant<int, 4>{}, i, j, last);
                   for (; i < m; ++i) rows_times(std::integral_constant<int, 1>{}, i, j, last);
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

// Products of special shapes; false of those that are cut into tiles.
template <class T>
bool multiply_special(const Call<T>& call, const Matrix& am, const Matrix& bm) {
  const Operand<T>&a = call.a, &b = call.b;
  const int64_t m = a.rows, n = b.cols, k = a.cols;
  const bool dots = a.col_stride == 1 && b.row_stride == 1 && k >= Vec<T>::width;
  const bool small_b = k * n <= in_place_b;
  if (k == 0)
    add_bias(call.c, call.c_row, m, n, call.accumulate, call.bias);
  else if (m > n && (n == 1 || (dots && n <= dots_cols)))
    multiply_transposed(call, am, bm);
  else if (m <= (small_b ? 4 : dots_rows) && dots)
    multiply_dots(call);
  else if (m <= turned_rows && dots && n >= 4 * m && !small_b)
    multiply_transposed(call, am, bm);
  else if (m == 1 && b.col_stride == 1 && k * n >= stream_b)
    multiply_row(call);
  else if (m * n * k <= serial_work && k <= layer_depth)
    multiply_small(call);
  else
    return false;
  return true;
}

template <class T>
void multiply_layers(const Call<T>& call) {
  const Pieces depths(call.a.cols, layer_depth);
  for (int64_t d = 0; d < depths.count; ++d)
    Layer<T>(call, depths.begin(d), depths.length(d)).run();
}

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
