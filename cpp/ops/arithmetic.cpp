#include "ops/arithmetic.h"

#include "kernels/ternary.h"
#include "ops/copy.h"

namespace izvod {
namespace {

const Tensor none;
const Tensor& tensor_of(const Arg& a) { return a.is_tensor() ? *a.tensor : none; }

// Gives y the history of op(a, b). `a` is the value before the change if y was computed in place.
template <class Op>
void record_binary(const Op& op, const Tensor& y, const Arg& a, const Arg& b, bool in_place) {
  const bool need_a = requires_grad(tensor_of(a)), need_b = requires_grad(tensor_of(b));
  const int uses = (need_a ? Op::dx_uses : 0) | (need_b ? Op::dy_uses : 0);
  const auto f = [op](const Tensor& g, Needs needs, const SavedArg::Value& a, const SavedArg::Value& b) {
    const Arg x(a), y(b);
    return Grads{needs[0] ? op.dx(g, x, y) : Tensor(), needs[1] ? op.dy(g, x, y) : Tensor()};
  };
  const auto make = [&](auto kept, auto f) {
    if (in_place)
      record_in_place(Op::node, y, {&tensor_of(a), &tensor_of(b)}, std::move(kept), f);
    else
      record(Op::node, y, {&tensor_of(a), &tensor_of(b)}, std::move(kept), f);
  };
  if constexpr ((Op::dx_uses | Op::dy_uses) == kernels::UseNone)
    make(saved(), [op](const Tensor& g, Needs needs) {
      const Arg unused(0);
      return Grads{needs[0] ? op.dx(g, unused, unused) : Tensor(), needs[1] ? op.dy(g, unused, unused) : Tensor()};
    });
  else
    make(saved(SavedArg(a, uses & kernels::UseA), SavedArg(b, uses & kernels::UseB)), f);
}

template <class Op>
Tensor binary(const Arg& a, const Arg& b, const Op& op = {}) {
  Tensor y = binary_value<Op>(a, b, op);
  if constexpr (!requires { Op::predicate; })
    if (recording(a, b)) record_binary(op, y, a, b, false);
  return y;
}

template <class Op>
const Tensor& binary_(const Tensor& x, const Arg& b, const Op& op = {}) {
  const Arg a(x);
  const DType t = binary_type<Op>(a, b);
  check_in_place(Op::name, x, requires { Op::predicate; } ? DType::Bool : t, {&b});
  bool record_it = false;
  if constexpr (!requires { Op::predicate; }) record_it = recording(a, b);
  Tensor before = x, other = tensor_of(b);
  if constexpr (!requires { Op::predicate; }) {
    const bool a_wanted = (requires_grad(x) && (Op::dx_uses & kernels::UseA)) ||
                          (requires_grad(other) && (Op::dy_uses & kernels::UseA));
    if (record_it) before = value_before(x, a_wanted);
    if (record_it && other.defined() && other.is(x)) other = clone(x);
  }
  const Arg old(before), second = b.is_tensor() ? Arg(other) : b;
  run_pointwise(kernels::loops_of<Op>, Op::name, t, x, {&old, &second}, &op);
  x.bump_version();
  if constexpr (!requires { Op::predicate; })
    if (record_it) record_binary(op, x, old, second, true);
  return x;
}

}  // namespace

#define DEFINE(function, Op)                                                      \
  Tensor function(const Arg& a, const Arg& b) { return binary<kernels::Op>(a, b); } \
  const Tensor& function##_(const Tensor& x, const Arg& b) { return binary_<kernels::Op>(x, b); }
IZVOD_BINARY(DEFINE)
IZVOD_COMPARISONS(DEFINE)
#undef DEFINE

Tensor where(const Tensor& condition, const Arg& a, const Arg& b) {
  check(condition.dtype() == DType::Bool || condition.dtype() == DType::UInt8,
        "where expected condition to be a boolean tensor, but got a tensor with dtype ", info(condition.dtype()).noun);
  const DType t = result_type(a, b);
  const Arg c(condition);
  Tensor y = allocate_result({&c, &a, &b}, t);
  run_pointwise(kernels::loops_of<kernels::Where>, "where", t, y, {&c, &a, &b}, nullptr);
  if (recording(a, b))
    record("WhereBackward0", y, {&tensor_of(a), &tensor_of(b)}, saved(condition),
           [](const Tensor& g, Needs needs, const Tensor& c) {
             return Grads{needs[0] ? where(c, g, 0) : Tensor(), needs[1] ? where(c, 0, g) : Tensor()};
           });
  return y;
}

static void check_fill(const Tensor& x, const Tensor& mask, const Arg& value) {
  check(mask.dtype() == DType::Bool, "masked_fill_ only supports boolean masks, but got mask with dtype ", info(mask.dtype()).name);
  check(value.dim() == 0, "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ", value.dim(), " dimension(s).");
  const DType t = value.is_tensor() ? value.tensor->dtype() : value.scalar.storage_type();
  check(can_cast(t, x.dtype()), "value cannot be converted to type ", info(x.dtype()).name, " without overflow");
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Arg& value) {
  check_fill(x, mask, value);
  const Arg m(mask), old(x);
  Tensor y = allocate_result({&old, &m}, x.dtype());
  run_pointwise(kernels::loops_of<kernels::Where>, "masked_fill", x.dtype(), y, {&m, &value, &old}, nullptr);
  if (recording(old, value))
    record("MaskedFillBackward0", y, {&x, &tensor_of(value)}, saved(mask), [](const Tensor& g, Needs needs, const Tensor& m) {
      return Grads{needs[0] ? masked_fill(g, m, 0) : Tensor(), needs[1] ? where(m, g, 0) : Tensor()};
    });
  return y;
}

const Tensor& masked_fill_(const Tensor& x, const Tensor& mask, const Arg& value) {
  check_fill(x, mask, value);
  const Arg m(mask), old(x);
  check_in_place("masked_fill_", x, x.dtype(), {&m});
  run_pointwise(kernels::loops_of<kernels::Where>, "masked_fill_", x.dtype(), x, {&m, &value, &old}, nullptr);
  x.bump_version();
  if (recording(old, value))
    record_in_place("MaskedFillBackward0", x, {&x, &tensor_of(value)}, saved(mask),
                    [](const Tensor& g, Needs needs, const Tensor& m) {
                      return Grads{needs[0] ? masked_fill(g, m, 0) : Tensor(), needs[1] ? where(m, g, 0) : Tensor()};
                    });
  return x;
}

}  // namespace izvod
