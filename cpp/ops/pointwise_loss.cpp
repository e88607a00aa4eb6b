#include "ops/pointwise_loss.h"

#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/reduction.h"

namespace izvod {
namespace {

Tensor reduced(const Tensor& x, Reduction reduction) {
  return reduction == Reduction::Mean ? mean(x) : reduction == Reduction::Sum ? sum(x) : x;
}

// The gradient for x in one pass, unless second derivatives are asked for.
template <class Op>
Tensor first_gradient(const Tensor& g, const Tensor& x, const Tensor& target) {
  if (grad_enabled()) return Op::dx(g, x, target);
  const Arg ga(g), xa(x), ta(target);
  Tensor dx = allocate_result({&xa, &ta}, x.dtype());
  run_pointwise(kernels::loops_of<kernels::FirstGradient<Op>>, Op::node, x.dtype(), dx,
                {&ga, &xa, &ta}, nullptr);
  return dx;
}

template <class Op>
Tensor loss(const Tensor& x, const Tensor& target, const Tensor& weight, Reduction reduction,
            const char* node = Op::node) {
  check<NotImplementedError>(x.is_floating(), "\"", Op::name, "\" not implemented for '",
                             info(x.dtype()).noun, "'");
  const Arg xa(x), ta(target);
  const DType t = to_floating(result_type(xa, ta));
  Tensor y, each = allocate_result({&xa, &ta}, t);
  run_pointwise(kernels::loops_of<Op>, Op::name, t, each, {&xa, &ta}, nullptr);
  {
    GradMode off(false);
    y = reduced(weight.defined() ? mul(each, weight) : each, reduction);
  }
  if (!recording(x, target)) return y;
  const double scale =
      reduction == Reduction::Mean ? 1.0 / double(std::max<int64_t>(each.numel(), 1)) : 1.0;
  return record(node, y, {&x, &target}, saved(x, target, weight),
                [scale](const Tensor& g, Needs needs, const Tensor& x, const Tensor& target,
                        const Tensor& weight) {
                  Tensor ge = scale == 1 ? g : g * scale;
                  if (weight.defined()) ge = ge * weight;
                  return Grads{needs[0] ? first_gradient<Op>(ge, x, target) : Tensor(),
                               needs[1] ? Op::dy(ge, x, target) : Tensor()};
                });
}

// The mean of weighted errors is taken over the sum of the weights.
Tensor weighted(const Tensor& each, const Tensor& x, const Tensor& weight, Reduction reduction) {
  check<ValueError>(weight.sizes() == x.sizes(), "Weights and input must have the same size.");
  const Tensor y = each * weight;
  if (reduction == Reduction::None) return y;
  return reduction == Reduction::Sum ? sum(y) : sum(y) / sum(weight);
}

bool is_within_unit(const Tensor& x) {
  const Tensor c = x.is_contiguous() ? x : copy_of(x, x.dtype(), false);
  return visit_floating(c.dtype(), [&]<class T>(Type<T>) {
    bool inside = true;
    const T* p = c.data<T>();
    for (int64_t i = 0; i < c.numel(); ++i) inside &= !(float(p[i]) < 0 || float(p[i]) > 1);
    return inside;
  });
}

}  // namespace

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction, const Tensor& weight) {
  return weight.defined() ? weighted(square(x - target), x, weight, reduction)
                          : loss<kernels::MseLoss>(x, target, weight, reduction);
}

Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction, const Tensor& weight) {
  static constexpr const char* nodes[] = {"AbsBackward0", "MeanBackward0",
                                          "SumBackward0"};  // torch composes it
  return weight.defined()
             ? weighted(abs(x - target), x, weight, reduction)
             : loss<kernels::L1Loss>(x, target, weight, reduction, nodes[int(reduction)]);
}

Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight,
                            Reduction reduction) {
  check(x.dtype() == target.dtype(), "Found dtype ", info(target.dtype()).noun, " but expected ",
        info(x.dtype()).noun);
  check(is_within_unit(x), "all elements of input should be between 0 and 1");
  check(is_within_unit(target), "all elements of target should be between 0 and 1");
  return loss<kernels::BinaryCrossEntropy>(x, target, weight, reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const Tensor& weight,
                                        const Tensor& pos_weight, Reduction reduction) {
  if (!pos_weight.defined())
    return loss<kernels::BinaryCrossEntropyWithLogits>(x, target, weight, reduction);
  const Tensor softplus = log1p(exp(-abs(x))) + clamp(-x, Scalar(0), std::optional<Scalar>());
  const Tensor each = (1 - target) * x + ((pos_weight - 1) * target + 1) * softplus;
  return named("BinaryCrossEntropyWithLogitsBackward0",
               reduced(weight.defined() ? each * weight : each, reduction));
}

}  // namespace izvod
