#include "bind/function.h"
#include "bind/generator.h"
#include "bind/module.h"
#include "bind/rows.h"
#include "ops/copy.h"
#include "ops/dropout.h"
#include "ops/random.h"
#include "ops/views.h"

namespace izvod::bind {
namespace {

using MaybeDType = std::optional<DType>;

#define OPTIONS                                                                      \
  ", *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, " \
  "pin_memory=False, memory_format=None"
#define OPTION_PARAMETERS \
  Generator *g, MaybeDType dtype, PyObject *, PyObject *device, bool requires_grad, bool, PyObject *

Tensor finish(Tensor x, PyObject* device, bool requires_grad) {
  check_device(device);
  if (requires_grad) set_requires_grad(x, true);
  return x;
}

void add_creation() {
  def<"rand", InModule>("*size" OPTIONS, [](const Dims& size, OPTION_PARAMETERS) {
    return finish(rand(size, dtype, g), device, requires_grad);
  });
  def<"randn", InModule>("*size" OPTIONS, [](const Dims& size, OPTION_PARAMETERS) {
    return finish(randn(size, dtype, g), device, requires_grad);
  });
  def<"randint", InModule>(
      {overload("high, size" OPTIONS,
                [](int64_t high, const Dims& size, OPTION_PARAMETERS) {
                  return finish(randint(0, high, size, dtype.value_or(DType::Int64), g), device,
                                requires_grad);
                }),
       overload("low, high, size" OPTIONS,
                [](int64_t low, int64_t high, const Dims& size, OPTION_PARAMETERS) {
                  return finish(randint(low, high, size, dtype.value_or(DType::Int64), g), device,
                                requires_grad);
                })});
  def<"randperm", InModule>("n" OPTIONS, [](int64_t n, OPTION_PARAMETERS) {
    return finish(randperm(n, dtype.value_or(DType::Int64), g), device, requires_grad);
  });
  def<"rand_like", InModule>("input" OPTIONS, [](const Tensor& x, OPTION_PARAMETERS) {
    return finish(rand_like(x, dtype, g), device, requires_grad);
  });
  def<"randn_like", InModule>("input" OPTIONS, [](const Tensor& x, OPTION_PARAMETERS) {
    return finish(randn_like(x, dtype, g), device, requires_grad);
  });
  def<"randint_like", InModule>(
      {overload("input, high" OPTIONS,
                [](const Tensor& x, int64_t high, OPTION_PARAMETERS) {
                  return finish(randint_like(x, 0, high, dtype, g), device, requires_grad);
                }),
       overload("input, low, high" OPTIONS,
                [](const Tensor& x, int64_t low, int64_t high, OPTION_PARAMETERS) {
                  return finish(randint_like(x, low, high, dtype, g), device, requires_grad);
                })});
  def<"normal", InModule>(
      {overload("mean, std, *, generator=None", [](const Tensor& mean, const Tensor& std,
                                                   Generator* g) { return normal(mean, std, g); }),
       overload("mean, std=1.0, *, generator=None",
                [](const Tensor& mean, double std, Generator* g) { return normal(mean, std, g); }),
       overload("mean, std, *, generator=None",
                [](double mean, const Tensor& std, Generator* g) { return normal(mean, std, g); }),
       overload("mean, std, size" OPTIONS,
                [](double mean, double std, const Dims& size, OPTION_PARAMETERS) {
                  return finish(normal(mean, std, size, dtype, g), device, requires_grad);
                })});
}

void add_in_place() {
  def<"uniform_", InTensor>("self, from=0.0, to=1.0, *, generator=None", uniform_);
  def<"normal_", InTensor>("self, mean=0.0, std=1.0, *, generator=None", normal_);
  def<"random_", InTensor>(
      {overload("self, *, generator=None",
                [](const Tensor& x, Generator* g) { return random_(x, g); }),
       overload("self, to, *, generator=None",
                [](const Tensor& x, int64_t to, Generator* g) { return random_(x, 0, to, g); }),
       overload("self, from, to, *, generator=None",
                [](const Tensor& x, int64_t from, std::optional<int64_t> to, Generator* g) {
                  return random_(x, from, to, g);
                })});
  def<"bernoulli_", InTensor>(
      {overload("self, p, *, generator=None",
                [](const Tensor& x, const Tensor& p, Generator* g) { return bernoulli_(x, p, g); }),
       overload("self, p=0.5, *, generator=None",
                [](const Tensor& x, double p, Generator* g) { return bernoulli_(x, p, g); })});
  def<"exponential_", InTensor>("self, lambd=1.0, *, generator=None", exponential_);
  def<"geometric_", InTensor>("self, p, *, generator=None", geometric_);
  def<"cauchy_", InTensor>("self, median=0.0, sigma=1.0, *, generator=None", cauchy_);
  def<"log_normal_", InTensor>("self, mean=1.0, std=2.0, *, generator=None", log_normal_);
}

void add_samples() {
  def<"bernoulli">(
      {overload("input, *, generator=None",
                [](const Tensor& p, Generator* g) { return bernoulli(p, g); }),
       overload("input, p, *, generator=None",
                [](const Tensor& x, double p, Generator* g) { return bernoulli(x, p, g); })});
  def<"poisson", InModule>("input, generator=None", poisson);
  def<"binomial", InModule>("count, prob, generator=None", binomial);
  def<"multinomial">("input, num_samples, replacement=False, *, generator=None", multinomial);
  def<"_standard_gamma", InModule>("input, generator=None", standard_gamma);
  def<"_sample_dirichlet", InModule>("input, generator=None", sample_dirichlet);
  def<"_standard_gamma_grad", InModule>("input, output", standard_gamma_grad);
  def<"_dirichlet_grad", InModule>("x, alpha, total", dirichlet_grad);
}

// ---- Dropout: torch.dropout(x, p, train) and torch.nn.functional.dropout(x, p, training, inplace)

void check_probability(double p) {
  check<ValueError>(!(p < 0 || p > 1), "dropout probability has to be between 0 and 1, but got ",
                    p);
}
Tensor put(const Tensor& x, const Tensor& y, bool in_place) {
  return in_place && !y.is(x) ? copy_(x, y) : y;
}

// Channels stand in dimension 1; a sample without a batch dimension gets one for the moment.
Tensor channel_dropout(const Tensor& x, double p, bool training, bool in_place, bool alone) {
  check_probability(p);
  if (!alone) return put(x, feature_dropout(x, p, training), in_place);
  return put(x, squeeze(feature_dropout(unsqueeze(x, 0), p, training), Dims{0}), in_place);
}

void add_dropout() {
  def<"dropout", InModule>("input, p, train", [](const Tensor& x, double p, bool train) {
    return dropout(x, p, train);
  });
  def<"dropout_", InModule>("input, p, train", [](const Tensor& x, double p, bool train) {
    return dropout_(x, p, train);
  });
#define ROW(name)                                                                                \
  def<#name, InModule>("input, p, train",                                                        \
                       [](const Tensor& x, double p, bool train) { return name(x, p, train); }); \
  def<#name "_", InModule>("input, p, train", [](const Tensor& x, double p, bool train) {        \
    return put(x, name(x, p, train), true);                                                      \
  });
  ROW(feature_dropout)
  ROW(alpha_dropout)
  ROW(feature_alpha_dropout)
