#include "kernels/scan.h"

#include <cstdlib>
#include <limits>

#include "base/parallel.h"
#include "kernels/copy.h"
#include "kernels/runs.h"
#include "kernels/stream.h"
#include "kernels/transpose.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

constexpr int64_t chunk = 512;

// Elements of a view that stand `stride` apart.
struct Row {
  char* data;
  DType dtype;
  int64_t stride;

  Row(const View& v, int64_t at, int64_t stride)
      : data(v.ptr<char>() + at * itemsize(v.dtype)), dtype(v.dtype), stride(stride) {}
  template <class S>
  bool holds() const {
    return stride == 1 && dtype == dtype_of<S>;
  }
  template <class S>
  S* place(int64_t k) const {
    return reinterpret_cast<S*>(data + k * stride * itemsize(dtype));
  }

  // n <= chunk elements from k on, as neighbours of type S: where they are, or in `buffer`.
  template <class S>
  const S* load(int64_t k, int64_t n, S* buffer) const {
    if (holds<S>()) return place<S>(k);
    const int64_t bytes = itemsize(dtype);
    const void* from = place<char>(k);
    alignas(64) char dense[chunk * 8];
    if (stride != 1) {
      kernels::copy_strided(static_cast<void*>(dense), int64_t(1), from, stride, n, bytes);
      from = dense;
    }
    kernels::convert(static_cast<void*>(buffer), dtype_of<S>, from, dtype, n);
    return buffer;
  }
  // Where to compute them, for `store` to write what is not in place yet.
  template <class S>
  S* target(int64_t k, S* buffer, bool streams) const {
    return holds<S>() && !streams ? place<S>(k) : buffer;
  }
  template <class S>
  void store(int64_t k, int64_t n, const S* from, bool streams = false) const {
    if (from == place<S>(k)) return;
    if (streams && holds<S>()) return stream(place<S>(k), from, n * int64_t(sizeof(S)));
    const int64_t bytes = itemsize(dtype);
    alignas(64) char dense[chunk * 8];
    void* to = stride == 1 ? place<char>(k) : dense;
    kernels::convert(to, dtype, static_cast<const void*>(from), dtype_of<S>, n);
    if (stride != 1)
      kernels::copy_strided(place<void>(k), stride, static_cast<const void*>(dense), int64_t(1), n,
                            bytes);
  }
};

// Floats are summed in double; integers wrap around.
template <class S>
using Total = std::conditional_t<std::is_integral_v<S>, uint64_t, double>;

struct Add {
  static constexpr int identity = 0;
  template <class X>
  static X combine(X a, X b) {
    return a + b;
  }
};
struct Mul {
  static constexpr int identity = 1;
  template <class X>
  static X combine(X a, X b) {
    return a * b;
  }
};

// n rows side by side, one element of each at a time...
template <class S, class Op>
void scan_columns(const View& out, const View& in, int64_t dim, std::array<int64_t, 2> at,
                  std::array<int64_t, 2> step, int64_t n, bool streams) {
  alignas(64) Total<S> totals[chunk];
  alignas(64) S buffer[chunk];
  std::fill(totals, totals + n, Total<S>(Op::identity));
  for (int64_t k = 0; k < in.sizes[dim]; ++k) {
    const Row to(out, at[0] + k * out.strides[dim], step[0]),
        from(in, at[1] + k * in.strides[dim], step[1]);
    const S* x = from.load(0, n, buffer);
    S* y = to.target(0, buffer, streams);
    for (int64_t i = 0; i < n; ++i) y[i] = S(totals[i] = Op::combine(totals[i], Total<S>(x[i])));
    to.store(0, n, y, streams);
  }
}

// ... or along rows. Each total waits for the one before it, but not for those of other rows: four
// rows go together, as the lanes of a vector.
template <class S, class Op>
void scan_one(Total<S>& total, S* to, const S* from, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = S(total = Op::combine(total, Total<S>(from[i])));
}
template <class S, class Op>
void scan_four(Total<S>* totals, S* const* to, const S* const* from, int64_t n) {
  Four<Total<S>> total;
  load_four(total, totals);
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    Four<S> x[4];
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) load_four(x[r], from[r] + i);
    transpose(x);
#pragma GCC unroll 4
    for (Four<S>& column : x) {
      total = Op::combine(total, __builtin_convertvector(column, Four<Total<S>>));
      column = __builtin_convertvector(total, Four<S>);
    }
    transpose(x);
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) store_four(to[r] + i, x[r]);
  }
  store_four(totals, total);
  for (int r = 0; r < 4; ++r) scan_one<S, Op>(totals[r], to[r] + i, from[r] + i, n - i);
}

