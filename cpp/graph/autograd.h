#pragma once
#include "graph/modes.h"
#include "graph/node.h"

namespace izvod {

// What few leaves have.
struct LeafExtras {
  std::vector<Ref<GradHook>> hooks;  // on the gradient, before it is added
  std::vector<Ref<GradHook>>
      after_hooks;  // called with the leaf itself, after its gradient was added
};

// What a tensor has of autograd's: made when first needed.
struct AutogradMeta final : Attachment, Pooled {
  ~AutogradMeta() override;
  Tensor grad;
  Ref<Node> grad_fn;                      // who made it; none for leaves
  int output = 0;                         // which of grad_fn's outputs it is
  Ref<Retained> retained_by;              // if it keeps its gradient though not a leaf
  AccumulateGrad* accumulator = nullptr;  // of a leaf, while a graph holds it
  std::unique_ptr<LeafExtras> leaf;
};

inline AutogradMeta* meta_if_any(const Tensor& x) {
  return static_cast<AutogradMeta*>(x.impl()->autograd.get());
}
AutogradMeta& meta(const Tensor& x);

// Note [Views and histories]
// A view (impl->base is set) asks for a gradient whenever its base does. The history of a view made
// while recording is its grad_fn. When the base is changed in place through another name, that
// history is about values that are gone: the view is stale (base_version tells), and the next look
// at it makes it an as_strided of the base as it is now. A view made in no_grad has no history; as
// in torch it then counts as a leaf, and may not be changed in place while recording.
inline bool is_stale_view(const TensorImpl* t) {
  return t->base && t->base->requires_grad && t->base_version != t->storage->version;
}
// Brings a view's grad_fn up to date if its base was changed in place through another name.
void refresh_view(const Tensor& view);

inline bool requires_grad(const Tensor& x) {
  if (!x.defined()) return false;
  return x.impl()->requires_grad || (x.impl()->base && x.impl()->base->requires_grad);
}
const Ref<Node>& grad_fn(const Tensor& x);
inline bool is_leaf(const Tensor& x) { return !grad_fn(x); }
void set_requires_grad(const Tensor& x, bool on);
// Where the gradient of x goes; an empty edge if it needs none.
Edge gradient_edge(const Tensor& x);
void retain_grad(const Tensor& x);
// The hooks on the gradient of x: those of a leaf, or of one output of its grad_fn.
std::vector<Ref<GradHook>> hooks_of(const Tensor& x);
void add_hook(const Tensor& x, Ref<GradHook> hook);
LeafExtras& leaf_extras(const Tensor& x);

// Whether an op on these tensors has to be recorded.
inline bool recording(const Tensor& x) { return grad_enabled() && requires_grad(x); }
template <class... Ts>
bool recording(const Tensor& x, const Ts&... more) {
  return grad_enabled() && (requires_grad(x) || ... || requires_grad(more));
}

// Makes y the newest output of the node.
void set_history(const Tensor& y, Ref<Node> node);
// The same, where the node knows its outputs already.
void set_history(const Tensor& y, Ref<Node> node, int output);
// The same for a tensor that was changed in place: if it is a view, its base's history changes.
void rebase_history(const Tensor& y, Ref<Node> node);
// For the inputs of that change: one that is a view of the same base took its edge from the base as
// it was before, and is stale from now on.
void look_again(const Tensor& input, const Tensor& changed);
// Before a change in place: whether torch allows it. Raises RuntimeError if not.
void check_in_place(const Tensor& x);

// Defined in ops/views.cpp, since they compute: the history of a view of a changed base, and that
// of a base one of whose views was changed by `change`.
Ref<Node> view_history(const Tensor& view, const Tensor& base);
Ref<Node> copy_slices(const Tensor& base, const Tensor& view, Ref<Node> change);

}  // namespace izvod
