#pragma once
// Floats as sums of three bfloat16, in the order in which the tile registers of AMX multiply them.
// Included by gemm.cpp only.
#if defined(__AMX_BF16__)
#include <immintrin.h>

#include <algorithm>

#include "base/parallel.h"
#include "kernels/transpose.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Note [Thirds]
// Tiles multiply bfloat16 and sum in float, sixteen times as many in the same time as vectors of
// floats. A float is the sum of three bfloat16, its thirds, of 8 bits each, and
//   a b = a1 b1 + a1 b2 + a2 b1 + a2 b2 + a1 b3 + a3 b1
// but for 2^-23 of it at most, 2^-26 on average: six products of tiles. (Henry, Tang, Heinecke:
// Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision Computations, 2019;
// bf16x3 there.) The sum is rounded less often than one of floats: 32 products at a time are summed
// apart. Tiles take numbers below 2^-126 for zero, so numbers of all magnitudes are not multiplied
// this way: can_multiply says which.
//
// Lines are what runs along the sum: rows of the left operand, columns of the right one. A panel is
// two tiles of sixteen lines; for each 32 positions of its lines it has a step of six tiles, a pair
// for each third. The rows of a tile are lines on the left, positions on the right; positions k and
// k + 16 stand beside each other.
constexpr int64_t tile_lines = 16, tile_depth = 32, panel_lines = 2 * tile_lines;
constexpr int64_t tile_bytes = 1024, third_bytes = 2 * tile_bytes, step_bytes = 3 * third_bytes;

// The smallest and the largest of some numbers' magnitudes, zeros left out: their bits, and of the
// smallest, one less.
struct Magnitudes {
  uint32_t least = ~0u, most = 0;

  int exponent_of_least() const { return least == ~0u ? 127 : int((least + 1) >> 23) - 127; }
  int exponent_of_most() const { return int(most >> 23) - 127; }
};

// Whether sums of `depth` products of such numbers come out as they should: no third (2^-23 of the
// number or more) and no product of thirds below 2^-126, no sum above 2^127.
bool can_multiply(const Magnitudes& a, const Magnitudes& b, int64_t depth) {
  const int lowest = -126 + 23, a0 = a.exponent_of_least(), b0 = b.exponent_of_least();
  const int a1 = a.exponent_of_most(), b1 = b.exponent_of_most();
  const int bits = 64 - __builtin_clzll(uint64_t(depth));
  return a0 >= lowest && b0 >= lowest && a0 + b0 >= lowest && a1 < 127 && b1 < 127 &&
         a1 + b1 + 2 + bits < 127;
}

using Floats = Vec<float>;
using Bits = typename Vec<uint32_t>::Native;
static_assert(Floats::width == tile_lines && tile_depth == 2 * Floats::width);

// Splits the numbers of two vectors, which a tile has beside each other, and stores the three
// vectors of pairs a pair of tiles apart.
[[gnu::always_inline]] inline void split(char* to, Floats x0, Floats x1, Bits& least, Bits& most) {
  const auto bits = [](Floats x) { return bits_as<uint32_t>(x).v; };
  for (const Floats x : {x0, x1}) {
    const Bits magnitude = bits(x) & 0x7fffffff;
    most = Bits(_mm512_max_epu32(__m512i(most), __m512i(magnitude)));
    least = Bits(_mm512_min_epu32(__m512i(least), __m512i(magnitude - 1)));
  }
#pragma GCC unroll 3
  for (int third = 0; third < 3; ++third) {
    // Half of the last place is added and the rest cut off. The last third is exact.
    const uint32_t half = third < 2 ? 0x8000 : 0, mask = 0xffff0000;
    const Bits y0 = (bits(x0) + half) & mask, y1 = (bits(x1) + half) & mask;
    Vec<uint32_t>((y0 >> 16) | y1).store(reinterpret_cast<uint32_t*>(to + third * third_bytes));
    x0 -= bits_as<float>(Vec<uint32_t>(y0)), x1 -= bits_as<float>(Vec<uint32_t>(y1));
  }
}

// An operand, or the positions of its lines from some on.
struct Side {
  const float* data;
  int64_t lines, line_stride, depth_stride;
  bool left;

