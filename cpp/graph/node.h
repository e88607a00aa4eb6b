#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "graph/grads.h"
#include "graph/modes.h"

namespace izvod {

struct Node;

// Where a gradient goes: into output number `output` of the op that `node` undoes.
struct Edge {
  Ref<Node> node;
  int output = 0;
};

// What a gradient must look like when it arrives.
struct OutputInfo {
  Dims sizes;
  DType dtype;
};

// A user's function on a gradient; an undefined result leaves it as it is.
struct GradHook {
  uint32_t refs = 0;
  virtual ~GradHook() = default;
  virtual Tensor operator()(const Tensor& g) = 0;
  static void destroy(GradHook* h) { delete h; }
};
struct OutputHook {
  int output;
  Ref<GradHook> hook;
};

// A user's functions on all gradients that enter (before) or leave (after) a node.
struct NodeHook {
  uint32_t refs = 0;
  virtual ~NodeHook() = default;
  virtual void before(Grads& gs) = 0;
  virtual void after(Grads& dxs, const Grads& gs) = 0;
  static void destroy(NodeHook* h) { delete h; }
};

// A tensor, not a leaf, that keeps its gradient. Shared by the tensor and its node; `tensor` is
// null once it died.
struct Retained {
  uint32_t refs = 0;
  int output;
  TensorImpl* tensor;
  static void destroy(Retained* r) { delete r; }
};

// Things few nodes have.
struct NodeExtras {
  std::vector<OutputHook> hooks;        // on single outputs, in the order they were set
  std::vector<Ref<Retained>> retained;  // outputs whose tensors keep their gradient
  std::vector<Ref<NodeHook>> node_hooks;
  std::unique_ptr<Attachment> python;  // what bind/ keeps with the node
  std::string trace;                   // where it was made, when anomalies are looked for
};

// Why the outputs of a node may not be changed in place, if they are views.
enum class ViewKind : uint8_t { Free, OneOfMany, OfCustomFunction };

// One recorded op: how to turn the gradients of its outputs into those of its inputs.
struct Node : Pooled {
  explicit Node(const char* name);
  virtual ~Node();
  // `gs`: one gradient for each output. Returns one for each edge, in the shape the mathematics
  // gives.
  virtual Grads apply(Grads gs) = 0;
  // Lets go of saved tensors.
  virtual void release_saved() {}

  void add_output(const Tensor& y) { outputs.emplace_back(y.sizes(), y.dtype()); }
  NodeExtras& make_extras() {
    if (!extras) extras = std::make_unique<NodeExtras>();
    return *extras;
  }
  bool needs(int64_t i) const { return bool(edges[size_t(i)].node); }

  // See Note [Freeing long chains].
  static void destroy(Node* n);

  uint32_t refs = 0;
  uint32_t slot = 0;  // its place in the backward pass that `pass` names; see engine/engine.cpp
  const void* pass = nullptr;
  uint64_t sequence;  // rises with time; the backward pass takes the newest first
  const char* name;
  ViewKind views = ViewKind::Free;
  bool is_accumulator = false;  // an AccumulateGrad
  bool wants_all = true;        // zeros stand in for missing gradients if it has several outputs
  bool strict =
      false;  // its gradients must have, or broadcast to, their shape: nothing is expanded
  InlineList<Edge, 2> edges;
  InlineList<OutputInfo, 1> outputs;
  std::unique_ptr<NodeExtras> extras;
  void* pyobject = nullptr;
};

// grad_fn.name(): nodes that no op names after itself are "torch::autograd::CopySlices" and so on.
std::string full_name(const Node& node);
// What messages call a node: "Mul" for MulBackward0.
std::string short_name(const Node& node);

// The end of the line: adds what arrives to variable.grad. The engine does the adding.
struct AccumulateGrad final : Node {
  explicit AccumulateGrad(Tensor x);
  ~AccumulateGrad() override;
  Grads apply(Grads gs) override;  // engine/accumulate.cpp
  Tensor variable;
};

// The node that runs now; a saved output needs it to find its way back into the graph.
extern constinit thread_local Node* running_node IZVOD_FAST_THREAD_LOCAL;
inline Node* current_node() { return running_node; }
struct CurrentNode {
  explicit CurrentNode(Node* n) : previous(std::exchange(running_node, n)) {}
  ~CurrentNode() { running_node = previous; }
  CurrentNode(const CurrentNode&) = delete;
  Node* previous;
};

}  // namespace izvod
