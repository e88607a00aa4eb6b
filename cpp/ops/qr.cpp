#include "ops/qr.h"

#include <algorithm>
#include <vector>

#include "kernels/blas.h"
#include "ops/copy.h"
#include "ops/rearrange.h"
#include "ops/views.h"

namespace izvod {
namespace {

template <class T>
using Factorize = void(const int* m, const int* n, T* a, const int* lda, T* tau, T* work,
                       const int* lwork, int* info);
template <class T>
using MakeQ = void(const int* m, const int* n, const int* k, T* a, const int* lda, const T* tau,
                   T* work, const int* lwork, int* info);

template <class T, class Routine>
Routine* routine(const char* single, const char* twice) {
  return reinterpret_cast<Routine*>(
      kernels::blas().function(std::is_same_v<T, float> ? single : twice));
}

// Calls f(work, its length), first with the length -1, which asks how much is best.
template <class T, class F>
void with_workspace(F f) {
  T best = 0;
  f(&best, -1);
  std::vector<T> work(std::max<size_t>(1, size_t(best)));
  f(work.data(), int(work.size()));
}

// LAPACK stores matrices by columns: `columns` is the transposed matrix.
template <class T>
std::pair<Tensor, Tensor> qr_of(const Tensor& columns) {
  const int n = int(columns.sizes()[0]), m = int(columns.sizes()[1]), k = std::min(m, n);
  const int lda = std::max(1, m);
  T* a = columns.data<T>();
  std::vector<T> tau(static_cast<size_t>(k));
  int info = 0;
  auto* factorize = routine<T, Factorize<T>>("sgeqrf_", "dgeqrf_");
  auto* make_q = routine<T, MakeQ<T>>("sorgqr_", "dorgqr_");
  with_workspace<T>(
      [&](T* work, int length) { factorize(&m, &n, a, &lda, tau.data(), work, &length, &info); });
  const Tensor r = triu(transpose(narrow(columns, 1, 0, k), 0, 1), 0);
  with_workspace<T>(
      [&](T* work, int length) { make_q(&m, &k, &k, a, &lda, tau.data(), work, &length, &info); });
  return {transpose(narrow(columns, 0, 0, k), 0, 1), r};
}

}  // namespace

std::pair<Tensor, Tensor> qr(const Tensor& a) {
  check(a.dim() == 2, "qr: expected a matrix, but got a tensor with ", a.dim(), " dimensions");
  check<NotImplementedError>(a.dtype() == DType::Float32 || a.dtype() == DType::Float64,
                             "\"geqrf_cpu\" not implemented for '", info(a.dtype()).noun, "'");
  check(std::max(a.sizes()[0], a.sizes()[1]) <= INT32_MAX,
        "qr: the matrix is too large: ", a.sizes());
  GradMode off(false);
  const Tensor columns = copy_of(transpose(a, 0, 1), a.dtype(), false);
  return a.dtype() == DType::Float32 ? qr_of<float>(columns) : qr_of<double>(columns);
}

}  // namespace izvod
