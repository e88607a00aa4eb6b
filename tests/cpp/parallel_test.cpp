// Which blocks of a loop a thread is given.
#include "base/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace izvod {
namespace {

struct Threads {
  int before = num_threads();
  explicit Threads(int n) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
};

// The block that the second thread begins with; -1 if none comes within ten seconds.
template <Deal deal>
int64_t first_of_helper(int64_t blocks) {
  const Threads two(2);
  const auto caller = std::this_thread::get_id();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  std::atomic<int64_t> first{-1};
  parallel_for<deal>(blocks, 1, [&](int64_t begin, int64_t) {
    if (std::this_thread::get_id() != caller) {
      int64_t none = -1;
      first.compare_exchange_strong(none, begin);
    }
    while (first == -1 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  });
  return first;
}

// By turns the caller and the helper go from the ends inward, and from the middle outward. The
// middle of an odd number is the caller's both times.
TEST(Parallel, HelpersKeepToTheBack) {
  for (int64_t blocks : {8, 7, 3, 2}) {
    const int64_t first = first_of_helper<Deal::Near>(blocks),
                  second = first_of_helper<Deal::Near>(blocks);
    EXPECT_EQ(std::min(first, second), (blocks + 1) / 2) << blocks;
    EXPECT_EQ(std::max(first, second), blocks - 1) << blocks;
  }
}

TEST(Parallel, BlocksThatWaitForThoseBeforeThemAreDealtInOrder) {
  const int64_t first = first_of_helper<Deal::InOrder>(8);  // before or after the caller's first
  EXPECT_TRUE(first == 0 || first == 1) << first;
}

TEST(Parallel, EveryIndexOnceWhateverTheGrain) {
  for (int count : {0, 1, 2, 3, 5}) {
    const Threads threads(count);
    for (int64_t n : {0, 1, 2, 7, 64, 1000})
      for (int64_t grain : {1, 3, 64, 5000}) {
        std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
        parallel_for(n, grain, [&](int64_t begin, int64_t end) {
          EXPECT_EQ(begin % grain, 0);
          for (int64_t i = begin; i < end; ++i) ++seen[size_t(i)];
        });
        for (const auto& times : seen) EXPECT_EQ(times, 1);
      }
  }
}

TEST(Parallel, AnExceptionReachesTheCaller) {
  const Threads two(2);
  const auto refuse = [](int64_t begin, int64_t) {
    if (begin == 5) throw std::runtime_error("five");
  };
  EXPECT_THROW(parallel_for(8, 1, refuse), std::runtime_error);
  EXPECT_THROW(parallel_for<Deal::InOrder>(8, 1, refuse), std::runtime_error);
}

void spend(int microseconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
  while (std::chrono::steady_clock::now() < end) {
  }
}

// Whether another thread took part in a job of eight blocks of so many microseconds.
bool shared(Wake wake, int microseconds) {
  const auto caller = std::this_thread::get_id();
  std::atomic<bool> others{false};
  parallel_for(8, 1, wake, [&](int64_t, int64_t) {
    if (std::this_thread::get_id() != caller) others = true;
    spend(microseconds);
  });
  return others;
}

// On a busy machine a thread may fall asleep or wake up late: one of the attempts has to do.
TEST(Parallel, BriefJobsWakeNobodyUnlessTheyAreDense) {
  const Threads two(2);
  const auto some_time = [](bool wanted, Wake wake, int microseconds, int pause) {
    for (int attempt = 0; attempt < 200; ++attempt) {
      std::this_thread::sleep_for(std::chrono::milliseconds(pause));
      if (shared(wake, microseconds) == wanted) return true;
    }
    return false;
  };
  EXPECT_TRUE(some_time(true, Wake::Always, 1000, 20));
  EXPECT_TRUE(some_time(false, Wake::IfDense, 1000, 20));
  EXPECT_TRUE(some_time(true, Wake::IfDense, 10, 0));
}

// Threads that the system takes away, and callers that sleep until they are back.
TEST(Parallel, MoreThreadsThanCores) {
  const Threads many(4 * int(std::max(1u, std::thread::hardware_concurrency())));
  std::atomic<int64_t> sum{0};
  for (int job = 0; job < 200; ++job)
    parallel_for(32, 1, [&](int64_t begin, int64_t) {
      spend(20);
      sum += begin;
    });
  EXPECT_EQ(sum, 200 * (32 * 31 / 2));
}

}  // namespace
}  // namespace izvod
