#include "kernels/isa.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

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
  for (const int level : {2, 3, 4})
    if (name && name == "v" + std::to_string(level)) return level;
  return 5;
}

bool ask_for_matrix_tiles() {
#if defined(__x86_64__) && defined(__linux__)
  unsigned a, b, c, d;
  if (isa_level() < 4 || allowed_level() < 5 || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
    return false;
  const unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
  constexpr int request_permission = 0x1023, tile_data = 18;  // of Linux 5.16
  return (d & amx_bf16) && (d & amx_tile) &&
         syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

}  // namespace

int isa_level() {
  static const int level = machine_level() < allowed_level() ? machine_level() : allowed_level();
  return level;
}

bool has_matrix_tiles() {
  static const bool granted = ask_for_matrix_tiles();
  return granted;
}

}  // namespace izvod::kernels
