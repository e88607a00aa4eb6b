#pragma once
#include "kernels/binary.h"
#include "ops/pointwise.h"

namespace izvod {

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
  return grad_enabled() && ((a.is_tensor() && requires_grad(*a.tensor)) || (b.is_tensor() && requires_grad(*b.tensor)));
}

// Ops with two arguments, of which one may be a number.
#define IZVOD_BINARY(X)                                                                        \
  X(add, Add) X(sub, Sub) X(mul, Mul) X(div, Div)
#define IZVOD_COMPARISONS(X) X(eq, Eq) X(ne, Ne) X(lt, Lt) X(le, Le) X(gt, Gt) X(ge, Ge)

#define DECLARE(function, Op)                    \
  Tensor function(const Arg& a, const Arg& b);   \
  const Tensor& function##_(const Tensor& x, const Arg& b);
IZVOD_BINARY(DECLARE)
IZVOD_COMPARISONS(DECLARE)
#undef DECLARE

Tensor neg(const Tensor& x);

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

// condition ? a : b, element by element; the condition is bool.
Tensor where(const Tensor& condition, const Arg& a, const Arg& b);
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Arg& value);
const Tensor& masked_fill_(const Tensor& x, const Tensor& mask, const Arg& value);

}  // namespace izvod
