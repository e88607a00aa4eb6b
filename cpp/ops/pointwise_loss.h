#pragma once
#include "ops/loss.h"

namespace izvod {

// Losses element by element, then averaged, summed or left alone. x and target are broadcast;
// weight may be undefined.
Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::Mean,
                const Tensor& weight = {});
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::Mean,
               const Tensor& weight = {});
// x in [0, 1], else RuntimeError.
Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight,
                            Reduction reduction);
// pos_weight, broadcast, multiplies the loss of positive targets; may be undefined.
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const Tensor& weight,
                                        const Tensor& pos_weight, Reduction reduction);

}  // namespace izvod
