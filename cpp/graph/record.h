#pragma once
#include "graph/saved.h"

namespace izvod {

// Which inputs need a gradient: needs[1] is false where computing it would be wasted.
struct Needs {
  const Node* node;
  bool operator[](int64_t i) const { return node->needs(i); }
};

// The node that record() makes. `f` is called as f(g, saved...) or f(g, needs, saved...), where g
// is a const Tensor& (ops with one output) or a const Grads&.
template <class SavedTuple, class F>
struct RecordedNode final : Node {
  RecordedNode(const char* name, SavedTuple&& s, const F& f)
      : Node(name), saved_(std::move(s)), f_(f) {}

  Grads apply(Grads gs) override {
    if (released_) complain_released();
    return std::apply([&](const auto&... s) { return call(gs, s()...); }, saved_);
  }
  void release_saved() override {
    if constexpr (std::tuple_size_v<SavedTuple> > 0) {
      released_ = true;
      std::apply([](auto&... s) { ((s = {}), ...); }, saved_);
    }
  }

 private:
  template <class... S>
  Grads call(const Grads& gs, const S&... s) {
    const Needs needs{this};
    if constexpr (std::is_invocable_v<F, const Tensor&, const S&...>)
      return f_(gs[0], s...);
    else if constexpr (std::is_invocable_v<F, const Tensor&, Needs, const S&...>)
      return f_(gs[0], needs, s...);
    else if constexpr (std::is_invocable_v<F, const Grads&, Needs, const S&...>)
      return f_(gs, needs, s...);
    else
      return f_(gs, s...);
  }
  SavedTuple saved_;
  F f_;
  bool released_ = false;
};

// Where a derivative may put its result, laid out as `like`: over the gradient it was given, if
// that was made for this call alone, else in fresh memory. Called before anything else holds g.
inline Tensor over_gradient(const Tensor& g, const Tensor& like, DType dtype) {
  const bool fits =
      g.dtype() == dtype && g.sizes() == like.sizes() && g.strides() == like.strides();
  return fits && !grad_enabled() && is_sole_owner(g) ? g : empty_like(like, dtype);
}

void add_edge(Node& node, const Tensor& x);
// Keeps where the user's program stands; called when anomalies are looked for.
void note_trace(Node& node);
// Views that are made together may not be changed in place, since their node cannot be taken apart.
void mark_views(Node& node, const std::vector<Tensor>& ys);

template <class Inputs, class SavedTuple, class F>
Ref<Node> make_node(const char* name, const Inputs& inputs, SavedTuple&& s, F&& f) {
  using Made = RecordedNode<std::decay_t<SavedTuple>, std::decay_t<F>>;
  Ref<Node> node(new Made(name, std::forward<SavedTuple>(s), std::forward<F>(f)));
  node->edges.reserve(std::size(inputs));
  for (const auto& x : inputs) {
    if constexpr (std::is_same_v<std::decay_t<decltype(x)>, Tensor>)
      add_edge(*node, x);
    else
      add_edge(*node, *x);
  }
  if (anomaly.on) [[unlikely]]
    note_trace(*node);
  return node;
}

using Inputs = std::initializer_list<const Tensor*>;

// Records how to undo an op: y is its result (or its results, in order), the inputs are those that
// f returns gradients for, in that order. Call it only when recording(...) says so. Returns y.
template <class SavedTuple, class F>
const Tensor& record(const char* name, const Tensor& y, Inputs inputs, SavedTuple&& s, F&& f) {
  set_history(y, make_node(name, inputs, std::forward<SavedTuple>(s), std::forward<F>(f)));
  return y;
}
template <class SavedTuple, class F>
const Tensor& record(const char* name, const Tensor& y, const std::vector<Tensor>& inputs,
                     SavedTuple&& s, F&& f) {
  set_history(y, make_node(name, inputs, std::forward<SavedTuple>(s), std::forward<F>(f)));
  return y;
}
template <class SavedTuple, class F>
void record_outputs(const char* name, const std::vector<Tensor>& ys, Inputs inputs, SavedTuple&& s,
                    F&& f) {
  Ref<Node> node = make_node(name, inputs, std::forward<SavedTuple>(s), std::forward<F>(f));
  mark_views(*node, ys);
  for (const Tensor& y : ys)
    if (y.is_floating()) set_history(y, node);
}
// The same for an op that changed x in place.
template <class SavedTuple, class F>
void record_in_place(const char* name, const Tensor& x, Inputs inputs, SavedTuple&& s, F&& f) {
  rebase_history(x, make_node(name, inputs, std::forward<SavedTuple>(s), std::forward<F>(f)));
  for (const Tensor* in : inputs) look_again(*in, x);
}

// y, made by several ops, under one name: its last node stands for all of them, as in torch.
inline Tensor named(const char* name, Tensor y) {
  if (const Ref<Node>& node = grad_fn(y)) node->name = name;
  return y;
}

}  // namespace izvod
