#include "base/parallel.h"

#include <omp.h>

#include <algorithm>
#include <exception>

namespace izvod {
namespace {

int configured_threads = 0;  // 0: what OpenMP says (OMP_NUM_THREADS, else the cores)
LockHooks lock_hooks{nullptr, nullptr};

struct Unlocked {
  void* state = lock_hooks.release ? lock_hooks.release() : nullptr;
  ~Unlocked() {
    if (state) lock_hooks.acquire(state);
  }
};

}  // namespace

int num_threads() { return configured_threads ? configured_threads : omp_get_max_threads(); }
void set_num_threads(int n) { configured_threads = n; }
bool in_parallel_region() { return omp_in_parallel(); }
void set_lock_hooks(LockHooks hooks) { lock_hooks = hooks; }

void detail::run_blocks(int64_t n, int64_t grain, void (*call)(void*, int64_t, int64_t), void* fn) {
  const int64_t blocks = (n + grain - 1) / grain;
  const auto run = [&](int64_t i) { call(fn, i * grain, std::min(n, (i + 1) * grain)); };
  const int threads = int(std::min<int64_t>(num_threads(), blocks));
  if (in_parallel_region()) {
    for (int64_t i = 0; i < blocks; ++i) run(i);
    return;
  }
  Unlocked unlocked;
  if (threads == 1) {
    for (int64_t i = 0; i < blocks; ++i) run(i);
    return;
  }
  std::exception_ptr failure;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
  for (int64_t i = 0; i < blocks; ++i) {
    try {
      run(i);
    } catch (...) {
#pragma omp critical(izvod_failure)
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace izvod
