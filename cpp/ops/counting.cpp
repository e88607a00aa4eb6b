#include "ops/counting.h"

#include <algorithm>

#include "kernels/counting.h"
#include "ops/copy.h"
#include "ops/item.h"
#include "ops/reduction.h"

namespace izvod {

Tensor bincount(const Tensor& x, int64_t least_size) {
  check<NotImplementedError>(is_integral(x.dtype()), "\"bincount_cpu\" not implemented for '",
                             info(x.dtype()).noun, "'");
  int64_t low = 0, high = -1;
  if (x.numel()) {
    const auto [least, most] = aminmax(detach(x), {}, false);
    low = item(least).i, high = item(most).i;
  }
  check(x.dim() == 1 && low >= 0, "bincount only supports 1-d non-negative integral inputs.");
  check(least_size >= 0, "minlength should be >= 0");
  check(high < INT64_MAX, "maximum value of input overflowed, it should be < ", INT64_MAX,
        " but got ", high);
  Tensor counts = empty({std::max(high + 1, least_size)}, DType::Int64);
  const Tensor numbers = contiguous(detach(x));
  kernels::bincount(counts.data<int64_t>(), counts.numel(), x.dtype(), numbers.data<char>(),
                    x.numel());
  return counts;
}

Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right) {
  constexpr auto op = "torch.searchsorted(): ";
  check(sorted.dim() > 0, op,
        "boundaries tensor should have positive dimension, but got 0 dimension");
  Dims rows = sorted.sizes(), leading = values.sizes();
  const int64_t length = rows.back();
  rows.resize(rows.size() - 1);
  if (!rows.empty()) {
    check(!leading.empty(), op,
          "input value can be a scalar only when boundaries tensor dimension is 1, but we got "
          "boundaries tensor dim(",
          sorted.dim(), ") and input value's dim(0) numel(1)");
    leading.resize(leading.size() - 1);
    check(leading == rows, op,
          "boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
          "tensor and input value tensor must match, but we got boundaries tensor ",
          sorted.sizes(), " and input value tensor ", values.sizes());
  }
  DType t = promote_types(sorted.dtype(), values.dtype());
  check<NotImplementedError>(t != DType::Bool,
                             "\"searchsorted_out_cpu\" not implemented for 'Bool'");
  if (t != DType::Float64) t = is_floating(t) ? DType::Float32 : DType::Int64;
  const Tensor x = contiguous(to(detach(sorted), t)), v = contiguous(to(detach(values), t));
  Tensor places = empty(values.sizes(), DType::Int64);
  int64_t count = 1;
  for (int64_t n : rows) count *= n;
  if (v.numel())
    kernels::searchsorted(places.data<int64_t>(), t,
                          kernels::SortedRows{x.data<char>(), count, length}, v.data<char>(),
                          v.numel() / count, right);
  return places;
}

}  // namespace izvod
