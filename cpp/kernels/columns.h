#pragma once
// Note [Columns]
// Softmax and its like over a dimension that is not the last: neighbouring columns are lanes. One
// pass over the rows gathers what an op keeps of every column, another one writes the results. An
// op is a struct:
//
//     static constexpr int inputs;  // one or two arrays that it reads
//     template <class T> using Kept = std::array<Vec<T>, ...>;  // of a vector of columns
//     static Kept<T> start();
//     static void add(Kept<T>& kept, const Vec<T>* a, const Vec<T>* b, int rows);
//     // What has been kept of other rows of the same columns:
//     static void merge(Kept<T>& kept, const Kept<T>& other);
//     static void finish(Kept<T>& kept);
//     // b is a where there is one input:
//     static Vec<T> y(const Kept<T>& kept, Vec<T> a, Vec<T> b);
//
// Tall matrices are cut into pieces of rows, narrow ones are read as if several rows were one: then
// what parts of a column gave is merged. Short slices are transposed, so that lanes are slices.
#include <array>

#include "base/parallel.h"
#include "kernels/rows_to_columns.h"

namespace izvod::kernels::IZVOD_ISA {

template <class Op, class S>
using Inputs = std::array<const S*, Op::inputs>;

// Memory for what `Op` keeps of columns. May be read a vector beyond the last one.
template <class Op, class T>
struct KeptColumns {
  static constexpr int64_t count = std::tuple_size_v<typename Op::template Kept<T>>;
  T* memory;
  int64_t stride;

  static int64_t stride_of(int64_t width) { return width + 2 * Vec<T>::width; }
  static int64_t size(int64_t width) { return count * stride_of(width); }
  KeptColumns(T* memory, int64_t width) : memory(memory), stride(stride_of(width)) {}
  KeptColumns(Scratch& scratch, int64_t width) : KeptColumns(scratch.take<T>(size(width)), width) {}

  auto load(int64_t i) const {
    typename Op::template Kept<T> kept;
    for (int64_t k = 0; k < count; ++k) kept[k] = Vec<T>::load(memory + k * stride + i);
    return kept;
  }
  void store(int64_t i, const typename Op::template Kept<T>& kept) const {
    for (int64_t k = 0; k < count; ++k) kept[k].store(memory + k * stride + i);
  }
  // f(kept of the columns from i on, i) for all of them, and writes it back.
  template <class F>
  void update(int64_t width, F f) const {
    for (int64_t i = 0; i < width; i += Vec<T>::width) {
      auto kept = load(i);
      f(kept, i);
      store(i, kept);
    }
  }
  void start(int64_t width) const {
    update(width, [](auto& kept, int64_t) { kept = Op::template start<T>(); });
  }
};

// Rows of `width` columns, `stride` apart.
template <class Op, class S, class T = Compute<S>>
static void add_rows(const KeptColumns<Op, T>& kept, Inputs<Op, S> in, int64_t rows, int64_t stride,
                     int64_t width) {
  constexpr int64_t step = 16;
  for (int64_t r = 0; r < rows; r += step) {
    const int count = int(std::min(step, rows - r));
    for_lanes<T>(width, [&](int64_t i, int64_t k) {
      Vec<T> x[Op::inputs][step];
      for (int a = 0; a < Op::inputs; ++a)
        for (int j = 0; j < count; ++j) x[a][j] = load(in[a] + (r + j) * stride + i, k);
      auto state = kept.load(i);
      Op::add(state, x[0], x[Op::inputs - 1], count);
      kept.store(i, state);
    });
  }
}
template <class Op, class S, class T = Compute<S>>
static void write_rows(S* out, const KeptColumns<Op, T>& kept, Inputs<Op, S> in, int64_t rows,
                       int64_t stride, int64_t width) {
  for (int64_t r = 0; r < rows; ++r)
    for_lanes<T>(width, [&](int64_t i, int64_t k) {
      const int64_t at = r * stride + i;
      store(out + at, Op::y(kept.load(i), load(in[0] + at, k), load(in[Op::inputs - 1] + at, k)),
            k);
    });
}

// All rows at once, in cache.
template <class Op, class S, class T = Compute<S>>
static void whole_columns(S* out, const KeptColumns<Op, T>& kept, Inputs<Op, S> in, int64_t rows,
                          int64_t stride, int64_t width) {
  kept.start(width);
  add_rows<Op, S>(kept, in, rows, stride, width);
  kept.update(width, [](auto& k, int64_t) { Op::finish(k); });
  write_rows<Op, S>(out, kept, in, rows, stride, width);
}

template <class Op, class S>
struct Columns {
  using T = Compute<S>;
  using Kept = KeptColumns<Op, T>;
  static constexpr int64_t lanes = Vec<T>::width, narrow = std::min<int64_t>(64, 8 * lanes);

  S* out;
  Inputs<Op, S> in;
  int64_t outer, n, inner;  // slices, their rows, and these rows' length
  // Threads that write neighbouring columns of a few short rows would take each other's lines: what
  // follows the lines that one writes is fetched by its core, too.
  bool tall = n > 256 || (outer == 1 && inner <= 4096 && rows_grain(n, Op::cost* inner) < n);
  // Of few rows bands that stay in cache, of many rows bands as wide as memory likes to be read.
  int64_t band = tall ? 1024 : std::clamp<int64_t>(32768 / n / 16 * 16, 128, 1024);
  int64_t bands = ceil_div(inner, band), width = std::min(inner, band);
  // Sums of a piece and of pieces are a tree: a float that has seen many additions has lost digits.
  int64_t folds = inner < narrow ? lanes : 1;
  int64_t most_rows = std::min(256 * folds, (n > 256 ? 65536 : 32768) / width);
  int64_t pieces = tall ? ceil_div(n, most_rows) : 1, piece = ceil_div(n, pieces);

