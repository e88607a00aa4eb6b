#pragma once
#include "base/random_engine.h"
#include "graph/record.h"

namespace izvod {

// In training x * noise / (1 - p), where noise is 1 with probability 1 - p, else 0; otherwise x
// itself. N. Srivastava et al., "Dropout", JMLR 15 (2014). RuntimeError if p is not in [0, 1].
Tensor dropout(const Tensor& x, double p, bool train, Generator* g = nullptr);
const Tensor& dropout_(const Tensor& x, double p, bool train, Generator* g = nullptr);
// g * keep / (1 - p): the gradient of dropout.
Tensor dropout_backward(const Tensor& g, const Tensor& keep, double p);

// One noise value for each x[n, c]: whole channels are dropped. x has at least two dimensions.
Tensor feature_dropout(const Tensor& x, double p, bool train, Generator* g = nullptr);

// Keeps mean and variance of inputs that SELU has normalised: dropped values become its lower
// limit. G. Klambauer et al., "Self-Normalizing Neural Networks" (2017).
Tensor alpha_dropout(const Tensor& x, double p, bool train, Generator* g = nullptr);
Tensor feature_alpha_dropout(const Tensor& x, double p, bool train, Generator* g = nullptr);

// x where x > 0, else x times a slope: drawn from [lower, upper) for each element in training, else
// their mean.
Tensor rrelu(const Tensor& x, double lower, double upper, bool train, Generator* g = nullptr);

}  // namespace izvod
