// Ops with three arguments, element by element: their structs in kernels/ternary.h, and what
// chooses by a mask.
#include <limits>

#include "kernels/ternary.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/item.h"

namespace izvod {
namespace {

template <class Op>
Tensor ternary(DType t, const Arg& a, const Arg& b, const Arg& c, const Op& op = {}) {
  const Tensor y = allocate_result({&a, &b, &c}, t);
  run_pointwise(kernels::loops_of<Op>, Op::name, t, y, {&a, &b, &c}, &op);
  return y;
}

}  // namespace

Tensor lerp(const Tensor& start, const Tensor& end, const Arg& weight) {
  check(start.dtype() == end.dtype(), "expected dtype ", info(start.dtype()).cpp_name,
        " for `end` but got dtype ", info(end.dtype()).cpp_name);
  check<NotImplementedError>(start.is_floating(), "\"lerp_kernel_scalar\" not implemented for '",
                             info(start.dtype()).noun, "'");
  if (weight.is_tensor())
    check(weight.tensor->dtype() == start.dtype(), "expected dtype ", info(start.dtype()).cpp_name,
          " for `weight` but got dtype ", info(weight.tensor->dtype()).cpp_name);
  const Tensor y = ternary<kernels::Lerp>(start.dtype(), start, end, weight);
  if (!weight.is_tensor() && recording(start, end))
    record("LerpBackward0", y, {&start, &end}, saved(),
           [w = weight.scalar.to_double()](const Tensor& g) { return Grads{g * (1 - w), g * w}; });
  if (weight.is_tensor() && (recording(start, end) || recording(*weight.tensor)))
    record("LerpBackward1", y, {&start, &end, weight.tensor}, saved(start, end, *weight.tensor),
           [](const Tensor& g, Needs needs, const Tensor& a, const Tensor& b, const Tensor& w) {
             return Grads{needs[0] ? g * (1 - w) : Tensor(), needs[1] ? g * w : Tensor(),
                          needs[2] ? g * (b - a) : Tensor()};
           });
  return y;
}

Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value) {
  const Arg xa(x), aa(a), ba(b);
  const DType t = result_type({&xa, &aa, &ba});
  const double v = value.as(t).to_double();
  const Tensor y = ternary(t, xa, aa, ba, kernels::Addcmul{v});
  if (recording(x) || recording(aa, ba))
    record("AddcmulBackward0", y, {&x, &a, &b}, saved(a, b),
           [v](const Tensor& g, Needs needs, const Tensor& a, const Tensor& b) {
             return Grads{g, needs[1] ? g * (b * v) : Tensor(), needs[2] ? g * (a * v) : Tensor()};
           });
  return y;
}

Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value) {
  check(x.is_floating() || a.is_floating() || b.is_floating(),
        "Integer division with addcdiv is no longer supported, and in a future  release addcdiv "
        "will perform a true division of "
        "tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * "
        "torch.trunc(tensor1 / "
        "tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) "
        "for float inputs. The future "
        "addcdiv behavior is just the latter implementation: (input + value * tensor1 / tensor2), "
        "for all dtypes.");
  const Arg xa(x), aa(a), ba(b);
  const double v = value.to_double();
  const Tensor y =
      ternary(to_floating(result_type({&xa, &aa, &ba})), xa, aa, ba, kernels::Addcdiv{v});
  if (recording(x) || recording(aa, ba))
    record("AddcdivBackward0", y, {&x, &a, &b}, saved(a, b),
           [v](const Tensor& g, Needs needs, const Tensor& a, const Tensor& b) {
             return Grads{g, needs[1] ? g * (v / b) : Tensor(),
                          needs[2] ? neg(g * (v * a / (b * b))) : Tensor()};
           });
  return y;
}

Tensor clamp_between(const Arg& x, const Arg& low, const Arg& high) {
  return ternary<kernels::ClampBetween>(result_type({&x, &low, &high}), x, low, high);
}

