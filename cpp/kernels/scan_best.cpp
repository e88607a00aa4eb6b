#include <limits>

#include "kernels/scan.h"
#include "kernels/scan_rows.h"
#include "kernels/transpose.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Numbers, or the lanes of vectors, that take the place of the best so far: nan does, the last of
// equals does.
template <bool largest, class X>
auto takes_over(X x, X best) {
  if constexpr (largest)
    return (x >= best) | (x != x);
  else
    return (x <= best) | (x != x);
}
template <bool largest, class S>
constexpr S worst() {
  using Limits = std::numeric_limits<S>;
  if constexpr (Limits::has_infinity)
    return largest ? -Limits::infinity() : Limits::infinity();
  else
    return largest ? Limits::lowest() : Limits::max();
}

template <class S>
struct Best {
  S value;
  int64_t place;
};

// n elements of a row, the first of which is the k-th...
template <bool largest, class S>
void scan_one(Best<S>& best, S* values, int64_t* places, const S* from, int64_t k, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {  // without branches: nobody could predict them
    const bool takes = takes_over<largest>(from[i], best.value);
    values[i] = best.value = takes ? from[i] : best.value;
    places[i] = best.place = takes ? k + i : best.place;
  }
}
// ... or of four rows, as the lanes of a vector.
template <bool largest, class S>
void scan_four(Best<S>* bests, S* const* values, int64_t* const* places, const S* const* from,
               int64_t k, int64_t n) {
  Four<S> best;
  Four<int64_t> place;
  for (int r = 0; r < 4; ++r) best[r] = bests[r].value, place[r] = bests[r].place;
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    Four<S> x[4];
    Four<int64_t> at[4];
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) load_four(x[r], from[r] + i);
    transpose_four(x);
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      const auto takes = takes_over<largest>(x[c], best);
      x[c] = best = takes ? x[c] : best;
      at[c] = place =
          __builtin_convertvector(takes, Four<int64_t>) ? Four<int64_t>{} + (k + i + c) : place;
    }
    transpose_four(x);
    transpose_four(at);
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) store_four(values[r] + i, x[r]), store_four(places[r] + i, at[r]);
  }
  for (int r = 0; r < 4; ++r) {
    bests[r] = {best[r], place[r]};
    scan_one<largest>(bests[r], values[r] + i, places[r] + i, from[r] + i, k + i, n - i);
  }
}

// The rows of one call: n of them side by side, or `count` from end to end.
template <bool largest>
struct BestSoFar {
  const View &values, &indices, &in;
  int64_t dim;
  RowWalk<3> walk{{&values, &indices, &in}, dim};
  bool streams = walk.streams(walk.length, itemsize(values.dtype));

  Row row(const View& v, int64_t at) const { return Row(v, at, v.strides[dim]); }

  template <class S>
  void columns(std::array<int64_t, 3> at, int64_t n) const {
    alignas(64) S best[chunk], buffer[chunk];
    alignas(64) int64_t place[chunk], places[chunk];
    std::fill(best, best + n, worst<largest, S>());
    std::fill(place, place + n, 0);
    for (int64_t k = 0; k < walk.length; ++k) {
      const S* x = Row(in, at[2] + k * in.strides[dim], walk.step[2]).load(0, n, buffer);
      const Row to(values, at[0] + k * values.strides[dim], walk.step[0]),
          to_places(indices, at[1] + k * indices.strides[dim], walk.step[1]);
      S* y = to.target(0, buffer, streams);
      int64_t* p = to_places.target(0, places, streams);
      for (int64_t i = 0; i < n; ++i) {
        const bool takes = takes_over<largest>(x[i], best[i]);
        y[i] = best[i] = takes ? x[i] : best[i];
        p[i] = place[i] = takes ? k : place[i];
      }
      to.store(0, n, y, streams);
      to_places.store(0, n, p, streams);
    }
  }

  template <class S, int count>
  void rows(std::array<int64_t, 3> at) const {
    alignas(64) S buffer[count][chunk];
    alignas(64) int64_t places[count][chunk];
    Best<S> best[count];
    std::fill(best, best + count, Best<S>{worst<largest, S>(), 0});
    for (int64_t k = 0; k < walk.length; k += chunk) {
      const int64_t m = std::min(chunk, walk.length - k);
      const S* x[count];
      S* y[count];
      int64_t* p[count];
      for (int r = 0; r < count; ++r) {
        x[r] = row(in, at[2] + r * walk.step[2]).load(k, m, buffer[r]);
        y[r] = row(values, at[0] + r * walk.step[0]).target(k, buffer[r], streams);
        p[r] = row(indices, at[1] + r * walk.step[1]).target(k, places[r], streams);
      }
      if constexpr (count == 1)
        scan_one<largest>(best[0], y[0], p[0], x[0], k, m);
      else
        scan_four<largest>(best, y, p, x, k, m);
      for (int r = 0; r < count; ++r) {
        row(values, at[0] + r * walk.step[0]).store(k, m, y[r], streams);
        row(indices, at[1] + r * walk.step[1]).store(k, m, p[r], streams);
      }
    }
  }

  template <class S>
  void run() const {
    walk.run(streams, [&](auto at, int64_t n) {
      walk.template split<4>(at, n, [&](auto here, int64_t m) {
        if (walk.columns)
          columns<S>(here, m);
        else if (m == 4)
          rows<S, 4>(here);
        else
          rows<S, 1>(here);
      });
    });
  }
};

template <bool largest>
void best_so_far(const View& values, const View& indices, const View& in, int64_t dim) {
  const BestSoFar<largest> scan{values, indices, in, dim};
  switch (compute_type(in.dtype)) {
    case DType::Float32:
      return scan.template run<float>();
    case DType::Float64:
      return scan.template run<double>();
    default:
      return scan.template run<int64_t>();
  }
}

const Offer offers[] = {{kernels::cummax, best_so_far<true>},
                        {kernels::cummin, best_so_far<false>}};

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
