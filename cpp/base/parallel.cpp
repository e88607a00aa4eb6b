#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

// Note [Threads]
// The threads are our own and not an OpenMP team: a team's region ends at a barrier that waits for
// every member to be scheduled, which takes milliseconds when other programs hold the cores. Here
// the caller works through the blocks itself, helpers that are awake take blocks too, and at the
// end the caller waits only for blocks that a helper has begun. Which thread takes which block does
// not matter to the result; but unless they are dealt in order, the caller takes them from the
// front and helpers from the back, so that in ops that follow one another a core finds in its cache
// what it worked on before. By turns they go inward like that, and outward from the middle: what is
// left in the cache of the last op is what it touched last. Each end has its share of the blocks,
// and for the first microseconds of a job they are left to those whose share they are: small blocks
// may lie in the other core's cache, and fetching one takes several times as long as working on it.
// Threads sleep when no job has come for a while. Waking them takes the caller up to 20 us, so
// brief jobs leave them asleep, but for the eighth of those that come close together: from then on
// the threads stay awake by themselves.
namespace izvod {
namespace {

LockHooks lock_hooks{nullptr, nullptr};
thread_local bool inside = false;  // in a block: nested calls run on the spot

// OMP_NUM_THREADS, which programs set for torch and numpy, too; else the cores that this process
// may use.
int default_threads() {
  if (const char* text = std::getenv("OMP_NUM_THREADS"))
    if (const int n = std::atoi(text); n > 0) return n;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return std::max(1, int(std::thread::hardware_concurrency()));
}
int configured_threads = default_threads();

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

class Pool {
 public:
  using Block = void (*)(void* job, int64_t index);

