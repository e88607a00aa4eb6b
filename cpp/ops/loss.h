#pragma once
#include <string>

#include "graph/record.h"

namespace izvod {

// How single losses become the result: left alone, averaged, added up. In Python "none", "mean",
// "sum".
enum class Reduction { None, Mean, Sum };
Reduction reduction_from(const std::string& name);  // ValueError for any other name

// Logits x (C), (N, C) or (N, C, d1, ...) against class indices, target (), (N) or (N, d1, ...), or
// against class probabilities, target of the shape and kind of x. weight (C) may be undefined;
// targets equal to ignore_index do not count. Without x's softmax being kept: the gradient finds it
// again. IndexError for a target that is not a class.
Tensor cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight = {},
                     int64_t ignore_index = -100, Reduction reduction = Reduction::Mean,
                     double label_smoothing = 0);
// The same for log-probabilities x: -weight[target] * x[target].
Tensor nll_loss(const Tensor& x, const Tensor& target, const Tensor& weight = {},
                int64_t ignore_index = -100, Reduction reduction = Reduction::Mean);

}  // namespace izvod
