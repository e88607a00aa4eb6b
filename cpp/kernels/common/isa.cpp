#include "kernels/isa.h"

#include <cstdlib>
#include <string>

namespace izvod::kernels {
namespace {

int machine_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
  const bool v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  return v3 ? v4 ? 4 : 3 : 2;
#else
  return 2;
#endif
}

int allowed_level() {
  const char* name = std::getenv("IZVOD_ISA");
  for (const int level : {2, 3})
    if (name && name == "v" + std::to_string(level)) return level;
  return 4;
}

}  // namespace

int isa_level() {
  static const int level = machine_level() < allowed_level() ? machine_level() : allowed_level();
  return level;
}

}  // namespace izvod::kernels