  Inputs<Op, S> from(int64_t at) const {
    Inputs<Op, S> moved = in;
    for (const S*& p : moved) p += at;
    return moved;
  }

  // A piece of a band, the unit of work: `rows` by `width` elements from `at` on.
  struct Piece {
    int64_t at, rows, width, folds;
  };
  Piece piece_of(int64_t unit) const {
    const int64_t number = unit / pieces, row = unit % pieces * piece,
                  column = number % bands * band, rows = std::min(piece, n - row);
    return {(number / bands * n + row) * inner + column, rows, std::min(band, inner - column),
            rows >= folds ? folds : 1};
  }

  // What is left of a piece when it has been read as rows of `folds` rows each.
  static Piece rest_of(const Piece& p, int64_t inner) {
    const int64_t folded = p.rows / p.folds * p.folds;
    return {p.at + folded * inner, p.rows - folded, p.width, 1};
  }
  void add(const Kept& kept, Piece p) const {
    kept.start(p.width);
    if (p.folds > 1) {
      const int64_t wide = p.folds * p.width;
      Scratch scratch;
      const Kept parts(scratch, wide);
      parts.start(wide);
      add_rows<Op, S>(parts, from(p.at), p.rows / p.folds, wide, wide);
      for (int64_t part = 0; part < wide; part += p.width)
        kept.update(p.width, [&](auto& k, int64_t i) { Op::merge(k, parts.load(part + i)); });
      p = rest_of(p, inner);
    }
    add_rows<Op, S>(kept, from(p.at), p.rows, inner, p.width);
  }
  void write(const Kept& kept, Piece p) const {
    if (p.folds > 1) {
      const int64_t wide = p.folds * p.width;
      Scratch scratch;
      const Kept parts(scratch, wide);
      for (int64_t part = 0; part < wide; part += p.width)
        for (int64_t i = 0; i < p.width; i += lanes) parts.store(part + i, kept.load(i));
      write_rows<Op, S>(out + p.at, parts, from(p.at), p.rows / p.folds, wide, wide);
      p = rest_of(p, inner);
    }
    write_rows<Op, S>(out + p.at, kept, from(p.at), p.rows, inner, p.width);
  }
  void finish(const Kept& kept) const {
    kept.update(width, [](auto& k, int64_t) { Op::finish(k); });
  }

  // What is kept of all pieces of a band, gathered in the place of the first one.
  void merge_pieces(T* memory) const {
    const int64_t size = Kept::size(width);
    for (int64_t step = 1; step < pieces; step *= 2)
      for (int64_t p = 0; p + step < pieces; p += 2 * step) {
        const Kept kept(memory + p * size, width), other(memory + (p + step) * size, width);
        kept.update(width, [&](auto& k, int64_t i) { Op::merge(k, other.load(i)); });
      }
  }

  void run() const {
    const int64_t units = outer * bands * pieces, size = Kept::size(width),
                  grain = rows_grain(units, std::min(n, piece) * width * Op::cost);
    if (pieces == 1)
      return parallel_for(units, grain, [&](int64_t begin, int64_t end) {
        Scratch scratch;
        const Kept kept(scratch, width);
        for (int64_t u = begin; u < end; ++u) {
          const Piece p = piece_of(u);
          if (p.folds == 1) {
            Op::whole(out + p.at, kept, from(p.at), p.rows, inner, p.width);
          } else {
            add(kept, p);
            finish(kept);
            write(kept, p);
          }
        }
      });
    Scratch scratch;
    T* memory = scratch.take<T>(units * size);
    parallel_for(units, grain, [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) add(Kept(memory + u * size, width), piece_of(u));
    });
    parallel_for(outer * bands, ceil_div(grain, pieces), [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const Kept kept(memory + b * pieces * size, width);
        merge_pieces(memory + b * pieces * size);
        finish(kept);
      }
    });
    parallel_for(units, grain, [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u)
        write(Kept(memory + u / pieces * pieces * size, width), piece_of(u));
    });
  }
};

// ---- short slices: lanes are slices

inline constexpr int64_t short_slice = 64, slices_together = 64;

// f(kept, columns, width) with up to slices_together slices of n * inner elements transposed:
// element (r, i) of slice s stands at r * width + i * (width / inner) + s.
template <class Op, class S, class F>
static void for_short_slices(Inputs<Op, S> in, int64_t slices, int64_t n, int64_t inner, F f) {
  using T = Compute<S>;
  const int64_t stride = ceil_div(slices, Vec<T>::width) * Vec<T>::width, width = inner * stride;
  Scratch scratch;
  const KeptColumns<Op, T> kept(scratch, width);
  std::array<T*, Op::inputs> columns;
  for (int a = 0; a < Op::inputs; ++a) {
    columns[a] = scratch.take<T>(n * width);
    rows_to_columns<S>(columns[a], in[a], slices, n * inner, stride);
  }
  f(kept, columns, width);
}
template <class Op, class S>
static void short_slices(S* out, Inputs<Op, S> in, int64_t slices, int64_t n, int64_t inner) {
  for_short_slices<Op, S>(in, slices, n, inner,
                          [&](const auto& kept, const auto& columns, int64_t width) {
                            Inputs<Op, Compute<S>> from;
                            std::copy(columns.begin(), columns.end(), from.begin());
                            Op::whole(columns[0], kept, from, n, width, width);
                            columns_to_rows<S>(out, columns[0], slices, n * inner, width / inner);
                          });
}

}  // namespace izvod::kernels::IZVOD_ISA
