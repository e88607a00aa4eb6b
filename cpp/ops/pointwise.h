#pragma once
// From an op's struct (kernels/unary.h, binary.h) to an op on tensors: dtype, shape, kernel call,
// history.
#include "graph/record.h"
#include "kernels/pointwise.h"
#include "kernels/unary.h"
#include "ops/promotion.h"

namespace izvod {

inline kernels::View view(const Tensor& x) {
  return {x.impl()->data, x.dtype(), x.sizes(), x.strides()};
}
// x seen with the given sizes: dimensions of size 1 are repeated.
kernels::View broadcast_view(const Tensor& x, const Dims& sizes);
// Whether a and b overlap without being the same elements.
bool shares_part(const Tensor& a, const Tensor& b);

// Runs the loops into `out`, whose sizes the inputs broadcast to. Inputs are converted to
// `compute`'s type.
void run_pointwise(const kernels::PointwiseLoops& loops, const char* name, DType common,
                   const Tensor& out, std::initializer_list<const Arg*> in, const void* op);

// Before x is changed in place: x may be written, values of dtype `result` may be put in, and the
// sizes fit.
void check_in_place(const char* name, const Tensor& x, DType result,
                    std::initializer_list<const Arg*> others);

// The result's tensor: fresh, with the strides that torch would give it.
Tensor allocate_result(std::initializer_list<const Arg*> in, DType dtype);

template <class Op>
void check_bool(DType t) {
  if constexpr (requires { Op::not_for_bool; })
    check<NotImplementedError>(t != DType::Bool, "\"", Op::not_for_bool,
                               "\" not implemented for 'Bool'");
}

template <class Op>
DType unary_type(const Tensor& x) {
  check_bool<Op>(x.dtype());
  if constexpr (requires { Op::not_of_bool; }) check(x.dtype() != DType::Bool, Op::not_of_bool);
  if constexpr (std::is_same_v<Op, kernels::Square>)  // x^2, and 2 is an integer
    return x.dtype() == DType::Bool ? DType::Int64 : x.dtype();
  if constexpr (requires { Op::integers; })
    return x.dtype();
  else
    return to_floating(x.dtype());
}

template <class Op>
Tensor unary_gradient(const Op& op, const Tensor& g, const Tensor& wanted) {
  if (grad_enabled()) return op.dx(g, wanted);
  const kernels::Gradient<Op> gradient{op};
  const Arg ga(g), wa(wanted);
  const Tensor dx = over_gradient(g, g, wanted.dtype());
  run_pointwise(kernels::loops_of<kernels::Gradient<Op>>, Op::node, wanted.dtype(), dx, {&ga, &wa},
                &gradient);
  return dx;
}

// Gives y the history of op(x). `x` is the argument before the change if y was computed in place.
template <class Op>
void record_unary(const Op& op, const Tensor& y, const Tensor& x, bool in_place) {
  const auto put = [&](auto kept, auto f) {
    if (in_place)
      record_in_place(Op::node, y, {&x}, std::move(kept), f);
    else
      record(Op::node, y, {&x}, std::move(kept), f);
  };
  if constexpr (Op::wants == kernels::Wants::Nothing) {
    put(saved(), [op](const Tensor& g) { return Grads{op.dx(g)}; });
  } else {
    const auto dx = [op](const Tensor& g, const Tensor& wanted) {
      return Grads{unary_gradient(op, g, wanted)};
    };
    if constexpr (Op::wants == kernels::Wants::Y)
      put(saved(output(y)), dx);
    else
      put(saved(x), dx);
  }
}

template <class Op>
Tensor unary(const Tensor& x, const Op& op = {}) {
  const Arg xa(x);
  Tensor y = empty_like(x, unary_type<Op>(x));
  run_pointwise(kernels::loops_of<Op>, Op::name, y.dtype(), y, {&xa}, &op);
  if (recording(x)) record_unary(op, y, x, false);
  return y;
}

// What an in-place op reads: x itself, or a copy where the derivative wants the old value back.
Tensor value_before(const Tensor& x, bool wanted);

template <class Op>
const Tensor& unary_(const Tensor& x, const Op& op = {}) {
  check_in_place(Op::name, x, unary_type<Op>(x), {});
  const bool record_it = recording(x);
  const Tensor before = record_it ? value_before(x, Op::wants == kernels::Wants::X) : x;
  const Arg xa(before);
  run_pointwise(kernels::loops_of<Op>, Op::name, x.dtype(), x, {&xa}, &op);
  x.bump_version();
  if (record_it) record_unary(op, x, before, true);
  return x;
}

template <class Op>
DType binary_type(const Arg& a, const Arg& b) {
  const DType t = result_type(a, b);
  if constexpr (requires { Op::integers; })
    return t;
  else
    return to_floating(t);
}

}  // namespace izvod
