#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <unordered_map>

#include "engine/accumulate.h"
#include "ops/copy.h"

namespace izvod {
namespace {

void (*breathe)() = nullptr;

// Calls breathe() every few milliseconds. Looking at the clock costs as much as a small node, so it
// is done once in a while, or after much work.
class Breath {
 public:
  void after(int64_t elements) {
    work_ += 1024 + elements;
    if (work_ < 128 * 1024 || !breathe) return;
    work_ = 0;
    const auto now = Clock::now();
    if (now - last_ < std::chrono::milliseconds(5)) return;
    breathe();
    last_ = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;
  int64_t work_ = 0;
  Clock::time_point last_ = Clock::now();
};

// Where the gradient that arrives at one output of a node is to be kept.
struct Capture {
  uint32_t slot;
  int output;
  size_t input;
};

// A node's place in a backward pass.
struct State {
  Ref<Node> node;
  Tensor g = {};       // the sum of the gradients that came, if the node has one output
  int several = -1;    // if it has more: their place in several_
  int waiting = 0;     // gradients still to come
  bool wanted = true;  // its gradient is asked for, or leads to one that is
  bool runs = true;    // its derivative has to be computed
  bool captured = false;
  bool seen = false;
};

// Note [Backward passes at the same time]
// A pass finds the state of a node through node->slot, which it claims by writing its own address
// into node->pass. A pass that starts while another one is under way, in a hook or in another
// thread, may meet nodes that the other one has claimed; their slots it keeps in a table of its
// own. So passes never wait for each other.
class Pass {
 public:
  explicit Pass(const BackwardOptions& options) : options_(options) {}
  ~Pass() {
    for (State& s : states_)
      if (s.node->pass == this) s.node->pass = nullptr;
  }
  Pass(const Pass&) = delete;

  void add_root(const Edge& edge, Tensor g) {
    State& s = states_[add(edge.node)];
    put(s, edge.output, std::move(g));
  }

  // Counts for every node how many gradients it will get. Called once, when all roots are known.
  void discover() {
    roots_ = uint32_t(states_.size());
    for (uint32_t i = 0; i < states_.size(); ++i) {  // grows while it runs
      Node* node = states_[i].node.get();
      for (const Edge& e : node->edges)
        if (e.node) ++states_[add(e.node)].waiting;
    }
  }

  // From now on only the paths to the places asked for are walked.
  void ask_for(const Edge& edge) {
    restrict();
    if (const uint32_t slot = find(edge.node.get()); slot != nowhere) {
      states_[slot].wanted = true;
      states_[slot].runs |= edge.node->is_accumulator;
    }
  }
  // The same, and what arrives there is kept, as captured()[input].
  void capture(const Edge& edge, size_t input) {
    restrict();
    captured_.resize(std::max(captured_.size(), input + 1));
    if (const uint32_t slot = find(edge.node.get()); slot != nowhere) {
      states_[slot].wanted = states_[slot].captured = true;
      captures_.push_back({slot, edge.output, input});
    }
  }

  void run() {
    struct Note {
      explicit Note(bool on) : previous(std::exchange(modes().partial_pass, on)) {}
      ~Note() { modes().partial_pass = previous; }
      bool previous;
    } note(restricted_);
    if (restricted_) find_wanted();
    for (uint32_t i = 0; i < roots_; ++i)
      if (states_[i].waiting == 0 && states_[i].wanted) push(i);
    while (!ready_.empty()) {
      std::pop_heap(ready_.begin(), ready_.end());
      const uint32_t slot = ready_.back().second;
      ready_.pop_back();
      visit(states_[slot], slot);
    }
  }
  std::vector<Tensor>& captured() { return captured_; }

 private:
  static constexpr uint32_t nowhere = ~uint32_t(0);

  uint32_t find(const Node* node) const {
    if (node->pass == this) return node->slot;
    if (claimed_by_others_.empty()) return nowhere;
    const auto at = claimed_by_others_.find(node);
    return at == claimed_by_others_.end() ? nowhere : at->second;
  }

  uint32_t add(const Ref<Node>& node) {
    if (const uint32_t slot = find(node.get()); slot != nowhere) return slot;
    const auto slot = uint32_t(states_.size());
    states_.push_back({node});
    if (!node->pass) {
      node->pass = this;
      node->slot = slot;
    } else {
      claimed_by_others_.emplace(node.get(), slot);
    }
    return slot;
  }

  void restrict() {
    if (std::exchange(restricted_, true)) return;
    for (State& s : states_) s.wanted = s.runs = false;
  }

  // A derivative runs if it leads to a gradient that is wanted; the walk comes back from the
  // leaves.
  void find_wanted() {
    std::vector<std::pair<uint32_t, size_t>> path;  // a node and its next edge
    for (uint32_t root = 0; root < roots_; ++root) {
      if (std::exchange(states_[root].seen, true)) continue;
      path.push_back({root, 0});
      while (!path.empty()) {
        auto& [slot, next] = path.back();
        const Node& node = *states_[slot].node;
        if (next < node.edges.size()) {
          const Edge& e = node.edges[next++];
          const uint32_t to = e.node ? find(e.node.get()) : nowhere;
          if (to != nowhere && !std::exchange(states_[to].seen, true)) path.push_back({to, 0});
          continue;
        }
        State& s = states_[slot];
        for (const Edge& e : node.edges) s.runs |= e.node && states_[find(e.node.get())].wanted;
        s.wanted |= s.runs;
        path.pop_back();
      }
    }
  }

