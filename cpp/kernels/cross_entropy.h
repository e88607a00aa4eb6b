#pragma once
#include "base/dtype.h"
#include "kernels/isa.h"

namespace izvod::kernels {

// Logits (rows, classes), contiguous; one int64 target a row. weight (classes) has the dtype of the
// logits or is null. Rows whose target is ignore_index count for nothing. With w = weight[t] and s
// = smoothing:
//   loss = (1 - s) * w * -log p[t] + s / classes * sum over c of weight[c] * -log p[c]
struct CrossEntropy {
  DType dtype;
  int64_t rows, classes;
  const void* logits;
  const int64_t* targets;
  const void* weight = nullptr;
  int64_t ignore_index = -100;
  double smoothing = 0;
};

// The sums over all rows of the loss and of weight[t].
struct LossSums {
  double loss, weight;
};

// loss (rows): of the dtype of the logits, may be null. state (rows, 2): for the backward pass,
// float (double for double): the largest logit and the log of the sum of exponentials after taking
// it away; together they keep the digits that their sum would lose. Returns the first row whose
// target is not a class (then nothing has been written), else -1.
inline constinit Kernel<int64_t(const CrossEntropy* problem, void* loss, void* state,
                                LossSums* sums)>
    cross_entropy;

// dlogits = g * factor * d loss / d logits; g has one element a row (g_stride 1) or one in all
// (g_stride 0).
inline constinit Kernel<void(const CrossEntropy* problem, void* dlogits, const void* g,
                             int64_t g_stride, double factor, const void* state)>
    cross_entropy_backward;

// loss = -weight[t] * x[t] where x is (outer, classes, inner) and loss and targets are (outer,
// inner). Returns the index of the first target that is not a class, else -1. loss may be null.
struct NllLoss {
  DType dtype;
  int64_t outer, classes, inner;
  const int64_t* targets;
  const void* weight = nullptr;
  int64_t ignore_index = -100;
};
inline constinit Kernel<int64_t(const NllLoss* problem, void* loss, const void* x, LossSums* sums)>
    nll_loss;
inline constinit Kernel<void(const NllLoss* problem, void* dx, const void* g, int64_t g_stride,
                             double factor)>
    nll_loss_backward;

}  // namespace izvod::kernels
