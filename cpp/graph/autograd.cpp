#include "graph/autograd.h"

#include <algorithm>

namespace izvod {
namespace {
thread_local Modes thread_modes;
}

Modes& modes() { return thread_modes; }

AutogradMeta& meta(const Tensor& x) {
  if (!x.impl()->autograd) x.impl()->autograd = std::make_unique<AutogradMeta>();
  return *meta_if_any(x);
}

AutogradMeta::~AutogradMeta() {
  if (retained_by && grad_fn && grad_fn->extras)
    std::erase_if(grad_fn->extras->retained, [this](const auto& r) { return r.second == retained_by; });
}

void refresh_view(const Tensor& view) {
  TensorImpl* t = view.impl();
  if (!is_stale_view(t)) return;
  AutogradMeta& m = meta(view);
  Ref<Node> node = view_history(view, Tensor(t->base));
  node->add_output(view);
  m.grad_fn = std::move(node);
  m.output = 0;
  t->requires_grad = true;
  t->base_version = t->storage->version;
}

const Ref<Node>& grad_fn(const Tensor& x) {
  static const Ref<Node> none;
  refresh_view(x);
  const AutogradMeta* m = meta_if_any(x);
  return m ? m->grad_fn : none;
}

void set_requires_grad(const Tensor& x, bool on) {
  check(is_leaf(x) || on,
        "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
        "subgraph that doesn't require differentiation use var_no_grad = var.detach().");
  check(!on || x.is_floating(), "only Tensors of floating point and complex dtype can require gradients");
  check(!on || !x.impl()->inference || modes().inference,
        "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
  if (is_leaf(x)) x.impl()->requires_grad = on;
}

Edge gradient_edge(const Tensor& x) {
  if (!requires_grad(x)) return {};
  if (const Ref<Node>& fn = grad_fn(x)) return {fn, meta_if_any(x)->output};
  AutogradMeta& m = meta(x);
  if (!m.accumulator) return {Ref<Node>(new AccumulateGrad(x)), 0};
  return {Ref<Node>(m.accumulator), 0};
}

void retain_grad(const Tensor& x) {
  check(requires_grad(x), "can't retain_grad on Tensor that has requires_grad=False");
  const Ref<Node>& fn = grad_fn(x);
  AutogradMeta& m = meta(x);
  if (!fn || m.retained_by) return;
  m.retained_by = x.impl();
  fn->make_extras().retained.push_back({m.output, x.impl()});
}

void add_hook(const Tensor& x, Ref<GradHook> hook) {
  check(requires_grad(x), "cannot register a hook on a tensor that doesn't require gradient");
  if (const Ref<Node>& fn = grad_fn(x))
    fn->make_extras().hooks.push_back({meta_if_any(x)->output, std::move(hook)});
  else
    meta(x).hooks.push_back(std::move(hook));
}

void set_history(const Tensor& y, Ref<Node> node) {
  AutogradMeta& m = meta(y);
  m.output = int(node->outputs.size());
  node->add_output(y);
  if (m.retained_by && m.grad_fn && m.grad_fn->extras) {  // changed in place: keeps its newest gradient
    std::erase_if(m.grad_fn->extras->retained, [&](const auto& r) { return r.second == y.impl(); });
    node->make_extras().retained.push_back({m.output, y.impl()});
  }
  m.grad_fn = std::move(node);
  y.impl()->requires_grad = true;
}

void rebase_history(const Tensor& y, Ref<Node> node) {
  TensorImpl* t = y.impl();
  if (!t->base) return set_history(y, std::move(node));
  const Tensor base(t->base);
  node->add_output(y);
  Ref<Node> slices = copy_slices(base, y, std::move(node));
  set_history(base, std::move(slices));
  t->base_version = t->storage->version - 1;  // stale: the next look makes it a view of the new base
}

void check_in_place(const Tensor& x) {
  check(!x.impl()->inference || modes().inference || !grad_enabled(),
        "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal "
        "tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.");
  for (int64_t d = 0; d < x.dim(); ++d)
    check(x.strides()[d] != 0 || x.sizes()[d] < 2,
          "unsupported operation: more than one element of the written-to tensor refers to a single memory "
          "location. Please clone() the tensor before performing the operation.");
  if (!grad_enabled() || !requires_grad(x)) {
    const Ref<TensorImpl>& base = x.impl()->base;
    check(!grad_enabled() || !base || !base->requires_grad || !is_leaf(Tensor(base)),
          "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    return;
  }
  check(!is_leaf(x), "a leaf Variable that requires grad is being used in an in-place operation.");
  const Ref<TensorImpl>& base = x.impl()->base;
  check(!base || !base->requires_grad || !is_leaf(Tensor(base)),
        "a view of a leaf Variable that requires grad is being used in an in-place operation.");
}

}  // namespace izvod
