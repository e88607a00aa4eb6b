#include "kernels/optimizers.h"

#include <cmath>

#include "base/parallel.h"
#include "kernels/rows.h"
#include "kernels/vec_math.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Elements of all slots, one after another, are cut into blocks of this size.
constexpr int64_t block = 16384;

// f(slot, begin, end) for stretches that together cover all slots; one parallel_for for all of
// them.
template <class AnySlot, class F>
void for_all(const AnySlot* slots, int64_t count, F f) {
  Scratch scratch;
  int64_t* start = scratch.take<int64_t>(count + 1);
  start[0] = 0;
  for (int64_t s = 0; s < count; ++s) start[s + 1] = start[s] + slots[s].n;
  parallel_for(start[count], block, [&](int64_t begin, int64_t end) {
    for (int64_t s = std::upper_bound(start, start + count + 1, begin) - start - 1;
         s < count && start[s] < end; ++s) {
      const int64_t from = std::max(begin, start[s]) - start[s],
                    to = std::min(end, start[s + 1]) - start[s];
      if (from < to) f(slots[s], from, to);
    }
  });
}

// Where bits differ. Memory that would not change is not written; see Note [Lazy zeros].
template <class T, class Bits = typename Vec<T>::Int>
Mask<Bits> changed(Vec<T> old, Vec<T> now) {
  return bits_as<Bits>(old) != bits_as<Bits>(now);
}

// ---- sgd

template <class S, class T = Compute<S>>
void sgd_range(const ParamSlot& slot, int64_t begin, int64_t end, const SgdOptions& o) {
  S *param = (S*)slot.param, *buffer = (S*)slot.state[0];
  const S* grad = (const S*)slot.grad;
  const T lr = T(o.lr), momentum = T(o.momentum), keep = T(1 - o.dampening),
          decay = T(o.weight_decay);
  const T sign = o.maximize ? T(-1) : T(1);
  for_lanes<T>(end - begin, [&](int64_t i, int64_t k) {
    i += begin;
    const Vec<T> p = load(param + i, k);
    Vec<T> d = load(grad + i, k) * sign;
    if (decay != 0) d = d + p * decay;
    if (momentum != 0) {
      const Vec<T> b = slot.first ? d : load(buffer + i, k) * momentum + d * keep;
      store(buffer + i, b, k);
      d = o.nesterov ? d + b * momentum : b;
    }
    store(param + i, p - d * lr, k);
  });
}

void sgd_step(const ParamSlot* slots, int64_t count, const SgdOptions* options) {
  for_all(slots, count, [&](const ParamSlot& slot, int64_t begin, int64_t end) {
    visit_floating(slot.dtype, [&](auto t) {
      sgd_range<typename decltype(t)::type>(slot, begin, end, *options);
    });
  });
}

// ---- adam

template <class S, class T = Compute<S>>
void adam_range(const ParamSlot& slot, int64_t begin, int64_t end, const AdamOptions& o) {
  S *param = (S*)slot.param, *first = (S*)slot.state[0], *second = (S*)slot.state[1],
    *largest = (S*)slot.state[2];
  const S* grad = (const S*)slot.grad;
  const double correction1 = 1 - std::pow(o.beta1, slot.step),
               correction2 = 1 - std::pow(o.beta2, slot.step);
  const T step_size = T(o.lr / correction1), root_correction = T(std::sqrt(correction2)),
          eps = T(o.eps);
  const T move = T(1 - o.beta1), beta2 = T(o.beta2), rest2 = T(1 - o.beta2);
  const T shrink = T(o.decoupled ? 1 - o.lr * o.weight_decay : 1),
          decay = T(o.decoupled ? 0 : o.weight_decay);
  const T sign = o.maximize ? T(-1) : T(1);
  for_lanes<T>(end - begin, [&](int64_t i, int64_t k) {
    i += begin;
    const Vec<T> p = load(param + i, k) * shrink;
    const Vec<T> g = load(grad + i, k) * sign + (decay != 0 ? p * decay : Vec<T>(T(0)));
    const Vec<T> m0 = load(first + i, k);
    const Vec<T> m = move < T(0.5) ? m0 + (g - m0) * move : g - (g - m0) * (T(1) - move);
    const Vec<T> v0 = load(second + i, k);
    Vec<T> v = v0 * beta2 + g * g * rest2;
    if (any(changed(m0, m) | changed(v0, v))) {
      store(first + i, m, k);
      store(second + i, v, k);
    }
    if (o.amsgrad) {
      const Vec<T> largest0 = load(largest + i, k);
      v = nan_max(largest0, v);
      if (any(changed(largest0, v))) store(largest + i, v, k);
    }
    store(param + i, p - m / (sqrt(v) / root_correction + eps) * step_size, k);
  });
}

