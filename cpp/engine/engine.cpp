#include "engine/engine.h"

#include <algorithm>
#include <mutex>

#include "engine/accumulate.h"
#include "ops/copy.h"

namespace izvod {
namespace {

void (*breathe)() = nullptr;
constexpr uint64_t nodes_per_breath = 512;

// Where the gradient that arrives at one output of a node is to be kept.
struct Capture {
  int output;
  size_t input;
};

// A node's place in a backward pass.
struct State {
  Ref<Node> node;
  uint32_t previous_slot;  // what node->slot was before: an outer pass may be using it
  int waiting = 0;         // gradients still to come
  bool needed = true;
  Grads grads;
  std::vector<Capture> captures;
};

// Note [One backward pass]
// A pass finds a node's state through node->slot, a number that counts only if the state there names the node.
// A pass started by a hook inside another one puts the slots back when it ends, so passes may be nested.
class Pass {
 public:
  Pass(const BackwardOptions& options) : options_(options) {}
  ~Pass() {
    for (auto s = states_.rbegin(); s != states_.rend(); ++s) s->node->slot = s->previous_slot;
  }
  Pass(const Pass&) = delete;

  void add_root(const Edge& edge, Tensor g) {
    State& s = state(edge.node);
    put(s, edge.output, std::move(g));
  }
  // Only the paths to these inputs are walked, and what arrives there is kept (or accumulated).
  void add_capture(const Edge& edge, size_t input) {
    restricted_ = true;
    state(edge.node).captures.push_back({edge.output, input});
  }

  std::vector<Tensor> run(size_t inputs) {
    captured_.resize(inputs);
    discover();
    if (restricted_) find_needed();
    uint64_t count = 0;
    for (uint32_t i = 0; i < roots_; ++i)
      if (states_[i].waiting == 0) push(i);
    while (!ready_.empty()) {
      std::pop_heap(ready_.begin(), ready_.end());
      const uint32_t slot = ready_.back().second;
      ready_.pop_back();
      visit(slot);
      if (++count % nodes_per_breath == 0 && breathe) breathe();
    }
    return std::move(captured_);
  }

 private:
  uint32_t slot_of(const Ref<Node>& node) {
    const uint32_t s = node->slot;
    if (s < states_.size() && states_[s].node == node) return s;
    states_.push_back({node, s, 0, true, {}, {}});
    return node->slot = uint32_t(states_.size() - 1);
  }
  State& state(const Ref<Node>& node) { return states_[slot_of(node)]; }

  // Counts for every node how many gradients it will get.
  void discover() {
    roots_ = uint32_t(states_.size());
    for (uint32_t i = 0; i < states_.size(); ++i) {  // grows while it runs
      const Ref<Node> node = states_[i].node;
      for (const Edge& e : node->edges)
        if (e.node) ++state(e.node).waiting;
    }
  }

  // A node is needed if it, or one that it leads to, is captured.
  void find_needed() {
    for (State& s : states_) s.needed = !s.captures.empty();
    std::vector<uint32_t> order(states_.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    // Older nodes first: an edge always leads to an older node, or to a leaf.
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return states_[a].node->sequence + 1 < states_[b].node->sequence + 1;  // leaves (the largest) wrap to 0
    });
    for (uint32_t i : order)
      for (const Edge& e : states_[i].node->edges)
        if (e.node && state(e.node).needed) states_[i].needed = true;
  }

  void push(uint32_t slot) {
    ready_.push_back({states_[slot].node->sequence, slot});
    std::push_heap(ready_.begin(), ready_.end());
  }

  void put(State& s, int output, Tensor g) {
    if (s.grads.size() < int64_t(s.node->outputs.size())) s.grads.resize(int64_t(s.node->outputs.size()));
    if (g.defined()) accumulate(s.grads[output], std::move(g));
  }

