#pragma once
#include "base/random_engine.h"
#include "graph/record.h"

namespace izvod {

// Ops that draw. `g` is the generator, by default default_generator(). Values, the order of draws
// and the state afterwards are torch's, bit for bit; bad arguments raise torch's errors before
// anything is drawn or changed.

Tensor rand(const Dims& sizes, std::optional<DType> dtype = {},
            Generator* g = nullptr);  // uniform in [0, 1)
Tensor randn(const Dims& sizes, std::optional<DType> dtype = {}, Generator* g = nullptr);  // normal
Tensor randint(int64_t low, int64_t high, const Dims& sizes, DType dtype = DType::Int64,
               Generator* g = nullptr);
// A permutation of 0 .. n-1.
Tensor randperm(int64_t n, DType dtype = DType::Int64, Generator* g = nullptr);

// In place. The old values do not matter, so they get no gradient.
const Tensor& uniform_(const Tensor& x, double from = 0, double to = 1, Generator* g = nullptr);
const Tensor& normal_(const Tensor& x, double mean = 0, double std = 1, Generator* g = nullptr);
// Integers in [from, to); without `to`, up to the largest that the dtype holds (for floats: all up
// to it, too).
const Tensor& random_(const Tensor& x, int64_t from, std::optional<int64_t> to,
                      Generator* g = nullptr);
const Tensor& random_(const Tensor& x, Generator* g = nullptr);  // from 0 to that
const Tensor& bernoulli_(const Tensor& x, double p = 0.5, Generator* g = nullptr);
const Tensor& bernoulli_(const Tensor& x, const Tensor& p, Generator* g = nullptr);
const Tensor& exponential_(const Tensor& x, double lambda = 1, Generator* g = nullptr);
const Tensor& geometric_(const Tensor& x, double p, Generator* g = nullptr);
const Tensor& cauchy_(const Tensor& x, double median = 0, double sigma = 1, Generator* g = nullptr);
const Tensor& log_normal_(const Tensor& x, double mean = 1, double std = 2, Generator* g = nullptr);

// One sample for each element of the parameters. These have gradients of zero.
Tensor bernoulli(const Tensor& p, Generator* g = nullptr);
Tensor bernoulli(const Tensor& x, double p, Generator* g = nullptr);  // of the shape and dtype of x
// `out`, where it is defined, has the result's sizes and is drawn into in the order of its memory.
Tensor normal(const Tensor& mean, const Tensor& std, Generator* g = nullptr, Tensor out = {});
Tensor normal(const Tensor& mean, double std = 1, Generator* g = nullptr, Tensor out = {});
Tensor normal(double mean, const Tensor& std, Generator* g = nullptr, Tensor out = {});
Tensor normal(double mean, double std, const Dims& sizes, std::optional<DType> dtype = {},
              Generator* g = nullptr);
Tensor poisson(const Tensor& rate, Generator* g = nullptr);
Tensor binomial(const Tensor& count, const Tensor& p, Generator* g = nullptr);
// Indices drawn with the weights p[cols] or p[rows, cols]: [samples] or [rows, samples].
Tensor multinomial(const Tensor& p, int64_t samples, bool replacement = false,
                   Generator* g = nullptr);
Tensor standard_gamma(const Tensor& alpha, Generator* g = nullptr);
Tensor sample_dirichlet(const Tensor& alpha, Generator* g = nullptr);
// Their derivatives, see kernels/sample_gradients.h.
Tensor standard_gamma_grad(const Tensor& alpha, const Tensor& x);
Tensor dirichlet_grad(const Tensor& x, const Tensor& alpha, const Tensor& total);

// A generator's state as a tensor of bytes in torch's layout.
Tensor get_state(const Generator& g);
void set_state(Generator& g, const Tensor& state);

}  // namespace izvod
