#include "kernels/sample_gradients.h"

#include "kernels/pointwise_loops.h"

// Note [Sample gradients]
// With the density's derivative s(t) = d log p(t) / d alpha, the gradient is the integral of p s
// from x upwards, or of -p s up to x, divided by p(x). Of the two the one is taken in which s keeps
// its sign, so nothing cancels:
// - as a power series, differentiated term by term, where few terms do: for small parameters;
// - else by quadrature in log t (Gamma) or in log(t / (1 - t)) (Beta), where the integrand has one
// scale, starts at
//   s(x) and falls like the exponential of a concave function; Gauss's rule with 32 points reaches
//   1e-13.

namespace izvod::kernels::IZVOD_ISA {
namespace {

constexpr double small = 10;  // parameters below it go by series, if they can

// Gauss and Legendre's rule on [-1, 1]: the positive points and their weights.
constexpr double points[] = {
    0x1.fe995e70409b6p-1, 0x1.f8a212714bcdcp-1, 0x1.edf5518053baap-1, 0x1.deac0259f7f42p-1,
    0x1.caea9b4574cb9p-1, 0x1.b2e04fd686a13p-1, 0x1.96c69481c4bc5p-1, 0x1.76e0931d693bap-1,
    0x1.537a89c487f8ap-1, 0x1.2ce9146962ca4p-1, 0x1.038862866b29dp-1, 0x1.af76b57c6f8f1p-2,
    0x1.53d55ce57bdf6p-2, 0x1.ea0f7e19c094bp-3, 0x1.27e0ea717f237p-3, 0x1.8bbc8488cc499p-5};
constexpr double weights[] = {
    0x1.cbf8bc743cc5cp-8, 0x1.0aa3c248696c9p-6, 0x1.a0060a8531ffap-6, 0x1.18c5800a355d9p-5,
    0x1.5ee963a335495p-5, 0x1.a1c6ae961fbfap-5, 0x1.e0bd76c924981p-5, 0x1.0d9b9a62cac10p-4,
    0x1.2854103b35e0cp-4, 0x1.40483e126fd14p-4, 0x1.553ee25ebebc6p-4, 0x1.6705e18e13ed1p-4,
    0x1.7572bdb3f6e51p-4, 0x1.8062fc0f6fef9p-4, 0x1.87bc776f8c6d7p-4, 0x1.8b6d9eaec77adp-4};

// The integral of f over [0, end].
template <class F>
double integral(double end, F f) {
  using V = Vec<double>;
  V sum(0.0);
  for (int i = 0; i < 16; i += V::width) {
    const V x = V::load(points + i), half(end / 2);
    sum += V::load(weights + i) * (f(half - half * x) + f(half + half * x));
  }
  return sum_lanes(sum) * (end / 2);
}

struct Slope {
  double value, slope;
};
// Where a concave function that starts at 0 has fallen to about -40, by Newton's steps; h gives
// value and slope.
template <class F>
double fallen(double curvature, F h) {
  const double start = h(0.0).slope;
  double v = __builtin_sqrt(80 / curvature);
  if (start < 0) v = __builtin_fmin(v, -40 / start);
  for (int i = 0; i < 60; ++i) {
    const auto [value, slope] = h(v);
    if (value < -38 && value > -44) break;
    v -= (value + 40) / slope;
  }
  return v;
}

// The sum of a (q + steps so far), where next() multiplies a by a ratio that ends below 1 and moves
// q.
template <class F>
double series(double a, double q, F next) {
  double sum = 0;
  for (double k = 0; k < 1e7; ++k) {
    const double term = a * q, before = a;
    sum += term;
    next(k, a, q);
    if (a < before && a + __builtin_fabs(term) < 1e-18 * __builtin_fabs(sum)) break;
  }
  return sum;
}

// digamma(a + b) - digamma(a)
double digamma_step(double a, double b) {
  if (a < 10) return digamma_scalar(a + b) - digamma_scalar(a);
  return __builtin_log1p(b / a) + (digamma_beyond_log(a + b) - digamma_beyond_log(a));
}

double gamma_by_quadrature(double alpha, double x) {
  // s(x exp(v)) = v + excess
  const double excess = alpha < 10
                            ? __builtin_log(x) - digamma_scalar(alpha)
                            : __builtin_log1p((x - alpha) / alpha) - digamma_beyond_log(alpha);
  const double side = excess >= 0 ? 1 : -1;  // upwards, downwards
  const double end = fallen(x, [&](double v) {
    const double e = __builtin_expm1(side * v);
    return Slope{side * alpha * v - x * e, side * (alpha - x - x * e)};
  });
  return x * integral(end, [&](Vec<double> v) {
           const Vec<double> up = side * v;
           return exp(alpha * up - x * expm1(up)) * (v + side * excess);
         });
}

double standard_gamma_grad(double alpha, double x) {
  if (!(alpha > 0 && x >= 0) || x == infinity<double>) return nan<double>;
  if (x == 0) return 0;
  if (alpha >= small || x > alpha + 0.5) return gamma_by_quadrature(alpha, x);
  return series(x / alpha, digamma_scalar(alpha + 1) - __builtin_log(x),
                [&](double k, double& a, double& q) {
                  a *= x / (alpha + k + 1);
                  q += 1 / (alpha + k + 1);
                });
}

double beta_by_quadrature(double x, double alpha, double beta, double excess) {
  const double total = alpha + beta, side = excess >= 0 ? 1 : -1;
  const double end = fallen(total * x * (1 - x), [&](double v) {
    const double e = x * __builtin_expm1(side * v), t = (x + e) / (1 + e);
    return Slope{side * alpha * v - total * __builtin_log1p(e), side * (alpha - total * t)};
  });
  return x * integral(end, [&](Vec<double> v) {
           const Vec<double> up = side * v, l = log1p(x * expm1(up));
           return exp(alpha * up - total * l) * (side * (up - l) + side * excess);
         });
}

double beta_series_below(double x, double alpha, double total, double excess) {
  return series(x / alpha, excess, [&](double k, double& a, double& q) {
    a *= x * ((total + k) / (alpha + k + 1));
    q += 1 / (alpha + k + 1) - 1 / (total + k);
  });
}

double beta_series_above(double x, double beta, double total, double excess) {
  return x * series(1 / beta, excess, [&](double k, double& a, double& q) {
           a *= (1 - x) * ((total + k) / (beta + k + 1));
           q += 1 / (total + k);
         });
}

double dirichlet_grad(double x, double alpha, double total) {
  const double beta = total - alpha;
  if (!(alpha > 0 && beta > 0 && x >= 0 && x <= 1)) return nan<double>;
  if (x == 0) return 0;
  const double log_x = x > 0.5 ? __builtin_log1p(x - 1) : __builtin_log(x);
  const double above = log_x + digamma_step(alpha, beta);  // s(x)
  const double below = digamma_scalar(alpha + 1) - digamma_scalar(total) - log_x;
  if (alpha < small && below > 0 && (x <= 0.5 || beta >= small))
    return beta_series_below(x, alpha, total, below);
  if (beta < small && (alpha < small || (1 - x) * alpha < beta + 0.5))
    return beta_series_above(x, beta, total, above);
  return beta_by_quadrature(x, alpha, beta, above);
}

}  // namespace

template <class T>
static Vec<T> standard_gamma_grad(Vec<T> alpha, Vec<T> x) {
  Vec<T> y;
  for (int i = 0; i < Vec<T>::width; ++i)
    y.v[i] = T(standard_gamma_grad(double(alpha[i]), double(x[i])));
  return y;
}
template <class T>
static Vec<T> dirichlet_grad(Vec<T> x, Vec<T> alpha, Vec<T> total) {
  Vec<T> y;
  for (int i = 0; i < Vec<T>::width; ++i)
    y.v[i] = T(dirichlet_grad(double(x[i]), double(alpha[i]), double(total[i])));
  return y;
}

static const OfferLoops<2, StandardGammaGrad> gamma_offer;
static const OfferLoops<3, DirichletGrad> dirichlet_offer;

}  // namespace izvod::kernels::IZVOD_ISA
