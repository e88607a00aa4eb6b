#include "kernels/range.h"

#include "kernels/runs.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// y[i] = f(i), i as an A. It is counted in 32 bits, which every machine converts in vectors, from
// the start of a piece on: the sum with that is exact where A holds i.
template <class A, class T, class F>
void fill(T* y, int64_t begin, int64_t end, F f) {
  constexpr int64_t piece = 1024;
  for (int64_t i = begin; i < end; i += piece) {
    const int n = int(std::min(piece, end - i));
    const A first = A(i);
    for (int k = 0; k < n; ++k) y[i + k] = T(f(first + A(k)));
  }
}

void range_of_integers(void* out, DType dtype, int64_t n, int64_t start, int64_t step) {
  visit(dtype, [&]<class T>(Type<T>) {
    T* y = static_cast<T*>(out);
    parallel_for(n, run_block(n), [=](int64_t begin, int64_t end) {
      uint64_t value = uint64_t(start) + uint64_t(begin) * uint64_t(step);
      for (int64_t i = begin; i < end; ++i, value += uint64_t(step)) y[i] = T(int64_t(value));
    });
  });
}

void range(void* out, DType dtype, int64_t n, double start, double step) {
  visit(dtype, [&]<class T>(Type<T>) {
    T* y = static_cast<T*>(out);
    parallel_for(n, run_block(n), [=](int64_t begin, int64_t end) {
      fill<double>(y, begin, end, [=](double i) { return start + i * step; });
    });
  });
}

void spaced(void* out, DType dtype, int64_t n, double start, double end) {
  visit(dtype, [&]<class T>(Type<T>) {
    using A = std::conditional_t<std::is_same_v<T, double> || std::is_integral_v<T>, double, float>;
    const A first = A(start), last = A(end), step = n > 1 ? (last - first) / A(n - 1) : A(0);
    T* y = static_cast<T*>(out);
    fill<A>(y, 0, n / 2, [=](A i) { return first + step * i; });
    fill<A>(y, n / 2, n, [=](A i) { return last - step * (A(n - 1) - i); });
    if (n == 1) y[0] = T(first);
  });
}

const Offer range_of_integers_offer(kernels::range_of_integers, range_of_integers);
const Offer range_offer(kernels::range, range);
const Offer spaced_offer(kernels::spaced, spaced);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
