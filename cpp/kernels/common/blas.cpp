#include "kernels/blas.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace izvod::kernels {
namespace {

std::string& chosen_path() {
  static std::string path;
  return path;
}

std::string library_path() {
  if (!chosen_path().empty()) return chosen_path();
  if (const char* path = std::getenv("IZVOD_OPENBLAS")) return path;
#ifdef IZVOD_OPENBLAS
  return IZVOD_OPENBLAS;
#else
  throw RuntimeError("OpenBLAS is not configured: set IZVOD_OPENBLAS to its library file");
#endif
}

Blas load() {
  const std::string path = library_path();
  Blas blas{};
  blas.library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  check(blas.library, "OpenBLAS could not be loaded from ", path, ": ",
        blas.library ? "" : dlerror());
  blas.sgemm = reinterpret_cast<BlasGemm<float>*>(blas.function("cblas_sgemm"));
  blas.dgemm = reinterpret_cast<BlasGemm<double>*>(blas.function("cblas_dgemm"));
  reinterpret_cast<void (*)(int)>(blas.function("openblas_set_num_threads"))(1);
  return blas;
}

}  // namespace

void set_blas_path(const char* path) { chosen_path() = path; }

// The PyPI build prefixes its names, so that it can live beside another BLAS; a system's library
// does not.
void* Blas::function(const char* name) const {
  void* f = dlsym(library, text("scipy_", name).c_str());
  if (!f) f = dlsym(library, name);
  check(f, "OpenBLAS has no routine ", name);
  return f;
}

const Blas& blas() {
  static const Blas loaded = load();
  return loaded;
}

}  // namespace izvod::kernels
