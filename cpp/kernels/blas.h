#pragma once
// OpenBLAS, loaded at run time on first need: importing izvod must not pay for it.

namespace izvod::kernels {

// cblas_gemm's own types: CBLAS_ORDER and CBLAS_TRANSPOSE are ints, and so are sizes (the 32-bit
// interface).
enum BlasOrder { BlasRowMajor = 101, BlasColMajor = 102 };
enum BlasTranspose { BlasNoTrans = 111, BlasTrans = 112 };

template <class T>
using BlasGemm = void(BlasOrder, BlasTranspose, BlasTranspose, int m, int n, int k, T alpha,
                      const T* a, int lda, const T* b, int ldb, T beta, T* c, int ldc);

struct Blas {
  BlasGemm<float>* sgemm;
  BlasGemm<double>* dgemm;
  // Any other routine of the library by its Fortran or C name ("dgesv_", "cblas_dtrsm");
  // RuntimeError if it has none.
  void* function(const char* name) const;

  void* library;
};

// Where to find the library. Without a call: the environment variable IZVOD_OPENBLAS, else the
// package scipy_openblas32 beside this one. Has no effect once the library is loaded.
void set_blas_path(const char* path);

// Loads the library the first time and sets it to one thread: izvod's own threads divide the work.
// RuntimeError, naming the path and the loader's reason, when that fails. May be called from any
// thread.
const Blas& blas();

}  // namespace izvod::kernels
