#include <cmath>

#include "bind/function.h"
#include "bind/rows.h"
#include "ops/arithmetic.h"
#include "ops/indexing.h"
#include "ops/softmax.h"
#include "ops/unary.h"

namespace izvod::bind {
namespace {

using MaybeScalar = std::optional<Scalar>;
using MaybeTensor = std::optional<Tensor>;

void add_unary() {
#define ROW(function, Op)                   \
  def<#function>("input", izvod::function); \
  def<#function "_">("input", izvod::function##_);
  IZVOD_UNARY(ROW)
#undef ROW
#define ROW(function, Op) def<#function>("input", izvod::function);
  IZVOD_PREDICATES(ROW)
#undef ROW
  def<"_sample_exp", InModule>("input", sample_exp);
  def<"_sample_log", InModule>("input", sample_log);
  def<"_sample_log1p", InModule>("input", sample_log1p);
  def<"absolute">("input", [](const Tensor& x) { return abs(x); });
  def<"round">("input, *, decimals=0", [](const Tensor& x, int64_t decimals) {
    if (!decimals) return round(x);
    check<NotImplementedError>(x.is_floating(), "\"round_cpu\" not implemented for '",
                               info(x.dtype()).noun, "'");
    const double ten = std::pow(10.0, double(std::abs(decimals)));
    return decimals > 0 ? round(x * ten) / ten : round(x / ten) * ten;
  });
  def<"negative">("input", [](const Tensor& x) { return neg(x); });
  def<"positive">("input", [](const Tensor& x) {
    check(x.dtype() != DType::Bool, "The `+` operator, on a bool tensor is not supported.");
    return x;
  });
  def<"arcsin">("input", [](const Tensor& x) { return asin(x); });
  def<"arccos">("input", [](const Tensor& x) { return acos(x); });
  def<"arctan">("input", [](const Tensor& x) { return atan(x); });
  def<"fix">("input", [](const Tensor& x) { return trunc(x); });
  def<"polygamma", InModule>("n, input", polygamma);
  def<"polygamma", InTensor>("self, n", [](const Tensor& x, int64_t n) { return polygamma(n, x); });
  def<"polygamma_", InTensor>("self, n", polygamma_);
  def<"clamp">(
      {overload("input, min=None, max=None",
                [](const Tensor& x, MaybeScalar a, MaybeScalar b) { return clamp(x, a, b); }),
       overload("input, min=None, max=None",
                [](const Tensor& x, MaybeTensor a, MaybeTensor b) { return clamp(x, a, b); })});
  def<"clip">(
      {overload("input, min=None, max=None",
                [](const Tensor& x, MaybeScalar a, MaybeScalar b) { return clamp(x, a, b); }),
       overload("input, min=None, max=None",
                [](const Tensor& x, MaybeTensor a, MaybeTensor b) { return clamp(x, a, b); })});
  def<"clamp_">("input, min=None, max=None",
                [](const Tensor& x, MaybeScalar a, MaybeScalar b) { return clamp_(x, a, b); });
  def<"nan_to_num">("input, nan=None, posinf=None, neginf=None", nan_to_num);
  def<"nan_to_num_">("input, nan=None, posinf=None, neginf=None", nan_to_num_);
  def<"clamp_min">("input, min", [](const Tensor& x, Scalar a) {
    return clamp(x, MaybeScalar(a), MaybeScalar());
  });
  def<"clamp_max">("input, max", [](const Tensor& x, Scalar b) {
    return clamp(x, MaybeScalar(), MaybeScalar(b));
  });
  def<"clamp_min_">("input, min", [](const Tensor& x, Scalar a) {
    return clamp_(x, MaybeScalar(a), MaybeScalar());
  });
  def<"clamp_max_">("input, max", [](const Tensor& x, Scalar b) {
    return clamp_(x, MaybeScalar(), MaybeScalar(b));
  });
}

void add_binary() {
#define ROW(function, Op)                          \
  def<#function>("input, other", izvod::function); \
  def<#function "_", InTensor>("input, other", izvod::function##_);
  IZVOD_COMPARISONS(ROW)
  IZVOD_BITWISE(ROW)
  ROW(atan2, Atan2)
  ROW(remainder, Remainder)
  ROW(fmod, Fmod)
  ROW(floor_divide, FloorDivide)
  ROW(mul, Mul)
  ROW(xlogy, Xlogy)
#undef ROW
  def<"maximum">("input, other", [](const Arg& a, const Arg& b) { return maximum(a, b); });
  def<"minimum">("input, other", [](const Arg& a, const Arg& b) { return minimum(a, b); });
  def<"multiply">("input, other", [](const Arg& a, const Arg& b) { return mul(a, b); });
  def<"add">("input, other, *, alpha=1",
             [](const Arg& a, const Arg& b, Scalar s) { return add(a, b, s); });
  def<"sub">("input, other, *, alpha=1",
             [](const Arg& a, const Arg& b, Scalar s) { return sub(a, b, s); });
  def<"subtract">("input, other, *, alpha=1",
                  [](const Arg& a, const Arg& b, Scalar s) { return sub(a, b, s); });
  def<"rsub">("input, other, *, alpha=1",
              [](const Arg& a, const Arg& b, Scalar s) { return sub(b, a, s); });
  def<"add_", InTensor>("self, other, *, alpha=1",
                        [](const Tensor& a, const Arg& b, Scalar s) { return add_(a, b, s); });
  def<"sub_", InTensor>("self, other, *, alpha=1",
                        [](const Tensor& a, const Arg& b, Scalar s) { return sub_(a, b, s); });
  using Rounding = std::optional<std::string>;
  def<"div">("input, other, *, rounding_mode=None",
             [](const Arg& a, const Arg& b, Rounding r) { return div(a, b, r); });
  def<"divide">("input, other, *, rounding_mode=None",
                [](const Arg& a, const Arg& b, Rounding r) { return div(a, b, r); });
  def<"true_divide">("input, other", [](const Arg& a, const Arg& b) { return div(a, b); });
  def<"div_", InTensor>("self, other", [](const Tensor& a, const Arg& b) { return div_(a, b); });
  def<"pow">(
      {overload("input, exponent", [](const Tensor& x, Scalar n) { return pow(x, n); }),
       overload("input, exponent", [](const Arg& x, const Tensor& n) { return pow(x, Arg(n)); })});
  def<"pow_", InTensor>(
      {overload("self, exponent", [](const Tensor& x, Scalar n) { return pow_(x, n); }),
       overload("self, exponent",
                [](const Tensor& x, const Tensor& n) { return pow_(x, Arg(n)); })});
  def<"greater">("input, other", [](const Arg& a, const Arg& b) { return gt(a, b); });
  def<"greater_equal">("input, other", [](const Arg& a, const Arg& b) { return ge(a, b); });
  def<"less">("input, other", [](const Arg& a, const Arg& b) { return lt(a, b); });
  def<"less_equal">("input, other", [](const Arg& a, const Arg& b) { return le(a, b); });
  def<"not_equal">("input, other", [](const Arg& a, const Arg& b) { return ne(a, b); });
  def<"isclose">("input, other, rtol=1e-05, atol=1e-08, equal_nan=False",
                 [](const Tensor& a, const Tensor& b, double r, double t, bool n) {
                   return isclose(a, b, r, t, n);
                 });
}

void add_ternary() {
  def<"where", InModule>(
      {overload("condition, input, other", [](const Tensor& c, const Arg& a,
                                              const Arg& b) { return to_python(where(c, a, b)); }),
       overload("condition", [](const Tensor& c) { return to_python(nonzeros(c)); })});
  def<"where", InTensor>("self, condition, other", [](const Tensor& x, const Tensor& c,
                                                      const Arg& b) { return where(c, x, b); });
  def<"masked_fill">("input, mask, value", masked_fill);
  def<"masked_fill_", InTensor>(
      "self, mask, value",
      [](const Tensor& x, const Tensor& m, const Arg& v) { return masked_fill_(x, m, v); });
  def<"lerp">("input, end, weight", lerp);
  def<"addcmul">("input, tensor1, tensor2, *, value=1", addcmul);
  def<"addcdiv">("input, tensor1, tensor2, *, value=1", addcdiv);
}

using MaybeType = std::optional<DType>;
using MaybeInt = std::optional<int64_t>;

// Without dim torch takes 0 for tensors of 0, 1 and 3 dimensions, else 1, and warns.
int64_t dim_or_guess(const Tensor& x, MaybeInt dim) {
  if (dim) return *dim;
  if (PyErr_WarnEx(PyExc_UserWarning,
                   "Implicit dimension choice for softmax has been deprecated. Change the call to "
                   "include dim=X as an argument.",
                   1) < 0)
    throw PythonError{};
  return x.dim() == 0 || x.dim() == 1 || x.dim() == 3 ? 0 : 1;
}

void add_functional() {
  def<"relu", InNN>("input, inplace=False",
                    [](const Tensor& x, bool in_place) { return in_place ? relu_(x) : relu(x); });
  def<"silu", InNN>("input, inplace=False",
                    [](const Tensor& x, bool in_place) { return in_place ? silu_(x) : silu(x); });
  def<"gelu", InNN>("input, *, approximate='none'", gelu);
  def<"sigmoid", InNN>("input", [](const Tensor& x) { return sigmoid(x); });
  def<"tanh", InNN>("input", [](const Tensor& x) { return tanh(x); });
  def<"softmax", InNN>("input, dim=None, _stacklevel=3, dtype=None",
                       [](const Tensor& x, MaybeInt dim, int64_t, MaybeType t) {
                         return softmax(x, dim_or_guess(x, dim), t);
                       });
  def<"log_softmax", InNN>("input, dim=None, _stacklevel=3, dtype=None",
                           [](const Tensor& x, MaybeInt dim, int64_t, MaybeType t) {
                             return log_softmax(x, dim_or_guess(x, dim), t);
                           });
  def<"softmax">("input, dim, dtype=None",
                 [](const Tensor& x, int64_t dim, MaybeType t) { return softmax(x, dim, t); });
  def<"log_softmax">("input, dim, dtype=None", [](const Tensor& x, int64_t dim, MaybeType t) {
    return log_softmax(x, dim, t);
  });
}

}  // namespace

void add_pointwise_rows() {
  add_unary();
  add_binary();
  add_ternary();
  add_functional();
}

}  // namespace izvod::bind
