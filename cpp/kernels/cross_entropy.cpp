#include "kernels/cross_entropy.h"

#include "base/parallel.h"
#include "kernels/log_sum_exp.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

int64_t first_bad_target(const int64_t* targets, int64_t n, int64_t classes, int64_t ignore_index) {
  for (int64_t i = 0; i < n; ++i)
    if ((targets[i] < 0 || targets[i] >= classes) && targets[i] != ignore_index) return i;
  return -1;
}

// add(i, sums) for the rows of [0, n) in order, the sums in double. first(begin, end) comes before
// the rows of a block. cost: of a row, see rows_grain.
template <class First, class Add>
LossSums sum_losses(int64_t n, int64_t cost, First first, Add add) {
  const int64_t grain = rows_grain(n, cost), blocks = ceil_div(n, grain);
  Scratch scratch;
  LossSums* partial = scratch.take<LossSums>(blocks);
  parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    LossSums s{0, 0};
    first(begin, end);
    for (int64_t i = begin; i < end; ++i) add(i, s);
    partial[begin / grain] = s;
  });
  LossSums total{0, 0};
  for (int64_t b = 0; b < blocks; ++b) {
    total.loss += partial[b].loss;
    total.weight += partial[b].weight;
  }
  return total;
}

// ---- cross entropy

template <class S>
struct Rows {
  using T = Compute<S>;
  using V = Vec<T>;
  const CrossEntropy& p;
  const S* weight = static_cast<const S*>(p.weight);
  int64_t n = p.classes;
  T weight_sum =
      !weight ? T(n) : sum_over<T>(n, [&](int64_t i, int64_t k) { return load(weight + i, k); });

  const S* logits(int64_t r) const { return static_cast<const S*>(p.logits) + r * n; }
  T weight_of(int64_t r) const { return weight ? T(weight[p.targets[r]]) : T(1); }
  bool ignored(int64_t r) const { return p.targets[r] == p.ignore_index; }

  // state: (rows, 2), of all rows.
  void find_states(int64_t begin, int64_t end, T* state) const {
    for_groups(begin, end, rows_together(n), [&](int64_t first, int64_t count) {
      T top[most_rows], log_total[most_rows];
      log_sum_exp(top, log_total, logits(first), count, n, [](int64_t) {});
      for (int64_t i = 0; i < count; ++i) {
        state[2 * (first + i)] = top[i];
        state[2 * (first + i) + 1] = log_total[i];
      }
    });
  }

  // sum over c of weight[c] * -log p[c]
  T smooth_loss(int64_t r, const T* state) const {
    const S* x = logits(r);
    return sum_over<T>(n, [&](int64_t i, int64_t k) {
      const V minus_log = state[1] - (load(x + i, k) - state[0]);
      return weight ? minus_log * load(weight + i, k) : minus_log;
    });
  }

  void add_loss(int64_t r, S* loss, const T* state, LossSums& sums) const {
    T l = 0, w = 0;
    if (!ignored(r)) {
      const T s = T(p.smoothing);
      w = weight_of(r);
      l = w * (state[1] - (T(logits(r)[p.targets[r]]) - state[0]));
      if (s != 0) l = (1 - s) * l + s / T(n) * smooth_loss(r, state);
    }
    if (loss) loss[r] = S(l);
    sums.loss += double(l);
    sums.weight += double(w);
  }

  // d loss / d x[c] = ((1 - s) * w + s / n * sum(weight)) * p[c] - s / n * weight[c] - (1 - s) * w
  // * [c == t]
  void backward(int64_t r, S* dx, T g, const T* state) const {
    if (ignored(r)) return std::fill(dx, dx + n, S(T(0)));
    const S* x = logits(r);
    const T s = T(p.smoothing), spread = g * (s / T(n)), at_target = g * (1 - s) * weight_of(r);
    const T scale = at_target + spread * weight_sum;
    const int64_t t = p.targets[r];
    const auto shifted = [&](int64_t i, int64_t k) {
      return (load(x + i, k) - state[0]) - state[1];
    };
    const T target_value =
        scale * exp(shifted(t, 1))[0] - at_target - spread * (weight ? T(weight[t]) : T(1));
    if (s == 0) {
      for_lanes<T>(n, [&](int64_t i, int64_t k) { store(dx + i, exp(shifted(i, k)) * scale, k); });
    } else {
      for_lanes<T>(n, [&](int64_t i, int64_t k) {
        const V even = weight ? load(weight + i, k) * spread : V(spread);
        store(dx + i, exp(shifted(i, k)) * scale - even, k);
      });
    }
    dx[t] = S(target_value);
  }
};