#undef ROW
  def<"dropout", InNN>("input, p=0.5, training=True, inplace=False",
                       [](const Tensor& x, double p, bool training, bool in_place) {
                         check_probability(p);
                         return in_place ? dropout_(x, p, training) : dropout(x, p, training);
                       });
#define ROW(name)                                                                \
  def<#name, InNN>("input, p=0.5, training=False, inplace=False",                \
                   [](const Tensor& x, double p, bool training, bool in_place) { \
                     check_probability(p);                                       \
                     return put(x, name(x, p, training), in_place);              \
                   });
  ROW(alpha_dropout)
  ROW(feature_alpha_dropout)
#undef ROW
  def<"dropout1d", InNN>("input, p=0.5, training=True, inplace=False",
                         [](const Tensor& x, double p, bool training, bool in_place) {
                           check_probability(p);
                           check(x.dim() == 2 || x.dim() == 3,
                                 "dropout1d: Expected 2D or 3D input, but received a ", x.dim(),
                                 "D input: it drops channels of [C, L] or [N, C, L].");
                           return channel_dropout(x, p, training, in_place, x.dim() == 2);
                         });
  def<"dropout2d", InNN>("input, p=0.5, training=True, inplace=False",
                         [](const Tensor& x, double p, bool training, bool in_place) {
                           return channel_dropout(x, p, training, in_place, false);
                         });
  def<"dropout3d", InNN>("input, p=0.5, training=True, inplace=False",
                         [](const Tensor& x, double p, bool training, bool in_place) {
                           return channel_dropout(x, p, training, in_place, x.dim() != 5);
                         });
  def<"rrelu", InNN>("input, lower=0.125, upper=0.3333333333333333, training=False, inplace=False",
                     [](const Tensor& x, double lower, double upper, bool training, bool in_place) {
                       return put(x, rrelu(x, lower, upper, training), in_place);
                     });
  const char* const rrelu_parameters =
      "input, lower=0.125, upper=0.3333333333333333, training=False, generator=None";
  def<"rrelu", InModule>(rrelu_parameters, rrelu);
  def<"rrelu_", InModule>(rrelu_parameters, [](const Tensor& x, double lower, double upper,
                                               bool training, Generator* g) {
    return put(x, rrelu(x, lower, upper, training, g), true);
  });
}

}  // namespace

void add_random_rows() {
  add_generator_type(main_module());
  add_creation();
  add_in_place();
  add_samples();
  add_dropout();
}

}  // namespace izvod::bind
