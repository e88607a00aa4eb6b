#include "graph/node.h"

#include "graph/autograd.h"

namespace izvod {

constinit thread_local Node* running_node IZVOD_FAST_THREAD_LOCAL = nullptr;

static uint64_t next_sequence = 0;
Node::Node(const char* name) : sequence(next_sequence++), name(name) {}
Node::~Node() = default;

// Note [Freeing long chains]
// A node owns the nodes before it, so freeing the last of a million would free them one inside the
// other. Instead a node whose count falls to zero waits in a list, and only the outermost call
// empties it.
void Node::destroy(Node* n) {
  static std::vector<Node*> waiting;
  static bool emptying = false;
  waiting.push_back(n);
  if (emptying) return;
  emptying = true;
  while (!waiting.empty()) {
    Node* next = waiting.back();
    waiting.pop_back();
    delete next;
  }
  emptying = false;
}

// Where "Backward0" begins in MulBackward0; npos if the name does not end so.
static size_t end_of_op(const std::string& name) {
  const size_t digits = name.find_last_not_of("0123456789") + 1;
  return name.compare(digits >= 8 ? digits - 8 : 0, 8, "Backward") == 0 ? digits - 8
                                                                        : std::string::npos;
}

std::string full_name(const Node& node) {
  return end_of_op(node.name) == std::string::npos ? text("torch::autograd::", node.name)
                                                   : node.name;
}

std::string short_name(const Node& node) {
  const size_t end = end_of_op(node.name);
  return end == std::string::npos ? full_name(node) : std::string(node.name).substr(0, end);
}

AccumulateGrad::AccumulateGrad(Tensor x) : Node("AccumulateGrad"), variable(std::move(x)) {
  sequence = ~uint64_t(0);  // ready as soon as its gradient is there: frees that memory early
  is_accumulator = true;
  add_output(variable);
  meta(variable).accumulator = this;
}
AccumulateGrad::~AccumulateGrad() { meta(variable).accumulator = nullptr; }

}  // namespace izvod
