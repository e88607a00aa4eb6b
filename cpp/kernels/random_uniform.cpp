// What is made of uniform draws by a formula: the same number of draws for every element.
#include "base/parallel.h"
#include "kernels/random.h"
#include "kernels/random_fill.h"
#include "kernels/vec_int.h"

namespace izvod::kernels::IZVOD_ISA {

static void uniform(const View& out, Generator* g, double from, double to) {
  visit_floating(out.dtype, [&]<class T>(Type<T>) {
    if constexpr (std::is_same_v<T, double>) {
      fill<2, double>(out, g, [from, to, range = to - from](const uint32_t* w) {
        const double x = fused(uniform53(w), range, from);
        return x == to ? from : x;
      });
    } else {
      const float low = float(from), range = float(to) - low;
      const float first = float(T(low)), last = float(T(float(to)));
      fill<1, T>(out, g, [=](const uint32_t* w) {
        const float x = float(T(fused(uniform24(w), range, low)));
        return T(x == last ? first : x);
      });
    }
  });
}

static void random(const View& out, Generator* g, int64_t low, uint64_t range, bool wide) {
  visit(out.dtype, [&]<class T>(Type<T>) {
    const uint64_t base = uint64_t(low);
    if (wide)
      fill<2, T>(out, g, [=](const uint32_t* w) {
        return element<T>(int64_t(base + (range ? bits64(w) % range : bits64(w))));
      });
    else if (range == uint32_t(range))
      fill<1, T>(out, g, [=, range = uint32_t(range)](const uint32_t* w) {
        return element<T>(int64_t(base + *w % range));
      });
  });
}

// u53 < p is decided on integers: u53 is m * 2^-53, and scaling p by 2^53 is exact.
static int64_t below(double p) { return int64_t(std::ceil(p * 0x1p53)); }

static void bernoulli(const View& out, Generator* g, double p) {
  fill_pieces<2, int32_t>(
      out, in_memory_order<1>({&out}), g,
      [limit = below(p)](int32_t* y, const uint32_t* w, int64_t n, const auto&) {
        for (int64_t i = 0; i < n; ++i) y[i] = bits53(w + 2 * i) < limit;
      });
}

static void bernoulli_each(const View& out, const View& p, Generator* g) {
  const Loop<2> loop = in_memory_order<2>({&out, &p});
  const int64_t step = loop.strides[1].back();
  const auto run = [&]<class P>(Type<P>) {
    constexpr int draws = sizeof(P) / 4;
    fill_pieces<draws, int32_t>(out, loop, g,
                                [&](int32_t* y, const uint32_t* w, int64_t n, const auto& at) {
                                  const P* limit = p.ptr<P>() + at[1];
                                  for (int64_t i = 0; i < n; ++i, w += draws)
                                    if constexpr (draws == 2)
                                      y[i] = uniform53(w) < limit[i * step];
                                    else
                                      y[i] = uniform24(w) < limit[i * step];
                                });
  };
  p.dtype == DType::Float64 ? run(Type<double>{}) : run(Type<float>{});
}

// What a kept element is multiplied with: 1 / (1 - p), divided and rounded in T's arithmetic.
template <class T>
static auto keep_scale(double p) {
  if constexpr (std::is_same_v<T, double>)
    return 1.0 / (1.0 - p);
  else
    return float(T(1.0f / float(1.0 - p)));
}

// y is x or nothing (nan stays nan): a product, which the compiler turns into vectors. Not where p
// is so near to 1 that the scale is infinite.
template <class T, class Real>
static void scale_kept(T* y, const T* x, const bool* keep, int64_t n, Real scale) {
  if (std::isinf(scale))
    for (int64_t i = 0; i < n; ++i) y[i] = T(x[i] * (keep[i] ? scale : 0));
  else
    for (int64_t i = 0; i < n; ++i) y[i] = T(x[i] * (Real(keep[i]) * scale));
}

static void dropout(void* y, bool* keep, const void* x, DType dtype, int64_t n, Generator* g,
                    double p) {
  visit_floating(dtype, [&]<class T>(Type<T>) {
    // bits53 < below(1 - p), of halves that fit the lanes of an AVX2 comparison
    const int64_t limit = below(1.0 - p);
    const int32_t high = int32_t(limit >> 32);
    const uint32_t low = uint32_t(limit);
    stream(*g, n, 2, [&](const uint32_t* words, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i, words += 2) {
        const int32_t top = int32_t(words[0] & 0x1fffff);
        keep[i] = (top < high) | ((top == high) & (words[1] < low));
      }
      scale_kept(static_cast<T*>(y) + begin, static_cast<const T*>(x) + begin, keep + begin,
                 end - begin, keep_scale<T>(p));
    });
  });
}

