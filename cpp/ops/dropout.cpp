#include "ops/dropout.h"

#include <cmath>

#include "kernels/random.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"

namespace izvod {
namespace {

void check_probability(double p) {
  check(p >= 0 && p <= 1, "dropout probability has to be between 0 and 1, but got ", p);
}
void check_floating(const Tensor& x) {
  check(x.is_floating(), "result type Float can't be cast to the desired output type ",
        info(x.dtype()).noun);
}

// x with the strides of `like`, which has no gaps: elements that belong together then lie at the
// same offset.
Tensor laid_out_as(const Tensor& like, const Tensor& x) {
  if (x.strides() == like.strides() && x.dtype() == like.dtype()) return x;
  Tensor y = empty_like(like);
  write_values(y, x);
  return y;
}

// Writes the kept elements of x to y and returns which were kept. y has no gaps.
Tensor draw_dropout(const Tensor& y, const Tensor& x, double p, Generator* g) {
  const Tensor in = laid_out_as(y, x), keep = empty_like(y, DType::Bool);
  kernels::dropout(y.data<void>(), keep.data<bool>(), static_cast<const void*>(in.data<void>()),
                   y.dtype(), y.numel(), generator_or_default(g), p);
  return keep;
}

}  // namespace

Tensor dropout(const Tensor& x, double p, bool train, Generator* g) {
  check_probability(p);
  if (p == 0 || !train || x.numel() == 0) return x;
  if (p == 1) return mul(x, zeros({}, x.dtype()));
  check_floating(x);
  Tensor y = empty_like(x);
  const Tensor keep = draw_dropout(y, x, p, g);
  if (recording(x))
    record("MulBackward0", y, {&x}, saved(keep), [p](const Tensor& g, const Tensor& keep) {
      return Grads{dropout_backward(g, keep, p)};
    });
  return y;
}

const Tensor& dropout_(const Tensor& x, double p, bool train, Generator* g) {
  check_probability(p);
  if (p == 0 || !train || x.numel() == 0) return x;
  if (p == 1) return mul_(x, zeros({}, x.dtype()));
  check_floating(x);
  check_in_place(x);
  const Tensor y = empty_like(x), keep = draw_dropout(y, x, p, g);
  write_values(x, y);
  x.bump_version();
  if (recording(x))
    record_in_place("MulBackward0", x, {&x}, saved(keep), [p](const Tensor& g, const Tensor& keep) {
      return Grads{dropout_backward(g, keep, p)};
    });
  return x;
}

Tensor dropout_backward(const Tensor& g, const Tensor& keep, double p) {
  Tensor dx = over_gradient(g, keep, g.dtype());
  const Tensor in = laid_out_as(dx, g);
  kernels::dropout_backward(dx.data<void>(), static_cast<const void*>(in.data<void>()),
                            static_cast<const bool*>(keep.data<bool>()), dx.dtype(), dx.numel(), p);
  if (recording(g))
    record(
        "DropoutBackwardBackward0", dx, {&g}, saved(keep),
        [p](const Tensor& g, const Tensor& keep) { return Grads{dropout_backward(g, keep, p)}; });
  return dx;
}

// ---- Whole channels, and noise for SELU: a few values or rarely used, so made of ops

namespace {

// 1 where x is kept, else 0; for whole channels of the shape [N, C, 1, ...].
Tensor keep_noise(const Tensor& x, double p, bool channels, Generator* g) {
  check(!channels || x.dim() >= 2, "Feature dropout requires at least 2 dimensions in the input");
  check_floating(x);
  Dims sizes = x.sizes();
  for (int64_t d = 2; channels && d < sizes.size(); ++d) sizes[d] = 1;
  Tensor noise = channels ? empty(sizes, x.dtype()) : empty_like(x);
  kernels::bernoulli(view(noise), generator_or_default(g), 1 - p);
  return noise;
}

Tensor alpha_dropout_of(const Tensor& x, double p, bool train, bool channels, Generator* g) {
  check_probability(p);
  if (p == 0 || !train || x.numel() == 0) return x;
  if (p == 1) return mul(x, zeros({}, x.dtype()));
  constexpr double alpha = 1.7580993408473766;  // minus SELU's limit for large negative inputs
  const double a = 1 / std::sqrt((alpha * alpha * p + 1) * (1 - p));
  const Tensor noise = keep_noise(x, p, channels, g);
  Tensor shift = add(noise, -1);
  mul_(shift, alpha * a);
  add_(shift, alpha * a * p);
  mul_(noise, a);
  return add(mul(x, noise), shift);
}

}  // namespace

Tensor feature_dropout(const Tensor& x, double p, bool train, Generator* g) {
  check_probability(p);
  if (p == 0 || !train || x.numel() == 0) return x;
  if (p == 1) return mul(x, zeros({}, x.dtype()));
  const Tensor noise = keep_noise(x, p, true, g);
  div_(noise, 1 - p);
  return mul(x, noise);
}

Tensor alpha_dropout(const Tensor& x, double p, bool train, Generator* g) {
  return alpha_dropout_of(x, p, train, false, g);
}
Tensor feature_alpha_dropout(const Tensor& x, double p, bool train, Generator* g) {
  return alpha_dropout_of(x, p, train, true, g);
}

// In evaluation: values where x > 0, else values * slope.
static Tensor leaky(const Tensor& values, const Tensor& x, double slope) {
  return contiguous(where(gt(x, 0), values, mul(values, slope)));
}
static Tensor rrelu_evaluated(const Tensor& x, double slope) {
  Tensor y;
  {
    const GradMode off(false);
    y = leaky(x, x, slope);
  }
  if (recording(x))
    record("RreluWithNoiseBackward0", y, {&x}, saved(x),
           [slope](const Tensor& g, const Tensor& x) { return Grads{leaky(g, x, slope)}; });
  return y;
}

Tensor rrelu(const Tensor& x, double lower, double upper, bool train, Generator* g) {
  check(lower <= upper, "Lower bound should be less than or equal to the upper bound");
  check<NotImplementedError>(x.is_floating(), "\"rrelu_with_noise_out_cpu\" not implemented for '",
                             info(x.dtype()).noun, "'");
  if (!train) return rrelu_evaluated(x, (lower + upper) / 2);
  Tensor y = empty(x.sizes(), x.dtype()), noise = empty(x.sizes(), x.dtype());
  const Tensor in = laid_out_as(y, x);
  kernels::rrelu(y.data<void>(), noise.data<void>(), static_cast<const void*>(in.data<void>()),
                 y.dtype(), y.numel(), generator_or_default(g), lower, upper);
  if (recording(x))
    record("RreluWithNoiseBackward0", y, {&x}, saved(noise),
           [](const Tensor& g, const Tensor& noise) { return Grads{mul(g, noise)}; });
  return y;
}

}  // namespace izvod
