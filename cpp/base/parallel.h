#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace izvod {

int num_threads();
void set_num_threads(int n);
bool in_parallel_region();

// Set by bind/: called around work that is handed to threads, to let other Python threads run.
struct LockHooks {
  void* (*release)();
  void (*acquire)(void*);
};
void set_lock_hooks(LockHooks hooks);

// While it lives other Python threads run, if the caller held their lock.
class Unlocked {
 public:
  Unlocked();
  ~Unlocked();
  Unlocked(const Unlocked&) = delete;

 private:
  void* state_;
};

// Which blocks a thread is given: the nearest to what it worked on before, or the first that is
// left.
enum class Deal { Near, InOrder };

// Whether a job wakes the threads that sleep, which takes the caller as long as a brief job does.
// IfDense: only if jobs follow each other so closely that a thread, once awake, stays so. Threads
// that are awake help in any case.
enum class Wake { Always, IfDense };

namespace detail {
void run_blocks(Deal deal, Wake wake, int64_t n, int64_t grain,
                void (*call)(void*, int64_t, int64_t), void* fn);
}

// How many pieces of length b cover a. Always inlined: kernels for several instruction sets use it.
[[gnu::always_inline]] constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
// How many blocks of at most so many elements threads can share evenly: of three, one of two
// threads would have two.
[[gnu::always_inline]] constexpr int64_t even_blocks(int64_t n, int64_t most) {
  return ceil_div(ceil_div(n, most), 4) * 4;
}

// At most so many elements of n make a block, of about one memory access each: sixteen blocks share
// the work evenly enough, and memory delivers long stretches best; below 65536, waking a thread
// would cost as much as the work.
[[gnu::always_inline]] constexpr int64_t most_in_block(int64_t n) {
  return std::clamp<int64_t>(n / 16, 65536, 524288);
}

// What becomes of a job of so many memory accesses, or as much work: of 2^18 one thread takes 20 to
// 80 us.
[[gnu::always_inline]] constexpr Wake wake_for(int64_t accesses) {
  return accesses < 262144 ? Wake::IfDense : Wake::Always;
}

// One round of waiting for what another thread of a job is doing: awake at first, then letting
// others run.
void await_thread(int round);

// Calls fn(begin, end) for consecutive blocks of `grain` indices of [0, n), the last one shorter.
// The blocks depend on n and grain alone, never on the number of threads, so results that
// depend on the cut (partial sums) are the same for every number of threads. A single block runs on
// the calling thread. An exception in fn is rethrown after all threads have stopped. A block may
// wait for those before it only if they are dealt in order.
template <Deal deal = Deal::Near, class F>
void parallel_for(int64_t n, int64_t grain, Wake wake, F&& fn) {
  if (n <= grain) {
    if (n > 0) fn(int64_t(0), n);
    return;
  }
  detail::run_blocks(
      deal, wake, n, grain,
      [](void* f, int64_t b, int64_t e) { (*static_cast<std::remove_reference_t<F>*>(f))(b, e); },
      const_cast<void*>(static_cast<const void*>(&fn)));
}
template <Deal deal = Deal::Near, class F>
void parallel_for(int64_t n, int64_t grain, F&& fn) {
  parallel_for<deal>(n, grain, Wake::Always, fn);
}

}  // namespace izvod
