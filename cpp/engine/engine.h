#pragma once
#include "graph/autograd.h"

namespace izvod {

struct BackwardOptions {
  bool retain_graph = false;
  bool create_graph = false;
};

// Adds the gradients of `roots` (weighted by `gradients`; undefined ones stand for 1, roots of one
// element only) to
// `.grad` of the leaves they depend on, or, where `inputs` are given, of these only. RuntimeError
// where a root has no history, shapes do not fit, or the graph was freed.
void backward(const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients,
              const BackwardOptions& options, const std::vector<Tensor>& inputs = {});

// The gradients themselves, one for each input; undefined where the roots do not depend on it.
std::vector<Tensor> gradients_of(const std::vector<Tensor>& roots,
                                 const std::vector<Tensor>& gradients,
                                 const std::vector<Tensor>& inputs, const BackwardOptions& options);

// Called every few milliseconds of a long backward pass: bind/ lets other threads run and looks for
// signals.
void set_breathe(void (*breathe)());

}  // namespace izvod
