#include "kernels/softmax.h"

#include "base/parallel.h"
#include "kernels/log_sum_exp.h"
#include "kernels/stream.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// ---- the innermost dimension: a few rows at a time, in cache ------------------------------------

// e keeps the exponentials: y itself, unless it is of a half type.
template <class S, class T = Compute<S>>
void softmax_rows(S* y, const S* x, T* e, int64_t rows, int64_t n, Streaming& before) {
  T top[most_rows], scale[most_rows];
  for (int64_t r = 0; r < rows; ++r) top[r] = max_of_row(x + r * n, n);
  for (int64_t r = 0; r < rows; ++r)
    scale[r] = T(1) / sum_over<T, 2>(n, [&](int64_t i, int64_t k) {
                 prefetch_next(x + r * n + i, rows * n);
                 before.step();
                 const Vec<T> v = shifted_exp(load(x + r * n + i, k) - top[r]);
                 store(e + r * n + i, v, k);
                 return v;
               });
  for (int64_t r = 0; r < rows; ++r)
    for_lanes<T>(n, [&](int64_t i, int64_t k) {
      store(y + r * n + i, load(e + r * n + i, k) * scale[r], k);
    });
}
template <class S>
void softmax_rows(S* y, const S* x, int64_t rows, int64_t n, Streaming& before) {
  if constexpr (std::is_same_v<S, Compute<S>>) return softmax_rows(y, x, y, rows, n, before);
  Scratch scratch;
  softmax_rows(y, x, scratch.take<Compute<S>>(rows * n), rows, n, before);
}

template <class S, class T = Compute<S>>
void log_softmax_rows(S* y, const S* x, int64_t rows, int64_t n, Streaming& before) {
  T top[most_rows], log_total[most_rows];
  log_sum_exp(top, log_total, x, rows, n, [&](int64_t i) {
    before.step();
    __builtin_prefetch(y + i, 1);
  });
  for (int64_t r = 0; r < rows; ++r)
    for_lanes<T>(n, [&](int64_t i, int64_t k) {
      store(y + r * n + i, (load(x + r * n + i, k) - top[r]) - log_total[r], k);
    });
}

template <class S, class T = Compute<S>>
void softmax_backward_rows(S* dx, const S* g, const S* y, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, dx += n, g += n, y += n) {
    const T total =
        sum_over<T>(n, [&](int64_t i, int64_t k) { return load(g + i, k) * load(y + i, k); });
    for_lanes<T>(n, [&](int64_t i, int64_t k) {
      store(dx + i, load(y + i, k) * (load(g + i, k) - total), k);
    });
  }
}

template <class S, class T = Compute<S>>
void log_softmax_backward_rows(S* dx, const S* g, const S* y, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, dx += n, g += n, y += n) {
    const T total = sum_over<T>(n, [&](int64_t i, int64_t k) { return load(g + i, k); });
    for_lanes<T>(n, [&](int64_t i, int64_t k) {
      prefetch_next(y + i, n);
      prefetch_next(g + i, n);
      store(dx + i, load(g + i, k) - exp(load(y + i, k)) * total, k);
    });
  }
}

// ---- the ops: how they compute columns, see Note [Columns], and rows

struct Softmax : SumsOfExp {
  static constexpr int cost = 4;
  template <class T>
  static void finish(Kept<T>& kept) {
    kept[1] = T(1) / kept[1];
  }
  template <class T>
  static Vec<T> y(const Kept<T>& kept, Vec<T> x, Vec<T>) {
    return shifted_exp(x - kept[0]) * kept[1];
  }
  template <class S, class T = Compute<S>>
  static void whole(S* y, const KeptColumns<Softmax, T>& kept, Inputs<Softmax, S> in, int64_t n,
                    int64_t stride, int64_t width) {
    if constexpr (std::is_same_v<S, T>) {  // y keeps the exponentials
      sums_of_exp(kept, in[0], n, stride, width,
                  [&](int64_t at, Vec<T> e, int64_t k) { store(y + at, e, k); });
      kept.update(width, [](auto& k, int64_t) { finish(k); });
      const T* scale = kept.memory + kept.stride;
      for (int64_t r = 0; r < n; ++r)
        for_lanes<T>(width, [&](int64_t i, int64_t k) {
          store(y + r * stride + i, load(y + r * stride + i, k) * Vec<T>::load(scale + i), k);
        });
    } else {
      whole_columns<Softmax, S>(y, kept, in, n, stride, width);
    }
  }
  template <class S>
  static void rows(S* y, Inputs<Softmax, S> in, int64_t rows, int64_t n, Streaming& before) {
    softmax_rows(y, in[0], rows, n, before);
  }
};