// `step`: from row to row of out and in.
template <class S, class Op, int count>
void scan_rows(const View& out, const View& in, int64_t dim, std::array<int64_t, 2> at,
               std::array<int64_t, 2> step, bool streams) {
  alignas(64) S buffer[count][chunk];
  Total<S> totals[count];
  std::fill(totals, totals + count, Total<S>(Op::identity));
  for (int64_t k = 0; k < in.sizes[dim]; k += chunk) {
    const int64_t m = std::min(chunk, in.sizes[dim] - k);
    const S* from[count];
    S* to[count];
    for (int r = 0; r < count; ++r) {
      const Row x(in, at[1] + r * step[1], in.strides[dim]),
          y(out, at[0] + r * step[0], out.strides[dim]);
      from[r] = x.load(k, m, buffer[r]);
      to[r] = y.target(k, buffer[r], streams);
    }
    if constexpr (count == 1)
      scan_one<S, Op>(totals[0], to[0], from[0], m);
    else
      scan_four<S, Op>(totals, to, from, m);
    for (int r = 0; r < count; ++r)
      Row(out, at[0] + r * step[0], out.strides[dim]).store(k, m, to[r], streams);
  }
}

// Short rows one behind the other, which are loaded and stored as one stretch.
template <class S, class Op>
void scan_short_rows(const Row& out, const Row& in, int64_t length, int64_t rows, bool streams) {
  alignas(64) S buffer[chunk];
  const int64_t together = chunk / length;
  for (int64_t r = 0; r < rows; r += together) {
    const int64_t n = std::min(together, rows - r), at = r * length;
    const S* x = in.load(at, n * length, buffer);
    S* y = out.target(at, buffer, streams);
    int64_t i = 0;
    for (; length >= 8 && i + 4 <= n; i += 4, x += 4 * length, y += 4 * length) {
      Total<S> totals[4] = {Op::identity, Op::identity, Op::identity, Op::identity};
      const S* const from[] = {x, x + length, x + 2 * length, x + 3 * length};
      S* const to[] = {y, y + length, y + 2 * length, y + 3 * length};
      scan_four<S, Op>(totals, to, from, length);
    }
    for (; i < n; ++i, x += length, y += length) {
      Total<S> total = Op::combine(Total<S>(Op::identity), Total<S>(x[0]));
      y[0] = S(total);
      scan_one<S, Op>(total, y + 1, x + 1, length - 1);
    }
    out.store(at, n * length, y - n * length, streams);
  }
}

template <class S, class Op>
void scan(const View& out, const View& in, int64_t dim) {
  const View outs = without_dim(out, dim), ins = without_dim(in, dim);
  const Loop<2> rows({&outs, &ins});
  const std::array<int64_t, 2> step{rows.strides[0].back(), rows.strides[1].back()};
  const int64_t length = in.sizes[dim];
  const bool columns = rows.sizes.back() >= 8 && (length == 1 || std::abs(in.strides[dim]) != 1) &&
                       (step[0] == 1 || step[1] == 1);
  const bool adjacent = !columns && length <= chunk / 4 && in.strides[dim] == 1 &&
                        out.strides[dim] == 1 && step[0] == length && step[1] == length;
  const int64_t bytes = itemsize(out.dtype);
  const bool streams = rows.numel() * length * bytes >= stream_from &&
                       (adjacent || (columns ? rows.sizes.back() : length) * bytes >= 512);
  // Columns in stretches that memory delivers well; rows by fours.
  const int64_t least = columns ? 256 : 4, wanted = run_grain / std::max<int64_t>(length, 1),
                grain = std::max(least, wanted / 4 * 4);
  parallel_for(length ? rows.numel() : 0, grain, [&](int64_t begin, int64_t end) {
    for_runs(rows, begin, end, [&](auto at, int64_t n) {
      if (adjacent)
        return scan_short_rows<S, Op>(Row(out, at[0], 1), Row(in, at[1], 1), length, n, streams);
      for (int64_t i = 0, m; i < n; i += m) {
        m = columns ? std::min(chunk, n - i) : n - i < 4 ? 1 : 4;
        const std::array<int64_t, 2> here{at[0] + i * step[0], at[1] + i * step[1]};
        if (columns)
          scan_columns<S, Op>(out, in, dim, here, step, m, streams);
        else if (m == 4)
          scan_rows<S, Op, 4>(out, in, dim, here, step, streams);
        else
          scan_rows<S, Op, 1>(out, in, dim, here, step, streams);
      }
    });
    if (streams) stream_end();
  });
}

