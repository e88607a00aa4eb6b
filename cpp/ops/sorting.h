#pragma once
#include "graph/record.h"

// Order along one dimension: (values, indices). nan counts as the largest. All are stable: of equal
// elements the one with the smaller index comes first.
namespace izvod {

using ValuesAndIndices = std::pair<Tensor, Tensor>;

ValuesAndIndices sort(const Tensor& x, int64_t dim = -1, bool descending = false);
Tensor argsort(const Tensor& x, int64_t dim = -1, bool descending = false);
// The k largest (smallest), in order.
ValuesAndIndices topk(const Tensor& x, int64_t k, int64_t dim = -1, bool largest = true);
// The k-th smallest, k from 1.
ValuesAndIndices kthvalue(const Tensor& x, int64_t k, int64_t dim = -1, bool keepdim = false);
// The lower of the two in the middle; nan if there is one.
Tensor median(const Tensor& x);
ValuesAndIndices median(const Tensor& x, int64_t dim, bool keepdim = false);

}  // namespace izvod
