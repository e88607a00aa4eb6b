// Matrix products of the shapes that models have, in GFLOP/s, beside OpenBLAS with one thread where
// it can be loaded (IZVOD_OPENBLAS). Threads: OMP_NUM_THREADS.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <vector>

#include "kernels/blas.h"
#include "kernels/gemm.h"

namespace izvod::kernels {
namespace {

// m x k times k x n; "NT": the second operand is stored transposed, as a linear layer's weight is.
struct Shape {
  int m, k, n;
  const char* form;
};
const Shape shapes[] = {
    {4, 4, 4, "NN"},          {8, 8, 8, "NN"},          {16, 16, 16, "NN"},
    {32, 32, 32, "NN"},       {64, 64, 64, "NN"},       {1, 10, 5, "NT"},
    {32, 64, 64, "NT"},       {128, 784, 512, "NT"},    {1, 768, 768, "NT"},
    {1, 768, 3072, "NN"},     {1, 4096, 4096, "NT"},    {1, 4096, 4096, "NN"},
    {4096, 4096, 1, "NN"},    {4, 768, 3072, "NT"},     {256, 256, 256, "NN"},
    {256, 256, 256, "NT"},    {256, 256, 256, "TN"},    {256, 256, 256, "TT"},
    {768, 128, 384, "NT"},    {768, 384, 128, "NN"},    {128, 768, 384, "TN"},
    {2048, 384, 1536, "NT"},  {2048, 1536, 384, "NN"},  {384, 2048, 1536, "TN"},
    {256, 768, 3072, "NT"},   {512, 256, 50257, "NT"},  {512, 50257, 256, "NN"},
    {256, 512, 50257, "TN"},  {1024, 1024, 1024, "NN"}, {1024, 1024, 1024, "NT"},
    {2048, 2048, 2048, "NN"},
};

struct Operands {
  std::vector<float> a, b, c;
  bool ta, tb;
  explicit Operands(const Shape& s)
      : a(size_t(s.m) * s.k),
        b(size_t(s.k) * s.n),
        c(size_t(s.m) * s.n),
        ta(s.form[0] == 'T'),
        tb(s.form[1] == 'T') {
    for (size_t i = 0; i < a.size(); ++i) a[i] = float(i % 17) - 8;
    for (size_t i = 0; i < b.size(); ++i) b[i] = float(i % 13) - 6;
  }
};

benchmark::Counter gflops(double m, double k, double n) {
  return benchmark::Counter(2e-9 * m * k * n, benchmark::Counter::kIsIterationInvariantRate);
}

void own(benchmark::State& state, Shape s) {
  Operands x(s);
  const Matrix a{x.a.data(), s.m, s.k, x.ta ? 1 : s.k, x.ta ? s.m : 1};
  const Matrix b{x.b.data(), s.k, s.n, x.tb ? 1 : s.n, x.tb ? s.k : 1};
  for (auto _ : state) gemm(DType::Float32, Product{x.c.data(), s.n}, a, b);
  state.counters["GFLOP/s"] = gflops(s.m, s.k, s.n);
}

void openblas(benchmark::State& state, Shape s) {
  Operands x(s);
  for (auto _ : state)
    blas().sgemm(BlasRowMajor, x.ta ? BlasTrans : BlasNoTrans, x.tb ? BlasTrans : BlasNoTrans, s.m,
                 s.n, s.k, 1, x.a.data(), x.ta ? s.m : s.k, x.b.data(), x.tb ? s.k : s.n, 0,
                 x.c.data(), s.n);
  state.counters["GFLOP/s"] = gflops(s.m, s.k, s.n);
}

// Attention's products: `count` times (t x d) (t x d)^T, in one call.
void batched(benchmark::State& state, int count, int t, int d) {
  std::vector<float> q(size_t(count) * t * d, 1), k(q), c(size_t(count) * t * t);
  const Batch batch{{count}, {t * t}, {t * d}, {t * d}};
  for (auto _ : state)
    gemm_batched(DType::Float32, Product{c.data(), t}, Matrix{q.data(), t, d, d, 1},
                 Matrix{k.data(), d, t, 1, d}, batch);
  state.counters["GFLOP/s"] = gflops(count, t * double(t), d);
}

const bool registered = [] {
  bool with_openblas = true;
  try {
    blas();
  } catch (const Error&) {
    with_openblas = false;
  }
  for (const Shape& s : shapes) {
    const std::string name = text(s.m, "x", s.k, "x", s.n, "/", s.form);
    benchmark::RegisterBenchmark(("gemm/" + name).c_str(), own, s)->UseRealTime();
    if (with_openblas)
      benchmark::RegisterBenchmark(("openblas/" + name).c_str(), openblas, s)->UseRealTime();
  }
  for (auto [count, t, d] : {std::array{48, 64, 32}, {48, 256, 64}, {12, 1024, 64}})
    benchmark::RegisterBenchmark(text("gemm_batched/", count, "x", t, "x", d).c_str(), batched,
                                 count, t, d)
        ->UseRealTime();
  return true;
}();

}  // namespace
}  // namespace izvod::kernels
