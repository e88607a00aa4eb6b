#include "ops/loss.h"

#include "kernels/cross_entropy.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/indexing.h"
#include "ops/reduction.h"
#include "ops/softmax.h"
#include "ops/views.h"

namespace izvod {

Reduction reduction_from(const std::string& name) {
  if (name == "mean") return Reduction::Mean;
  if (name == "sum") return Reduction::Sum;
  check<ValueError>(name == "none", name, " is not a valid value for reduction");
  return Reduction::None;
}

namespace {

const void* pointer(const Tensor& x) { return x.defined() ? x.data<void>() : nullptr; }

// x as (outer, classes, inner), and what else the call said.
struct Setup {
  int64_t outer, classes, inner, ignore_index;
  Reduction reduction;
  double smoothing = 0;
};
// With the tensors: one int64 target each, weight or an undefined tensor, both contiguous.
struct Classes : Setup {
  Tensor target, weight;

  kernels::NllLoss nll(DType t) const {
    return {t, outer, classes, inner, target.data<int64_t>(), pointer(weight), ignore_index};
  }
  kernels::CrossEntropy cross_entropy(const Tensor& x) const {
    return {x.dtype(),       outer,        classes,  pointer(x), target.data<int64_t>(),
            pointer(weight), ignore_index, smoothing};
  }
};

// What torch says about shapes and dtypes that do not belong together.
void check_classes(const Tensor& x, const Tensor& target, const Tensor& weight) {
  check<ValueError>(x.dim() >= 1, "Expected 1 or more dimensions (got 0)");
  if (x.dim() == 1)
    check<ValueError>(target.dim() == 0 || target.size(0) == 1,
                      "For 1D input, 1D target must have size 1, but got target size: ",
                      target.dim() ? target.size(0) : 1);
  check<ValueError>(x.dim() == 1 || (target.dim() >= 1 && x.size(0) == target.size(0)),
                    "Expected input batch_size (", x.size(0), ") to match target batch_size (",
                    target.dim() ? target.size(0) : 0, ").");
  check(x.dim() > 2 || target.dim() <= 1,
        "0D or 1D target tensor expected, multi-target not supported");
  check(target.dtype() == DType::Int64 || target.dtype() == DType::UInt8,
        "expected target dtype to be Long or Byte, but got ", info(target.dtype()).noun);
  if (x.dim() > 2) {
    Dims expected = x.sizes();
    expected.erase(1);
    check(target.sizes() == expected, "Expected target size ", expected, ", got ", target.sizes());
  }
  const int64_t classes = x.dim() == 1 ? x.size(0) : x.size(1);
  if (!weight.defined()) return;
  check(weight.dim() == 1 && weight.numel() == classes,
        "weight tensor should be defined either for all ", classes,
        " classes or no classes but got weight tensor of shape: ", weight.sizes());
  check(weight.dtype() == x.dtype(), "expected scalar type ", info(x.dtype()).noun, " but found ",
        info(weight.dtype()).noun);
}

Classes classes_of(const Tensor& x, const Tensor& target, const Tensor& weight,
                   int64_t ignore_index, Reduction reduction) {
  check_classes(x, target, weight);
  Classes c{{1, x.size(0), 1, ignore_index, reduction},
            contiguous(to(target, DType::Int64)),
            weight.defined() ? contiguous(weight) : weight};
  if (x.dim() > 1) c.outer = x.size(0), c.classes = x.size(1);
  for (int64_t d = 2; d < x.dim(); ++d) c.inner *= x.size(d);
  return c;
}

void check_target(const Classes& c, int64_t bad) {
  if (bad >= 0)
    check<IndexError>(false, "Target ", c.target.data<int64_t>()[bad], " is out of bounds.");
}

// The result of a reduction, and the factor that it puts into the gradient.
Tensor reduced(Reduction how, const Tensor& losses, const kernels::LossSums& sums, DType t) {
  if (how == Reduction::None) return losses;
  return full({}, how == Reduction::Sum ? sums.loss : sums.loss / sums.weight, t);
}
double factor_of(Reduction how, const kernels::LossSums& sums) {
  return how == Reduction::Mean ? 1 / sums.weight : 1;
}

// ---- negative log likelihood

// The gradient is linear in g, and what multiplies g is the loss itself.
Tensor nll_loss_backward(const Tensor& g, const Classes& c, const Dims& sizes, double factor) {
  const Tensor gc = contiguous(g);
  Tensor dx = empty(sizes, g.dtype());
  const kernels::NllLoss problem = c.nll(g.dtype());
  kernels::nll_loss_backward(&problem, dx.data<void>(), pointer(gc),
                             c.reduction == Reduction::None ? 1 : 0, factor);
  if (recording(g))
    record("NllLossBackwardBackward0", dx, {&g}, saved(c.target, c.weight),
           [setup = Setup(c)](const Tensor& gg, const Tensor& target, const Tensor& weight) {
             return Grads{nll_loss(gg, target, weight, setup.ignore_index, setup.reduction)};
           });
  return dx;
}

}  // namespace

Tensor nll_loss(const Tensor& x, const Tensor& target, const Tensor& weight, int64_t ignore_index,
                Reduction reduction) {
  const Classes c = classes_of(x, target, weight, ignore_index, reduction);
  check<NotImplementedError>(x.is_floating(), "\"nll_loss_out_frame\" not implemented for '",
                             info(x.dtype()).noun, "'");
  const Tensor in = contiguous(x);
  const Tensor losses = reduction == Reduction::None ? empty(target.sizes(), x.dtype()) : Tensor();
  const kernels::NllLoss problem = c.nll(x.dtype());
  kernels::LossSums sums{};
  check_target(c, kernels::nll_loss(&problem, (void*)pointer(losses), pointer(in), &sums));
  Tensor y = reduced(reduction, losses, sums, x.dtype());
  if (recording(x))
    record(x.dim() > 2 ? "NllLoss2DBackward0" : "NllLossBackward0", y, {&x},
           saved(c.target, c.weight),
           [setup = Setup(c), sizes = x.sizes(), factor = factor_of(reduction, sums)](
               const Tensor& g, const Tensor& target, const Tensor& weight) {
             return Grads{nll_loss_backward(g, {setup, target, weight}, sizes, factor)};
           });
  return y;
}

// ---- cross entropy

namespace {

// (outer, inner, classes), so that each row of logits is adjacent.
Tensor classes_last(const Tensor& x) { return x.dim() > 2 ? movedim(x, {1}, {-1}) : x; }

// g * factor * d loss / dx for rows of logits, from ops that have derivatives themselves: with a, e
// per row, softmax(x) * (a + e * sum(weight)) - (a * onehot + e * weight).
Tensor composed_backward(const Tensor& g, const Classes& c, const Tensor& x, double factor) {
  Tensor spread, at_target;
  {
    const GradMode off(false);
    const DType t = x.dtype();
    const Tensor target = view(c.target, {c.outer, 1}), counts = ne(target, c.ignore_index);
    const Tensor safe = where(counts, target, 0);
    const Tensor weights = c.weight.defined() ? c.weight : ones({c.classes}, t);
    const Tensor a = to(counts, t) * unsqueeze(index_select(weights, 0, flatten(safe, 0, -1)), 1) *
                     (1 - c.smoothing);
    const Tensor e = to(counts, t) * (c.smoothing / double(c.classes));
    spread = a + e * sum(weights);
    at_target = scatter_add(e * weights, 1, safe, a);
  }
  const Tensor rows = reshape(x, {c.outer, c.classes});
  const Tensor each = c.reduction == Reduction::None ? reshape(g, {c.outer, 1}) : g;
  return reshape((softmax(rows, 1) * spread - at_target) * each * factor, x.sizes());
}

Tensor cross_entropy_backward(const Tensor& g, const Classes& c, const Tensor& x,
                              const Tensor& state, double factor) {
  if (recording(g, x)) return composed_backward(g, c, x, factor);
  const Tensor gc = contiguous(g), in = contiguous(x);
  Tensor dx = empty(x.sizes(), x.dtype());
  const kernels::CrossEntropy problem = c.cross_entropy(in);
  kernels::cross_entropy_backward(&problem, dx.data<void>(), pointer(gc),
                                  int64_t(c.reduction == Reduction::None), factor, pointer(state));
  return dx;
}

// Rows of logits lie in the last dimension of x.
Tensor cross_entropy_rows(const char* node, const Tensor& x, const Dims& sizes, const Classes& c) {
  const Tensor in = contiguous(x);
  Tensor losses = c.reduction == Reduction::None ? empty(sizes, x.dtype()) : Tensor();
  Tensor state = empty({c.outer, 2}, x.dtype() == DType::Float64 ? x.dtype() : DType::Float32);
  const kernels::CrossEntropy problem = c.cross_entropy(in);
  kernels::LossSums sums{};
  check_target(c,
               kernels::cross_entropy(&problem, (void*)pointer(losses), state.data<void>(), &sums));
  Tensor y = reduced(c.reduction, losses, sums, x.dtype());
  if (recording(x))
    record(node, y, {&x}, saved(x, state, c.target, c.weight),
           [setup = Setup(c), factor = factor_of(c.reduction, sums)](
               const Tensor& g, const Tensor& x, const Tensor& state, const Tensor& target,
               const Tensor& weight) {
             return Grads{cross_entropy_backward(g, {setup, target, weight}, x, state, factor)};
           });
  return y;
}

Tensor cross_entropy_of_probabilities(const Tensor& x, Tensor target, const Tensor& weight,
                                      Reduction reduction, double smoothing) {
  check(target.is_floating(),
        "Expected floating point type for target with class probabilities, got ",
        info(target.dtype()).noun);
  const int64_t dim = x.dim() == 1 ? 0 : 1, classes = x.size(dim);
  check(!weight.defined() || (weight.dim() == 1 && weight.numel() == classes),
        "cross_entropy: weight tensor should be defined either for all ", classes,
        " classes or no classes but got weight tensor of shape: ",
        weight.defined() ? weight.sizes() : Dims());
  if (smoothing > 0) target = target * (1 - smoothing) + smoothing / double(classes);
  Tensor terms = log_softmax(x, dim) * target;
  if (weight.defined()) {
    Dims sizes(x.dim(), 1);
    sizes[dim] = classes;
    terms = terms * view(weight, sizes);
  }
  if (reduction == Reduction::None) return neg(sum(terms, {dim}));
  const Tensor total = neg(sum(terms));
  return reduction == Reduction::Sum ? total : total / (double(x.numel()) / double(classes));
}

}  // namespace

Tensor cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight,
                     int64_t ignore_index, Reduction reduction, double label_smoothing) {
  check(label_smoothing >= 0 && label_smoothing <= 1,
        "label_smoothing must be between 0.0 and 1.0. Got: ", label_smoothing);
  check<NotImplementedError>(x.is_floating(),
                             "\"log_softmax_lastdim_kernel_impl\" not implemented for '",
                             info(x.dtype()).noun, "'");
  if (x.sizes() == target.sizes() && (x.dim() > 0 || target.is_floating())) {
    check(ignore_index < 0, "ignore_index is not supported for floating point target");
    return cross_entropy_of_probabilities(x, target, weight, reduction, label_smoothing);
  }
  Classes c = classes_of(x, target, weight, ignore_index, reduction);
  c.outer *= c.inner;
  c.inner = 1;
  c.smoothing = label_smoothing;
  const char* node = label_smoothing > 0 ? "AddBackward0"
                     : x.dim() > 2       ? "NllLoss2DBackward0"
                                         : "NllLossBackward0";
  return cross_entropy_rows(node, classes_last(x), target.sizes(), c);
}

}  // namespace izvod
