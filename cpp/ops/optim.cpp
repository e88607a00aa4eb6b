#include "ops/optim.h"

#include <algorithm>
#include <cmath>

#include "ops/copy.h"
#include "ops/joining.h"
#include "ops/reduction.h"

namespace izvod {
namespace {

// Tensors as neighbouring elements in one common order, for kernels that go through memory.
class Flat {
 public:
  // Memory to be changed: x itself, or a copy that finish() writes back.
  void* changed(const Tensor& x, const Tensor& like) {
    const Tensor flat = flattened(x, like);
    changed_.push_back(x);
    if (!flat.is(x)) copies_.push_back({x, flat});
    return flat.data<void>();
  }
  const void* read(const Tensor& x, const Tensor& like) {
    const Tensor flat = flattened(x, like);
    if (!flat.is(x)) kept_.push_back(flat);
    return flat.data<void>();
  }
  void finish() {
    for (const auto& [x, copy] : copies_) write_values(x, copy);
    for (const Tensor& x : changed_) x.bump_version();
  }

 private:
  // x in the order of the memory of `like`: of its strides if it has no gaps, else row-major.
  static Tensor flattened(const Tensor& x, const Tensor& like) {
    check(x.sizes() == like.sizes(), "optimizer step: a tensor of shape ", x.sizes(),
          " belongs to a parameter of shape ", like.sizes());
    if (x.dtype() == like.dtype() && x.is_contiguous() && like.is_contiguous()) return x;
    const Tensor flat = empty_like(like);
    if (x.dtype() == like.dtype() && x.strides() == flat.strides()) return x;
    write_values(flat, x);
    return flat;
  }
  std::vector<Tensor> changed_, kept_;
  std::vector<std::pair<Tensor, Tensor>> copies_;
};

void check_lists(const char* name, const std::vector<Tensor>& params,
                 std::initializer_list<const std::vector<Tensor>*> lists) {
  for (const auto* list : lists)
    check<ValueError>(list->size() == params.size(), name, ": got ", params.size(),
                      " parameters, but a list of ", list->size(), " tensors that belong to them");
  for (const Tensor& p : params)
    check<TypeError>(p.is_floating(), name, ": parameters are floating tensors, but got ",
                     info(p.dtype()).name);
}

// Counts one step.
double next_step(const Tensor& step) {
  check(step.numel() == 1 && step.is_floating(),
        "adam_step: a step is one floating element, but got shape ", step.sizes());
  return visit_floating(step.dtype(), [&](auto t) {
    using S = typename decltype(t)::type;
    const double next = double(*step.data<S>()) + 1;
    *step.data<S>() = S(next);
    step.bump_version();
    return next;
  });
}

}  // namespace

std::vector<Tensor> sgd_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
                             const std::vector<Tensor>& buffers,
                             const kernels::SgdOptions& options) {
  check_lists("sgd_step", params, {&grads});
  Flat flat;
  std::vector<Tensor> after;
  std::vector<kernels::ParamSlot> slots;
  for (size_t i = 0; i < params.size(); ++i) {
    const Tensor& p = params[i];
    kernels::ParamSlot slot{p.dtype(), p.numel(), flat.changed(p, p), flat.read(grads[i], p)};
    if (options.momentum != 0) {
      slot.first = i >= buffers.size() || !buffers[i].defined();
      after.push_back(slot.first ? empty_like(p) : buffers[i]);
      slot.state[0] = flat.changed(after.back(), p);
    }
    slots.push_back(slot);
  }
  kernels::sgd_step(slots.data(), int64_t(slots.size()), &options);
  flat.finish();
  return after;
}

Tensor zero_moments(const Tensor& param, const Tensor& grad) {
  const bool lazy = param.is_contiguous() && grad.impl()->storage->is_lazy_zeros();
  return lazy ? lazy_zeros(param.sizes(), param.dtype()) : zero_(empty_like(param));
}

void adam_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
               const std::vector<Tensor>& first, const std::vector<Tensor>& second,
               const std::vector<Tensor>& largest, const std::vector<Tensor>& steps,
               const kernels::AdamOptions& options) {
  check_lists("adam_step", params, {&grads, &first, &second, &steps});
  if (options.amsgrad) check_lists("adam_step", params, {&largest});
  Flat flat;
  std::vector<kernels::ParamSlot> slots;
  for (size_t i = 0; i < params.size(); ++i) {
    const Tensor& p = params[i];
    kernels::ParamSlot slot{p.dtype(), p.numel(), flat.changed(p, p), flat.read(grads[i], p)};
    slot.state[0] = flat.changed(first[i], p);
    slot.state[1] = flat.changed(second[i], p);
    if (options.amsgrad) slot.state[2] = flat.changed(largest[i], p);
    slots.push_back(slot);
  }
  for (size_t i = 0; i < params.size(); ++i) slots[i].step = next_step(steps[i]);
  kernels::adam_step(slots.data(), int64_t(slots.size()), &options);
  flat.finish();
}

Tensor total_norm(const std::vector<Tensor>& tensors, double norm_type, bool error_if_nonfinite) {
  if (tensors.empty()) return zeros({}, DType::Float32);
  const GradMode off(false);
  Tensor total;
  if (norm_type == 2) {
    Flat flat;
    std::vector<kernels::Slot> slots;
    for (const Tensor& t : tensors)
      slots.push_back({t.dtype(), t.numel(), const_cast<void*>(flat.read(t, t))});
    std::vector<double> squares(slots.size());
    kernels::foreach_sum_squares(slots.data(), int64_t(slots.size()), squares.data());
    double sum = 0;
    for (double s : squares) sum += s;
    total = full({}, std::sqrt(sum), tensors[0].dtype());
  } else {
    std::vector<Tensor> norms;
    for (const Tensor& t : tensors)
      norms.push_back(to(vector_norm(t, norm_type), tensors[0].dtype()));
    total = vector_norm(stack(norms, 0), norm_type);
  }
  double value = 0;
  visit_floating(total.dtype(),
                 [&](auto t) { value = double(*total.data<typename decltype(t)::type>()); });
  check(!error_if_nonfinite || std::isfinite(value), "The total norm of order ", norm_type,
        norm_type == std::floor(norm_type) && std::isfinite(norm_type) ? ".0" : "",
        " for gradients from `parameters` is non-finite, so it cannot be clipped. To disable this "
        "error and scale the "
        "gradients by the non-finite norm anyway, set `error_if_nonfinite=False`");
  return total;
}

Tensor clip_grad_norm_(const std::vector<Tensor>& grads, double max_norm, double norm_type,
                       bool error_if_nonfinite) {
  const Tensor total = total_norm(grads, norm_type, error_if_nonfinite);
  // The factor is rounded as a tensor of the norm's dtype would be.
  const double factor = visit_floating(total.dtype(), [&](auto t) {
    using S = typename decltype(t)::type;
    return double(S(max_norm / double(S(double(*total.data<S>()) + 1e-6))));
  });
  if (factor >= 1) return total;  // not if it is nan
  Flat flat;
  std::vector<kernels::Slot> slots;
  for (const Tensor& g : grads) slots.push_back({g.dtype(), g.numel(), flat.changed(g, g)});
  kernels::foreach_scale(slots.data(), int64_t(slots.size()), factor);
  flat.finish();
  return total;
}

}  // namespace izvod
