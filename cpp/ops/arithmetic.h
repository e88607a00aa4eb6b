#pragma once
#include <string>

#include "kernels/binary.h"
#include "ops/pointwise.h"
#include "ops/unary.h"

namespace izvod {

// The tensor that an argument is; an undefined one for a number.
inline const Tensor no_tensor;
inline const Tensor& tensor_of(const Arg& a) { return a.is_tensor() ? *a.tensor : no_tensor; }

// An argument kept for the derivative: a tensor or a number.
class SavedArg {
 public:
  struct Value {
    Tensor tensor;
    Scalar scalar;
    operator Arg() const { return tensor.defined() ? Arg(tensor) : Arg(scalar); }
  };
  SavedArg() = default;
  SavedArg(const Arg& a, bool wanted) : scalar_(a.scalar) {
    if (a.is_tensor() && wanted) tensor_ = Saved(*a.tensor);
  }
  Value operator()() const { return {tensor_(), scalar_}; }

 private:
  Saved tensor_;
  Scalar scalar_;
};
inline SavedArg as_saved(SavedArg a) { return a; }

inline bool recording(const Arg& a, const Arg& b) {
  return grad_enabled() && ((a.is_tensor() && requires_grad(*a.tensor)) ||
                            (b.is_tensor() && requires_grad(*b.tensor)));
}

// Ops with two arguments, of which one may be a number: function, its struct in kernels/binary.h.
// clang-format off
#define IZVOD_BINARY(X)                                                           \
  X(add, Add) X(sub, Sub) X(mul, Mul) X(div, Div) X(pow, Pow) X(maximum, Maximum) \
  X(minimum, Minimum) X(atan2, Atan2) X(remainder, Remainder) X(fmod, Fmod)       \
  X(floor_divide, FloorDivide) X(xlogy, Xlogy)
#define IZVOD_COMPARISONS(X)                                                             \
  X(eq, Eq) X(ne, Ne) X(lt, Lt) X(le, Le) X(gt, Gt) X(ge, Ge) X(logical_and, LogicalAnd) \
  X(logical_or, LogicalOr) X(logical_xor, LogicalXor)
#define IZVOD_BITWISE(X)                                                         \
  X(bitwise_and, BitwiseAnd) X(bitwise_or, BitwiseOr) X(bitwise_xor, BitwiseXor)
// clang-format on

#define DECLARE(function, Op)                  \
  Tensor function(const Arg& a, const Arg& b); \
  const Tensor& function##_(const Tensor& x, const Arg& b);
IZVOD_BINARY(DECLARE)
IZVOD_COMPARISONS(DECLARE)
IZVOD_BITWISE(DECLARE)
#undef DECLARE

// With a factor: a + alpha * b.
Tensor add(const Arg& a, const Arg& b, const Scalar& alpha);
Tensor sub(const Arg& a, const Arg& b, const Scalar& alpha);
const Tensor& add_(const Tensor& x, const Arg& b, const Scalar& alpha);
const Tensor& sub_(const Tensor& x, const Arg& b, const Scalar& alpha);
// rounding: "trunc" or "floor".
Tensor div(const Arg& a, const Arg& b, const std::optional<std::string>& rounding);

inline Tensor operator+(const Arg& a, const Arg& b) { return add(a, b); }
inline Tensor operator-(const Arg& a, const Arg& b) { return sub(a, b); }
inline Tensor operator*(const Arg& a, const Arg& b) { return mul(a, b); }
inline Tensor operator/(const Arg& a, const Arg& b) { return div(a, b); }
inline Tensor operator-(const Tensor& x) { return neg(x); }
inline Tensor operator<(const Arg& a, const Arg& b) { return lt(a, b); }
inline Tensor operator<=(const Arg& a, const Arg& b) { return le(a, b); }
inline Tensor operator>(const Arg& a, const Arg& b) { return gt(a, b); }
inline Tensor operator>=(const Arg& a, const Arg& b) { return ge(a, b); }
inline Tensor operator==(const Arg& a, const Arg& b) { return eq(a, b); }
inline Tensor operator!=(const Arg& a, const Arg& b) { return ne(a, b); }
inline Tensor operator&(const Tensor& a, const Tensor& b) { return bitwise_and(a, b); }
inline Tensor operator|(const Tensor& a, const Tensor& b) { return bitwise_or(a, b); }

// condition ? a : b, element by element; the condition is bool.
Tensor where(const Tensor& condition, const Arg& a, const Arg& b);
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Arg& value);
const Tensor& masked_fill_(const Tensor& x, const Tensor& mask, const Arg& value,
                           const char* node = nullptr);

// Into [low, high], without a derivative.
Tensor clamp_between(const Arg& x, const Arg& low, const Arg& high);

Tensor lerp(const Tensor& start, const Tensor& end, const Arg& weight);
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value);
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value);
Tensor isclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan);

}  // namespace izvod
