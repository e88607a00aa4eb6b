#pragma once
#include "graph/record.h"

namespace izvod {

Tensor cat(const std::vector<Tensor>& xs, int64_t dim);
Tensor stack(const std::vector<Tensor>& xs, int64_t dim);

// The gradient of what was split along dim, from those of its parts: they are joined, or lie side
// by side already.
Tensor join_gradients(const Grads& parts, int64_t dim);

}  // namespace izvod