struct LogSoftmax : SumsOfExp {
  static constexpr int cost = 4;
  template <class T>
  static void finish(Kept<T>& kept) {
    kept[1] = log(unshifted(kept[1]));
  }
  template <class T>
  static Vec<T> y(const Kept<T>& kept, Vec<T> x, Vec<T>) {
    return (x - kept[0]) - kept[1];
  }
  template <class S, class T = Compute<S>>
  static void whole(S* y, const KeptColumns<LogSoftmax, T>& kept, Inputs<LogSoftmax, S> in,
                    int64_t n, int64_t stride, int64_t width) {
    sums_of_exp(kept, in[0], n, stride, width, [](int64_t, Vec<T>, int64_t) {});
    kept.update(width, [](auto& k, int64_t) { finish(k); });
    write_rows<LogSoftmax, S>(y, kept, in, n, stride, width);
  }
  template <class S>
  static void rows(S* y, Inputs<LogSoftmax, S> in, int64_t rows, int64_t n, Streaming& before) {
    log_softmax_rows(y, in[0], rows, n, before);
  }
};

struct Sum {
  static constexpr int inputs = 2;
  static constexpr int64_t short_row = 8;
  template <class T>
  using Kept = std::array<Vec<T>, 1>;
  template <class T>
  static Kept<T> start() {
    return {T(0)};
  }
  template <class T>
  static void merge(Kept<T>& kept, const Kept<T>& other) {
    kept[0] += other[0];
  }
  template <class T>
  static void finish(Kept<T>&) {}
  template <class Op, class S, class T>
  static void whole(S* dx, const KeptColumns<Op, T>& kept, Inputs<Op, S> in, int64_t n,
                    int64_t stride, int64_t width) {
    whole_columns<Op, S>(dx, kept, in, n, stride, width);
  }
};

struct SoftmaxBackward : Sum {
  static constexpr int cost = 2;
  template <class T>
  static void add(Kept<T>& kept, const Vec<T>* g, const Vec<T>* y, int rows) {
    Vec<T> sum = T(0);
    for (int r = 0; r < rows; ++r) sum += g[r] * y[r];
    kept[0] += sum;
  }
  template <class T>
  static Vec<T> y(const Kept<T>& kept, Vec<T> g, Vec<T> y) {
    return y * (g - kept[0]);
  }
  template <class S>
  static void rows(S* dx, Inputs<SoftmaxBackward, S> in, int64_t rows, int64_t n, Streaming&) {
    softmax_backward_rows(dx, in[0], in[1], rows, n);
  }
};

struct LogSoftmaxBackward : Sum {
  static constexpr int cost = 4;
  template <class T>
  static void add(Kept<T>& kept, const Vec<T>* g, const Vec<T>*, int rows) {
    Vec<T> sum = T(0);
    for (int r = 0; r < rows; ++r) sum += g[r];
    kept[0] += sum;
  }
  template <class T>
  static Vec<T> y(const Kept<T>& kept, Vec<T> g, Vec<T> y) {
    return g - exp(y) * kept[0];
  }
  template <class S>
  static void rows(S* dx, Inputs<LogSoftmaxBackward, S> in, int64_t rows, int64_t n, Streaming&) {
    log_softmax_backward_rows(dx, in[0], in[1], rows, n);
  }
};

// ---- the loops around them

template <class Op, class S>
void slices(S* out, Inputs<Op, S> in, int64_t outer, int64_t n, int64_t inner) {
  if (outer * n * inner == 0) return;
  const Columns<Op, S> columns{out, in, outer, n, inner};
  const int64_t size = n * inner;
  if (inner > 1 && size > short_slice) return columns.run();
  // A row or two would leave most lanes of columns empty.
  const bool transposed = inner > 1 || (n <= Op::short_row && outer > 2);
  const bool streams = outer * size * int64_t(sizeof(S)) >= stream_from && size <= 16384;
  const int64_t together = transposed ? slices_together : rows_together(n);
  parallel_for(outer, rows_grain(outer, size * Op::cost), wake_for(outer * size * Op::cost),
               [&](int64_t begin, int64_t end) {
                 Scratch scratch;
                 // Results of a group, which are stored while the next one is computed.
                 S *now = nullptr, *before = nullptr;
                 if (streams)
                   now = scratch.take<S>(together * size),
                   before = scratch.take<S>(together * size);
                 Streaming storing;
                 for_groups(begin, end, together, [&](int64_t first, int64_t count) {
                   const int64_t at = first * size;
                   S* to = streams ? now : out + at;
                   if (transposed)
                     short_slices<Op, S>(to, columns.from(at), count, n, inner);
                   else
                     Op::rows(to, columns.from(at), count, n, storing);
                   if (!streams) return;
                   storing.rest();
                   storing = {out + at, now, count * size * int64_t(sizeof(S))};
                   std::swap(now, before);
                 });
                 storing.rest();
                 if (streams) stream_end();
               });
}

template <class Op>
void forward(DType dtype, void* y, const void* x, int64_t outer, int64_t n, int64_t inner) {
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    slices<Op, S>((S*)y, {(const S*)x}, outer, n, inner);
  });
}
template <class Op>
void backward(DType dtype, void* dx, const void* g, const void* y, int64_t outer, int64_t n,
              int64_t inner) {
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    slices<Op, S>((S*)dx, {(const S*)g, (const S*)y}, outer, n, inner);
  });
}

const Offer softmaxes[] = {{kernels::softmax, forward<Softmax>},
                           {kernels::log_softmax, forward<LogSoftmax>}};
const Offer backwards[] = {{kernels::softmax_backward, backward<SoftmaxBackward>},
                           {kernels::log_softmax_backward, backward<LogSoftmaxBackward>}};

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
