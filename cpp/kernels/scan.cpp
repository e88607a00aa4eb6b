#include "kernels/scan.h"

#include "kernels/scan_rows.h"
#include "kernels/transpose.h"
#include "kernels/vec_math.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

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

inline constexpr int few_columns = 7;

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
    to.store(0, n, y, streams, from.after(x, in.strides[dim], n));
  }
}

// (a few that stand where they are keep their totals in registers)
template <class S, class Op, int n>
void scan_few(S* y, int64_t y_step, const S* x, int64_t x_step, int64_t length) {
  Total<S> totals[n];
  for (auto& total : totals) total = Op::identity;
  for (int64_t k = 0; k < length; ++k, y += y_step, x += x_step)
#pragma GCC unroll 8
    for (int i = 0; i < n; ++i) y[i] = S(totals[i] = Op::combine(totals[i], Total<S>(x[i])));
}
template <class S, class Op, int most = few_columns>
void scan_few(const View& out, const View& in, int64_t dim, std::array<int64_t, 2> at, int64_t n) {
  if constexpr (most > 1)
    if (n < most) return scan_few<S, Op, most - 1>(out, in, dim, at, n);
  scan_few<S, Op, most>(out.ptr<S>() + at[0], out.strides[dim], in.ptr<const S>() + at[1],
                        in.strides[dim], in.sizes[dim]);
}

// ... or along rows. Each total waits for the one before it, unless the lanes of a vector are
// combined first, in three steps, with the one before, the two before and the four before: a third
// of the time where there are eight lanes, and half of what eight rows together take, which have to
// be transposed there and back. Sums of doubles would be rounded in another order.
template <class S, class Op>
inline constexpr bool scans_lanes =
    Vec<double>::width == 8 &&
    (std::is_same_v<S, float> || (std::is_integral_v<S> && std::is_same_v<Op, Add>));

// x combined with the lanes `step` before.
template <class Op, int step, class T>
Vec<T> combine_before(Vec<T> x) {
  constexpr int width = Vec<T>::width;
  if constexpr (step < width) {
    const Vec<T> first = T(Op::identity);
    const Vec<T> before = [&]<int... lane>(std::integer_sequence<int, lane...>) {
      return Vec<T>(__builtin_shufflevector(first.v, x.v, (lane + width - step)...));
    }(std::make_integer_sequence<int, width>{});
    return combine_before<Op, 2 * step>(Op::combine(x, before));
  } else {
    return x;
  }
}
template <class T>
Vec<T> last_lane(Vec<T> x) {
  constexpr int width = Vec<T>::width;
  return [&]<int... lane>(std::integer_sequence<int, lane...>) {
    return Vec<T>(__builtin_shufflevector(x.v, x.v, (lane * 0 + width - 1)...));
  }(std::make_integer_sequence<int, width>{});
}
// The lanes of `x` moved up by one, after the last lane of `before`.
template <class T>
Vec<T> shift_in(Vec<T> before, Vec<T> x) {
  constexpr int width = Vec<T>::width;
  return [&]<int... lane>(std::integer_sequence<int, lane...>) {
    return Vec<T>(__builtin_shufflevector(before.v, x.v, (lane + width - 1)...));
  }(std::make_integer_sequence<int, width>{});
}
// Even lanes first, then odd ones; and back.
inline Vec<float> unzip(Vec<float> x) {
  constexpr int width = Vec<float>::width;
  return [&]<int... lane>(std::integer_sequence<int, lane...>) {
    return Vec<float>(__builtin_shufflevector(x.v, x.v, (lane * 2 % width + lane * 2 / width)...));
  }(std::make_integer_sequence<int, width>{});
}
inline Vec<float> zip(Vec<float> x) {
  constexpr int width = Vec<float>::width;
  return [&]<int... lane>(std::integer_sequence<int, lane...>) {
    return Vec<float>(__builtin_shufflevector(x.v, x.v, (lane / 2 + lane % 2 * width / 2)...));
  }(std::make_integer_sequence<int, width>{});
}
// The scan of x after `total`, which moves on. Pairs are scanned, which gives the results of odd
// lanes; those of even ones follow from the odd ones before.
template <class Op>
Vec<float> scan_lanes(Vec<double>& total, Vec<float> x) {
  const Vec<float> apart = unzip(x);
  const Vec<double> even = widen<0>(apart), pairs = Op::combine(even, widen<1>(apart));
  const Vec<double> odd = Op::combine(total, combine_before<Op, 1>(pairs));
  const Vec<float> y = zip(narrow(Op::combine(shift_in(total, odd), even), odd));
  total = last_lane(odd);
  return y;
}
template <class Op>
Vec<int64_t> scan_lanes(Vec<uint64_t>& total, Vec<int64_t> x) {
  const Vec<uint64_t> scanned = combine_before<Op, 1>(bits_as<uint64_t>(x));
  const auto y = bits_as<int64_t>(Op::combine(total, scanned));
  total = Op::combine(total, last_lane(scanned));
  return y;
}

template <class S, class Op>
void scan_one(Total<S>& total, S* to, const S* from, int64_t n) {
  if constexpr (scans_lanes<S, Op>) {
    Vec<Total<S>> totals = total;
    int64_t i = 0;
    for (; i + Vec<S>::width <= n; i += Vec<S>::width)
      scan_lanes<Op>(totals, Vec<S>::load(from + i)).store(to + i);
    if (i < n) scan_lanes<Op>(totals, Vec<S>::load(from + i, n - i)).store(to + i, n - i);
    total = totals[0];  // a short vector is the last one of its row
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = S(total = Op::combine(total, Total<S>(from[i])));
  }
}

