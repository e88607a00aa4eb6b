#include "graph/saved.h"

namespace izvod {
namespace {

// y's memory as an output of `node` once more.
Tensor as_output(const Tensor& y, Ref<Node> node, int output) {
  Tensor again = alias(y);
  AutogradMeta& m = meta(again);
  m.grad_fn = std::move(node);
  m.output = output;
  again.impl()->requires_grad = true;
  return again;
}

// A packed tensor and its place in the graph, which the user's functions do not know of.
struct PackedInput final : Packed {
  PackedInput(Ref<Packed> inner, Edge edge) : inner(std::move(inner)), edge(std::move(edge)) {}
  Tensor unpack() override {
    const Tensor x = inner->unpack();
    return edge.node ? as_output(x, edge.node, edge.output) : x;
  }
  Ref<Packed> inner;
  Edge edge;
};

}  // namespace

void Saved::complain() const {
  std::string maker;
  const AutogradMeta* m = meta_if_any(tensor_);
  if (m && m->grad_fn)
    maker = text(", which is output ", m->output, " of ", short_name(*m->grad_fn), ",");
  else if (is_output_ && current_node())
    maker = text(", which is output ", output_, " of ", short_name(*current_node()), ",");
  throw RuntimeError(
      text("one of the variables needed for gradient computation has been modified by an inplace "
           "operation: [torch.",
           info(tensor_.dtype()).noun, "Tensor ", tensor_.sizes(), "]", maker, " is at version ",
           tensor_.version(), "; expected version ", version_,
           " instead. Hint: enable anomaly detection to find the operation that failed to compute "
           "its gradient, with "
           "torch.autograd.set_detect_anomaly(True, check_nan=False)."));
}

void Saved::pack_or_complain() {
  check(!tensor_.impl()->inference,
        "Inference tensors cannot be saved for backward. Please do not use Tensors created in "
        "inference mode in "
        "computation tracked by autograd. To work around this, you can make a clone to get a "
        "normal tensor and use it in "
        "autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`.");
  Edge edge = gradient_edge(tensor_);
  GradMode quiet(false);
  SavedTensorHooks* hooks =
      std::exchange(modes().saved_hooks, nullptr);  // what the hooks save is theirs alone
  struct Restore {
    SavedTensorHooks* hooks;
    ~Restore() { modes().saved_hooks = hooks; }
  } restore{hooks};
  packed_ = hooks->pack(alias(tensor_));
  if (edge.node) packed_ = Ref<Packed>(new PackedInput(std::move(packed_), std::move(edge)));
  tensor_ = Tensor();
}

Tensor Saved::unpack() const {
  const Ref<Packed> held = packed_;  // the user's function may run a pass that frees this graph
  return held->unpack();
}

Tensor SavedOutput::with_history() const {
  const Tensor y = Saved::operator()();
  Node* node = current_node();
  return y.defined() && node ? as_output(y, Ref<Node>(node), output_) : y;
}

void complain_released() {
  throw RuntimeError(
      "Trying to backward through the graph a second time (or directly access saved tensors after "
      "they have already "
      "been freed). Saved intermediate values of the graph are freed when you call .backward() or "
      "autograd.grad(). "
      "Specify retain_graph=True if you need to backward through the graph a second time or if you "
      "need to access "
      "saved tensors after calling backward.");
}

}  // namespace izvod