template <class Op>
void scan_any(const View& out, const View& in, int64_t dim) {
  switch (compute_type(out.dtype)) {
    case DType::Float32:
      return scan<float, Op>(out, in, dim);
    case DType::Float64:
      return scan<double, Op>(out, in, dim);
    default:
      return scan<int64_t, Op>(out, in, dim);
  }
}

template <bool largest, class T>
void best_row(const View& values, const View& indices, const View& in, int64_t dim,
              std::array<int64_t, 3> at) {
  alignas(64) T x[chunk];
  int64_t places[chunk];
  using Limits = std::numeric_limits<T>;
  T best = Limits::has_infinity ? (largest ? -Limits::infinity() : Limits::infinity())
                                : (largest ? Limits::lowest() : Limits::max());
  int64_t place = 0;
  const Row to_bests(values, at[0], values.strides[dim]),
      to_places(indices, at[1], indices.strides[dim]), from_row(in, at[2], in.strides[dim]);
  for (int64_t k = 0; k < in.sizes[dim]; k += chunk) {
    const int64_t m = std::min(chunk, in.sizes[dim] - k);
    const T* from = from_row.load(k, m, x);
    for (int64_t i = 0; i < m; ++i) {  // without branches: nobody could predict them
      const bool better = (from[i] != from[i]) | bool(largest ? from[i] >= best : from[i] <= best);
      x[i] = best = better ? from[i] : best;
      places[i] = place = better ? k + i : place;
    }
    to_bests.store(k, m, x);
    to_places.store(k, m, places);
  }
}

template <bool largest>
void best_so_far(const View& values, const View& indices, const View& in, int64_t dim) {
  const View v = without_dim(values, dim), i = without_dim(indices, dim), x = without_dim(in, dim);
  const Loop<3> rows({&v, &i, &x});
  const DType type = compute_type(in.dtype);
  const int64_t grain = std::max<int64_t>(1, run_grain / std::max<int64_t>(in.sizes[dim], 1));
  parallel_for(rows.numel(), grain, [&](int64_t begin, int64_t end) {
    for_runs(rows, begin, end, [&](auto at, int64_t n) {
      for (int64_t k = 0; k < n; ++k) {
        if (type == DType::Float32)
          best_row<largest, float>(values, indices, in, dim, at);
        else if (type == DType::Float64)
          best_row<largest, double>(values, indices, in, dim, at);
        else
          best_row<largest, int64_t>(values, indices, in, dim, at);
        for (int j = 0; j < 3; ++j) at[j] += rows.strides[j].back();
      }
    });
  });
}

void recur_row(const View& out, const View& a, const View& b, int64_t dim,
               std::array<int64_t, 3> at) {
  const Row results(out, at[0], out.strides[dim]), addends(a, at[1], a.strides[dim]),
      factors(b, at[2], b.strides[dim]);
  alignas(64) double y[chunk], buffer[chunk];
  double last = 0;
  for (int64_t k = 0; k < out.sizes[dim]; k += chunk) {
    const int64_t m = std::min(chunk, out.sizes[dim] - k), first = k == 0;
    const double* x = addends.load(k, m, y);
    const double* factor = factors.load(k + first, m - first, buffer);
    if (first) y[0] = last = x[0];
    for (int64_t i = first; i < m; ++i) y[i] = last = x[i] + factor[i - first] * last;
    results.store(k, m, y);
  }
}

void recurrence(const View& out, const View& a, const View& b, int64_t dim) {
  const View o = without_dim(out, dim), x = without_dim(a, dim), f = without_dim(b, dim);
  const Loop<3> rows({&o, &x, &f});
  const int64_t length = out.sizes[dim],
                grain = std::max<int64_t>(1, run_grain / std::max<int64_t>(length, 1));
  parallel_for(length ? rows.numel() : 0, grain, [&](int64_t begin, int64_t end) {
    for_runs(rows, begin, end, [&](auto at, int64_t n) {
      for (int64_t k = 0; k < n; ++k) {
        recur_row(out, a, b, dim, at);
        for (int j = 0; j < 3; ++j) at[j] += rows.strides[j].back();
      }
    });
  });
}

const Offer recurrence_offer(kernels::recurrence, recurrence);
const Offer offers[] = {{kernels::cumsum, scan_any<Add>}, {kernels::cumprod, scan_any<Mul>}};
const Offer indexed_offers[] = {{kernels::cummax, best_so_far<true>},
                                {kernels::cummin, best_so_far<false>}};

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