// Without that rows go together, as the lanes of vectors: `groups` of four, whose additions need
// not wait for each other's.
template <class S, class Op, int groups>
void scan_fours(Total<S>* totals, S* const* to, const S* const* from, int64_t n) {
  Four<Total<S>> total[groups];
  for (int g = 0; g < groups; ++g) load_four(total[g], totals + 4 * g);
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    Four<S> x[groups][4];
#pragma GCC unroll 4
    for (int g = 0; g < groups; ++g) {
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) load_four(x[g][r], from[4 * g + r] + i);
      transpose_four(x[g]);
#pragma GCC unroll 4
      for (Four<S>& column : x[g]) {
        total[g] = Op::combine(total[g], __builtin_convertvector(column, Four<Total<S>>));
        column = __builtin_convertvector(total[g], Four<S>);
      }
      transpose_four(x[g]);
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) store_four(to[4 * g + r] + i, x[g][r]);
    }
  }
  for (int g = 0; g < groups; ++g) store_four(totals + 4 * g, total[g]);
  for (int r = 0; r < 4 * groups; ++r)
    for (int64_t k = i; k < n; ++k)
      to[r][k] = S(totals[r] = Op::combine(totals[r], Total<S>(from[r][k])));
}

// `step`: from row to row of out and in.
template <class S, class Op, int count>
void scan_rows(const View& out, const View& in, int64_t dim, std::array<int64_t, 2> at,
               std::array<int64_t, 2> step, bool streams) {
  alignas(64) S buffer[count][chunk];
  Total<S> totals[count];
  std::fill(totals, totals + count, Total<S>(Op::identity));
  const int64_t piece = streams && count == 1 ? stream_piece / int64_t(sizeof(S)) : chunk;
  for (int64_t k = 0; k < in.sizes[dim]; k += piece) {
    const int64_t m = std::min(piece, in.sizes[dim] - k);
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
      scan_fours<S, Op, count / 4>(totals, to, from, m);
    // The pieces of several rows that come next would not fit into L1 beside these.
    const Next next = count == 1 ? Row(in, at[1], in.strides[dim]).after(from[0], m, m) : Next{};
    for (int r = 0; r < count; ++r)
      Row(out, at[0] + r * step[0], out.strides[dim]).store(k, m, to[r], streams, next);
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
    for (; length < 8 && i < n; ++i) {  // the rows after this one are under way meanwhile
      Total<S> total = Op::identity;
      for (int64_t k = 0; k < length; ++k) *y++ = S(total = Op::combine(total, Total<S>(*x++)));
    }
    if constexpr (scans_lanes<S, Op>) {
      for (; i < n; ++i, x += length, y += length) {
        Total<S> total = Op::identity;
        scan_one<S, Op>(total, y, x, length);
      }
    } else {
      const auto adjacent = [&]<int rows>(std::integral_constant<int, rows>) {
        for (; i + rows <= n; i += rows, x += rows * length, y += rows * length) {
          Total<S> totals[rows];
          const S* from[rows];
          S* to[rows];
          for (int r = 0; r < rows; ++r)
            totals[r] = Op::identity, from[r] = x + r * length, to[r] = y + r * length;
          scan_fours<S, Op, rows / 4>(totals, to, from, length);
        }
      };
      adjacent(std::integral_constant<int, 8>());
      adjacent(std::integral_constant<int, 4>());
      for (; i < n; ++i, x += length, y += length) {
        Total<S> total = Op::combine(Total<S>(Op::identity), Total<S>(x[0]));
        y[0] = S(total);
        scan_one<S, Op>(total, y + 1, x + 1, length - 1);
      }
    }
    out.store(at, n * length, y - n * length, streams);
  }
}

template <class S, class Op>
void scan(const View& out, const View& in, int64_t dim) {
  const RowWalk<2> walk({&out, &in}, dim);
  const int64_t length = in.sizes[dim];
  const bool adjacent = !walk.columns && length <= chunk / 4 && in.strides[dim] == 1 &&
                        out.strides[dim] == 1 && walk.step[0] == length && walk.step[1] == length;
  const bool few = !walk.columns && out.strides[dim] != 1 && in.strides[dim] != 1 &&
                   walk.rows.sizes.back() <= few_columns && walk.step[0] == 1 &&
                   walk.step[1] == 1 && out.dtype == dtype_of<S> && in.dtype == dtype_of<S>;
  const bool streams = !few && walk.streams(adjacent ? chunk : length, itemsize(out.dtype));
  walk.run(streams, [&](auto at, int64_t n) {
    if (adjacent)
      return scan_short_rows<S, Op>(Row(out, at[0], 1), Row(in, at[1], 1), length, n, streams);
    if (few) return scan_few<S, Op>(out, in, dim, at, n);
    walk.template split<scans_lanes<S, Op> ? 1 : 8>(at, n, [&](auto here, int64_t m) {
      if (walk.columns)
        scan_columns<S, Op>(out, in, dim, here, walk.step, m, streams);
      else if constexpr (scans_lanes<S, Op>)
        scan_rows<S, Op, 1>(out, in, dim, here, walk.step, streams);
      else if (m == 8)
        scan_rows<S, Op, 8>(out, in, dim, here, walk.step, streams);
      else if (m == 4)
        scan_rows<S, Op, 4>(out, in, dim, here, walk.step, streams);
      else
        scan_rows<S, Op, 1>(out, in, dim, here, walk.step, streams);
    });
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

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
