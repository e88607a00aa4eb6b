#pragma once
#include "graph/autograd.h"

namespace izvod {

// sum += g, in place where nobody else holds `sum`.
void accumulate(Tensor& sum, Tensor&& g);
// x.grad += g; takes g itself as x.grad where nobody else holds it.
void accumulate_grad(const Tensor& x, Tensor g);

void refit(const Node& node, size_t index, Tensor& g, const OutputInfo& wanted);
// Makes a derivative's result the gradient of a tensor of these sizes and dtype; RuntimeError where
// it cannot be.
inline void fit(const Node& node, size_t index, Tensor& g, const OutputInfo& wanted) {
  if (g.dtype() != wanted.dtype || !(g.sizes() == wanted.sizes)) refit(node, index, g, wanted);
}

// The user's hooks on single outputs, then the tensors that retain their gradient.
void call_tensor_hooks(Node& node, Grads& gs);
// The derivative, the user's hooks on the node, and the search for anomalies.
Grads apply_with_hooks(Node& node, Grads gs);

}  // namespace izvod
