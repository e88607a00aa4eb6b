#include "ops/arithmetic.h"

#include "ops/copy.h"
#include "ops/item.h"

namespace izvod {
namespace {

bool has_zero(const Tensor& x) {
  const Tensor c = x.is_contiguous() ? x : copy_of(x, x.dtype(), false);
  return visit(x.dtype(), [&]<class T>(Type<T>) {
    for (int64_t i = 0; i < c.numel(); ++i)
      if (c.data<T>()[i] == T(0)) return true;
    return false;
  });
}

template <class Op>
constexpr bool has_derivative = requires { Op::dx_uses; };

// Whole numbers divided by zero have no value that could stand for it.
template <class Op>
void check_divisor(DType t, const Arg& a, const Arg& b) {
  constexpr bool divides = std::is_same_v<Op, kernels::Remainder> ||
                           std::is_same_v<Op, kernels::Fmod> ||
                           std::is_same_v<Op, kernels::FloorDivide>;
  if constexpr (divides) {
    if (is_floating(t)) return;
    const bool zero = b.is_tensor() ? has_zero(*b.tensor) : b.scalar.is_zero();
    check(!zero || (a.is_tensor() && a.tensor->numel() == 0), "ZeroDivisionError");
  }
}

DType own_type(const Arg& a) { return a.is_tensor() ? a.tensor->dtype() : a.scalar.storage_type(); }

void check_subtraction(const Arg& a, const Arg& b) {
  const bool first = own_type(a) == DType::Bool, second = own_type(b) == DType::Bool;
  check(!(first && second),
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
        "`logical_xor()` operator instead.");
  check(!first && !second,
        "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "
        "invert a mask, use the `~` or `logical_not()` operator instead.");
}

template <class Op>
DType checked_type(const Arg& a, const Arg& b) {
  const DType t = binary_type<Op>(a, b);
  check_bool<Op>(t);
  if constexpr (std::is_same_v<Op, kernels::Sub>) check_subtraction(a, b);
  check_divisor<Op>(t, a, b);
  return t;
}

// A number that is added to 16-bit floats is rounded to their type first, as in torch; a factor is
// not.
template <class Op>
Arg rounded_number(const Arg& a, DType t) {
  if constexpr (std::is_same_v<Op, kernels::Add> || std::is_same_v<Op, kernels::Sub>) {
    if (t == DType::Float16)
      return a.is_tensor() ? a : Arg(double(float(Half(float(a.scalar.to_double())))));
    if (t == DType::BFloat16)
      return a.is_tensor() ? a : Arg(double(float(BFloat16(float(a.scalar.to_double())))));
  }
  return a;
}

// Gives y the history of op(a, b). `a` is the value before the change if y was computed in place.
template <class Op>
void record_binary(const Op& op, const Tensor& y, const Arg& a, const Arg& b, bool in_place) {
  const bool need_a = requires_grad(tensor_of(a)), need_b = requires_grad(tensor_of(b));
  const int uses = (need_a ? Op::dx_uses : 0) | (need_b ? Op::dy_uses : 0);
  const auto f = [op](const Tensor& g, Needs needs, const SavedArg::Value& a,
                      const SavedArg::Value& b) {
    Tensor first, second;  // numbers have no logarithm here
    if constexpr (std::is_same_v<Op, kernels::Pow>)
      if (!a.tensor.defined()) first = full({}, a.scalar, DType::Float64);
    if constexpr (std::is_same_v<Op, kernels::Xlogy>)
      if (!b.tensor.defined()) second = full({}, b.scalar, DType::Float64);
    const Arg x = first.defined() ? Arg(first) : Arg(a),
              y = second.defined() ? Arg(second) : Arg(b);
    return Grads{needs[0] ? op.dx(g, x, y) : Tensor(), needs[1] ? op.dy(g, x, y) : Tensor()};
  };
  const char* node = Op::node;
  if constexpr (requires { Op::node_of_number; })
    if (!a.is_tensor()) node = Op::node_of_number;
  const auto make = [&](auto kept, auto f) {
    if (in_place)
      record_in_place(node, y, {&tensor_of(a), &tensor_of(b)}, std::move(kept), f);
    else
      record(node, y, {&tensor_of(a), &tensor_of(b)}, std::move(kept), f);
  };
  if constexpr ((Op::dx_uses | Op::dy_uses) == kernels::UseNone)
    make(saved(), [op](const Tensor& g, Needs needs) {
      const Arg unused(0);
      return Grads{needs[0] ? op.dx(g, unused, unused) : Tensor(),
                   needs[1] ? op.dy(g, unused, unused) : Tensor()};
    });
  else
    make(saved(SavedArg(a, uses & kernels::UseA), SavedArg(b, uses & kernels::UseB)), f);
}

template <class Op>
Tensor binary(const Arg& a, const Arg& b, const Op& op = {}) {
  const DType t = checked_type<Op>(a, b);
  Tensor y = allocate_result({&a, &b}, requires { Op::predicate; } ? DType::Bool : t);
  const Arg first = rounded_number<Op>(a, t), second = rounded_number<Op>(b, t);
  run_pointwise(kernels::loops_of<Op>, Op::name, t, y, {&first, &second}, &op);
  if constexpr (has_derivative<Op>)
    if (recording(a, b)) record_binary(op, y, a, b, false);
  return y;
}

template <class Op>
const Tensor& binary_(const Tensor& x, const Arg& b, const Op& op = {}) {
  const Arg a(x);
  const DType t = checked_type<Op>(a, b);
  check_in_place(Op::name, x, requires { Op::predicate; } ? DType::Bool : t, {&b});
  bool record_it = false;
  if constexpr (has_derivative<Op>) record_it = recording(a, b);
  Tensor before = x, other = tensor_of(b);
  if constexpr (has_derivative<Op>) {
    const bool a_wanted = (requires_grad(x) && (Op::dx_uses & kernels::UseA)) ||
                          (requires_grad(other) && (Op::dy_uses & kernels::UseA));
    if (record_it) before = value_before(x, a_wanted);
    if (record_it && other.defined() && other.is(x)) other = clone(x);
  }
  const Arg old(before), second = b.is_tensor() ? Arg(other) : rounded_number<Op>(b, t);
  run_pointwise(kernels::loops_of<Op>, Op::name, t, x, {&old, &second}, &op);
  x.bump_version();
  if constexpr (has_derivative<Op>)
    if (record_it) record_binary(op, x, old, second, true);
  return x;
}

}  // namespace

#define DEFINE(function, Op)                                                        \
  Tensor function(const Arg& a, const Arg& b) { return binary<kernels::Op>(a, b); } \
  const Tensor& function##_(const Tensor& x, const Arg& b) { return binary_<kernels::Op>(x, b); }
IZVOD_BINARY(DEFINE)
IZVOD_COMPARISONS(DEFINE)
IZVOD_BITWISE(DEFINE)
#undef DEFINE

// ---- Composed of others

namespace {

// alpha * b, whose sum with a tensor has the dtype t.
struct Scaled {
  Tensor tensor;
  Scalar number;
  Scaled(const Arg& b, const Scalar& alpha, DType t) {
    check(alpha.kind != Scalar::Kind::Bool || t == DType::Bool,
          "Boolean alpha only supported for Boolean results.");
    check(!alpha.is_float() || is_floating(t),
          "For integral input tensors, argument alpha must not be a floating point number.");
    if (b.is_tensor())
      tensor = mul(b, t == DType::Bool ? Scalar(!alpha.is_zero()) : alpha);
    else if (b.scalar.is_float() || alpha.is_float())
      number = b.scalar.to_double() * alpha.to_double();
    else
      number = b.scalar.i * alpha.i;
  }
  operator Arg() const { return tensor.defined() ? Arg(tensor) : Arg(number); }
};

// Whether a + alpha * b is one op.
bool fuses(const Arg& b, const Scalar& alpha, DType t) {
  return b.is_tensor() && is_floating(t) && alpha.kind != Scalar::Kind::Bool;
}
bool is_one(const Scalar& alpha) { return alpha.kind == Scalar::Kind::Int && alpha.i == 1; }

}  // namespace

Tensor add(const Arg& a, const Arg& b, const Scalar& alpha) {
  if (is_one(alpha)) return add(a, b);
  const DType t = result_type(a, b);
  if (fuses(b, alpha, t)) return binary(a, b, kernels::AddScaled{alpha.to_double()});
  return add(a, Scaled(b, alpha, t));
}
Tensor sub(const Arg& a, const Arg& b, const Scalar& alpha) {
  if (is_one(alpha)) return sub(a, b);
  const DType t = result_type(a, b);
  if (fuses(b, alpha, t)) return binary(a, b, kernels::SubScaled{{-alpha.to_double()}});
  return sub(a, Scaled(b, alpha, t));
}
const Tensor& add_(const Tensor& x, const Arg& b, const Scalar& alpha) {
  if (is_one(alpha)) return add_(x, b);
  const DType t = result_type(x, b);
  if (fuses(b, alpha, t)) return binary_(x, b, kernels::AddScaled{alpha.to_double()});
  return add_(x, Scaled(b, alpha, t));
}
const Tensor& sub_(const Tensor& x, const Arg& b, const Scalar& alpha) {
  if (is_one(alpha)) return sub_(x, b);
  const DType t = result_type(x, b);
  if (fuses(b, alpha, t)) return binary_(x, b, kernels::SubScaled{{-alpha.to_double()}});
  return sub_(x, Scaled(b, alpha, t));
}

static Tensor rounded_quotient(const Arg& a, const Arg& b, bool down) {
  if (down) return floor_divide(a, b);
  const DType t = result_type(a, b);
  if (is_floating(t)) return trunc(div(a, b));
  check_divisor<kernels::FloorDivide>(t, a, b);
  const Tensor floored = floor_divide(a, b);
  // One up again where floor went below a quotient that truncation leaves.
  return add(floored, to(logical_and(lt(floored, 0), ne(mul(floored, b), a)), floored.dtype()));
}

Tensor div(const Arg& a, const Arg& b, const std::optional<std::string>& rounding) {
  if (!rounding) return div(a, b);
  check(*rounding == "trunc" || *rounding == "floor",
        "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '", *rounding,
        "'");
  Tensor y;
  {
    GradMode off(false);
    y = rounded_quotient(a, b, *rounding == "floor");
  }
  if (recording(a, b))
    record("DivBackward2", y, {&tensor_of(a), &tensor_of(b)}, saved(),
           [](const Tensor& g) { return Grads{zeros_like(g), zeros_like(g)}; });
  return y;
}

Tensor isclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  check(a.dtype() == b.dtype(), info(a.dtype()).noun, " did not match ", info(b.dtype()).noun);
  GradMode off(false);
  Tensor close = eq(a, b);
  if (a.dtype() == DType::Bool) return close;
  if (equal_nan && a.is_floating()) close = close | (isnan(a) & isnan(b));
  const Tensor distance = abs(sub(a, b)), allowed = atol + abs(mul(b, rtol));
  return close | (isfinite(distance) & le(distance, allowed));
}

}  // namespace izvod
