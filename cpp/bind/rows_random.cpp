#include "bind/creation.h"
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
using MaybeTensor = std::optional<Tensor>;

#define OPTIONS                                                                      \
  ", *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, " \
  "pin_memory=False"
#define OPTION_PARAMETERS \
  Generator *g, MaybeDType dtype, PyObject *, PyObject *device, bool requires_grad, bool
#define OUT_OPTIONS OPTIONS ", out=None"
#define OUT_PARAMETERS OPTION_PARAMETERS, MaybeTensor out
#define LIKE_OPTIONS OPTIONS ", memory_format=None"
#define LIKE_PARAMETERS OPTION_PARAMETERS, PyObject* format

// Sizes where a lone int would be taken for a bound.
struct Shape {
  Dims sizes;
};

}  // namespace

template <>
struct Convert<Shape> {
  static constexpr auto name = "tuple of ints";
  static bool from(PyObject* o, Shape& x) {
    return !PyLong_Check(o) && Convert<Dims>::from(o, x.sizes);
  }
};

namespace {

void check_options(PyObject* device, bool requires_grad, DType t) {
  check_device(device);
  check(!requires_grad || is_floating(t),
        "Only Tensors of floating point and complex dtype can require gradients");
}

// x as `draw` fills it, after all checks: what fails must not have drawn.
template <class F>
Tensor drawn(const Tensor& x, PyObject* device, bool requires_grad, F draw) {
  check_options(device, requires_grad, x.dtype());
  draw(x);
  if (requires_grad) set_requires_grad(x, true);
  return x;
}

void check_fits(const Tensor& out, const Dims& sizes) {
  check(out.sizes() == sizes, "out has the shape ", out.sizes(), ", the result ", sizes);
}
// An empty `out` gets memory, as it does in torch.
void fit(const Tensor& out, const Dims& sizes) {
  if (out.numel() == 0 && out.sizes() != sizes) adopt(out, empty(sizes, out.dtype()));
  check_fits(out, sizes);
}
// What is drawn into: `out` or a fresh tensor.
Tensor target(const MaybeTensor& out, const Dims& sizes, MaybeDType dtype, DType otherwise) {
  if (!out) return empty(sizes, dtype.value_or(otherwise));
  check(!dtype || *dtype == out->dtype(), "dtype ", info(*dtype).noun,
        " does not match dtype of out parameter (", info(out->dtype()).noun, ")");
  fit(*out, sizes);
  return *out;
}
// A result of these sizes that cannot be drawn in place is copied to `out`.
template <class F>
Tensor deliver(const MaybeTensor& out, const Dims& sizes, F make) {
  if (!out) return make();
  check_fits(*out, sizes);
  return copy_(*out, make());
}

void add_creation() {
  def<"rand", InModule>("*size" OUT_OPTIONS, [](const Dims& size, OUT_PARAMETERS) {
    return drawn(target(out, size, dtype, default_dtype()), device, requires_grad,
                 [&](const Tensor& x) { uniform_(x, 0, 1, g); });
  });
  def<"randn", InModule>("*size" OUT_OPTIONS, [](const Dims& size, OUT_PARAMETERS) {
    return drawn(target(out, size, dtype, default_dtype()), device, requires_grad,
                 [&](const Tensor& x) { normal_(x, 0, 1, g); });
  });
  def<"randint", InModule>(
      {overload("high, size" OUT_OPTIONS,
                [](int64_t high, const Shape& size, OUT_PARAMETERS) {
                  return drawn(target(out, size.sizes, dtype, DType::Int64), device, requires_grad,
                               [&](const Tensor& x) { random_(x, 0, high, g); });
                }),
       overload("low, high, size" OUT_OPTIONS,
                [](int64_t low, int64_t high, const Shape& size, OUT_PARAMETERS) {
                  return drawn(target(out, size.sizes, dtype, DType::Int64), device, requires_grad,
                               [&](const Tensor& x) { random_(x, low, high, g); });
                })});
  def<"randperm", InModule>("n" OUT_OPTIONS, [](int64_t n, OUT_PARAMETERS) {
    const DType t = dtype.value_or(out ? out->dtype() : DType::Int64);
    check_options(device, requires_grad, t);
    if (out && n >= 0) fit(*out, {n});
    const Tensor x = deliver(out, {n}, [&] { return randperm(n, t, g); });
    if (requires_grad) set_requires_grad(x, true);
    return x;
  });
  def<"rand_like", InModule>("input" LIKE_OPTIONS, [](const Tensor& x, LIKE_PARAMETERS) {
    return drawn(empty_as(x, dtype, format), device, requires_grad,
                 [&](const Tensor& y) { uniform_(y, 0, 1, g); });
  });
  def<"randn_like", InModule>("input" LIKE_OPTIONS, [](const Tensor& x, LIKE_PARAMETERS) {
    return drawn(empty_as(x, dtype, format), device, requires_grad,
                 [&](const Tensor& y) { normal_(y, 0, 1, g); });
  });
  def<"randint_like", InModule>(
      {overload("input, high" LIKE_OPTIONS,
                [](const Tensor& x, int64_t high, LIKE_PARAMETERS) {
                  return drawn(empty_as(x, dtype, format), device, requires_grad,
                               [&](const Tensor& y) { random_(y, 0, high, g); });
                }),
       overload("input, low, high" LIKE_OPTIONS,
                [](const Tensor& x, int64_t low, int64_t high, LIKE_PARAMETERS) {
                  return drawn(empty_as(x, dtype, format), device, requires_grad,
                               [&](const Tensor& y) { random_(y, low, high, g); });
                })});
  def<"normal", InModule>(
      {overload("mean, std, *, generator=None, out=None",
                [](const Tensor& mean, const Tensor& std, Generator* g, MaybeTensor out) {
                  if (out) check_fits(*out, broadcast_sizes(mean.sizes(), std.sizes()));
                  return normal(mean, std, g, out.value_or(Tensor()));
                }),
       overload("mean, std=1.0, *, generator=None, out=None",
                [](const Tensor& mean, double std, Generator* g, MaybeTensor out) {
                  if (out) check_fits(*out, mean.sizes());
                  return normal(mean, std, g, out.value_or(Tensor()));
                }),
       overload("mean, std, *, generator=None, out=None",
                [](double mean, const Tensor& std, Generator* g, MaybeTensor out) {
                  if (out) check_fits(*out, std.sizes());
                  return normal(mean, std, g, out.value_or(Tensor()));
                }),
       overload("mean, std, size" OUT_OPTIONS,
                [](double mean, double std, const Shape& size, OUT_PARAMETERS) {
                  return drawn(target(out, size.sizes, dtype, default_dtype()), device,
                               requires_grad, [&](const Tensor& x) { normal_(x, mean, std, g); });
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
      {overload("input, *, generator=None, out=None",
                [](const Tensor& p, Generator* g, MaybeTensor out) {
                  if (!out) return bernoulli(p, g);
                  return bernoulli_(target(out, p.sizes(), {}, p.dtype()), p, g);
                }),
       overload("input, p, *, generator=None",
                [](const Tensor& x, double p, Generator* g) { return bernoulli(x, p, g); })});
  def<"poisson", InModule>("input, generator=None", poisson);
  def<"binomial", InModule>("count, prob, generator=None", binomial);
  def<"multinomial">(
      "input, num_samples, replacement=False, *, generator=None, out=None",
      [](const Tensor& p, int64_t samples, bool replacement, Generator* g, MaybeTensor out) {
        check(!out || out->dtype() == DType::Int64, "multinomial expects Long tensor out, got: ",
              info(out ? out->dtype() : DType::Int64).noun);
        Dims sizes = p.sizes();
        if (p.dim()) sizes[p.dim() - 1] = samples;
        if (out) fit(*out, sizes);
        return deliver(out, sizes, [&] { return multinomial(p, samples, replacement, g); });
      });
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
                                 "D input. Note that dropout1d exists to provide channel-wise "
                                 "dropout on inputs with 1 spatial dimension, a channel dimension, "
                                 "and an optional batch dimension (i.e. 2D or 3D inputs).");
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
  const auto rrelu_in_place = [](const Tensor& x, double lower, double upper, bool training,
                                 Generator* g) {
    return put(x, rrelu(x, lower, upper, training, g), true);
  };
  def<"rrelu", InModule>(rrelu_parameters, rrelu);
  def<"rrelu_", InModule>(rrelu_parameters, rrelu_in_place);
  def<"rrelu_", InNN>(rrelu_parameters, rrelu_in_place);
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