int64_t cross_entropy(const CrossEntropy* problem, void* loss, void* state, LossSums* sums) {
  const int64_t bad =
      first_bad_target(problem->targets, problem->rows, problem->classes, problem->ignore_index);
  if (bad >= 0) return bad;
  visit_floating(problem->dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    const Rows<S> rows{*problem};
    auto* states = (Compute<S>*)state;
    *sums = sum_losses(
        problem->rows, problem->classes * 4,
        [&](int64_t begin, int64_t end) { rows.find_states(begin, end, states); },
        [&](int64_t r, LossSums& sums) { rows.add_loss(r, (S*)loss, states + 2 * r, sums); });
  });
  return -1;
}

void cross_entropy_backward(const CrossEntropy* problem, void* dlogits, const void* g,
                            int64_t g_stride, double factor, const void* state) {
  visit_floating(problem->dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    using T = Compute<S>;
    const Rows<S> rows{*problem};
    parallel_for(problem->rows, rows_grain(problem->rows, problem->classes * 4),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t r = begin; r < end; ++r) {
                     const T scale = T(((const S*)g)[r * g_stride]) * T(factor);
                     rows.backward(r, (S*)dlogits + r * problem->classes, scale,
                                   (const T*)state + 2 * r);
                   }
                 });
  });
}

// ---- negative log likelihood

int64_t nll_loss(const NllLoss* p, void* loss, const void* x, LossSums* sums) {
  const int64_t n = p->outer * p->inner,
                bad = first_bad_target(p->targets, n, p->classes, p->ignore_index);
  if (bad >= 0) return bad;
  visit_floating(p->dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    using T = Compute<S>;
    const auto nothing = [](int64_t, int64_t) {};
    *sums = sum_losses(n, 8, nothing, [&](int64_t i, LossSums& sums) {
      const int64_t target = p->targets[i];
      const bool ignored = target == p->ignore_index;
      const T w = ignored ? T(0) : p->weight ? T(((const S*)p->weight)[target]) : T(1);
      const int64_t at = (i / p->inner * p->classes + target) * p->inner + i % p->inner;
      const T l = ignored ? T(0) : -w * T(((const S*)x)[at]);
      if (loss) ((S*)loss)[i] = S(l);
      sums.loss += double(l);
      sums.weight += double(w);
    });
  });
  return -1;
}

void nll_loss_backward(const NllLoss* p, void* dx, const void* g, int64_t g_stride, double factor) {
  visit_floating(p->dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    using T = Compute<S>;
    const int64_t slab =
        p->classes * p->inner;  // of one index of `outer`: cleared, then one element per target
    parallel_for(p->outer, rows_grain(p->outer, slab), [&](int64_t begin, int64_t end) {
      std::fill((S*)dx + begin * slab, (S*)dx + end * slab, S(T(0)));
      for (int64_t i = begin * p->inner; i < end * p->inner; ++i) {
        const int64_t target = p->targets[i];
        if (target == p->ignore_index) continue;
        const T w = p->weight ? T(((const S*)p->weight)[target]) : T(1);
        const int64_t at = (i / p->inner * p->classes + target) * p->inner + i % p->inner;
        ((S*)dx)[at] = S(-w * T(((const S*)g)[i * g_stride]) * T(factor));
      }
    });
  });
}

const Offer forward_offer(kernels::cross_entropy, cross_entropy);
const Offer backward_offer(kernels::cross_entropy_backward, cross_entropy_backward);
const Offer nll_offer(kernels::nll_loss, nll_loss);
const Offer nll_backward_offer(kernels::nll_loss_backward, nll_loss_backward);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
