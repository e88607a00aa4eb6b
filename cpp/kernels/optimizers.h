#pragma once
#include "base/dtype.h"
#include "kernels/isa.h"

namespace izvod::kernels {

// One tensor of a multi-tensor call: contiguous memory of `n` elements each, all of one floating
// dtype.
struct ParamSlot {
  DType dtype;
  int64_t n;
  void* param;
  const void* grad;
  void* state[3] = {};  // sgd: momentum buffer. adam: m, v, largest v so far (amsgrad)
  double step = 1;      // adam: the number of this step, from 1
  bool first = false;   // sgd: the momentum buffer holds nothing yet
};

// d = grad (negated with maximize) + weight_decay * param;  buffer = momentum * buffer + (1 -
// dampening) * d (the first time d);  d = nesterov ? d + momentum * buffer : buffer;  param -= lr *
// d.
struct SgdOptions {
  double lr, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false, maximize = false;
};
inline constinit Kernel<void(const ParamSlot* slots, int64_t count, const SgdOptions* options)>
    sgd_step;

// Adam (Kingma and Ba, arXiv:1412.6980); with decoupled decay AdamW (Loshchilov and Hutter,
// arXiv:1711.05101); with amsgrad the largest v so far divides (Reddi et al., ICLR 2018).
struct AdamOptions {
  double lr, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool amsgrad = false, maximize = false, decoupled = false;
};
inline constinit Kernel<void(const ParamSlot* slots, int64_t count, const AdamOptions* options)>
    adam_step;

// A tensor of a foreach call: n neighbouring elements of a floating dtype.
struct Slot {
  DType dtype;
  int64_t n;
  void* data;
};
// squares[i] = sum of the squares of slot i.
inline constinit Kernel<void(const Slot* slots, int64_t count, double* squares)>
    foreach_sum_squares;
// Every element times `factor`, in place.
inline constinit Kernel<void(const Slot* slots, int64_t count, double factor)> foreach_scale;

}  // namespace izvod::kernels