void adam_step(const ParamSlot* slots, int64_t count, const AdamOptions* options) {
  for_all(slots, count, [&](const ParamSlot& slot, int64_t begin, int64_t end) {
    visit_floating(slot.dtype, [&](auto t) {
      adam_range<typename decltype(t)::type>(slot, begin, end, *options);
    });
  });
}

// ---- norms and scaling

template <class S>
double sum_squares(const S* x, int64_t n) {
  constexpr int lanes = 16;
  double sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int k = 0; k < lanes; ++k)
      sums[k] += double(Compute<S>(x[i + k])) * double(Compute<S>(x[i + k]));
  for (int k = 0; i + k < n; ++k)
    sums[k] += double(Compute<S>(x[i + k])) * double(Compute<S>(x[i + k]));
  for (int step = lanes / 2; step; step /= 2)
    for (int k = 0; k < step; ++k) sums[k] += sums[k + step];
  return sums[0];
}

// Each slot is cut from its own beginning, so that its sum does not depend on its neighbours.
void foreach_sum_squares(const Slot* slots, int64_t count, double* squares) {
  struct Piece {
    int64_t slot, begin;
    double sum;
  };
  Scratch scratch;
  int64_t n = 0;
  for (int64_t s = 0; s < count; ++s) n += ceil_div(slots[s].n, block);
  Piece* pieces = scratch.take<Piece>(n);
  n = 0;
  for (int64_t s = 0; s < count; ++s)
    for (int64_t begin = 0; begin < slots[s].n; begin += block) pieces[n++] = {s, begin, 0};
  parallel_for(n, 4, [&](int64_t begin, int64_t end) {
    for (Piece* p = pieces + begin; p < pieces + end; ++p) {
      const Slot& slot = slots[p->slot];
      visit_floating(slot.dtype, [&](auto t) {
        using S = typename decltype(t)::type;
        p->sum = sum_squares((const S*)slot.data + p->begin, std::min(block, slot.n - p->begin));
      });
    }
  });
  std::fill(squares, squares + count, 0.0);
  for (int64_t i = 0; i < n; ++i) squares[pieces[i].slot] += pieces[i].sum;
}

void foreach_scale(const Slot* slots, int64_t count, double factor) {
  for_all(slots, count, [&](const Slot& slot, int64_t begin, int64_t end) {
    visit_floating(slot.dtype, [&](auto t) {
      using S = typename decltype(t)::type;
      using T = Compute<S>;
      S* x = (S*)slot.data + begin;
      for_lanes<T>(end - begin, [&](int64_t i, int64_t k) {
        const Vec<T> old = load(x + i, k), scaled = old * T(factor);
        if (any(changed(old, scaled))) store(x + i, scaled, k);
      });
    });
  });
}

const Offer sgd_offer(kernels::sgd_step, sgd_step);
const Offer adam_offer(kernels::adam_step, adam_step);
const Offer norm_offer(kernels::foreach_sum_squares, foreach_sum_squares);
const Offer scale_offer(kernels::foreach_scale, foreach_scale);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
