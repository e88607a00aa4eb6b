#pragma once
#include "graph/record.h"
#include "kernels/optimizers.h"

namespace izvod {

// Steps of optimizers over lists of parameters, in place and outside the graph; lists belong
// together item by item. What a parameter has no gaps in common with (a gradient of other strides
// or dtype) is copied on the way.

// buffers: the momentum of each parameter, undefined before its first step; ignored without
// momentum. Returns the buffers after the step.
std::vector<Tensor> sgd_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
                             const std::vector<Tensor>& buffers,
                             const kernels::SgdOptions& options);
// Zeros for a parameter's moments, lazy if its gradient is.
Tensor zero_moments(const Tensor& param, const Tensor& grad);
// steps: one-element floating tensors that count the steps; largest: empty without amsgrad.
void adam_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
               const std::vector<Tensor>& first, const std::vector<Tensor>& second,
               const std::vector<Tensor>& largest, const std::vector<Tensor>& steps,
               const kernels::AdamOptions& options);

// The norm of all tensors as one vector, shape (); RuntimeError with error_if_nonfinite if it is
// inf or nan.
Tensor total_norm(const std::vector<Tensor>& tensors, double norm_type, bool error_if_nonfinite);
// Scales the gradients by one factor, in place, so that their norm is at most max_norm. Returns the
// norm before.
Tensor clip_grad_norm_(const std::vector<Tensor>& grads, double max_norm, double norm_type,
                       bool error_if_nonfinite);

}  // namespace izvod
