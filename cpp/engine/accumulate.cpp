#include "engine/accumulate.h"

#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/item.h"
#include "ops/reduction.h"
#include "ops/sum_to_size.h"
#include "ops/views.h"

namespace izvod {
namespace {

// Whether g lies in memory as torch lays out the gradient of x: with the strides of x, or row by
// row.
bool is_laid_out_for(const Tensor& g, const Tensor& x) {
  return g.strides() == x.strides() || (g.is_contiguous() && x.is_contiguous());
}

Tensor copy_for(const Tensor& x, const Tensor& g) {
  Tensor copy = empty_like(x, g.dtype());
  write_values(copy, g);
  return copy;
}

// Note [Two passes, one leaf]
// Adding may let other threads run, and these may be adding to the same gradient. So the sum is
// taken out of its place while it grows; what another pass has put there meanwhile is added
// afterwards.
void add_in_place(Tensor& place, const Tensor& g) {
  Tensor sum = std::move(place);
  try {
    add_(sum, g);
    while (place.defined()) {
      const Tensor other = std::move(place);
      add_(sum, other);
    }
  } catch (...) {
    place = std::move(sum);
    throw;
  }
  place = std::move(sum);
}

bool has_nan(const Tensor& x) { return x.is_floating() && item(any(x != x)).to_int() != 0; }

void check_nan(const Node& node, const Grads& dxs) {
  GradMode quiet(false);
  for (int64_t i = 0; i < dxs.size(); ++i)
    if (dxs[i].defined() && has_nan(dxs[i]))
      throw RuntimeError(
          text("Function '", node.name, "' returned nan values in its ", i, "th output."));
}

// A hook's answer in place of g.
void call_hooks(const std::vector<Ref<GradHook>>& hooks, Tensor& g) {
  for (const Ref<GradHook>& hook : std::vector(hooks))  // a copy: hooks may add hooks
    if (Tensor changed = (*hook)(g); changed.defined()) g = std::move(changed);
}

void keep_gradient(const Retained& r, const Tensor& g) {
  if (!r.tensor) return;
  const Tensor x{Ref<TensorImpl>(r.tensor)};
  const Tensor before = meta(x).grad;  // held: another thread may set x.grad while this one adds
  Tensor kept = before.defined() ? add(before, g) : clone(g);
  meta(x).grad = std::move(kept);
}

}  // namespace

void accumulate(Tensor& sum, Tensor&& g) {
  if (!sum.defined())
    sum = std::move(g);
  else if (!grad_enabled() && is_sole_owner(sum))
    add_(sum, g);
  else if (!grad_enabled() && is_sole_owner(g))
    sum = add_(g, sum);
  else
    sum = add(sum, g);
}

void accumulate_grad(const Tensor& x, Tensor g) {
  AutogradMeta& m = meta(x);
  if (m.grad.defined() && !grad_enabled()) return add_in_place(m.grad, g);
  if (grad_enabled()) {
    const Tensor before = m.grad;
    Tensor sum = before.defined() ? add(before, g) : clone(g);
    m.grad = std::move(sum);
  } else if (is_sole_owner(g) && is_laid_out_for(g, x)) {
    g.impl()->base.reset();
    m.grad = std::move(g);
  } else {
    Tensor copy = copy_for(x, g);  // may let another thread run, which then was first
    if (m.grad.defined())
      add_in_place(m.grad, copy);
    else
      m.grad = std::move(copy);
  }
}

Grads AccumulateGrad::apply(Grads gs) {
  if (!gs[0].defined() || !requires_grad(variable)) return {};
  accumulate_grad(variable, std::move(gs[0]));
  const AutogradMeta& m = meta(variable);
  if (m.leaf)
    for (const Ref<GradHook>& hook : std::vector(m.leaf->after_hooks)) (*hook)(variable);
  return {};
}

void refit(const Node& node, size_t index, Tensor& g, const OutputInfo& wanted) {
  if (!(g.sizes() == wanted.sizes)) {
    bool fits = g.dim() >= wanted.sizes.size();
    const int64_t shift = g.dim() - wanted.sizes.size();
    for (int64_t d = 0; fits && d < wanted.sizes.size(); ++d)
      fits = wanted.sizes[d] == g.sizes()[d + shift] || wanted.sizes[d] == 1;
    if (fits)
      g = sum_to_size(g, wanted.sizes);
    else if (!node.strict && (g.numel() == 1 || g.dim() <= wanted.sizes.size()))
      g = expand(g, wanted.sizes);
    check(g.sizes() == wanted.sizes, "Function ", node.name,
          " returned an invalid gradient at index ", index, " - got ", g.sizes(),
          " but expected shape compatible with ", wanted.sizes);
  }
  if (g.dtype() != wanted.dtype) g = to(g, wanted.dtype);
}

void call_tensor_hooks(Node& node, Grads& gs) {
  if (node.is_accumulator) {
    const AutogradMeta* m = meta_if_any(static_cast<AccumulateGrad&>(node).variable);
    if (m->leaf && gs[0].defined()) call_hooks(m->leaf->hooks, gs[0]);
    return;
  }
  if (node.extras->hooks.empty() && node.extras->retained.empty()) return;
  for (const OutputHook& h : std::vector(node.extras->hooks)) {
    if (!gs[h.output].defined()) continue;
    if (Tensor changed = (*h.hook)(gs[h.output]); changed.defined())
      gs[h.output] = std::move(changed);
  }
  for (const Ref<Retained>& r : std::vector(node.extras->retained))
    if (gs[r->output].defined()) keep_gradient(*r, gs[r->output]);
}

Grads apply_with_hooks(Node& node, Grads gs) {
  const auto hooks = node.extras ? node.extras->node_hooks : std::vector<Ref<NodeHook>>();
  Grads dxs;
  try {
    for (const Ref<NodeHook>& h : hooks) h->before(gs);
    dxs = hooks.empty() ? node.apply(std::move(gs)) : node.apply(gs);
    if (anomaly.on && anomaly.check_nan) check_nan(node, dxs);
  } catch (...) {
    if (anomaly.on && anomaly.report)
      anomaly.report(node.name, node.extras ? node.extras->trace : "");
    throw;
  }
  for (const Ref<NodeHook>& h : hooks) h->after(dxs, gs);
  return dxs;
}

}  // namespace izvod
