#include "ops/sum_to_size.h"

#include "ops/reduction.h"
#include "ops/views.h"

namespace izvod {

Tensor sum_to_size(const Tensor& g, const Dims& sizes) {
  const int64_t shift = g.dim() - sizes.size();
  Dims dims;
  for (int64_t d = 0; d < g.dim(); ++d)
    if (d < shift || (sizes[d - shift] == 1 && g.sizes()[d] != 1)) dims.push_back(d);
  if (dims.empty()) return g;
  const Tensor y = sum(g, dims, true);
  return shift ? reshape(y, sizes) : y;
}

}  // namespace izvod
