#include "engine/accumulate.h"

#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/sum_to_size.h"
#include "ops/views.h"

namespace izvod {
namespace {

// Whether g may be written to: no other tensor, and no name in Python, sees its memory.
bool is_ours(const Tensor& g) {
  return g.impl()->refs == 1 && g.impl()->storage->refs == 1 && !g.impl()->pyobject;
}

bool has_gaps(const Tensor& g) {
  for (int64_t d = 0; d < g.dim(); ++d)
    if (g.strides()[d] == 0 && g.sizes()[d] > 1) return true;
  return false;
}

void check_nan(const Node& node, const Grads& dxs) {
  for (int64_t i = 0; i < dxs.size(); ++i)
    if (dxs[i].defined() && any_nan(dxs[i]))
      throw RuntimeError(text("Function '", node.name, "' returned nan values in its ", i, "th output."));
}

}  // namespace

void accumulate(Tensor& sum, Tensor g) {
  if (!sum.defined())
    sum = std::move(g);
  else if (!grad_enabled() && is_ours(sum) && sum.dtype() == g.dtype() && !has_gaps(sum))
    add_(sum, g);
  else if (!grad_enabled() && is_ours(g) && sum.dtype() == g.dtype() && !has_gaps(g))
    sum = add_(g, sum);
  else
    sum = add(sum, g);
}

void accumulate_grad(const Tensor& x, Tensor g) {
  AutogradMeta& m = meta(x);
  if (m.grad.defined()) {
    if (grad_enabled())
      m.grad = add(m.grad, g);
    else
      add_(m.grad, g);
    return;
  }
  const bool take = grad_enabled() || (is_ours(g) && (g.is_contiguous() || g.strides() == x.strides()));
  m.grad = take ? std::move(g) : copy_of(g, g.dtype());
}

Grads AccumulateGrad::apply(const Grads& gs) {
  Tensor g = gs[0];
  const_cast<Grads&>(gs)[0] = Tensor();  // the last holder of a gradient gives it away
  for (const Ref<GradHook>& hook : std::vector<Ref<GradHook>>(meta(variable).hooks))
    if (Tensor changed = (*hook)(g); changed.defined()) g = std::move(changed);
  accumulate_grad(variable, std::move(g));
  return {};
}

Tensor fit(const Node& node, size_t index, Tensor g, const OutputInfo& wanted) {
  if (!(g.sizes() == wanted.sizes)) {
    bool fits = g.dim() >= wanted.sizes.size();
    const int64_t shift = g.dim() - wanted.sizes.size();
    for (int64_t d = 0; fits && d < wanted.sizes.size(); ++d)
      fits = wanted.sizes[d] == g.sizes()[d + shift] || wanted.sizes[d] == 1;
    if (fits) g = sum_to_size(g, wanted.sizes);
    else if (g.numel() == 1 || g.dim() <= wanted.sizes.size()) g = expand(g, wanted.sizes);
    check(g.sizes() == wanted.sizes, "Function ", node.name, " returned an invalid gradient at index ", index, " - got ",
          g.sizes(), " but expected shape compatible with ", wanted.sizes);
  }
  return g.dtype() == wanted.dtype ? g : to(g, wanted.dtype);
}

void call_output_hooks(Node& node, Grads& gs) {
  if (!node.extras) return;
  for (const OutputHook& h : std::vector<OutputHook>(node.extras->hooks)) {
    if (!gs[h.output].defined()) continue;
    if (Tensor changed = (*h.hook)(gs[h.output]); changed.defined()) gs[h.output] = std::move(changed);
  }
  for (const auto& [output, impl] : node.extras->retained) {
    if (!gs[output].defined()) continue;
    const Tensor x{Ref<TensorImpl>(impl)};
    AutogradMeta& m = meta(x);
    m.grad = m.grad.defined() ? add(m.grad, gs[output]) : copy_of(gs[output], gs[output].dtype());
  }
}

Grads apply_with_hooks(Node& node, Grads& gs) {
  const bool anomaly = modes().anomaly;
  if (!anomaly && !(node.extras && !node.extras->node_hooks.empty())) return node.apply(gs);
  const auto hooks = node.extras ? node.extras->node_hooks : std::vector<Ref<NodeHook>>{};
  for (const Ref<NodeHook>& h : hooks) h->before(gs);
  Grads dxs;
  try {
    dxs = node.apply(gs);
    if (anomaly && modes().anomaly_check_nan) check_nan(node, dxs);
  } catch (const Error& e) {
    if (!anomaly) throw;
    throw RuntimeError(text(e.what(), "\nError detected in ", node.name, ". Traceback of forward call that caused the error:\n",
                            node.extras ? node.extras->trace : "(none: anomaly detection was off then)"));
  }
  for (const Ref<NodeHook>& h : hooks) h->after(dxs, gs);
  return dxs;
}

}  // namespace izvod