  int64_t panels() const { return ceil_div(lines, panel_lines); }
};

// A square of numbers, 16 rows of 16 adjacent ones.
struct Square {
  const float* data;
  int64_t row_stride;
};

// The square at `from`, of which rows x cols exist and the others are zero: where it stands, or if
// it is a part, or its columns are what is adjacent, as a copy in `to`.
inline Square square_at(float* to, const float* from, int64_t rows, int64_t cols,
                        int64_t row_stride, int64_t col_stride) {
  const bool turned = col_stride != 1;
  if (!turned && rows >= 16 && cols >= 16) return {from, row_stride};
  if (turned) std::swap(rows, cols), std::swap(row_stride, col_stride);
  Floats x[16];
  if (rows >= 16 && cols >= 16)
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) x[i] = Floats::load(from + i * row_stride);
  else
    for (int64_t i = 0; i < 16; ++i)
      x[i] = i < rows && cols > 0 ? Floats::load(from + i * row_stride, cols) : Floats(0.0f);
  if (turned) transpose<float>(x);
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) x[i].store(to + i * 16);
  return {to, 16};
}

// Splits panels of an operand, `depth` positions of their lines.
class Splitting {
 public:
  Splitting(const Side& side, int64_t depth)
      : side_(side),
        depth_(depth),
        steps_(ceil_div(depth, tile_depth)),
        square_stride_(side.depth_stride == 1 ? side.line_stride : side.depth_stride) {}

  Magnitudes run(char* to, int64_t panel, int64_t end) {
    const int64_t first = panel * 2,
                  tiles = std::min(end * 2, ceil_div(side_.lines, tile_lines)) - first;
    const auto split_at = [&](int64_t tile, int64_t step, int64_t next_tile, int64_t next_step) {
      split_tile(to + (tile / 2 * steps_ + step) * step_bytes + tile % 2 * tile_bytes,
                 (first + tile) * tile_lines, step * tile_depth,
                 at((first + next_tile) * tile_lines, next_step * tile_depth));
    };
    // In the order of memory, each with a look at the one after the next.
    constexpr int64_t ahead = 2;
    if (side_.depth_stride == 1)
      for (int64_t i = 0; i < tiles; ++i)
        for (int64_t j = 0; j < steps_; ++j) {
          const int64_t over = j + ahead - steps_;
          over < 0 ? split_at(i, j, i, j + ahead) : split_at(i, j, i + 1, over);
        }
    else
      for (int64_t j = 0; j < steps_; ++j)
        for (int64_t i = 0; i < tiles; ++i) {
          const int64_t over = i + ahead - tiles;
          over < 0 ? split_at(i, j, i + ahead, j) : split_at(i, j, over, j + 1);
        }
    return {_mm512_reduce_min_epu32(__m512i(least_)), _mm512_reduce_max_epu32(__m512i(most_))};
  }

 private:
  const Side& side_;
  int64_t depth_, steps_, square_stride_;
  Bits least_ = Bits{} - 1, most_{};

  const float* at(int64_t line, int64_t k) const {
    return side_.data + line * side_.line_stride + k * side_.depth_stride;
  }

  // One tile of each third.
  void split_tile(char* to, int64_t line, int64_t k, const float* ahead) {
    alignas(64) float copies[2][256];
    const auto square = [&](int half) {
      const int64_t first = k + half * 16, lines = side_.lines - line, positions = depth_ - first;
      const bool left = side_.left;
      return square_at(copies[half], at(line, first), left ? lines : positions,
                       left ? positions : lines, left ? side_.line_stride : side_.depth_stride,
                       left ? side_.depth_stride : side_.line_stride);
    };
    const Square x0 = square(0), x1 = square(1);
    const int64_t stride = square_stride_, half = 16 * side_.depth_stride;
    Bits least = least_, most = most_;
    for (int64_t i = 0; i < 16; ++i) {
      split(to + i * 64, Floats::load(x0.data + i * x0.row_stride),
            Floats::load(x1.data + i * x1.row_stride), least, most);
      __builtin_prefetch(ahead + i * stride);
      __builtin_prefetch(ahead + i * stride + half);
    }
    least_ = least, most_ = most;
  }
};

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
#endif
