#pragma once
// Kernels that draw. Values, order of the draws and rounding are torch 2.13.0's, bit for bit,
// whatever the instruction set and the number of threads. `out` is filled in the order of its
// memory (see random_fill.h), so views that torch fills in row-major order are handed over
// contiguous. Arguments have been checked before, which is what the last two kernels are for.
#include "base/random_engine.h"
#include "kernels/isa.h"
#include "kernels/view.h"

namespace izvod::kernels {

// Floating dtypes: [from, to).
inline constinit Kernel<void(const View& out, Generator* g, double from, double to)> uniform;

// Floating dtypes. Row-major memory of at least 16 elements is made in blocks of 16, anything else
// one by one, using and leaving the generator's kept normal.
inline constinit Kernel<void(const View& out, Generator* g, double mean, double std)> normal;
inline constinit Kernel<void(const View& out, Generator* g, double mean, double std)> log_normal;

// Any dtype: low + draw % range, or low + draw where range is 0. wide: from two draws, else from
// one.
inline constinit Kernel<void(const View& out, Generator* g, int64_t low, uint64_t range, bool wide)>
    random;

// Any dtype: 1 with probability p, else 0.
inline constinit Kernel<void(const View& out, Generator* g, double p)> bernoulli;
// The same with a probability for each element; p is float32 (one draw) or float64 (two).
inline constinit Kernel<void(const View& out, const View& p, Generator* g)> bernoulli_each;

// n neighbouring floating elements: keep[i] = 1 with probability 1 - p, y[i] = x[i] * keep[i] / (1
// - p).
inline constinit Kernel<void(void* y, bool* keep, const void* x, DType dtype, int64_t n,
                             Generator* g, double p)>
    dropout;
// dx[i] = g[i] * keep[i] / (1 - p), rounded as in dropout.
inline constinit Kernel<void(void* dx, const void* dy, const bool* keep, DType dtype, int64_t n,
                             double p)>
    dropout_backward;

// Floating dtypes.
inline constinit Kernel<void(const View& out, Generator* g, double lambda)> exponential;
inline constinit Kernel<void(const View& out, Generator* g, double median, double sigma)> cauchy;
// Any dtype but bool.
inline constinit Kernel<void(const View& out, Generator* g, double p)> geometric;

// Element by element over row-major memory, one value after the other.
inline constinit Kernel<void(void* out, const void* rate, DType dtype, int64_t n, Generator* g)>
    poisson;
// float32 and float64 only, as in torch.
inline constinit Kernel<void(void* out, const void* alpha, DType dtype, int64_t n, Generator* g)>
    standard_gamma;
inline constinit Kernel<void(void* out, const void* count, const void* p, DType dtype, int64_t n,
                             Generator* g)>
    binomial;
// Rows of `cols` concentrations.
inline constinit Kernel<void(void* out, const void* alpha, DType dtype, int64_t rows, int64_t cols,
                             Generator* g)>
    dirichlet;

// Floating dtypes, row-major: noise[i] is 1 where x[i] > 0, else uniform in [lower, upper); y = x *
// noise.
inline constinit Kernel<void(void* y, void* noise, const void* x, DType dtype, int64_t n,
                             Generator* g, double lower, double upper)>
    rrelu;

// A permutation of 0 .. n-1 into neighbouring elements of any dtype but bool.
inline constinit Kernel<void(void* out, DType dtype, int64_t n, Generator* g)> randperm;

// Samples with replacement: out[row, sample] from the weights p[row, :], both row-major, p
// floating.
inline constinit Kernel<void(int64_t* out, const void* p, DType dtype, int64_t rows, int64_t cols,
                             int64_t samples, Generator* g)>
    multinomial_replace;

// Whether all elements (of a floating dtype) lie in [low, high]; nan does not.
inline constinit Kernel<bool(const View& x, double low, double high)> all_between;

// What is wrong with weights p[row, :] (row-major): the first fault that is met row by row.
enum class WeightFault { None, Negative, NotFinite, ZeroSum };
inline constinit Kernel<WeightFault(const void* p, DType dtype, int64_t rows, int64_t cols)>
    weight_fault;

}  // namespace izvod::kernels