static void dropout_backward(void* dx, const void* dy, const bool* keep, DType dtype, int64_t n,
                             double p) {
  visit_floating(dtype, [&]<class T>(Type<T>) {
    parallel_for(n, run_grain, [&](int64_t begin, int64_t end) {
      scale_kept(static_cast<T*>(dx) + begin, static_cast<const T*>(dy) + begin, keep + begin,
                 end - begin, keep_scale<T>(p));
    });
  });
}

// scale * log1p(-u) of whole vectors, as floats. Those are, to the last bit, what the library's
// log1p gives: it is asked where the product lies within a few units of the middle of two floats.
static void scaled_log1p(float* out, const double* u, int64_t n, double scale) {
  using V = Vec<double>;
  constexpr int64_t rounded_off = (int64_t(1) << 29) - 1, middle = int64_t(1) << 28, near = 8;
  for (int64_t i = 0; i < n; i += V::width) {
    const V x = -V::load(u + i), product = log1p(x) * scale;
    const Vec<int64_t> off = (bits(product) & rounded_off) - middle;
    const Mask<double> unsure = Mask<double>{(abs(off) <= near).v} | (abs(product) < 0x1p-126);
    const V y = patch(product, unsure, [&](int k) { return scale * std::log1p(x[k]); });
    for (int k = 0; k < V::width; ++k) out[i + k] = float(y.v[k]);
  }
}

static void exponential(const View& out, Generator* g, double lambda) {
  const double scale = -1.0 / lambda;
  if (out.dtype == DType::Float64)
    return fill<2, double>(
        out, g, [scale](const uint32_t* w) { return scale * std::log1p(-uniform53(w)); });
  fill_pieces<2, float>(out, in_memory_order<1>({&out}), g,
                        [scale](float* y, const uint32_t* w, int64_t n, const auto&) {
                          alignas(64) double u[piece];
                          for (int64_t i = 0; i < n; ++i) u[i] = uniform53(w + 2 * i);
                          for (int64_t i = n; i % Vec<double>::width; ++i) u[i] = 0;
                          scaled_log1p(y, u, n, scale);
                        });
}

static void cauchy(const View& out, Generator* g, double median, double sigma) {
  visit_floating(out.dtype, [&]<class T>(Type<T>) {
    fill<2, T>(out, g, [=](const uint32_t* w) {
      return element<T>(fused(sigma, std::tan(M_PI * (uniform53(w) - 0.5)), median));
    });
  });
}

static void geometric(const View& out, Generator* g, double p) {
  visit(out.dtype, [&]<class T>(Type<T>) {
    fill<2, T>(out, g, [scale = std::log1p(-p)](const uint32_t* w) {
      return element<T>(std::ceil(std::log(uniform53(w)) / scale));
    });
  });
}

static const Offer offers[] = {
    {kernels::uniform, uniform},         {kernels::random, random},
    {kernels::bernoulli, bernoulli},     {kernels::bernoulli_each, bernoulli_each},
    {kernels::dropout, dropout},         {kernels::dropout_backward, dropout_backward},
    {kernels::exponential, exponential}, {kernels::cauchy, cauchy},
    {kernels::geometric, geometric},
};

}  // namespace izvod::kernels::IZVOD_ISA
