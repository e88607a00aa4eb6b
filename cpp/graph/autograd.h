#pragma once
#include "graph/node.h"

namespace izvod {

// What a tensor has of autograd's: made when first needed.
struct AutogradMeta final : Attachment {
  ~AutogradMeta() override;
  Tensor grad;
  Ref<Node> grad_fn;               // who made it; none for leaves
  int output = 0;                  // which of grad_fn's outputs it is
  TensorImpl* retained_by = nullptr;       // this tensor, if it keeps its gradient though not a leaf
  AccumulateGrad* accumulator = nullptr;   // of a leaf, while a graph holds it
  std::vector<Ref<GradHook>> hooks;        // of a leaf
};

inline AutogradMeta* meta_if_any(const Tensor& x) { return static_cast<AutogradMeta*>(x.impl()->autograd.get()); }
AutogradMeta& meta(const Tensor& x);

// Modes of the calling thread.
struct Modes {
  bool grad = true;
  bool inference = false;
  bool anomaly = false;
  bool anomaly_check_nan = true;
};
Modes& modes();
inline bool grad_enabled() { return modes().grad; }
struct GradMode {
  explicit GradMode(bool on) : previous(modes().grad) { modes().grad = on; }
  ~GradMode() { modes().grad = previous; }
  bool previous;
};

// Brings a view's grad_fn up to date if its base was changed in place through another name.
void refresh_view(const Tensor& view);
inline bool is_stale_view(const TensorImpl* t) {
  return t->base && t->base->requires_grad && t->base_version != t->storage->version;
}
inline bool requires_grad(const Tensor& x) {
  if (!x.defined()) return false;
  return x.impl()->requires_grad || (x.impl()->base && x.impl()->base->requires_grad && is_stale_view(x.impl()));
}
const Ref<Node>& grad_fn(const Tensor& x);
inline bool is_leaf(const Tensor& x) { return !grad_fn(x); }
void set_requires_grad(const Tensor& x, bool on);
// Where the gradient of x goes; an empty edge if it needs none.
Edge gradient_edge(const Tensor& x);
void retain_grad(const Tensor& x);
void add_hook(const Tensor& x, Ref<GradHook> hook);

// Whether an op on these tensors has to be recorded.
inline bool recording(const Tensor& x) { return grad_enabled() && requires_grad(x); }
template <class... Ts>
bool recording(const Tensor& x, const Ts&... more) {
  return grad_enabled() && (requires_grad(x) || ... || requires_grad(more));
}

// Makes y the newest output of the node.
void set_history(const Tensor& y, Ref<Node> node);
// The same for a tensor that was changed in place: if it is a view, its base's history changes.
void rebase_history(const Tensor& y, Ref<Node> node);
// Before a change in place: whether torch allows it. Raises RuntimeError if not.
void check_in_place(const Tensor& x);

// Defined in ops/views.cpp, since they compute: the history of a view of a changed base, and that of a
// base one of whose views was changed by `change`.
Ref<Node> view_history(const Tensor& view, const Tensor& base);
Ref<Node> copy_slices(const Tensor& base, const Tensor& view, Ref<Node> change);

}  // namespace izvod
