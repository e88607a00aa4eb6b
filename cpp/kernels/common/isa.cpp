#include "kernels/isa.h"

#include <cstdlib>
#include <cstring>

namespace izvod::kernels {
namespace {

int machine_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
  return v3 ? 3 : 2;
#else
  return 2;
#endif
}

int allowed_level() {
  const char* name = std::getenv("IZVOD_ISA");
  return name && std::strcmp(name, "v2") == 0 ? 2 : 4;
}

}  // namespace

int isa_level() {
  static const int level = machine_level() < allowed_level() ? machine_level() : allowed_level();
  return level;
}

}  // namespace izvod::kernels
