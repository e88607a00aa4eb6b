#include "ops/normalization.h"

#include <limits>

#include "kernels/layer_norm.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/reduction.h"
#include "ops/views.h"

namespace izvod {
namespace {

// What both norms know of a call; mean is undefined for rms_norm.
struct Norm {
  Dims shape;
  double eps;
  bool centered;

  int64_t width() const {
    int64_t n = 1;
    for (int64_t s : shape) n *= s;
    return n;
  }
  int64_t rows(const Tensor& x) const {
    int64_t rows = 1;
    for (int64_t d = 0; d < x.dim() - shape.size(); ++d) rows *= x.size(d);
    return rows;
  }
  Dims normalized_dims(const Tensor& x) const {
    Dims dims;
    for (int64_t d = x.dim() - shape.size(); d < x.dim(); ++d) dims.push_back(d);
    return dims;
  }
  Dims leading_dims(const Tensor& x) const {
    Dims dims;
    for (int64_t d = 0; d < x.dim() - shape.size(); ++d) dims.push_back(d);
    return dims;
  }
};

DType compute_type(const Tensor& x) {
  return x.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
}
const void* pointer(const Tensor& x) { return x.defined() ? x.data<void>() : nullptr; }

void check_parameter(const char* what, const Tensor& p, const Tensor& x, const Dims& shape) {
  if (!p.defined()) return;
  check(p.sizes() == shape, "Expected ", what, " to be of same shape as normalized_shape, but got ",
        what, " of shape ", p.sizes(), " and normalized_shape = ", shape);
  const bool half = x.dtype() == DType::Float16 || x.dtype() == DType::BFloat16;
  check(p.dtype() == x.dtype() || (half && p.dtype() == DType::Float32),
        "mixed dtype (CPU): expect parameter to have scalar type of Float");
}

void check_norm(const char* name, const Tensor& x, const Dims& shape, const Tensor& weight,
                const Tensor& bias) {
  check(shape.size() >= 1,
        "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
        "element, "
        "but got normalized_shape = ",
        shape);
  check<NotImplementedError>(x.is_floating(), '"', name, "\" not implemented for '",
                             info(x.dtype()).noun, "'");
  check_parameter("weight", weight, x, shape);
  check_parameter("bias", bias, x, shape);
  bool fits = x.dim() >= shape.size();
  for (int64_t d = 1; fits && d <= shape.size(); ++d) fits = x.size(-d) == shape[shape.size() - d];
  if (fits) return;
  std::string sizes;
  for (int64_t s : shape) sizes += text(", ", s);
  check(false, "Given normalized_shape=", shape, ", expected input with shape [*", sizes,
        "], but got input of size", x.sizes());
}

// Gradients of x, weight and bias, from ops that have derivatives themselves.
Grads composed_backward(const Norm& norm, const Tensor& g, Needs needs, const Tensor& x,
                        const Tensor& weight) {
  const Dims dims = norm.normalized_dims(x), rows = norm.leading_dims(x);
  const Tensor c = norm.centered ? x - mean(x, dims, true) : x;
  const Tensor rstd = rsqrt(mean(c * c, dims, true) + norm.eps), h = c * rstd;
  const Tensor u = weight.defined() ? g * weight : g;
  const Tensor along = u - h * mean(u * h, dims, true);
  Grads grads(3);
  if (needs[0]) grads[0] = rstd * (norm.centered ? along - mean(u, dims, true) : along);
  if (needs[1]) grads[1] = rows.empty() ? g * h : sum(g * h, rows);
  if (needs[2]) grads[2] = rows.empty() ? g : sum(g, rows);
  return grads;
}

Grads backward(const Norm& norm, const Tensor& g, Needs needs, const Tensor& x,
               const Tensor& weight, const Tensor& mean, const Tensor& rstd) {
  if (recording(g, x, weight)) return composed_backward(norm, g, needs, x, weight);
  const Tensor xc = contiguous(x);
  Grads grads(3);
  if (needs[0]) grads[0] = over_gradient(g, xc, x.dtype());
  const Tensor gc = contiguous(to(g, x.dtype()));
  const Tensor w = weight.defined() ? contiguous(to(weight, x.dtype())) : weight;
  for (int i = 1; i < 3; ++i)
    if (needs[i]) grads[i] = empty(norm.shape, x.dtype());
  kernels::layer_norm_backward(x.dtype(), (void*)pointer(grads[0]), (void*)pointer(grads[1]),
                               (void*)pointer(grads[2]), pointer(gc), pointer(xc), pointer(mean),
                               pointer(rstd), pointer(w), norm.rows(x), norm.width());
  return grads;
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight,
                  const Tensor& bias, double eps) {
  check_norm("LayerNormKernelImpl", x, normalized_shape, weight, bias);
  const Norm norm{normalized_shape, eps, true};
  const Tensor xc = contiguous(x);
  const Tensor w = weight.defined() ? contiguous(to(weight, x.dtype())) : weight;
  const Tensor b = bias.defined() ? contiguous(to(bias, x.dtype())) : bias;
  const int64_t rows = norm.rows(x);
  Tensor y = empty(x.sizes(), x.dtype()), mean = empty({rows}, compute_type(x)),
         rstd = empty({rows}, compute_type(x));
  kernels::layer_norm(x.dtype(), y.data<void>(), mean.data<void>(), rstd.data<void>(), pointer(xc),
                      pointer(w), pointer(b), rows, norm.width(), eps);
  if (recording(x, weight, bias))
    record("NativeLayerNormBackward0", y, {&x, &weight, &bias}, saved(x, weight, mean, rstd),
           [norm](const Tensor& g, Needs needs, const Tensor& x, const Tensor& weight,
                  const Tensor& mean,
                  const Tensor& rstd) { return backward(norm, g, needs, x, weight, mean, rstd); });
  return y;
}

Tensor rms_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight,
                std::optional<double> eps) {
  check_norm("rms_norm", x, normalized_shape, weight, {});
  const double step = x.dtype() == DType::Float64 ? std::numeric_limits<double>::epsilon()
                                                  : std::numeric_limits<float>::epsilon();
  const Norm norm{normalized_shape, eps.value_or(step), false};
  const Tensor xc = contiguous(x);
  const Tensor w = weight.defined() ? contiguous(to(weight, x.dtype())) : weight;
  const int64_t rows = norm.rows(x);
  Tensor y = empty(x.sizes(), x.dtype()), rstd = empty({rows}, compute_type(x));
  kernels::rms_norm(x.dtype(), y.data<void>(), rstd.data<void>(), pointer(xc), pointer(w), rows,
                    norm.width(), norm.eps);
  if (recording(x, weight))
    record("MulBackward0", y, {&x, &weight}, saved(x, weight, rstd),
           [norm](const Tensor& g, Needs needs, const Tensor& x, const Tensor& weight,
                  const Tensor& rstd) {
             Grads grads = backward(norm, g, needs, x, weight, {}, rstd);
             grads.resize(2);
             return grads;
           });
  return y;
}

}  // namespace izvod
