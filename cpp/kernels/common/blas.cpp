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

// The folder of the file that this code was loaded from: izvod's package.
std::string own_folder() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void*>(&own_folder), &info)) return ".";
  const std::string file = info.dli_fname;
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : file.substr(0, slash);
}

// Packages stand side by side in site-packages.
std::string library_path() {
  if (!chosen_path().empty()) return chosen_path();
  if (const char* path = std::getenv("IZVOD_OPENBLAS"); path && *path) return path;
#ifdef __APPLE__
  constexpr auto suffix = ".dylib";
#else
  constexpr auto suffix = ".so";
#endif
  return text(own_folder(), "/../scipy_openblas32/lib/libscipy_openblas", suffix);
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
