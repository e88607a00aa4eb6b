#include "bind/function.h"
#include "bind/rows.h"
#include "ops/arithmetic.h"
#include "ops/softmax.h"
#include "ops/unary.h"

namespace izvod::bind {

void add_pointwise_rows() {
#define ROW(function, Op)                           \
  def<#function>("input", izvod::function);         \
  def<#function "_">("input", izvod::function##_);
  IZVOD_UNARY(ROW)
#undef ROW
#define ROW(function, Op)                                   \
  def<#function>("input, other", izvod::function);          \
  def<#function "_", InTensor>("input, other", izvod::function##_);
  IZVOD_BINARY(ROW)
  IZVOD_COMPARISONS(ROW)
#undef ROW
  def<"where">("condition, input, other", [](const Tensor& c, const Arg& a, const Arg& b) { return where(c, a, b); });
  def<"softmax">("input, dim, dtype=None", [](const Tensor& x, int64_t dim, std::optional<DType> t) { return softmax(x, dim, t); });
}

}  // namespace izvod::bind