// `low` and `high` share the gradient with x: each has it where the result is its own.
Tensor clamp(const Tensor& x, const std::optional<Tensor>& low, const std::optional<Tensor>& high) {
  check(low || high, "torch.clamp: At least one of 'min' or 'max' must not be None");
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Arg xa(x), la = low ? Arg(*low) : Arg(Scalar(-infinity)),
                   ha = high ? Arg(*high) : Arg(Scalar(infinity));
  if (!(low && high) && !is_floating(result_type(xa, low ? la : ha)))
    return low ? maximum(x, *low) : minimum(x, *high);
  const Tensor y = clamp_between(xa, la, ha);
  if (recording(xa, la) || recording(ha, ha))
    record("ClampBackward0", y, {&x, &tensor_of(la), &tensor_of(ha)},
           saved(x, tensor_of(la), tensor_of(ha)),
           [](const Tensor& g, const Tensor& x, const Tensor& low, const Tensor& high) {
             Tensor raised = x, below, to_x = g, to_low, to_high;
             if (low.defined()) below = lt(x, low), raised = where(below, low, x);
             if (high.defined()) {
               const Tensor above = gt(raised, high);
               to_high = where(above, g, 0), to_x = where(above, 0, g);
             }
             if (low.defined()) to_low = where(below, to_x, 0), to_x = where(below, 0, to_x);
             return Grads{to_x, to_low, to_high};
           });
  return y;
}

Tensor where(const Tensor& condition, const Arg& a, const Arg& b) {
  check(condition.dtype() == DType::Bool || condition.dtype() == DType::UInt8,
        "where expected condition to be a boolean tensor, but got a tensor with dtype ",
        info(condition.dtype()).noun);
  const DType t = result_type(a, b);
  const Tensor y = ternary<kernels::Where>(t, condition, a, b);
  if (recording(a, b))
    record("WhereBackward0", y, {&tensor_of(a), &tensor_of(b)}, saved(condition),
           [](const Tensor& g, Needs needs, const Tensor& c) {
             return Grads{needs[0] ? where(c, g, 0) : Tensor(),
                          needs[1] ? where(c, 0, g) : Tensor()};
           });
  return y;
}

static void check_fill(const Tensor& x, const Tensor& mask, const Arg& value) {
  check(mask.dtype() == DType::Bool,
        "masked_fill_ only supports boolean masks, but got mask with dtype ",
        info(mask.dtype()).cpp_name);
  check(value.dim() == 0,
        "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
        value.dim(), " dimension(s).");
  check_fits(value.is_tensor() ? item(*value.tensor) : value.scalar, x.dtype());
}

static const char* fill_node(const Arg& value) {
  return value.is_tensor() ? "MaskedFillBackward1" : "MaskedFillBackward0";
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Arg& value) {
  check_fill(x, mask, value);
  const Arg m(mask), old(x);
  Tensor y = allocate_result({&old, &m}, x.dtype());
  run_pointwise(kernels::loops_of<kernels::Where>, "masked_fill", x.dtype(), y, {&m, &value, &old},
                nullptr);
  if (recording(old, value))
    record(fill_node(value), y, {&x, &tensor_of(value)}, saved(mask),
           [](const Tensor& g, Needs needs, const Tensor& m) {
             return Grads{needs[0] ? masked_fill(g, m, 0) : Tensor(),
                          needs[1] ? where(m, g, 0) : Tensor()};
           });
  return y;
}

const Tensor& masked_fill_(const Tensor& x, const Tensor& mask, const Arg& value,
                           const char* node) {
  check_fill(x, mask, value);
  const Arg m(mask), old(x);
  check_in_place("masked_fill_", x, x.dtype(), {&m});
  run_pointwise(kernels::loops_of<kernels::Where>, "masked_fill_", x.dtype(), x, {&m, &value, &old},
                nullptr);
  x.bump_version();
  if (recording(old, value))
    record_in_place(node ? node : fill_node(value), x, {&x, &tensor_of(value)}, saved(mask),
                    [](const Tensor& g, Needs needs, const Tensor& m) {
                      return Grads{needs[0] ? masked_fill(g, m, 0) : Tensor(),
                                   needs[1] ? where(m, g, 0) : Tensor()};
                    });
  return x;
}

}  // namespace izvod
