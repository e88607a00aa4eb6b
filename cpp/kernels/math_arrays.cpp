#include "kernels/math_arrays.h"

#include <cstring>

#include "kernels/vec_math.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

template <class T>
struct Row {
  const char* name;
  Vec<T> (*function)(Vec<T>);
};
template <class T>
struct Row2 {
  const char* name;
  Vec<T> (*function)(Vec<T>, Vec<T>);
};

template <class T>
Vec<T> trigamma(Vec<T> x) {
  return polygamma(1, x);
}
template <class T>
Vec<T> pentagamma(Vec<T> x) {
  return polygamma(3, x);
}

template <class T>
constexpr Row<T> rows[] = {
    {"abs", abs},
    {"sign", sign},
    {"floor", floor},
    {"ceil", ceil},
    {"trunc", trunc},
    {"round", round},
    {"sqrt", sqrt},
    {"rsqrt", rsqrt},
    {"exp", exp},
    {"exp2", exp2},
    {"expm1", expm1},
    {"log", log},
    {"log2", log2},
    {"log10", log10},
    {"log1p", log1p},
    {"softplus", softplus},
    {"sigmoid", sigmoid},
    {"tanh", tanh},
    {"sinh", sinh},
    {"cosh", cosh},
    {"sin", sin},
    {"cos", cos},
    {"tan", tan},
    {"asin", asin},
    {"acos", acos},
    {"atan", atan},
    {"erf", erf},
    {"erfc", erfc},
    {"erfinv", erfinv},
    {"lgamma", lgamma},
    {"digamma", digamma},
    {"reciprocal", reciprocal},
    {"trigamma", trigamma},
    {"pentagamma", pentagamma},
    {"sample_exp", sample_exp},
    {"sample_log", sample_log},
    {"sample_log1p", sample_log1p},
};
template <class T>
constexpr Row2<T> rows2[] = {
    {"pow", pow},
    {"atan2", atan2},
    {"fmod", fmod},
    {"remainder", remainder},
    {"copysign", [](Vec<T> x, Vec<T> y) { return copysign(x, y); }},
    {"nan_min", [](Vec<T> x, Vec<T> y) { return nan_min(x, y); }},
    {"nan_max", [](Vec<T> x, Vec<T> y) { return nan_max(x, y); }},
};

template <class T>
bool math(const char* name, T* y, const T* x, int64_t n) {
  for (const Row<T>& row : rows<T>) {
    if (std::strcmp(row.name, name) != 0) continue;
    for (int64_t i = 0; i < n; i += Vec<T>::width)
      row.function(Vec<T>::load(x + i, n - i)).store(y + i, n - i);
    return true;
  }
  return false;
}

template <class T>
bool math2(const char* name, T* z, const T* x, const T* y, int64_t n) {
  for (const Row2<T>& row : rows2<T>) {
    if (std::strcmp(row.name, name) != 0) continue;
    for (int64_t i = 0; i < n; i += Vec<T>::width)
      row.function(Vec<T>::load(x + i, n - i), Vec<T>::load(y + i, n - i)).store(z + i, n - i);
    return true;
  }
  return false;
}

const Offer offer_f32(math_f32, math<float>);
const Offer offer_f64(math_f64, math<double>);
const Offer offer2_f32(math2_f32, math2<float>);
const Offer offer2_f64(math2_f64, math2<double>);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
