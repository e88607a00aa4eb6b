#include "kernels/scan.h"

#include <cstdlib>
#include <limits>

#include "base/parallel.h"
#include "kernels/copy.h"
#include "kernels/runs.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

constexpr int64_t chunk = 512;

// n elements to and from dense memory of another dtype.
void load(void* to, DType type, const View& v, int64_t at, int64_t stride, int64_t n) {
  const int64_t bytes = itemsize(v.dtype);
  const void* from = static_cast<const char*>(v.data) + at * bytes;
  alignas(64) char dense[chunk * 8];
  if (stride != 1) {
    kernels::copy_strided(static_cast<void*>(dense), int64_t(1), from, stride, n, bytes);
    from = dense;
  }
  kernels::convert(to, type, from, v.dtype, n);
}
void store(const View& v, int64_t at, int64_t stride, const void* from, DType type, int64_t n) {
  const int64_t bytes = itemsize(v.dtype);
  void* to = static_cast<char*>(v.data) + at * bytes;
  alignas(64) char dense[chunk * 8];
  kernels::convert(stride == 1 ? to : dense, v.dtype, from, type, n);
  if (stride != 1)
    kernels::copy_strided(to, stride, static_cast<const void*>(dense), int64_t(1), n, bytes);
}

// Floats are summed in double, integers in int64.
DType total_type(DType t) { return is_floating(t) ? DType::Float64 : DType::Int64; }

template <class T>
struct Add {
  static constexpr T identity = 0;
  static T combine(T a, T b) { return a + b; }
};
template <class T>
struct Mul {
  static constexpr T identity = 1;
  static T combine(T a, T b) { return a * b; }
};
// Integers wrap around.
template <>
struct Add<int64_t> {
  static constexpr int64_t identity = 0;
  static int64_t combine(int64_t a, int64_t b) { return int64_t(uint64_t(a) + uint64_t(b)); }
};
template <>
struct Mul<int64_t> {
  static constexpr int64_t identity = 1;
  static int64_t combine(int64_t a, int64_t b) { return int64_t(uint64_t(a) * uint64_t(b)); }
};

// n rows side by side, one element of each at a time...
template <class T, class Op>
void scan_columns(const View& out, const View& in, int64_t dim, std::array<int64_t, 2> at,
                  int64_t stride_out, int64_t stride_in, int64_t n) {
  alignas(64) T totals[chunk], row[chunk];
  std::fill(totals, totals + n, Op::identity);
  for (int64_t k = 0; k < in.sizes[dim]; ++k) {
    load(row, dtype_of<T>, in, at[1] + k * in.strides[dim], stride_in, n);
    for (int64_t i = 0; i < n; ++i) totals[i] = Op::combine(totals[i], row[i]);
    store(out, at[0] + k * out.strides[dim], stride_out, totals, dtype_of<T>, n);
  }
}

// ... or whole rows, `count` of them at a time: each sum waits for the one before it, but not for
// those of other rows. `step`: from row to row of out and in.
template <class T, class Op, int count>
void scan_rows(const View& out, const View& in, int64_t dim, std::array<int64_t, 2> at,
               std::array<int64_t, 2> step) {
  alignas(64) T x[count][chunk];
  T totals[count];
  std::fill(totals, totals + count, Op::identity);
  for (int64_t k = 0; k < in.sizes[dim]; k += chunk) {
    const int64_t m = std::min(chunk, in.sizes[dim] - k);
    for (int r = 0; r < count; ++r)
      load(x[r], dtype_of<T>, in, at[1] + r * step[1] + k * in.strides[dim], in.strides[dim], m);
    for (int64_t i = 0; i < m; ++i)
      for (int r = 0; r < count; ++r) x[r][i] = totals[r] = Op::combine(totals[r], x[r][i]);
    for (int r = 0; r < count; ++r)
      store(out, at[0] + r * step[0] + k * out.strides[dim], out.strides[dim], x[r], dtype_of<T>,
            m);
  }
}

// Short rows one behind the other, which are loaded and stored as one stretch.
template <class T, class Op>
void scan_short_rows(const View& out, const View& in, std::array<int64_t, 2> at, int64_t length,
                     int64_t rows) {
  alignas(64) T x[chunk];
  const int64_t together = chunk / length;
  for (int64_t r = 0; r < rows; r += together) {
    const int64_t n = std::min(together, rows - r) * length;
    load(x, dtype_of<T>, in, at[1] + r * length, 1, n);
    for (T* row = x; row < x + n; row += length)
      for (int64_t i = 1; i < length; ++i) row[i] = Op::combine(row[i - 1], row[i]);
    store(out, at[0] + r * length, 1, x, dtype_of<T>, n);
  }
}

