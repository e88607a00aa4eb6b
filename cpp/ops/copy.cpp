#include "ops/copy.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/copy.h"
#include "kernels/range.h"
#include "ops/pointwise.h"
#include "ops/views.h"

namespace izvod {

void write_values(const Tensor& x, const Tensor& from) {
  if (x.numel() == 0) return;
  if (x.numel() == 1 && x.dtype() == from.dtype()) {
    std::memmove(x.impl()->data, from.impl()->data, size_t(itemsize(x.dtype())));
    return;
  }
  if (shares_part(x, from)) return write_values(x, copy_of(from, from.dtype()));
  kernels::copy(view(x), broadcast_view(from, x.sizes()));
}

Tensor copy_of(const Tensor& x, DType dtype, bool keep_strides) {
  Tensor y = keep_strides ? empty_like(x, dtype) : empty(x.sizes(), dtype);
  write_values(y, x);
  return y;
}

Tensor clone(const Tensor& x) {
  Tensor y = copy_of(x, x.dtype());
  if (recording(x))
    record("CloneBackward0", y, {&x}, saved(), [](const Tensor& g) { return Grads{g}; });
  return y;
}

Tensor contiguous(const Tensor& x) {
  if (x.is_contiguous()) return x;
  Tensor y = copy_of(x, x.dtype(), false);
  if (recording(x))
    record("CloneBackward0", y, {&x}, saved(), [](const Tensor& g) { return Grads{g}; });
  return y;
}

Tensor to(const Tensor& x, DType dtype, bool copy) {
  if (x.dtype() == dtype && !copy) return x;
  Tensor y = copy_of(x, dtype);
  // The engine casts the gradient back to the dtype of x.
  if (recording(x) && is_floating(dtype))
    record("ToCopyBackward0", y, {&x}, saved(), [](const Tensor& g) { return Grads{g}; });
  return y;
}

const Tensor& copy_(const Tensor& x, const Tensor& from) {
  const Arg arg(from);
  check_in_place("copy_", x, x.dtype(), {&arg});
  write_values(x, from);
  x.bump_version();
  if (recording(x, from))
    record_in_place("CopyBackwards", x, {&x, &from}, saved(), [](const Tensor& g, Needs needs) {
      return Grads{needs[0] ? zeros_like(g) : Tensor(), g};
    });
  return x;
}

void check_fits(const Scalar& value, DType t) {
  const bool fits = visit(t, [&]<class T>(Type<T>) {
    using Limits = std::numeric_limits<T>;
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, double>) {
      return true;
    } else if constexpr (std::is_integral_v<T>) {
      if (value.is_float())
        return value.f > double(Limits::min()) - 1 && value.f < double(Limits::max()) + 1;
      return value.i <= int64_t(Limits::max()) &&
             value.i >= (Limits::is_signed ? int64_t(Limits::min()) : -int64_t(Limits::max()));
    } else {
      const double x = value.to_double();
      return !std::isfinite(x) || std::isfinite(float(T(float(x))));
    }
  });
  check(fits, "value cannot be converted to type ", info(t).name, is_integral(t) ? "_t" : "",
        " without overflow");
}

static const Tensor& fill_as(const char* node, const Tensor& x, const Scalar& value) {
  check_in_place(x);
  check_fits(value, x.dtype());
  Scalar held = value;
  const kernels::View from{&held.i, held.storage_type(), x.sizes(), Dims(x.dim())};
  if (x.numel()) kernels::copy(view(x), from);
  x.bump_version();
  if (recording(x))
    record_in_place(node, x, {&x}, saved(), [](const Tensor& g) { return Grads{zeros_like(g)}; });
  return x;
}
const Tensor& fill_(const Tensor& x, const Scalar& value) {
  return fill_as("FillBackward2", x, value);
}
const Tensor& zero_(const Tensor& x) { return fill_as("ZeroBackward0", x, 0); }

const Tensor& fill_(const Tensor& x, const Tensor& value) {
  check(value.dim() == 0, "fill_ only supports 0-dimension value tensor but got tensor with ",
        value.dim(), " dimensions.");
  check_in_place(x);
  write_values(x, value);
  x.bump_version();
  if (recording(x, value))
    record_in_place("FillBackward3", x, {&x, &value}, saved(),
                    [](const Tensor& g) { return Grads{zeros_like(g), g}; });
  return x;
}

Tensor detach(const Tensor& x) { return alias(x); }

const Tensor& detach_(const Tensor& x) {
  check(!x.impl()->base, "Can't detach views in-place. Use detach() instead.");
  if (AutogradMeta* m = meta_if_any(x)) m->grad_fn.reset();
  x.impl()->requires_grad = false;
  return x;
}

Tensor data_of(const Tensor& x) {
  Tensor y = alias(x);
  y.impl()->untracked = true;
  return y;
}

Tensor full(const Dims& sizes, const Scalar& value, DType dtype) {
  Tensor y = empty(sizes, dtype);
  Scalar held = value;
  if (y.numel())
    kernels::copy(view(y), kernels::View{&held.i, held.storage_type(), sizes, Dims(sizes.size())});
  return y;
}

Tensor zeros(const Dims& sizes, DType dtype) { return full(sizes, 0, dtype); }
Tensor ones(const Dims& sizes, DType dtype) { return full(sizes, 1, dtype); }

Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, DType dtype) {
  const double a = start.to_double(), b = end.to_double(), s = step.to_double();
  check(s != 0, "step must be nonzero");
  check(std::isfinite(a) && std::isfinite(b), "unsupported range: ", a, " -> ", b);
  check(s > 0 ? b >= a : b <= a, "upper bound and lower bound inconsistent with step sign");
  const bool whole = !start.is_float() && !end.is_float() && !step.is_float();
  const int64_t n = whole ? (end.i - start.i + step.i - (step.i > 0 ? 1 : -1)) / step.i
                          : int64_t(std::ceil((b - a) / s));
  Tensor y = empty({n}, dtype);
  if (is_floating(dtype))
    kernels::range(y.impl()->data, dtype, n, a, s);
  else
    kernels::range_of_integers(y.impl()->data, dtype, n, start.to_int(), step.to_int());
  return y;
}

Tensor linspace(double start, double end, int64_t steps, DType dtype) {
  check(steps >= 0, "number of steps must be non-negative");
  Tensor y = empty({steps}, dtype);
  kernels::spaced(y.impl()->data, dtype, steps, start, end);
  return y;
}

Tensor eye(int64_t n, int64_t m, DType dtype) {
  check(n >= 0, "n must be greater or equal to 0, got ", n);
  check(m >= 0, "m must be greater or equal to 0, got ", m);
  Tensor y = zeros({n, m}, dtype);
  const Tensor diagonal = alias(y, {std::min(n, m)}, {m + 1}, y.impl()->data);
  fill_(diagonal, 1);
  return y;
}

}  // namespace izvod
