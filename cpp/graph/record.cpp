#include "graph/record.h"

namespace izvod {

void Saved::complain() const {
  std::string maker;
  const AutogradMeta* m = meta_if_any(tensor_);
  if (m && m->grad_fn)
    maker = text(", which is output ", m->output, " of ", m->grad_fn->name, ",");
  else if (is_output_ && current_node())
    maker = text(", which is output 0 of ", current_node()->name, ",");
  throw RuntimeError(text(
      "one of the variables needed for gradient computation has been modified by an inplace operation: [torch.",
      info(tensor_.dtype()).noun, "Tensor ", tensor_.sizes(), "]", maker, " is at version ", tensor_.version(),
      "; expected version ", version_,
      " instead. Hint: enable anomaly detection to find the operation that failed to compute its gradient, with "
      "torch.autograd.set_detect_anomaly(True)."));
}

Tensor SavedOutput::operator()() const {
  const Tensor y = Saved::operator()();
  Node* node = current_node();
  if (!y.defined() || !grad_enabled() || !node) return y;
  const Tensor again = alias(y);
  AutogradMeta& m = meta(again);
  m.grad_fn = Ref<Node>(node);
  m.output = output_;
  again.impl()->requires_grad = true;
  return again;
}

void complain_released() {
  throw RuntimeError(
      "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
      "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
      "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
      "saved tensors after calling backward.");
}

void add_edge(Node& node, const Tensor& x) { node.edges.push_back(x.defined() ? gradient_edge(x) : Edge{}); }

static std::string (*trace_source)() = nullptr;
void set_trace_source(std::string (*source)()) { trace_source = source; }
void note_trace(Node& node) {
  if (trace_source) node.make_extras().trace = trace_source();
}

}  // namespace izvod
