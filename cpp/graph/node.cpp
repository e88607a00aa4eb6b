#include "graph/node.h"

#include "graph/autograd.h"

namespace izvod {

constinit thread_local Node* running_node IZVOD_FAST_THREAD_LOCAL = nullptr;

static uint64_t next_sequence = 0;
Node::Node(const char* name) : sequence(next_sequence++), name(name) {}
Node::~Node() = default;

// Note [Freeing long chains]
// A node owns the nodes before it, so freeing the last of a million would free them one inside the
// other. Instead a node whose count falls to zero waits in a list, and only the outermost call empties it.
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

std::string short_name(const Node& node) {
  const std::string name = node.name;
  const size_t end = name.rfind("Backward");
  return end == std::string::npos || end == 0 ? name : name.substr(0, end);
}

AccumulateGrad::AccumulateGrad(Tensor x) : Node("AccumulateGrad"), variable(std::move(x)) {
  sequence = ~uint64_t(0);  // ready as soon as its gradient is there: frees that memory early
  is_accumulator = true;
  add_output(variable);
  meta(variable).accumulator = this;
}
AccumulateGrad::~AccumulateGrad() { meta(variable).accumulator = nullptr; }

}  // namespace izvod
