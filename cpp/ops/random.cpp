#include "ops/random.h"

#include <cmath>
#include <limits>

#include "kernels/random.h"
#include "kernels/sample_gradients.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/reduction.h"
#include "ops/sorting.h"
#include "ops/views.h"

namespace izvod {
namespace {

// The dtype's name in messages that torch takes from C++.
const char* cpp_name(DType t) {
  constexpr const char* names[dtype_count] = {
      "bool",     "unsigned char", "signed char",   "short int", "int",
      "long int", "c10::Half",     "c10::BFloat16", "float",     "double"};
  return names[size_t(t)];
}

void check_implemented(bool ok, const char* kernel, DType t) {
  check<NotImplementedError>(ok, '"', kernel, "\" not implemented for '", info(t).noun, "'");
}

// x becomes what `draw` makes of it.
template <class F>
const Tensor& fill_random(const char* node, const Tensor& x, Generator* g, F draw) {
  check_in_place(x);
  if (x.numel()) draw(view(x), generator_or_default(g));
  x.bump_version();
  if (recording(x))
    record_in_place(node, x, {&x}, saved(), [](const Tensor& g) { return Grads{zeros_like(g)}; });
  return x;
}

// A sample has gradients of zero: its distribution is not differentiated.
Tensor record_sample(const char* node, const Tensor& y, const Tensor& parameter) {
  if (!recording(parameter)) return y;
  return record(node, y, {&parameter}, saved(),
                [](const Tensor& g) { return Grads{zeros_like(g)}; });
}

Tensor row_major(const Tensor& x) { return x.is_contiguous() ? x : copy_of(x, x.dtype(), false); }

template <class T>
double largest_of() {
  if constexpr (std::is_same_v<T, Half>)
    return 65504;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return 0x1.fep127;
  else
    return double(std::numeric_limits<T>::max());
}
double largest(DType t) {
  return visit(t, []<class T>(Type<T>) { return largest_of<T>(); });
}

}  // namespace

// ---- Fresh tensors

Tensor rand(const Dims& sizes, std::optional<DType> dtype, Generator* g) {
  return uniform_(empty(sizes, dtype.value_or(default_dtype())), 0, 1, g);
}
Tensor randn(const Dims& sizes, std::optional<DType> dtype, Generator* g) {
  return normal_(empty(sizes, dtype.value_or(default_dtype())), 0, 1, g);
}
Tensor randint(int64_t low, int64_t high, const Dims& sizes, DType dtype, Generator* g) {
  return random_(empty(sizes, dtype), low, high, g);
}

Tensor randperm(int64_t n, DType dtype, Generator* g) {
  check(n >= 0, "Trying to create tensor with negative dimension ", n, ": [", n, "]");
  check_implemented(dtype != DType::Bool, "randperm", dtype);
  if (is_integral(dtype)) {
    check(double(n) - 1 <= largest(dtype), "value cannot be converted to type ", info(dtype).name,
          "_t without overflow");
  } else {
    check(dtype != DType::Float16 || n <= 2049, "n cannot be greater than 2049 for Half type.");
    check(dtype != DType::Float32 || n <= (1 << 24) + 1,
          "n cannot be greater than 2^24+1 for Float type.");
    check(dtype != DType::Float64 || n <= (int64_t(1) << 53) + 1,
          "n cannot be greater than 2^53+1 for Double type.");
  }
  Tensor y = empty({n}, dtype);
  if (n) kernels::randperm(y.data<void>(), dtype, n, generator_or_default(g));
  return y;
}

// ---- In place

const Tensor& uniform_(const Tensor& x, double from, double to, Generator* g) {
  check_implemented(x.is_floating(), "check_uniform_bounds", x.dtype());
  const double most = largest(x.dtype());
  check(from >= -most && from <= most, "from is out of bounds for ", cpp_name(x.dtype()));
  check(to >= -most && to <= most, "to is out of bounds for ", cpp_name(x.dtype()));
  check(from <= to, "uniform_ expects to return a [from, to) range, but found from=", from,
        " > to=", to);
  check(to - from <= most, "uniform_ expects to-from <= std::numeric_limits<", info(x.dtype()).noun,
        ">::max(), but found to=", to, " and from=", from,
        " which result in to-from to exceed the limit");
  return fill_random("UniformBackward0", x, g, [&](const kernels::View& out, Generator* g) {
    kernels::uniform(out, g, from, to);
  });
}

const Tensor& normal_(const Tensor& x, double mean, double std, Generator* g) {
  check(std >= 0, "normal expects std >= 0.0, but found std ", std);
  check_implemented(x.is_floating() || x.numel() == 0, "normal_kernel_cpu", x.dtype());
  return fill_random("NormalBackward0", x, g, [&](const kernels::View& out, Generator* g) {
    kernels::normal(out, g, mean, std);
  });
}

const Tensor& bernoulli_(const Tensor& x, double p, Generator* g) {
  check(p >= 0 && p <= 1, "bernoulli_ expects p to be in [0, 1], but got p=", p);
  return fill_random("BernoulliBackward2", x, g, [&](const kernels::View& out, Generator* g) {
    kernels::bernoulli(out, g, p);
  });
}

// p as the kernel takes it: float32 or float64, checked.
static Tensor probabilities(const Tensor& p) {
  check_implemented(p.is_floating(), "bernoulli_tensor_cpu_p_", p.dtype());
  check(p.numel() == 0 || kernels::all_between(view(p), 0.0, 1.0),
        "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  "
        "(Could this error message be improved?  If so, please report an enhancement request to "
        "PyTorch.)");
  return itemsize(p.dtype()) == 2 ? copy_of(p, DType::Float32) : p;
}

const Tensor& bernoulli_(const Tensor& x, const Tensor& p, Generator* g) {
  const Tensor wide = expand(probabilities(detach(p)), x.sizes());
  return fill_random("BernoulliBackward1", x, g, [&](const kernels::View& out, Generator* g) {
    kernels::bernoulli_each(out, view(wide), g);
  });
}

const Tensor& exponential_(const Tensor& x, double lambda, Generator* g) {
  check(x.is_floating(),
        "Exponential distribution is a continuous probability distribution. dtype must be a "
        "floating point but "
        "you specified ",
        info(x.dtype()).noun);
  check(lambda > 0, "exponential_ expects lambda > 0.0, but found lambda=", lambda);
  return fill_random("ExponentialBackward0", x, g, [&](const kernels::View& out, Generator* g) {
    kernels::exponential(out, g, lambda);
  });
}

const Tensor& geometric_(const Tensor& x, double p, Generator* g) {
  check(p > 0 && p < 1, "geometric_ expects p to be in (0, 1), but got p=", p);
  check_implemented(x.dtype() != DType::Bool || x.numel() == 0, "geometric_cpu", x.dtype());
  return fill_random("GeometricBackward0", x, g, [&](const kernels::View& out, Generator* g) {
    kernels::geometric(out, g, p);
  });
}

const Tensor& cauchy_(const Tensor& x, double median, double sigma, Generator* g) {
  check(sigma > 0, "cauchy_ expects sigma > 0.0, but found sigma=", sigma);
  check(x.is_floating(),
        "Cauchy distribution is a continuous probability distribution. dtype must be a floating "
        "point but you "
        "specified ",
        cpp_name(x.dtype()));
  return fill_random("CauchyBackward0", x, g, [&](const kernels::View& out, Generator* g) {
    kernels::cauchy(out, g, median, sigma);
  });
}

const Tensor& log_normal_(const Tensor& x, double mean, double std, Generator* g) {
  check(std > 0, "log_normal_ expects std > 0.0, but found std=", std);
  check_implemented(x.is_floating() || x.numel() == 0, "log_normal_cpu", x.dtype());
  return fill_random("LogNormalBackward0", x, g, [&](const kernels::View& out, Generator* g) {
    kernels::log_normal(out, g, mean, std);
  });
}

// ---- Integers

namespace {

constexpr int64_t int64_min = std::numeric_limits<int64_t>::min(),
                  int64_max = std::numeric_limits<int64_t>::max();

int digits(DType t) {
  switch (t) {
    case DType::Float16:
      return 11;
    case DType::BFloat16:
      return 8;
    case DType::Float32:
      return 24;
    default:
      return 53;
  }
}
// The largest integer that random_ without an upper bound gives.
int64_t top(DType t) {
  if (is_floating(t)) return int64_t(1) << digits(t);
  return visit(t, []<class T>(Type<T>) {
    if constexpr (std::is_integral_v<T>)
      return int64_t(std::numeric_limits<T>::max());
    else
      return int64_t(0);
  });
}
int64_t bottom(DType t) { return info(t).is_signed ? -top(t) - 1 : 0; }

// x rounded to the dtype; too large becomes the smallest, which is what the processor's conversion
// gives.
int64_t rounded(int64_t x, DType t) {
  const double d = visit_floating(t, [&]<class T>(Type<T>) {
    if constexpr (sizeof(T) == 2)
      return double(float(T(float(x))));
    else
      return double(T(x));
  });
  return d >= 0x1p63 ? int64_min : int64_t(d);
}
// The distance between neighbours of the dtype around x.
int64_t spacing(int64_t x, DType t) {
  const int exponent = 63 - __builtin_clzll(uint64_t(x < 0 ? -x : x) | 1);
  return int64_t(1) << std::max(0, exponent - digits(t) + 1);
}
int64_t from_inward(int64_t from, DType t) {
  if (!is_floating(t)) return from;
  const int64_t next = rounded(from + 1, t);
  return next < from ? next + spacing(from + 1, t) : from;
}
int64_t to_inward(int64_t to, DType t) {
  if (!is_floating(t)) return to;
  const int64_t last = rounded(to - 1, t);
  return last >= to ? last - spacing(to - 1, t) : to;
}

void check_in_range(int64_t from, int64_t last, DType t) {
  const auto fits = [&](int64_t x) {
    if (is_floating(t)) return std::fabs(double(x)) <= largest(t);
    return x >= bottom(t) && x <= top(t);
  };
  check(fits(from), "from is out of bounds for ", cpp_name(t));
  check(fits(last), "to - 1 is out of bounds for ", cpp_name(t));
}

const Tensor& draw_integers(const char* node, const Tensor& x, int64_t low, uint64_t range,
                            bool wide, Generator* g) {
  return fill_random(node, x, g, [&](const kernels::View& out, Generator* g) {
    kernels::random(out, g, low, range, wide);
  });
}
// A range of this size and more is chosen from with 64 bits.
constexpr uint64_t wide_range = uint64_t(1) << 28;

}  // namespace

const Tensor& random_(const Tensor& x, int64_t from, std::optional<int64_t> to, Generator* g) {
  const DType t = x.dtype();
  if (to) {
    check(from < *to, "random_ expects 'from' to be less than 'to', but got from=", from,
          " >= to=", *to);
    check_in_range(from, *to - 1, t);
    const int64_t low = from_inward(from, t), high = to_inward(*to, t);
    check(low < high,
          "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got "
          "from=",
          low, " >= to=", high);
    const uint64_t range = uint64_t(high) - uint64_t(low);
    return draw_integers("RandomBackward0", x, low, range, range >= wide_range, g);
  }
  if (from != int64_min) {
    const int64_t last = top(t);
    check_in_range(from, last, t);
    const int64_t low = from_inward(from, t);
    check(low < last || !is_floating(t),
          "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to "
          "dtype, "
          "but got from=",
          low, " > to_inc=", last);
    const uint64_t range = uint64_t(last) - uint64_t(low) + 1;
    return draw_integers("RandomBackward0", x, low, range, range >= wide_range, g);
  }
  check_implemented(t != DType::Float16, "random_full_64_bits_range_kernel_cpu", t);
  check(t == DType::Int64 || is_floating(t),
        "random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16");
  return draw_integers("RandomBackward0", x, 0, 0, true, g);
}

const Tensor& random_(const Tensor& x, Generator* g) {
  return draw_integers("RandomBackward2", x, 0, uint64_t(top(x.dtype())) + 1,
                       itemsize(x.dtype()) == 8, g);
}

// ---- Samples for parameters

Tensor bernoulli(const Tensor& x, double p, Generator* g) {
  Tensor y = empty(x.sizes(), x.dtype());
  bernoulli_(y, p, g);
  return record_sample("BernoulliBackward0", y, x);
}

Tensor bernoulli(const Tensor& p, Generator* g) {
  Tensor y = empty(p.sizes(), p.dtype());
  bernoulli_(y, p, g);
  return record_sample("BernoulliBackward0", y, p);
}

static void check_std(const Tensor& std) {
  check(!std.is_floating() || std.numel() == 0 || kernels::all_between(view(std), 0.0, HUGE_VAL),
        "normal expects all elements of std >= 0.0");
}

static Tensor or_empty(const Tensor& out, const Dims& sizes, DType dtype) {
  return out.defined() ? out : empty(sizes, dtype);
}

// Two steps, rounded one after the other: z * std, then + mean.
Tensor normal(const Tensor& mean, const Tensor& std, Generator* g, Tensor out) {
  check_std(std);
  const Tensor y = or_empty(out, broadcast_sizes(mean.sizes(), std.sizes()), mean.dtype());
  normal_(y, 0, 1, g);
  mul_(y, detach(std));
  add_(y, detach(mean));
  if (out.defined() || !recording(mean, std)) return y;
  return record("NormalBackward3", y, {&mean, &std}, saved(),
                [](const Tensor& g) { return Grads{zeros_like(g), zeros_like(g)}; });
}

Tensor normal(const Tensor& mean, double std, Generator* g, Tensor out) {
  const Tensor y = or_empty(out, mean.sizes(), mean.dtype());
  normal_(y, 0, std, g);
  add_(y, detach(mean));
  return out.defined() ? out : record_sample("NormalBackward1", y, mean);
}

Tensor normal(double mean, const Tensor& std, Generator* g, Tensor out) {
  check_std(std);
  const Tensor y = or_empty(out, std.sizes(), std.dtype());
  normal_(y, 0, 1, g);
  mul_(y, detach(std));
  add_(y, full({}, mean, y.dtype()));
  return out.defined() ? out : record_sample("NormalBackward2", y, std);
}

Tensor normal(double mean, double std, const Dims& sizes, std::optional<DType> dtype,
              Generator* g) {
  return normal_(empty(sizes, dtype.value_or(default_dtype())), mean, std, g);
}

Tensor poisson(const Tensor& rate, Generator* g) {
  check_implemented(rate.is_floating(), "poisson_cpu", rate.dtype());
  check(rate.numel() == 0 || kernels::all_between(view(rate), 0.0, HUGE_VAL),
        "invalid Poisson rate, expected rate to be non-negative");
  const Tensor in = row_major(rate);
  Tensor y = empty(rate.sizes(), rate.dtype());
  kernels::poisson(y.data<void>(), static_cast<const void*>(in.data<void>()), y.dtype(), y.numel(),
                   generator_or_default(g));
  return record_sample("PoissonBackward0", y, rate);
}

Tensor binomial(const Tensor& count, const Tensor& p, Generator* g) {
  check<ValueError>(
      count.is_floating(),
      "binomial only supports floating-point dtypes for count, got: ", info(count.dtype()).noun);
  check<ValueError>(p.is_floating(), "binomial only supports floating-point dtypes for prob, got: ",
                    info(p.dtype()).noun);
  check(count.dtype() == p.dtype(), "Found dtype ", info(p.dtype()).noun, " but expected ",
        info(count.dtype()).noun);
  check_implemented(itemsize(p.dtype()) > 2, "binomial_cpu", p.dtype());
  const Dims sizes = broadcast_sizes(count.sizes(), p.sizes());
  const Tensor n = row_major(expand(detach(count), sizes)),
               each = row_major(expand(detach(p), sizes));
  Tensor y = empty(sizes, p.dtype());
  kernels::binomial(y.data<void>(), static_cast<const void*>(n.data<void>()),
                    static_cast<const void*>(each.data<void>()), y.dtype(), y.numel(),
                    generator_or_default(g));
  return y;
}

// How samples move with their parameters; these derivatives have none themselves.
static Tensor sample_gradient(const kernels::PointwiseLoops& loops, const char* name,
                              std::initializer_list<const Arg*> in, DType t,
                              std::initializer_list<const Tensor*> inputs) {
  Tensor y = allocate_result(in, t);
  run_pointwise(loops, name, t, y, in, nullptr);
  bool needed = false;
  for (const Tensor* x : inputs) needed = needed || recording(*x);
  if (needed)
    record(name, y, inputs, saved(), [name](const Tensor&) -> Grads {
      throw NotImplementedError(text("the derivative for '", name, "' is not implemented."));
    });
  return y;
}

Tensor standard_gamma_grad(const Tensor& alpha, const Tensor& x) {
  using Op = kernels::StandardGammaGrad;
  const Arg a(alpha), b(x);
  return sample_gradient(kernels::loops_of<Op>, Op::name, {&a, &b}, to_floating(result_type(a, b)),
                         {&alpha, &x});
}

Tensor dirichlet_grad(const Tensor& x, const Tensor& alpha, const Tensor& total) {
  using Op = kernels::DirichletGrad;
  const Arg a(x), b(alpha), c(total);
  return sample_gradient(kernels::loops_of<Op>, Op::name, {&a, &b, &c},
                         to_floating(result_type({&a, &b, &c})), {&x, &alpha, &total});
}

Tensor standard_gamma(const Tensor& alpha, Generator* g) {
  check_implemented(alpha.is_floating() && itemsize(alpha.dtype()) > 2, "gamma_cpu", alpha.dtype());
  const Tensor in = row_major(alpha);
  Tensor y = empty(alpha.sizes(), alpha.dtype());
  kernels::standard_gamma(y.data<void>(), static_cast<const void*>(in.data<void>()), y.dtype(),
                          y.numel(), generator_or_default(g));
  if (recording(alpha))
    record("StandardGammaBackward0", y, {&alpha}, saved(alpha, output(y)),
           [](const Tensor& g, const Tensor& alpha, const Tensor& y) {
             return Grads{g * standard_gamma_grad(alpha, y)};
           });
  return y;
}

// Alone, alpha_i would move x_i by (1 - x_i) d_i; the others keep their proportions and sum to 1 -
// x_i.
static Grads dirichlet_derivative(const Tensor& g, const Tensor& alpha, const Tensor& x) {
  const Tensor d = dirichlet_grad(x, alpha, sum(alpha, Dims{-1}, true));
  return Grads{d * (g - sum(x * g, Dims{-1}, true))};
}

Tensor sample_dirichlet(const Tensor& alpha, Generator* g) {
  check_implemented(alpha.is_floating() && itemsize(alpha.dtype()) > 2, "dirichlet", alpha.dtype());
  const Tensor in = row_major(alpha);
  Tensor y = empty(alpha.sizes(), alpha.dtype());
  const int64_t cols = alpha.dim() ? alpha.size(-1) : 1;
  if (y.numel())
    kernels::dirichlet(y.data<void>(), static_cast<const void*>(in.data<void>()), y.dtype(),
                       y.numel() / cols, cols, generator_or_default(g));
  if (recording(alpha))
    record("_DirichletBackward", y, {&alpha}, saved(alpha, output(y)), dirichlet_derivative);
  return y;
}

static void check_weights(const Tensor& p, int64_t rows, int64_t cols, bool row_by_row) {
  using Fault = kernels::WeightFault;
  const Fault fault =
      kernels::weight_fault(static_cast<const void*>(p.data<void>()), p.dtype(), rows, cols);
  check(fault != Fault::ZeroSum, "invalid multinomial distribution (sum of probabilities <= 0)");
  check(fault == Fault::None || row_by_row,
        "probability tensor contains either `inf`, `nan` or element < 0");
  check(fault != Fault::Negative,
        "invalid multinomial distribution (encountering probability entry < 0)");
  check(fault == Fault::None,
        "invalid multinomial distribution (encountering probability entry = infinity or NaN)");
}

Tensor multinomial(const Tensor& p, int64_t samples, bool replacement, Generator* g) {
  check(p.dim() == 1 || p.dim() == 2, "prob_dist must be 1 or 2 dim");
  check(p.is_floating(),
        "multinomial only supports floating-point dtypes for input, got: ", info(p.dtype()).noun);
  check(samples > 0, "cannot sample n_sample <= 0 samples");
  const int64_t cols = p.size(-1), rows = p.dim() == 2 ? p.size(0) : 1;
  check(replacement || samples <= cols,
        "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  check(cols > 0, "cannot sample from a distribution without categories");
  const Dims sizes = p.dim() == 2 ? Dims{rows, samples} : Dims{samples};
  if (rows == 0) return empty(sizes, DType::Int64);
  const Tensor weights = row_major(p);
  const bool one_by_one = replacement && samples > 1;
  check_weights(weights, rows, cols, one_by_one);
  if (one_by_one) {
    Tensor y = empty(sizes, DType::Int64);
    kernels::multinomial_replace(y.data<int64_t>(), static_cast<const void*>(weights.data<void>()),
                                 p.dtype(), rows, cols, samples, generator_or_default(g));
    return y;
  }
  // Exponential races (P. Efraimidis, P. Spirakis, 2006): the first to arrive at rate p is drawn
  // with probability p.
  const Tensor waits = empty_like(p);
  kernels::exponential(view(waits), generator_or_default(g), 1.0);
  const Tensor speeds = div(detach(p), waits);
  return samples == 1 ? argmax(speeds, -1, true) : topk(speeds, samples).second;
}

// ---- States

Tensor get_state(const Generator& g) {
  Tensor y = empty({Generator::state_bytes}, DType::UInt8);
  g.get_state(std::span<uint8_t, Generator::state_bytes>(y.data<uint8_t>(),
                                                         size_t(Generator::state_bytes)));
  return y;
}

void set_state(Generator& g, const Tensor& state) {
  check<TypeError>(state.dtype() == DType::UInt8, "RNG state must be a torch.ByteTensor");
  const Tensor bytes = row_major(state);
  g.set_state({bytes.data<uint8_t>(), size_t(bytes.numel())});
}

}  // namespace izvod