template <class T, class Op>
void scan(const View& out, const View& in, int64_t dim) {
  const View outs = without_dim(out, dim), ins = without_dim(in, dim);
  const Loop<2> rows({&outs, &ins});
  const int64_t so = rows.strides[0].back(), si = rows.strides[1].back(), length = in.sizes[dim];
  const bool columns =
      rows.sizes.back() >= 8 && std::abs(in.strides[dim]) != 1 && (so == 1 || si == 1);
  const bool adjacent = length <= chunk / 4 && in.strides[dim] == 1 && out.strides[dim] == 1 &&
                        si == length && so == length;
  const int64_t grain =
      std::max<int64_t>(columns ? 64 : 1, run_grain / std::max<int64_t>(length, 1));
  parallel_for(length ? rows.numel() : 0, grain, [&](int64_t begin, int64_t end) {
    for_runs(rows, begin, end, [&](auto at, int64_t n) {
      constexpr int together = 4;
      if (adjacent) return scan_short_rows<T, Op>(out, in, at, length, n);
      for (int64_t i = 0, step; i < n; i += step) {
        const std::array<int64_t, 2> here{at[0] + i * so, at[1] + i * si};
        step = columns ? chunk : n - i < together ? 1 : together;
        if (columns)
          scan_columns<T, Op>(out, in, dim, here, so, si, std::min(chunk, n - i));
        else if (step == 1)
          scan_rows<T, Op, 1>(out, in, dim, here, {so, si});
        else
          scan_rows<T, Op, together>(out, in, dim, here, {so, si});
      }
    });
  });
}

template <template <class> class Op>
void scan_any(const View& out, const View& in, int64_t dim) {
  if (total_type(out.dtype) == DType::Float64)
    scan<double, Op<double>>(out, in, dim);
  else
    scan<int64_t, Op<int64_t>>(out, in, dim);
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
  for (int64_t k = 0; k < in.sizes[dim]; k += chunk) {
    const int64_t m = std::min(chunk, in.sizes[dim] - k);
    load(x, dtype_of<T>, in, at[2] + k * in.strides[dim], in.strides[dim], m);
    for (int64_t i = 0; i < m; ++i) {  // without branches: nobody could predict them
      const bool better = (x[i] != x[i]) | bool(largest ? x[i] >= best : x[i] <= best);
      x[i] = best = better ? x[i] : best;
      places[i] = place = better ? k + i : place;
    }
    store(values, at[0] + k * values.strides[dim], values.strides[dim], x, dtype_of<T>, m);
    store(indices, at[1] + k * indices.strides[dim], indices.strides[dim], places, DType::Int64, m);
  }
}

template <bool largest>
void best_so_far(const View& values, const View& indices, const View& in, int64_t dim) {
  const View v = without_dim(values, dim), i = without_dim(indices, dim), x = without_dim(in, dim);
  const Loop<3> rows({&v, &i, &x});
  const bool floating = is_floating(in.dtype);
  const int64_t grain = std::max<int64_t>(1, run_grain / std::max<int64_t>(in.sizes[dim], 1));
  parallel_for(rows.numel(), grain, [&](int64_t begin, int64_t end) {
    for_runs(rows, begin, end, [&](auto at, int64_t n) {
      for (int64_t k = 0; k < n; ++k) {
        if (floating)
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
  alignas(64) double x[chunk], factor[chunk];
  double last = 0;
  factor[0] = 0;
  for (int64_t k = 0; k < out.sizes[dim]; k += chunk) {
    const int64_t m = std::min(chunk, out.sizes[dim] - k), skip = k == 0;
    load(x, DType::Float64, a, at[1] + k * a.strides[dim], a.strides[dim], m);
    load(factor + skip, DType::Float64, b, at[2] + (k + skip) * b.strides[dim], b.strides[dim],
         m - skip);
    for (int64_t i = 0; i < m; ++i) x[i] = last = x[i] + factor[i] * last;
    store(out, at[0] + k * out.strides[dim], out.strides[dim], x, DType::Float64, m);
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
