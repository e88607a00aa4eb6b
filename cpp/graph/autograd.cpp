#include "graph/autograd.h"

#include <algorithm>

namespace izvod {

constinit thread_local Modes thread_modes IZVOD_FAST_THREAD_LOCAL;

AutogradMeta& meta(const Tensor& x) {
  if (!x.impl()->autograd) x.impl()->autograd.reset(new AutogradMeta);
  return *meta_if_any(x);
}

AutogradMeta::~AutogradMeta() {
  if (retained_by) retained_by->tensor = nullptr;
}

namespace {

// Makes `node` the history of y. A gradient that y retains is from now on the one that arrives
// there.
void replace_history(const Tensor& y, Ref<Node> node, int output) {
  AutogradMeta& m = meta(y);
  if (m.retained_by) {
    if (m.grad_fn && m.grad_fn->extras) std::erase(m.grad_fn->extras->retained, m.retained_by);
    m.retained_by->output = output;
    node->make_extras().retained.push_back(m.retained_by);
  }
  m.output = output;
  m.grad_fn = std::move(node);
  y.impl()->requires_grad = true;
}

// A view of a view that may not be changed may not be changed either. (A view of the base itself
// may: the base can be another result of the function that made the views.)
void inherit_view_kind(const Tensor& y, Node& node) {
  const TensorImpl* base = y.impl()->base.get();
  if (!base || node.edges.empty() || !node.edges[0].node || node.views != ViewKind::Free) return;
  const auto* m = static_cast<const AutogradMeta*>(base->autograd.get());
  if (!m || !(m->grad_fn == node.edges[0].node)) node.views = node.edges[0].node->views;
}

const char* const ambiguous =
    " Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your "
    "code by moving both "
    "the view and the inplace either both inside the ";
const char* const or_outside =
    " block (if you don't want the inplace to be tracked) or both outside (if you want the inplace "
    "to be tracked).";

// Views whose history would be wrong after a change. `how`: "is being", or what happened to the
// base.
void check_view(const Tensor& x, const char* how) {
  const AutogradMeta* m = meta_if_any(x);
  const Node* made_by = m ? m->grad_fn.get() : nullptr;
  if (!made_by && !x.impl()->requires_grad &&
      x.impl()->base_version == x.impl()->storage->version) {
    const bool inference = x.impl()->inference;
    throw RuntimeError(text("A view was created in ", inference ? "inference" : "no_grad",
                            " mode and ", how, " modified inplace ",
                            inference ? "in normal mode." : "with grad mode enabled.", ambiguous,
                            inference ? "inference_mode" : "no_grad", or_outside));
  }
  if (!made_by || made_by->views == ViewKind::Free) return;
  throw RuntimeError(text(
      "Output ", m->output, " of ", short_name(*made_by), " is a view and ", how,
      " modified inplace. This view ",
      made_by->views == ViewKind::OneOfMany
          ? "is the output of a function that returns multiple views. Such functions do not allow "
            "the output views to be "
            "modified inplace. You should replace the inplace operation by an out-of-place one."
          : "was created inside a custom Function (or because an input was returned as-is) and the "
            "autograd logic to "
            "handle view+inplace would override the custom backward associated with the custom "
            "Function, leading to "
            "incorrect gradients. This behavior is forbidden. You can fix this by cloning the "
            "output of the custom "
            "Function."));
}

}  // namespace

void refresh_view(const Tensor& view) {
  TensorImpl* t = view.impl();
  if (!is_stale_view(t)) return;
  check_view(view, "its base or another view of its base has been");
  Ref<Node> node = view_history(view, Tensor(t->base));
  node->add_output(view);
  replace_history(view, std::move(node), 0);
  t->base_version = t->storage->version;
}

const Ref<Node>& grad_fn(const Tensor& x) {
  static const Ref<Node> none;
  if (x.impl()->base) refresh_view(x);
  const AutogradMeta* m = meta_if_any(x);
  return m ? m->grad_fn : none;
}

void set_requires_grad(const Tensor& x, bool on) {
  check(is_leaf(x) || on,
        "you can only change requires_grad flags of leaf variables. If you want to use a computed "
        "variable in a "
        "subgraph that doesn't require differentiation use var_no_grad = var.detach().");
  check(!on || x.is_floating(), "only Tensors of floating point dtype can require gradients");
  check(!on || !x.impl()->inference || modes().inference,
        "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
  if (is_leaf(x)) x.impl()->requires_grad = on;
}

Edge gradient_edge(const Tensor& x) {
  if (!requires_grad(x)) return {};
  if (const Ref<Node>& fn = grad_fn(x)) return {fn, meta_if_any(x)->output};
  AutogradMeta& m = meta(x);
  if (!m.accumulator) return {Ref<Node>(new AccumulateGrad(x)), 0};
  OutputInfo& wanted = m.accumulator->outputs[0];
  if (!(wanted.sizes == x.sizes()) || wanted.dtype != x.dtype())
    wanted = {x.sizes(), x.dtype()};  // x.data = ...
  return {Ref<Node>(m.accumulator), 0};
}

void retain_grad(const Tensor& x) {
  check(requires_grad(x), "can't retain_grad on Tensor that has requires_grad=False");
  const Ref<Node>& fn = grad_fn(x);
  AutogradMeta& m = meta(x);
  if (!fn || m.retained_by) return;
  m.retained_by = Ref<Retained>(new Retained{0, m.output, x.impl()});
  fn->make_extras().retained.push_back(m.retained_by);
}

LeafExtras& leaf_extras(const Tensor& x) {
  AutogradMeta& m = meta(x);
  if (!m.leaf) m.leaf = std::make_unique<LeafExtras>();
  return *m.leaf;
}

std::vector<Ref<GradHook>> hooks_of(const Tensor& x) {
  std::vector<Ref<GradHook>> found;
  if (const Ref<Node>& fn = grad_fn(x)) {
    if (!fn->extras) return found;
    for (const OutputHook& h : fn->extras->hooks)
      if (h.output == meta_if_any(x)->output) found.push_back(h.hook);
    return found;
  }
  const AutogradMeta* m = meta_if_any(x);
  return m && m->leaf ? m->leaf->hooks : found;
}

void add_hook(const Tensor& x, Ref<GradHook> hook) {
  check(requires_grad(x), "cannot register a hook on a tensor that doesn't require gradient");
  if (const Ref<Node>& fn = grad_fn(x))
    fn->make_extras().hooks.push_back({meta_if_any(x)->output, std::move(hook)});
  else
    leaf_extras(x).hooks.push_back(std::move(hook));
}

void set_history(const Tensor& y, Ref<Node> node, int output) {
  inherit_view_kind(y, *node);
  replace_history(y, std::move(node), output);
}

void set_history(const Tensor& y, Ref<Node> node) {
  const int output = int(node->outputs.size());
  node->add_output(y);
  set_history(y, std::move(node), output);
}

void rebase_history(const Tensor& y, Ref<Node> node) {
  TensorImpl* t = y.impl();
  if (!t->base) return set_history(y, std::move(node));
  const Tensor base(t->base);
  node->add_output(y);
  set_history(base, copy_slices(base, y, std::move(node)));
  t->base_version =
      t->storage->version - 1;  // stale: the next look makes it a view of the new base
}

void look_again(const Tensor& input, const Tensor& changed) {
  if (!input.defined()) return;
  TensorImpl* t = input.impl();
  const TensorImpl* base = changed.impl()->base ? changed.impl()->base.get() : changed.impl();
  if (t->base && t->base.get() == base) t->base_version = t->storage->version - 1;
}

void check_in_place(const Tensor& x) {
  const TensorImpl* t = x.impl();
  check(!t->inference || modes().inference,
        "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a "
        "clone to get a normal "
        "tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more "
        "details.");
  for (int64_t d = 0; d < x.dim(); ++d)
    check(x.strides()[d] != 0 || x.sizes()[d] < 2 || x.numel() == 0,
          "unsupported operation: more than one element of the written-to tensor refers to a "
          "single memory "
          "location. Please clone() the tensor before performing the operation.");
  if (!grad_enabled() || !requires_grad(x)) return;
  if (t->base) {
    check_view(x, "is being");
    check(!t->base->requires_grad || !is_leaf(Tensor(t->base)),
          "a view of a leaf Variable that requires grad is being used in an in-place operation.");
  }
  check(!is_leaf(x), "a leaf Variable that requires grad is being used in an in-place operation.");
}

}  // namespace izvod