  void visit(uint32_t slot) {
    const Ref<Node> node = states_[slot].node;
    Grads gs = std::move(states_[slot].grads);
    gs.resize(int64_t(node->outputs.size()));
    call_output_hooks(*node, gs);
    for (const Capture& c : states_[slot].captures) captured_[c.input] = gs[c.output];
    Grads dxs;
    if (states_[slot].needed && !(restricted_ && node->edges.empty())) dxs = call(*node, std::move(gs));
    for (size_t i = 0; i < node->edges.size(); ++i) {
      const Edge& e = node->edges[i];
      if (!e.node) continue;
      const uint32_t to = slot_of(e.node);
      if (int64_t(i) < dxs.size() && dxs[int64_t(i)].defined() && states_[to].needed)
        put(states_[to], e.output, fit(*node, i, std::move(dxs[int64_t(i)]), e.node->outputs[size_t(e.output)]));
      if (--states_[to].waiting == 0) push(to);
    }
  }

  Grads call(Node& node, Grads gs) {
    bool any = false;
    for (const Tensor& g : gs) any |= g.defined();
    if (!any) return {};
    if (gs.size() > 1)  // derivatives of ops with several outputs see zeros, not holes
      for (int64_t i = 0; i < gs.size(); ++i)
        if (!gs[i].defined()) gs[i] = zeros(node.outputs[size_t(i)].sizes, node.outputs[size_t(i)].dtype);
    CurrentNode now(&node);
    Grads dxs = apply_with_hooks(node, gs);
    if (!options_.retain_graph) node.release_saved();
    return dxs;
  }

  BackwardOptions options_;
  bool restricted_ = false;
  uint32_t roots_ = 0;
  std::vector<State> states_;
  std::vector<std::pair<uint64_t, uint32_t>> ready_;
  std::vector<Tensor> captured_;
};

// The gradient a pass starts with.
Tensor initial_gradient(const Tensor& root, const Tensor& g) {
  if (!g.defined()) {
    check(root.numel() == 1, "grad can be implicitly created only for scalar outputs");
    check(root.is_floating(), "grad can be computed only for real scalar outputs but got ", info(root.dtype()).name);
    return ones(root.sizes(), root.dtype());
  }
  check(g.sizes() == root.sizes(), "Mismatch in shape: grad_output[0] has a shape of torch.Size(", g.sizes(),
        ") and output[0] has a shape of torch.Size(", root.sizes(), ").");
  return g;
}

void add_roots(Pass& pass, const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients) {
  for (size_t i = 0; i < roots.size(); ++i) {
    check(requires_grad(roots[i]), "element ", i, " of tensors does not require grad and does not have a grad_fn");
    const Tensor g = initial_gradient(roots[i], i < gradients.size() ? gradients[i] : Tensor());
    pass.add_root(gradient_edge(roots[i]), g);
  }
}

}  // namespace

void set_breathe(void (*f)()) { breathe = f; }

std::vector<Tensor> gradients_of(const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients,
                                 const std::vector<Tensor>& inputs, const BackwardOptions& options) {
  GradMode mode(options.create_graph);
  Pass pass(options);
  add_roots(pass, roots, gradients);
  for (size_t i = 0; i < inputs.size(); ++i) {
    check(requires_grad(inputs[i]), "One of the differentiated Tensors does not require grad");
    pass.add_capture(gradient_edge(inputs[i]), i);
  }
  return pass.run(inputs.size());
}

void backward(const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients, const BackwardOptions& options,
              const std::vector<Tensor>& inputs) {
  if (inputs.empty()) {
    GradMode mode(options.create_graph);
    Pass pass(options);
    add_roots(pass, roots, gradients);
    pass.run(0);
    return;
  }
  const std::vector<Tensor> grads = gradients_of(roots, gradients, inputs, options);
  GradMode mode(options.create_graph);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (grads[i].defined()) accumulate_grad(inputs[i], grads[i]);
}

}  // namespace izvod
