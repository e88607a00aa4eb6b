// Functions with the signatures of torch.nn.functional, and the optimizers' kernels.
#include "bind/function.h"
#include "bind/rows.h"
#include "kernels/optimizers.h"
#include "ops/attention.h"
#include "ops/embedding.h"
#include "ops/normalization.h"
#include "ops/optim.h"
#include "ops/pad.h"
#include "ops/pointwise_loss.h"
#include "ops/views.h"

namespace izvod::bind {
namespace {

using MaybeTensor = std::optional<Tensor>;
using MaybeInt = std::optional<int64_t>;
using MaybeDouble = std::optional<double>;
using MaybeBool = std::optional<bool>;

void warn(const std::string& message) {
  if (PyErr_WarnEx(PyExc_UserWarning, message.c_str(), 1) < 0) throw PythonError{};
}

// size_average and reduce are the old names of reduction, and win over it.
Reduction reduction_of(const std::string& reduction, MaybeBool size_average, MaybeBool reduce) {
  if (!size_average && !reduce) return reduction_from(reduction);
  const Reduction r = !reduce.value_or(true)        ? Reduction::None
                      : size_average.value_or(true) ? Reduction::Mean
                                                    : Reduction::Sum;
  const char* name = r == Reduction::None ? "none" : r == Reduction::Mean ? "mean" : "sum";
  warn(text("size_average and reduce args will be deprecated, please use reduction='", name,
            "' instead."));
  return r;
}

#define OLD_NAMES "size_average=None, reduce=None, reduction='mean'"
#define OLD_PARAMETERS MaybeBool size_average, MaybeBool reduce, const std::string &reduction
#define REDUCTION reduction_of(reduction, size_average, reduce)

std::string size_text(const Tensor& x) { return text("torch.Size(", x.sizes(), ")"); }

// torch goes on with a broadcast, but says so.
void warn_sizes(const Tensor& x, const Tensor& target) {
  if (x.sizes() == target.sizes()) return;
  warn(text("Using a target size (", size_text(target), ") that is different to the input size (",
            size_text(x),
            "). This will likely lead to incorrect results due to broadcasting. Please ensure they "
            "have the same size."));
}

// A target of as many elements but another shape was taken with a warning by the releases that
// courses were written for, and raises today; here it warns.
Tensor target_like(const Tensor& x, const Tensor& target) {
  if (x.sizes() == target.sizes()) return target;
  const std::string message =
      text("Using a target size (", size_text(target), ") that is different to the input size (",
           size_text(x), ") is deprecated. Please ensure they have the same size.");
  check<ValueError>(x.numel() == target.numel(), message);
  warn(message);
  return reshape(target, x.sizes());
}

void add_losses() {
  def<"mse_loss", InNN>("input, target, " OLD_NAMES ", weight=None",
                        [](const Tensor& x, const Tensor& t, OLD_PARAMETERS, MaybeTensor w) {
                          warn_sizes(x, t);
                          return mse_loss(x, t, REDUCTION, w.value_or(Tensor()));
                        });
  def<"l1_loss", InNN>("input, target, " OLD_NAMES ", weight=None",
                       [](const Tensor& x, const Tensor& t, OLD_PARAMETERS, MaybeTensor w) {
                         warn_sizes(x, t);
                         return l1_loss(x, t, REDUCTION, w.value_or(Tensor()));
                       });
  def<"binary_cross_entropy", InNN>(
      "input, target, weight=None, " OLD_NAMES,
      [](const Tensor& x, const Tensor& t, MaybeTensor w, OLD_PARAMETERS) {
        return binary_cross_entropy(x, target_like(x, t), w.value_or(Tensor()), REDUCTION);
      });
  def<"binary_cross_entropy_with_logits", InNN>(
      "input, target, weight=None, " OLD_NAMES ", pos_weight=None",
      [](const Tensor& x, const Tensor& t, MaybeTensor w, OLD_PARAMETERS, MaybeTensor pos) {
        check<ValueError>(x.sizes() == t.sizes(), "Target size (", size_text(t),
                          ") must be the same as input size (", size_text(x), ")");
        return binary_cross_entropy_with_logits(x, t, w.value_or(Tensor()), pos.value_or(Tensor()),
                                                REDUCTION);
      });
  def<"cross_entropy", InNN>(
      "input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, "
      "reduction='mean', label_smoothing=0.0",
      [](const Tensor& x, const Tensor& t, MaybeTensor w, MaybeBool size_average, int64_t ignore,
         MaybeBool reduce, const std::string& reduction, double smoothing) {
        return cross_entropy(x, t, w.value_or(Tensor()), ignore, REDUCTION, smoothing);
      });
  def<"nll_loss", InNN>(
      "input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, "
      "reduction='mean'",
      [](const Tensor& x, const Tensor& t, MaybeTensor w, MaybeBool size_average, int64_t ignore,
         MaybeBool reduce, const std::string& reduction) {
        return nll_loss(x, t, w.value_or(Tensor()), ignore, REDUCTION);
      });
}

void add_layers() {
  const auto norm = [](const Tensor& x, const Dims& shape, MaybeTensor w, MaybeTensor b,
                       double eps) {
    return layer_norm(x, shape, w.value_or(Tensor()), b.value_or(Tensor()), eps);
  };
  def<"layer_norm", InNN>("input, normalized_shape, weight=None, bias=None, eps=1e-05", norm);
  def<"layer_norm", InModule>("input, normalized_shape, weight=None, bias=None, eps=1e-05", norm);
  const auto rms = [](const Tensor& x, const Dims& shape, MaybeTensor w, MaybeDouble eps) {
    return rms_norm(x, shape, w.value_or(Tensor()), eps);
  };
  def<"rms_norm", InNN>("input, normalized_shape, weight=None, eps=None", rms);
  def<"rms_norm", InModule>("input, normalized_shape, weight=None, eps=None", rms);
  def<"embedding", InNN>(
      "input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, "
      "sparse=False",
      [](const Tensor& i, const Tensor& w, MaybeInt pad, MaybeDouble max_norm, double type,
         bool freq, bool sparse) { return embedding(i, w, pad, max_norm, type, freq, sparse); });
  def<"pad", InNN>("input, pad, mode='constant', value=None", pad);
  def<"scaled_dot_product_attention", InNN>(
      "query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None, "
      "enable_gqa=False",
      [](const Tensor& q, const Tensor& k, const Tensor& v, MaybeTensor m, double p, bool causal,
         MaybeDouble scale, bool gqa) {
        return scaled_dot_product_attention(q, k, v, m.value_or(Tensor()), p, causal, scale, gqa);
      });
}

// A list of tensors in which None stands for one that is not there yet.
std::vector<Tensor> tensors_or_none(PyObject* list) {
  std::vector<Tensor> xs;
  if (list == Py_None) return xs;
  const Object items = checked(PySequence_Fast(list, "expected a list of tensors"));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    PyObject* e = PySequence_Fast_GET_ITEM(items.get(), i);
    check<TypeError>(e == Py_None || is_tensor(e), "expected a list of tensors, got ",
                     type_name(e));
    xs.push_back(e == Py_None ? Tensor() : tensor_of(e));
  }
  return xs;
}

void add_optimizers() {
  def<"_sgd_step", InModule>(
      "params, grads, buffers, lr, momentum, dampening, weight_decay, nesterov, maximize",
      [](const std::vector<Tensor>& p, const std::vector<Tensor>& g, PyObject* buffers, double lr,
         double momentum, double dampening, double decay, bool nesterov, bool maximize) {
        std::vector<Tensor> b = tensors_or_none(buffers);
        b.resize(p.size());
        return sgd_step(p, g, b,
                        kernels::SgdOptions{lr, momentum, dampening, decay, nesterov, maximize});
      });
  def<"_zero_moments", InModule>("param, grad", zero_moments);
  def<"_adam_step", InModule>(
      "params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps, lr, beta1, beta2, "
      "weight_decay, eps, amsgrad, maximize, decoupled",
      [](const std::vector<Tensor>& p, const std::vector<Tensor>& g, const std::vector<Tensor>& m,
         const std::vector<Tensor>& v, const std::vector<Tensor>& largest,
         const std::vector<Tensor>& steps, double lr, double beta1, double beta2, double decay,
         double eps, bool amsgrad, bool maximize, bool decoupled) {
        adam_step(p, g, m, v, largest, steps,
                  kernels::AdamOptions{lr, beta1, beta2, eps, decay, amsgrad, maximize, decoupled});
      });
  def<"_clip_grad_norm_", InModule>("grads, max_norm, norm_type, error_if_nonfinite",
                                    clip_grad_norm_);
  def<"_total_norm", InModule>("tensors, norm_type, error_if_nonfinite", total_norm);
}

}  // namespace

void add_nn_rows() {
  add_losses();
  add_layers();
  add_optimizers();
}

}  // namespace izvod::bind
