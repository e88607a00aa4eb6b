#include "bind/function.h"
#include "bind/rows.h"
#include "kernels/blas.h"

namespace izvod::bind {

// What this copy of izvod was built from and runs with.
void add_build_rows() {
  // Version and options of the OpenBLAS in use; loads it.
  def<"_openblas_config", InModule>("", [] {
    const auto config =
        reinterpret_cast<char* (*)()>(kernels::blas().function("openblas_get_config"));
    return std::string(config());
  });
}

}  // namespace izvod::bind
