#include "graph/record.h"

namespace izvod {

void add_edge(Node& node, const Tensor& x) {
  node.edges.push_back(x.defined() ? gradient_edge(x) : Edge{});
}

void note_trace(Node& node) {
  if (!anomaly.trace_source) return;
  std::string& trace = node.make_extras().trace;
  trace = anomaly.trace_source();
  const Node* parent =
      current_node();  // recorded while a derivative runs: a derivative of a derivative
  if (parent && parent->extras && !parent->extras->trace.empty())
    trace += text("\n\nPrevious calculation that induced ", node.name, ", the forward call of ",
                  parent->name, ":\n", parent->extras->trace);
}

void mark_views(Node& node, const std::vector<Tensor>& ys) {
  for (const Tensor& y : ys)
    if (y.impl()->base) node.views = ViewKind::OneOfMany;
}

}  // namespace izvod
