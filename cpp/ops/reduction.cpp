#include "ops/reduction.h"

#include <cmath>

#include "kernels/reduce.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/indexing.h"
#include "ops/joining.h"
#include "ops/reduced.h"
#include "ops/scan.h"
#include "ops/unary.h"
#include "ops/views.h"

namespace izvod {

Reduced::Reduced(const Tensor& x, const Dims& dims, bool keepdim) : full_(x.sizes()) {
  if (dims.empty()) {
    for (int64_t& s : full_) s = 1;
    count_ = x.numel();
    if (keepdim) sizes_ = full_;
    return;
  }
  SmallVector<bool, 8> gone(std::max<int64_t>(x.dim(), 1));
  for (int64_t given : dims) {
    const int64_t d = wrap_dim(given, x.dim());
    check(!gone[d], "dim ", d, " appears multiple times in the list of dims");
    gone[d] = true;
  }
  for (int64_t d = 0; d < x.dim(); ++d) {
    if (gone[d]) count_ *= std::exchange(full_[d], 1);
    if (!gone[d] || keepdim) sizes_.push_back(full_[d]);
  }
}

Tensor restored(const Tensor& y, const Dims& full) {
  return y.sizes() == full ? y : reshape(y, full);
}
Tensor spread(const Tensor& g, const Dims& full, const Dims& sizes) {
  return expand(restored(g, full), sizes);
}

namespace {

// No element is an element with no largest one.
void check_not_empty(const char* name, const Tensor& x, const Dims& dims) {
  if (x.numel()) return;
  check(!dims.empty() || x.dim() == 0, name,
        "(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction "
        "dim with the 'dim' argument.");
  for (int64_t d : dims)
    check<IndexError>(x.sizes()[wrap_dim(d, x.dim())] != 0, name, "(): Expected reduction dim ", d,
                      " to have non-zero size.");
}

DType sum_type(const Tensor& x, std::optional<DType> dtype) {
  return dtype.value_or(x.is_floating() ? x.dtype() : DType::Int64);
}

Tensor sum_as(const char* name, const Tensor& x, const Dims& dims, bool keepdim,
              std::optional<DType> dtype) {
  const Reduced r(x, dims, keepdim);
  Tensor y = r.result(sum_type(x, dtype));
  kernels::sum(r.view(y), view(x));
  if (recording(x) && y.is_floating())
    record(name, y, {&x}, saved(), [full = r.full(), sizes = x.sizes()](const Tensor& g) {
      return Grads{spread(g, full, sizes)};
    });
  return y;
}

Tensor mean_as(const char* name, const Tensor& x, const Dims& dims, bool keepdim,
               std::optional<DType> dtype) {
  const DType type = dtype.value_or(x.dtype());
  check(is_floating(type), "mean(): could not infer output dtype. ", dtype ? "Optional" : "Input",
        " dtype must be either a floating point or complex dtype. Got: ", info(type).noun);
  const Reduced r(x, dims, keepdim);
  Tensor y = r.result(type);
  kernels::mean(r.view(y), view(x));
  if (recording(x))
    record(name, y, {&x}, saved(),
           [full = r.full(), sizes = x.sizes(), n = r.count()](const Tensor& g) {
             return Grads{spread(g / n, full, sizes)};
           });
  return y;
}

// d prod / d x_i is the product of the others: y / x_i, and where zeros forbid that, the product of
// those before and of those after. `full` has size 1 where g and y are reduced.
Tensor prod_backward(const Tensor& g, const Tensor& x, const Tensor& y, std::optional<int64_t> dim,
                     const Dims& full) {
  if (x.dim() == 0) return g;
  if (!any(x == 0).data<bool>()[0]) return restored(g * y, full) / x;
  if (!dim)
    return reshape(prod_backward(reshape(g, {1}), reshape(x, {x.numel()}), reshape(y, {1}), 0, {1}),
                   x.sizes());
  const int64_t d = wrap_dim(*dim, x.dim()), n = x.sizes()[d];
  Dims edge = x.sizes();
  edge[d] = 1;
  const Tensor one = ones(edge, x.dtype()), backwards = sub(n - 1, arange(0, n, 1, DType::Int64));
  const Tensor before = cumprod(cat({one, narrow(x, d, 0, n - 1)}, d), d);
  const Tensor turned = index_select(narrow(x, d, 1, n - 1), d, narrow(backwards, 0, 1, n - 1));
  const Tensor after = index_select(cumprod(cat({one, turned}, d), d), d, backwards);
  return restored(g, full) * (before * after);
}

Tensor prod_as(const char* name, const Tensor& x, std::optional<int64_t> dim, bool keepdim,
               std::optional<DType> dtype) {
  const Tensor in = to(x, sum_type(x, dtype));
  const Reduced r(in, dim ? Dims{*dim} : Dims(), keepdim);
  Tensor y = r.result(in.dtype());
  kernels::prod(r.view(y), view(in));
  if (recording(in))
    record(name, y, {&in}, saved(in, output(y)),
           [dim, full = r.full()](const Tensor& g, const Tensor& x, const Tensor& y) {
             return Grads{prod_backward(g, x, y, dim, full)};
           });
  return y;
}

}  // namespace

Tensor sum(const Tensor& x, std::optional<DType> dtype) {
  return sum_as("SumBackward0", x, {}, false, dtype);
}
Tensor sum(const Tensor& x, const Dims& dims, bool keepdim, std::optional<DType> dtype) {
  return sum_as("SumBackward1", x, dims, keepdim, dtype);
}
Tensor mean(const Tensor& x, std::optional<DType> dtype) {
  return mean_as("MeanBackward0", x, {}, false, dtype);
}
Tensor mean(const Tensor& x, const Dims& dims, bool keepdim, std::optional<DType> dtype) {
  return mean_as("MeanBackward1", x, dims, keepdim, dtype);
}
Tensor prod(const Tensor& x, std::optional<DType> dtype) {
  return prod_as("ProdBackward0", x, {}, false, dtype);
}
Tensor prod(const Tensor& x, int64_t dim, bool keepdim, std::optional<DType> dtype) {
  return prod_as("ProdBackward1", x, dim, keepdim, dtype);
}

// ---- variance

namespace {

struct VarArgs {
  Dims dims, full;
  double correction;
  int64_t count;
};

Tensor var_backward(const Tensor& g, const Tensor& x, const VarArgs& a) {
  const Tensor centred = x - mean(x, a.dims, true);
  return restored(g, a.full) * (2 / (double(a.count) - a.correction)) * centred;
}
Tensor std_backward(const Tensor& g, const Tensor& x, const Tensor& y, const VarArgs& a) {
  return var_backward(masked_fill(g / (y * 2), y == 0, 0), x, a);
}

void check_var_type(const char* name, const Tensor& x) {
  check(x.is_floating(), name, " only support floating point and complex dtypes");
}

Tensor var_or_std(const Tensor& x, const Dims& dims, double correction, bool keepdim, bool root) {
  check_var_type("std and var", x);
  const Reduced r(x, dims, keepdim);
  const VarArgs a{dims, r.full(), correction, r.count()};
  Tensor y = r.result(x.dtype());
  const kernels::View out = r.view(y), *none = nullptr;
  kernels::var_mean(&out, none, view(x), correction, root);
  if (recording(x) && root)
    record("StdBackward0", y, {&x}, saved(x, output(y)),
           [a](const Tensor& g, const Tensor& x, const Tensor& y) {
             return Grads{std_backward(g, x, y, a)};
           });
  else if (recording(x))
    record("VarBackward0", y, {&x}, saved(x),
           [a](const Tensor& g, const Tensor& x) { return Grads{var_backward(g, x, a)}; });
  return y;
}

std::pair<Tensor, Tensor> with_mean(const Tensor& x, const Dims& dims, double correction,
                                    bool keepdim, bool root) {
  check_var_type(root ? "std_mean" : "var_mean", x);
  const Reduced r(x, dims, keepdim);
  const VarArgs a{dims, r.full(), correction, r.count()};
  const Tensor y = r.result(x.dtype()), m = r.result(x.dtype());
  const kernels::View spread_out = r.view(y), centre = r.view(m);
  kernels::var_mean(&spread_out, &centre, view(x), correction, root);
  if (recording(x))
    record_outputs(root ? "StdMeanBackward0" : "VarMeanBackward0", {y, m}, {&x},
                   saved(x, output(y)),
                   [a, root](const Grads& gs, const Tensor& x, const Tensor& y) {
                     Tensor dx;
                     if (gs[0].defined())
                       dx = root ? std_backward(gs[0], x, y, a) : var_backward(gs[0], x, a);
                     if (!gs[1].defined()) return Grads{dx};
                     const Tensor dm = spread(gs[1] / a.count, a.full, x.sizes());
                     return Grads{dx.defined() ? dx + dm : dm};
                   });
  return {y, m};
}

}  // namespace

Tensor var(const Tensor& x, const Dims& dims, double correction, bool keepdim) {
  return var_or_std(x, dims, correction, keepdim, false);
}
Tensor stddev(const Tensor& x, const Dims& dims, double correction, bool keepdim) {
  return var_or_std(x, dims, correction, keepdim, true);
}
std::pair<Tensor, Tensor> var_mean(const Tensor& x, const Dims& dims, double correction,
                                   bool keepdim) {
  return with_mean(x, dims, correction, keepdim, false);
}
std::pair<Tensor, Tensor> std_mean(const Tensor& x, const Dims& dims, double correction,
                                   bool keepdim) {
  return with_mean(x, dims, correction, keepdim, true);
}

// ---- largest and smallest

namespace {

// Equal shares of g to the elements that the mask picks.
Tensor shared_out(const Tensor& g, const Tensor& mask, const Dims& full, const Dims& dims) {
  const Tensor n = sum(mask, dims, true);
  return where(mask, restored(g, full) / restored(n, full), 0);
}

Tensor extreme(const kernels::Reduction& kernel, const char* op, const char* node, const Tensor& x,
               const Dims& dims, bool keepdim) {
  check_not_empty(op, x, dims);
  const Reduced r(x, dims, keepdim);
  Tensor y = r.result(x.dtype());
  kernel(r.view(y), view(x));
  if (recording(x))
    record(node, y, {&x}, saved(x, output(y)),
           [full = r.full(), dims](const Tensor& g, const Tensor& x, const Tensor& y) {
             const Tensor best = restored(y, full), nan = best != best;
             return Grads{shared_out(g, where(nan, x != x, x == best), full, dims)};
           });
  return y;
}

std::pair<Tensor, Tensor> extreme_with_index(const kernels::IndexedReduction& kernel,
                                             const char* op, const char* node, const Tensor& x,
                                             int64_t dim, bool keepdim) {
  dim = wrap_dim(dim, x.dim());
  check_not_empty(op, x, {dim});
  const Reduced r(x, {dim}, keepdim);
  Tensor y = r.result(x.dtype()), index = r.result(DType::Int64);
  const kernels::View values = r.view(y);
  kernel(&values, r.view(index), view(x));
  if (recording(x))
    record(node, y, {&x}, saved(index),
           [dim, full = r.full(), sizes = x.sizes()](const Tensor& g, const Tensor& index) {
             return Grads{
                 value_selecting_backward(restored(g, full), dim, restored(index, full), sizes)};
           });
  return {y, index};
}

Tensor arg_extreme(const kernels::IndexedReduction& kernel, const char* op, const Tensor& x,
                   std::optional<int64_t> dim, bool keepdim) {
  check(x.dtype() != DType::Bool, op, "(): does not support bool input");
  check<IndexError>(dim || x.numel(), op,
                    "(): Expected reduction dim to be specified for input.numel() == 0.");
  const Dims dims = dim ? Dims{wrap_dim(*dim, x.dim())} : Dims();
  check_not_empty(op, x, dims);
  const Reduced r(x, dims, keepdim);
  Tensor index = r.result(DType::Int64);
  const kernels::View* none = nullptr;
  kernel(none, r.view(index), view(x));
  return index;
}

}  // namespace

Tensor max(const Tensor& x) { return extreme(kernels::amax, "max", "MaxBackward1", x, {}, false); }
Tensor min(const Tensor& x) { return extreme(kernels::amin, "min", "MinBackward1", x, {}, false); }
Tensor amax(const Tensor& x, const Dims& dims, bool keepdim) {
  return extreme(kernels::amax, "amax", "AmaxBackward0", x, dims, keepdim);
}
Tensor amin(const Tensor& x, const Dims& dims, bool keepdim) {
  return extreme(kernels::amin, "amin", "AminBackward0", x, dims, keepdim);
}
std::pair<Tensor, Tensor> aminmax(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  check(dim || x.numel(),
        "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
        "identity.");
  const Dims dims = dim ? Dims{wrap_dim(*dim, x.dim())} : Dims();
  return {extreme(kernels::amin, "aminmax", "AminmaxBackward0", x, dims, keepdim),
          extreme(kernels::amax, "aminmax", "AminmaxBackward0", x, dims, keepdim)};
}
std::pair<Tensor, Tensor> max(const Tensor& x, int64_t dim, bool keepdim) {
  return extreme_with_index(kernels::max_with_index, "max", "MaxBackward0", x, dim, keepdim);
}
std::pair<Tensor, Tensor> min(const Tensor& x, int64_t dim, bool keepdim) {
  return extreme_with_index(kernels::min_with_index, "min", "MinBackward0", x, dim, keepdim);
}
Tensor argmax(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  return arg_extreme(kernels::max_with_index, "argmax", x, dim, keepdim);
}
Tensor argmin(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  return arg_extreme(kernels::min_with_index, "argmin", x, dim, keepdim);
}

// ---- counting

static Tensor truth(const kernels::Reduction& kernel, const Tensor& x,
                    const std::optional<Dims>& dims, bool keepdim) {
  const DType type = x.dtype() == DType::UInt8 ? DType::UInt8 : DType::Bool;
  if (dims && dims->empty()) return to(x != 0, type);
  const Reduced r(x, dims.value_or(Dims()), keepdim);
  Tensor y = r.result(type);
  kernel(r.view(y), view(x));
  return y;
}
Tensor any(const Tensor& x, std::optional<Dims> dims, bool keepdim) {
  return truth(kernels::any, x, dims, keepdim);
}
Tensor all(const Tensor& x, std::optional<Dims> dims, bool keepdim) {
  return truth(kernels::all, x, dims, keepdim);
}

Tensor count_nonzero(const Tensor& x, const Dims& dims) {
  const Reduced r(x, dims, false);
  Tensor y = r.result(DType::Int64);
  kernels::count_nonzero(r.view(y), view(x));
  return y;
}

// ---- norms

// d (sum |x|^p)^(1/p) = sign(x) |x|^(p-1) / y^(p-1). Where y is 0 so is the gradient, of every
// order: dividing by infinity says that without a nan; where p < 1 would divide by x = 0, it is 0,
// too.
static Tensor norm_backward(const Tensor& g, const Tensor& x, const Tensor& norm, double p,
                            const Dims& dims, const Dims& full) {
  if (p == 0) return Tensor();
  const Tensor gx = restored(g, full), exact = restored(norm, full);
  if (p == 1) return gx * sign(x);
  const Tensor a = abs(x),
               y = std::isinf(p) ? exact : masked_fill(exact, exact == 0, p > 1 ? INFINITY : 1.0);
  if (p == 2) return x * (gx / y);
  if (std::isinf(p)) return sign(x) * shared_out(gx, where(y != y, x != x, a == y), full, dims);
  const Tensor slope = p < 1   ? masked_fill(sign(x) * pow(a, p - 1), x == 0, 0)
                       : p < 2 ? sign(x) * pow(a, p - 1)
                               : x * pow(a, p - 2);
  return slope * (gx / pow(y, p - 1));
}

Tensor vector_norm(const Tensor& x, double p, const Dims& dims, bool keepdim,
                   std::optional<DType> dtype) {
  check(x.is_floating(),
        "linalg.vector_norm: Expected a floating point or complex tensor as input. Got ",
        info(x.dtype()).noun);
  check(!dtype || is_floating(*dtype),
        "linalg.vector_norm: dtype should be floating point or complex. Got ",
        info(dtype.value_or(x.dtype())).noun);
  const Reduced r(x, dims, keepdim);
  check(r.count() || (p >= 0 && !std::isinf(p)), "linalg.vector_norm cannot compute the ", p,
        " norm on an empty tensor because the operation does not have an identity");
  const Tensor in = to(x, dtype.value_or(x.dtype()));
  Tensor y = r.result(in.dtype());
  kernels::norm(r.view(y), view(in), p);
  if (recording(in))
    record("LinalgVectorNormBackward0", y, {&in}, saved(in, output(y)),
           [p, dims, full = r.full()](const Tensor& g, const Tensor& x, const Tensor& y) {
             return Grads{norm_backward(g, x, y, p, dims, full)};
           });
  return y;
}

Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim) {
  const Tensor in = to(x, to_floating(x.dtype()));
  const Reduced r(in, dims, keepdim);
  Tensor y = r.result(in.dtype());
  kernels::logsumexp(r.view(y), view(in));
  if (recording(in))
    record("LogsumexpBackward0", y, {&in}, saved(in, output(y)),
           [full = r.full()](const Tensor& g, const Tensor& x, const Tensor& y) {
             return Grads{restored(g, full) * exp(x - restored(y, full))};
           });
  return y;
}

}  // namespace izvod