  void push(uint32_t slot) {
    ready_.push_back({states_[slot].node->sequence, slot});
    std::push_heap(ready_.begin(), ready_.end());
  }

  void put(State& s, int output, Tensor&& g) {
    const size_t outputs = s.node->outputs.size();
    if (outputs == 1) return accumulate(s.g, std::move(g));
    if (s.several < 0) {
      s.several = int(several_.size());
      several_.emplace_back(int64_t(outputs));
    }
    accumulate(several_[size_t(s.several)][output], std::move(g));
  }

  // The gradients that came to a node, all of them now.
  Grads take(State& s) {
    if (s.node->outputs.size() == 1) return Grads(std::move(s.g));
    return s.several < 0 ? Grads(int64_t(s.node->outputs.size()))
                         : std::move(several_[size_t(s.several)]);
  }

  void visit(State& s, uint32_t slot) {
    Node& node = *s.node;
    Grads gs = take(s);
    if (node.extras || node.is_accumulator) call_tensor_hooks(node, gs);
    if (s.captured)
      for (const Capture& c : captures_)
        if (c.slot == slot) captured_[c.input] = gs[c.output];
    Grads dxs = s.runs ? call(node, gs) : Grads();
    const size_t given = size_t(dxs.size());
    for (size_t i = 0; i < node.edges.size(); ++i) {
      const Edge& e = node.edges[i];
      if (!e.node) continue;
      const uint32_t to = find(e.node.get());
      State& next = states_[to];
      if (!next.wanted) continue;
      if (i < given && dxs[int64_t(i)].defined()) {
        Tensor& dx = dxs[int64_t(i)];
        fit(node, i, dx, e.node->outputs[size_t(e.output)]);
        breath_.after(dx.numel());
        put(next, e.output, std::move(dx));
      }
      if (--next.waiting == 0) push(to);
    }
  }

  Grads call(Node& node, Grads& gs) {
    if (!node.strict && !gs.any_defined()) return {};
    if (node.wants_all &&
        gs.size() > 1)  // derivatives of ops with several outputs see zeros, not holes
      for (int64_t i = 0; i < gs.size(); ++i)
        if (!gs[i].defined())
          gs[i] = zeros(node.outputs[size_t(i)].sizes, node.outputs[size_t(i)].dtype);
    CurrentNode now(&node);
    Grads dxs = node.extras || anomaly.on ? apply_with_hooks(node, std::move(gs))
                                          : node.apply(std::move(gs));
    if (!options_.retain_graph) node.release_saved();
    return dxs;
  }

  BackwardOptions options_;
  bool restricted_ = false;
  uint32_t roots_ = 0;
  std::vector<State> states_;
  std::unordered_map<const Node*, uint32_t> claimed_by_others_;
  std::vector<Grads> several_;
  std::vector<std::pair<uint64_t, uint32_t>> ready_;
  std::vector<Capture> captures_;
  std::vector<Tensor> captured_;
  Breath breath_;
};

// The gradient a pass starts with.
Tensor initial_gradient(size_t i, const Tensor& root, const Tensor& g) {
  if (!g.defined()) {
    check(root.numel() == 1, "grad can be implicitly created only for scalar outputs");
    return ones(root.sizes(), root.dtype());
  }
  check(g.sizes() == root.sizes(), "Mismatch in shape: grad_output[", i,
        "] has a shape of torch.Size(", g.sizes(), ") and output[", i,
        "] has a shape of torch.Size(", root.sizes(), ").");
  return to(g, root.dtype());
}

void add_roots(Pass& pass, const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients) {
  check(gradients.empty() || gradients.size() == roots.size(), "got ", roots.size(),
        " tensors and ", gradients.size(), " gradients");
  for (size_t i = 0; i < roots.size(); ++i) {
    check(requires_grad(roots[i]), "element ", i,
          " of tensors does not require grad and does not have a grad_fn");
    Tensor g = initial_gradient(i, roots[i], i < gradients.size() ? gradients[i] : Tensor());
    pass.add_root(gradient_edge(roots[i]), std::move(g));
  }
  pass.discover();
}

}  // namespace

void set_breathe(void (*f)()) { breathe = f; }

std::vector<Tensor> gradients_of(const std::vector<Tensor>& roots,
                                 const std::vector<Tensor>& gradients,
                                 const std::vector<Tensor>& inputs,
                                 const BackwardOptions& options) {
  GradMode mode(options.create_graph);
  Pass pass(options);
  add_roots(pass, roots, gradients);
  for (size_t i = 0; i < inputs.size(); ++i) {
    check(requires_grad(inputs[i]), "One of the differentiated Tensors does not require grad");
    pass.capture(gradient_edge(inputs[i]), i);
  }
  pass.run();
  return std::move(pass.captured());
}

void backward(const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients,
              const BackwardOptions& options, const std::vector<Tensor>& inputs) {
  GradMode mode(options.create_graph);
  Pass pass(options);
  for (const Tensor& x : inputs) retain_grad(x);  // leaves keep theirs anyway
  add_roots(pass, roots, gradients);
  for (const Tensor& x : inputs) pass.ask_for(gradient_edge(x));
  pass.run();
}

}  // namespace izvod
