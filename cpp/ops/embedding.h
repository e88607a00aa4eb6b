#pragma once
#include "graph/record.h"

namespace izvod {

// Rows of weight (rows, n) for indices of any shape: (*, n). The row padding_idx (negative: none)
// gets no gradient; with scale_grad_by_freq each row's gradient is divided by how often its index
// occurs. IndexError for an index outside [0, rows).
Tensor embedding(const Tensor& weight, const Tensor& index, int64_t padding_idx = -1,
                 bool scale_grad_by_freq = false);
// The gradient of weight.
Tensor embedding_backward(const Tensor& g, const Tensor& index, int64_t rows, int64_t padding_idx,
                          bool scale_grad_by_freq);
// Before a lookup: scales those rows of weight, in place, whose norm is larger than max_norm.
const Tensor& embedding_renorm_(const Tensor& weight, const Tensor& index, double max_norm,
                                double norm_type);

// torch.nn.functional.embedding: padding_idx may count from the end.
Tensor embedding(const Tensor& index, const Tensor& weight, std::optional<int64_t> padding_idx,
                 std::optional<double> max_norm, double norm_type, bool scale_grad_by_freq,
                 bool sparse);

}  // namespace izvod
