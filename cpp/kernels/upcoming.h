#pragma once
// What is worked on next, fetched into the caches meanwhile.
#include <cstdint>

#include "base/parallel.h"
#include "kernels/isa.h"

namespace izvod::kernels::IZVOD_ISA {

// Lines of memory, `step` bytes apart.
struct Lines {
  const char* data;
  int64_t step;
};

// The rows of some matrices, given out a few lines at a time to loops that fetch one in each step.
// Within a model they come from the third-level cache or memory, in pieces whose order the hardware
// does not foresee.
class Upcoming {
 public:
  // Rows of so many bytes, `step` bytes apart. If all are too many none is fetched.
  void add(const void* data, int64_t rows, int64_t row_bytes, int64_t step) {
    if (row_bytes == step) row_bytes *= rows, rows = 1;
    const int64_t across = ceil_div(row_bytes, line);
    const char* first = static_cast<const char*>(data);
    lines_ += rows * across;
    if (lines_ > most_lines)
      count_ = 0;
    else if (rows > across)
      parts_[count_++] = {first, rows, step, across, line};
    else if (rows > 0)
      parts_[count_++] = {first, across, line, rows, step};
  }
  // The next lines for a loop of `steps` steps; at the end, or if there are far fewer, any place,
  // which costs nothing.
  Lines take(int64_t steps) {
    while (part_ < count_ && parts_[part_].count * 4 < steps) ++part_;
    if (part_ >= count_) return {reinterpret_cast<const char*>(this), 0};
    const Part& part = parts_[part_];
    const Lines lines{part.data + run_ * part.next + at_ * part.step, part.step};
    if ((at_ += steps) >= part.count) at_ = 0, ++run_;
    if (run_ == part.runs) run_ = 0, ++part_;
    return lines;
  }

 private:
  static constexpr int64_t line = 64;
  static constexpr int64_t most_lines = 4096;  // a quarter of a usual second-level cache
  // `runs` runs of `count` lines, `step` bytes apart; the runs begin `next` bytes apart.
  struct Part {
    const char* data;
    int64_t count, step, runs, next;
  };
  Part parts_[8];
  int count_ = 0, part_ = 0;
  int64_t lines_ = 0, at_ = 0, run_ = 0;
};

}  // namespace izvod::kernels::IZVOD_ISA