  // Runs the blocks of one job with up to `helpers` threads beside the caller. False if another
  // caller's job is running.
  bool run(Deal deal, Wake wake, int64_t blocks, int helpers, Block block, void* job) {
    if (blocks > UINT32_MAX) return false;
    std::unique_lock turn(turn_, std::try_to_lock);
    if (!turn) return false;
    while (started_ < helpers) {
      ++started_;
      std::thread([this, id = started_] { help(id); }).detach();
    }
    block_ = block, job_ = job, limit_ = helpers, failure_ = nullptr;
    const bool near = deal == Deal::Near, outward = near && (outward_ = !outward_);
    const int64_t share = near ? ceil_div(blocks, helpers + 1) : blocks;
    callers_ = {outward, outward ? blocks - share : share};
    helpers_ = {near && !outward, callers_.bound};
    first_ = outward ? share : 0, blocks_ = blocks;
    const auto now = Clock::now();
    shares_end_ = now + share_time;
    dense_jobs_ = now - last_end_ < dense_time ? dense_jobs_ + 1 : 0;
    left_.store(uint64_t(blocks) << 32, std::memory_order_relaxed);
    state_.store(open, std::memory_order_release);
    generation_.fetch_add(1);
    if (asleep_.load() && (wake == Wake::Always || dense_jobs_ >= enough_jobs))
      generation_.notify_all();
    work(callers_);
    await_helpers(state_.fetch_and(~open) & ~open);
    last_end_ = Clock::now();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::microseconds share_time{20};
  static constexpr uint32_t open = 1u << 31;
  static constexpr int spins_before_sleep = 4000;  // 40 to 160 us
  // So many brief jobs, each so soon after the end of the one before, are worth waking a thread.
  static constexpr std::chrono::microseconds dense_time{200};
  static constexpr int enough_jobs = 8;

  // The end that a thread takes blocks from, and where its share of them ends.
  struct End {
    bool back;
    int64_t bound;
    bool owns(int64_t i) const { return back ? i >= bound : i < bound; }
  };

  // Whether helpers have joined.
  bool helped() const { return state_.load(std::memory_order_relaxed) != open; }

  // The next block from that end, -1 when none is left.
  int64_t take(End end) {
    uint64_t left = left_.load(std::memory_order_relaxed);
    for (;;) {
      const uint64_t front = left & UINT32_MAX, last = (left >> 32) - 1;
      if (front == last + 1) return -1;
      const int64_t i = int64_t(end.back ? last : front);
      if (!end.owns(i) && helped() && Clock::now() < shares_end_) {
        pause();
        left = left_.load(std::memory_order_relaxed);
      } else if (left_.compare_exchange_weak(left, end.back ? front | last << 32 : left + 1,
                                             std::memory_order_relaxed)) {
        return i;
      }
    }
  }

  void work(End end) {
    inside = true;
    for (int64_t i; (i = take(end)) >= 0;) {
      try {
        block_(job_, (i + first_) % blocks_);
      } catch (...) {
        std::scoped_lock lock(failing_);
        failure_ = std::current_exception();
      }
    }
    inside = false;
  }

  // Spins for longer than a block usually takes, then sleeps: the system has taken a helper away.
  // Who wakes up runs soon, who has let others run waits until their milliseconds are over.
  void await_helpers(uint32_t busy) {
    for (int spin = 0; busy && spin < spins_before_sleep; ++spin) {
      pause();
      busy = state_.load(std::memory_order_acquire);
    }
    if (!busy) return;
    caller_asleep_.store(true);
    while ((busy = state_.load())) state_.wait(busy);
    caller_asleep_.store(false);
  }

  // A helper's life: it joins a job only while the job is open, and is counted while it is inside.
  void help(int id) {
    for (uint32_t seen = 0;;) {
      wait(seen);
      seen = generation_.load(std::memory_order_acquire);
      uint32_t s = state_.load(std::memory_order_acquire);
      while ((s & open) && !state_.compare_exchange_weak(s, s + 1, std::memory_order_acq_rel)) {
      }
      if (!(s & open)) continue;
      if (id <= limit_) work(helpers_);
      state_.fetch_sub(1);
      if (caller_asleep_.load()) state_.notify_all();
    }
  }

  // Spins for as long as the next job is likely to come, then sleeps.
  void wait(uint32_t seen) {
    for (int spin = 0; spin < spins_before_sleep; ++spin) {
      if (generation_.load(std::memory_order_acquire) != seen) return;
      pause();
    }
    asleep_.fetch_add(1);
    while (generation_.load() == seen) generation_.wait(seen);
    asleep_.fetch_sub(1);
  }

  std::mutex turn_, failing_;
  Block block_ = nullptr;
  void* job_ = nullptr;
  int limit_ = 0, started_ = 0;
  End callers_{}, helpers_{};
  Clock::time_point shares_end_, last_end_;
  int dense_jobs_ = 0;
  bool outward_ = false;
  int64_t first_ = 0, blocks_ = 0;  // the block that is dealt first, the others in a ring after it
  std::exception_ptr failure_;
  std::atomic<int> asleep_{0};
  std::atomic<bool> caller_asleep_{false};
  // What threads write by turns has lines of its own.
  alignas(64) std::atomic<uint32_t> state_{0};       // open, and how many helpers are inside
  alignas(64) std::atomic<uint32_t> generation_{0};  // counts jobs; helpers sleep on it
  // Blocks that nobody has taken: the first one, and above it the end.
  alignas(64) std::atomic<uint64_t> left_{0};
};

Pool& pool() {
  static Pool* const pool = [] {
    static Pool* p = new Pool;  // never destroyed: its threads run until the process ends
    pthread_atfork(nullptr, nullptr,
                   [] { new (p) Pool; });  // a forked child has none of the threads
    return p;
  }();
  return *pool;
}

}  // namespace

void await_thread(int round) {
  constexpr int spins_before_yield = 2000;
  round < spins_before_yield ? pause() : void(sched_yield());
}

int num_threads() { return configured_threads; }
void set_num_threads(int n) { configured_threads = n; }
bool in_parallel_region() { return inside; }
void set_lock_hooks(LockHooks hooks) { lock_hooks = hooks; }
Unlocked::Unlocked() : state_(lock_hooks.release ? lock_hooks.release() : nullptr) {}
Unlocked::~Unlocked() {
  if (state_) lock_hooks.acquire(state_);
}

void detail::run_blocks(Deal deal, Wake wake, int64_t n, int64_t grain,
                        void (*call)(void*, int64_t, int64_t), void* fn) {
  const int64_t blocks = ceil_div(n, grain);
  auto run = [&](int64_t i) { call(fn, i * grain, std::min(n, (i + 1) * grain)); };
  const auto run_all = [&] {
    for (int64_t i = 0; i < blocks; ++i) run(i);
  };
  if (inside) return run_all();
  Unlocked unlocked;
  const int helpers = int(std::min<int64_t>(num_threads(), blocks)) - 1;
  const auto block = [](void* f, int64_t i) { (*static_cast<decltype(run)*>(f))(i); };
  if (helpers < 1 || !pool().run(deal, wake, blocks, helpers, block, &run)) run_all();
}

}  // namespace izvod
