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
    lines_ += ceil_div(row_bytes, line) * rows;
    if (lines_ > most_lines)
      count_ = 0;
    else if (rows > 0)
      parts_[count_++] = {static_cast<const char*>(data), rows, row_bytes, step};
  }
  // The next `count` lines, one below the other; at the end any place, which costs nothing.
  Lines take(int64_t count) {
    if (part_ >= count_) return {reinterpret_cast<const char*>(this), 0};
    const Part& part = parts_[part_];
    const Lines lines{part.data + offset_ + row_ * part.step, part.step};
    if ((row_ += count) >= part.rows) row_ = 0, offset_ += line;
    if (offset_ >= part.row_bytes) offset_ = 0, ++part_;
    return lines;
  }

 private:
  static constexpr int64_t line = 64;
  static constexpr int64_t most_lines = 4096;  // a quarter of a usual second-level cache
  struct Part {
    const char* data;
    int64_t rows, row_bytes, step;
  };
  Part parts_[8];
  int count_ = 0, part_ = 0;
  int64_t lines_ = 0, row_ = 0, offset_ = 0;
};

}  // namespace izvod::kernels::IZVOD_ISA
