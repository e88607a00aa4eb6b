#include "ops/unary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/arithmetic.h"
#include "ops/copy.h"

namespace izvod {

#define DEFINE(function, Op)                                         \
  Tensor function(const Tensor& x) { return unary<kernels::Op>(x); } \
  const Tensor& function##_(const Tensor& x) { return unary_<kernels::Op>(x); }
IZVOD_UNARY(DEFINE)
#undef DEFINE

Tensor sample_exp(const Tensor& x) { return unary<kernels::SampleExp>(x); }
Tensor sample_log(const Tensor& x) { return unary<kernels::SampleLog>(x); }
Tensor sample_log1p(const Tensor& x) { return unary<kernels::SampleLog1p>(x); }

// ---- Predicates

namespace {

template <class Op>
Tensor predicate(const Tensor& x) {
  const Arg xa(x);
  Tensor y = empty_like(x, requires { Op::predicate; } ? DType::Bool : x.dtype());
  run_pointwise(kernels::loops_of<Op>, Op::name, unary_type<Op>(x), y, {&xa}, nullptr);
  return y;
}

}  // namespace

Tensor isnan(const Tensor& x) { return predicate<kernels::Isnan>(x); }
Tensor isinf(const Tensor& x) { return predicate<kernels::Isinf>(x); }
Tensor isfinite(const Tensor& x) { return predicate<kernels::Isfinite>(x); }
Tensor logical_not(const Tensor& x) { return predicate<kernels::LogicalNot>(x); }
Tensor bitwise_not(const Tensor& x) {
  check<NotImplementedError>(!x.is_floating(), "\"bitwise_not_cpu\" not implemented for '",
                             info(x.dtype()).noun, "'");
  return x.dtype() == DType::Bool ? logical_not(x) : predicate<kernels::BitwiseNot>(x);
}

// ---- GELU

Tensor gelu(const Tensor& x, const std::string& approximate) {
  check(approximate == "none" || approximate == "tanh",
        "approximate argument must be either none or tanh.");
  check<NotImplementedError>(x.is_floating(), "\"GeluKernelImpl\" not implemented for '",
                             info(x.dtype()).noun, "'");
  return approximate == "tanh" ? unary<kernels::GeluTanh>(x) : unary<kernels::Gelu>(x);
}

// ---- Polygamma

static kernels::Polygamma polygamma_of(int64_t n) {
  check(n >= 0, "polygamma(n, x) does not support negative n.");
  return {int(std::min<int64_t>(n, 1000))};  // n! has left the floating numbers long before
}

Tensor polygamma(int64_t n, const Tensor& x) { return unary(x, polygamma_of(n)); }
const Tensor& polygamma_(const Tensor& x, int64_t n) { return unary_(x, polygamma_of(n)); }

// ---- Clamp

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

kernels::Clamp clamp_of(const std::optional<Scalar>& low, const std::optional<Scalar>& high) {
  check(low || high, "torch.clamp: At least one of 'min' or 'max' must not be None");
  return {low ? low->to_double() : -infinity, high ? high->to_double() : infinity};
}

DType clamp_type(const Tensor& x, const std::optional<Scalar>& low,
                 const std::optional<Scalar>& high) {
  const Arg a(x), l(low.value_or(Scalar(false))), h(high.value_or(Scalar(false)));
  return result_type({&a, &l, &h});
}

// Whole numbers are compared as such: int64's do not all fit in a double.
Tensor clamp_integers(const Tensor& x, const std::optional<Scalar>& low,
                      const std::optional<Scalar>& high) {
  if (low && high) return clamp_between(x, *low, *high);
  return low ? maximum(x, *low) : minimum(x, *high);
}

}  // namespace

Tensor clamp(const Tensor& x, const std::optional<Scalar>& low, const std::optional<Scalar>& high) {
  const kernels::Clamp op = clamp_of(low, high);
  const Tensor in = to(x, clamp_type(x, low, high));
  return in.is_floating() ? unary(in, op) : clamp_integers(in, low, high);
}

const Tensor& clamp_(const Tensor& x, const std::optional<Scalar>& low,
                     const std::optional<Scalar>& high) {
  const kernels::Clamp op = clamp_of(low, high);
  const DType t = clamp_type(x, low, high);
  check(can_cast(t, x.dtype()), "result type ", info(t).noun,
        " can't be cast to the desired output type ", info(x.dtype()).noun);
  if (x.is_floating()) return unary_(x, op);
  if (low) maximum_(x, *low);
  return high ? minimum_(x, *high) : x;
}

// ---- nan_to_num

namespace {

kernels::NanToNum nan_to_num_of(DType t, const std::optional<double>& nan,
                                const std::optional<double>& high,
                                const std::optional<double>& low) {
  const double most = t == DType::Float64    ? std::numeric_limits<double>::max()
                      : t == DType::BFloat16 ? 0x1.fep127
                      : t == DType::Float16  ? 65504
                                             : std::numeric_limits<float>::max();
  return {nan.value_or(0), high.value_or(most), low.value_or(-most)};
}

}  // namespace

Tensor nan_to_num(const Tensor& x, const std::optional<double>& nan,
                  const std::optional<double>& high, const std::optional<double>& low) {
  return x.is_floating() ? unary(x, nan_to_num_of(x.dtype(), nan, high, low)) : clone(x);
}
const Tensor& nan_to_num_(const Tensor& x, const std::optional<double>& nan,
                          const std::optional<double>& high, const std::optional<double>& low) {
  return x.is_floating() ? unary_(x, nan_to_num_of(x.dtype(), nan, high, low)) : x;
}

// ---- Powers

namespace {

void check_power(const Tensor& x, const Scalar& exponent) {
  check(x.is_floating() || exponent.is_float() || exponent.i >= 0,
        "Integers to negative integer powers are not allowed.");
}

// f(the op for this exponent), of x.
template <class F>
decltype(auto) with_power(const Tensor& x, double exponent, F f) {
  if (exponent == 2) return f(kernels::Square{});
  if (exponent == 3) return f(kernels::PowHalves<6>{});
  if (x.is_floating()) {
    if (exponent == 0.5) return f(kernels::PowHalves<1>{});
    if (exponent == -0.5) return f(kernels::PowHalves<-1>{});
    if (exponent == -1) return f(kernels::PowHalves<-2>{});
    if (exponent == -2) return f(kernels::PowHalves<-4>{});
  }
  return f(kernels::PowScalar{exponent});
}

}  // namespace

Tensor pow(const Tensor& x, const Scalar& exponent) {
  check_power(x, exponent);
  const Arg a(x), b(exponent);
  const Tensor in = to(x, result_type(a, b));
  return with_power(in, exponent.to_double(), [&](auto op) { return unary(in, op); });
}

const Tensor& pow_(const Tensor& x, const Scalar& exponent) {
  check_power(x, exponent);
  check(can_cast(result_type(Arg(x), Arg(exponent)), x.dtype()),
        "result type Float can't be cast to the desired output type ", info(x.dtype()).noun);
  return with_power(x, exponent.to_double(),
                    [&](auto op) -> const Tensor& { return unary_(x, op); });
}

}  // namespace izvod
