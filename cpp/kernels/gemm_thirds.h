#pragma once
// Products of float matrices on the tile registers of AMX. Included by gemm.cpp only.
#if defined(__AMX_BF16__)
#include <immintrin.h>

#include <algorithm>

#include "kernels/gemm_float.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Note [Products in thirds]
// Tiles multiply bfloat16 and sum in float, sixteen times as many in the same time as vectors of
// floats. A float is the sum of three bfloat16, its thirds, of 8 bits each, and
//   a b = a1 b1 + a1 b2 + a2 b1 + a2 b2 + a1 b3 + a3 b1
// but for 2^-23 of it at most, 2^-26 on average: six products of tiles. (Henry, Tang, Heinecke:
// Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision Computations, 2019;
// there bf16x3 with six products.) The sum is rounded less often than one of floats: 32 products at
// a time are summed apart. Tiles take numbers below 2^-126 for zero: where a third or a product of
// thirds could be so small, or a number is too large or not finite, that part of the result is
// multiplied as floats.
//
// The operand with fewer lines (rows of A, columns of B) is split into thirds as a whole and
// streams past blocks of the other, each of which a thread splits just before and keeps in L2.
constexpr int64_t tile_lines = 16, tile_depth = 32;                // of a tile: 1 KB of bfloat16
constexpr int64_t panel_lines = 2 * tile_lines;                    // a panel: two tiles wide
constexpr int64_t tile_bytes = 1024, step_bytes = 6 * tile_bytes;  // a panel's step: 3 thirds
constexpr int64_t thirds_depth = 768;                              // of a layer: a panel is 144 KB
constexpr int64_t block_panels = 8;                                // at most, of a block: 1.2 MB
constexpr int64_t stream_panels = 128;  // at most, that are split at once: 18 MB

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);
constexpr TileConfig whole_tiles;

// The thread's tile registers, while it lives.
class TileRegisters {
 public:
  TileRegisters() { _tile_loadconfig(&whole_tiles); }
  ~TileRegisters() { _tile_release(); }
  TileRegisters(const TileRegisters&) = delete;
};

// The smallest and the largest of some numbers' magnitudes, zeros left out: their bits, and of the
// smallest, one less.
struct Magnitudes {
  uint32_t least = ~0u, most = 0;

  void add(const Magnitudes& o) { least = std::min(least, o.least), most = std::max(most, o.most); }
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
// vectors of pairs a tile's panel apart.
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
    Vec<uint32_t>((y0 >> 16) | y1).store(reinterpret_cast<uint32_t*>(to + third * 2 * tile_bytes));
    x0 -= bits_as<float>(Vec<uint32_t>(y0)), x1 -= bits_as<float>(Vec<uint32_t>(y1));
  }
}

// An operand as lines of `depth` numbers: rows of the left one, columns of the right one.
struct Side {
  const float* data;
  int64_t lines, line_stride, depth_stride;
  bool left;

  Side(const Operand<float>& m, bool left, int64_t k0)
      : data(left ? m.at(0, k0) : m.at(k0, 0)),
        lines(left ? m.rows : m.cols),
        line_stride(left ? m.row_stride : m.col_stride),
        depth_stride(left ? m.col_stride : m.row_stride),
        left(left) {}
  int64_t panels() const { return ceil_div(lines, panel_lines); }
};

// A square of numbers, 16 rows of 16 adjacent ones.
struct Square {
  const float* data;
  int64_t row_stride;
};

// The square at `from`, of which rows x cols exist and the others are zero: where it stands, or if
// it is a part, or its columns are what is adjacent, as a copy in `to`.
[[gnu::always_inline]] inline Square square_at(float* to, const float* from, int64_t rows,
                                               int64_t cols, int64_t row_stride,
                                               int64_t col_stride) {
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

// Some panels of an operand, `depth` positions of their lines.
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

  // One tile of each third: sixteen lines and a tile's depth. A tile's rows are lines on the left,
  // positions k on the right; k and k + 16 stand beside each other.
  void split_tile(char* to, int64_t line, int64_t k, const float* ahead) {
    alignas(64) float copies[2][256];
    const auto square = [&](int half) {
      const int64_t first = k + half * 16, lines = side_.lines - line, positions = depth_ - first;
      return side_.left ? square_at(copies[half], at(line, first), lines, positions,
                                    side_.line_stride, side_.depth_stride)
                        : square_at(copies[half], at(line, first), positions, lines,
                                    side_.depth_stride, side_.line_stride);
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

// The product of two panels, of one or two tiles each, over `steps` steps.
struct PanelProduct {
  const char *a, *b;
  int64_t steps;
  const float* start;  // what the sums begin with, rows `start_row` apart; may be null
  int64_t start_row;
  float* c;
  int64_t c_row;
  const char* ahead;  // of the panel that is streamed next, fetched to L2: `share` bytes a step
};

template <int a_tiles, int b_tiles>
void multiply_panels(const PanelProduct& t) {
  constexpr bool both = a_tiles == 2 && b_tiles == 2;
  asm volatile("" ::: "memory");  // the instructions below read what others have stored
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  if (const float* y = t.start) {
    const int64_t row = t.start_row * 4;
    const float* below = y + tile_lines * t.start_row;
    _tile_loadd(0, y, row);
    if constexpr (b_tiles == 2) _tile_loadd(1, y + tile_lines, row);
    if constexpr (a_tiles == 2) _tile_loadd(2, below, row);
    if constexpr (both) _tile_loadd(3, below + tile_lines, row);
  }
  const char *a = t.a, *b = t.b, *ahead = t.ahead;
  const auto load_a = [&](int third) {
    const char* from = a + third * 2 * tile_bytes;
    _tile_loadd(4, from, 64);
    if constexpr (a_tiles == 2) _tile_loadd(5, from + tile_bytes, 64);
  };
  const auto load_b = [&](int third) {
    const char* from = b + third * 2 * tile_bytes;
    _tile_loadd(6, from, 64);
    if constexpr (b_tiles == 2) _tile_loadd(7, from + tile_bytes, 64);
  };
  // Multiplies, and fetches a sixth of the next step.
  const auto multiply = [&](int sixth) {
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (b_tiles == 2) _tile_dpbf16ps(1, 4, 7);
    if constexpr (a_tiles == 2) _tile_dpbf16ps(2, 5, 6);
    if constexpr (both) _tile_dpbf16ps(3, 5, 7);
#pragma GCC unroll 16
    for (int64_t at = sixth * tile_bytes; at < (sixth + 1) * tile_bytes; at += 64) {
      __builtin_prefetch(a + step_bytes + at);
      __builtin_prefetch(b + step_bytes + at);
    }
    __builtin_prefetch(ahead + sixth * 128, 0, 2);
    __builtin_prefetch(ahead + sixth * 128 + 64, 0, 2);
  };
  for (int64_t i = 0; i < t.steps; ++i, a += step_bytes, b += step_bytes, ahead += step_bytes / 8) {
    load_a(0), load_b(0), multiply(0);
    load_b(1), multiply(1);
    load_a(1), multiply(2);
    load_b(0), multiply(3);
    load_a(2), multiply(4);
    load_a(0), load_b(2), multiply(5);
  }
  const int64_t row = t.c_row * 4;
  float* const below = t.c + tile_lines * t.c_row;
  _tile_stored(0, t.c, row);
  if constexpr (b_tiles == 2) _tile_stored(1, t.c + tile_lines, row);
  if constexpr (a_tiles == 2) _tile_stored(2, below, row);
  if constexpr (both) _tile_stored(3, below + tile_lines, row);
}
constexpr void (*panel_functions[2][2])(const PanelProduct&) = {
    {multiply_panels<1, 1>, multiply_panels<1, 2>}, {multiply_panels<2, 1>, multiply_panels<2, 2>}};

thread_local PackedPart streamed_thirds, block_thirds;

// The product over a piece [k0, k0 + depth) of the sum, as Layer is of floats.
class ThirdsLayer {
 public:
  ThirdsLayer(const Call<float>& call, int64_t k0, int64_t depth)
      : call_(call),
        k0_(k0),
        depth_(depth),
        steps_(ceil_div(depth, tile_depth)),
        adds_(call.accumulate || k0 > 0),
        bias_(k0 == 0 ? call.bias : nullptr),
        activates_(call.activation && k0 + depth == call.a.cols),
        streams_a_(call.a.rows <= call.b.cols),
        streamed_(streams_a_ ? left() : right()),
        blocked_(streams_a_ ? right() : left()) {}

  void run() {
    product_ = ++products;
    const Pieces chunks(streamed_.panels(), stream_panels);
    Pieces blocks(blocked_.panels(), block_panels);
    // What little is streamed stays in L2: so should a block.
    const int64_t most = std::clamp<int64_t>(streamed_.panels() / 2, 2, block_panels);
    blocks.cut(std::min(blocked_.panels(), even_blocks(blocked_.panels(), most)));
    parallel_for(chunks.count * blocks.count, 1, [&](int64_t begin, int64_t end) {
      const TileRegisters registers;
      for (int64_t i = begin; i < end; ++i)
        multiply_blocks(chunks, i / blocks.count, blocks, i % blocks.count);
    });
  }

 private:
  const Call<float>& call_;
  int64_t k0_, depth_, steps_;
  bool adds_;
  const float* bias_;
  bool activates_, streams_a_;
  Side streamed_, blocked_;
  uint64_t product_;

  Side left() const { return Side(call_.a, true, k0_); }
  Side right() const { return Side(call_.b, false, k0_); }
  int64_t panel_bytes() const { return steps_ * step_bytes; }

  // Panels of an operand and what range their numbers have.
  struct Thirds {
    const char* panels;
    const Magnitudes* magnitudes;  // of each group of panels
  };
  static constexpr int64_t group = 16;
  Thirds split_part(PackedPart& part, const Side& side, const Pieces& pieces, int64_t i) const {
    const int64_t begin = pieces.begin(i), count = pieces.length(i), bytes = panel_bytes();
    const int64_t groups = ceil_div(count, group), tail = count * bytes;
    char* const data =
        part.get<char>(product_, i, tail + groups * int64_t(sizeof(Magnitudes)), [&](char* to) {
          for (int64_t p = 0; p < count; p += group)
            reinterpret_cast<Magnitudes*>(to + tail)[p / group] =
                Splitting(side, depth_)
                    .run(to + p * bytes, begin + p, begin + std::min(count, p + group));
        });
    return {data, reinterpret_cast<const Magnitudes*>(data + tail)};
  }

  // A block with a chunk of what is streamed.
  void multiply_blocks(const Pieces& chunks, int64_t chunk, const Pieces& blocks,
                       int64_t block) const {
    const Thirds other = split_part(streamed_thirds, streamed_, chunks, chunk);
    const Thirds own = split_part(block_thirds, blocked_, blocks, block);
    Magnitudes found;
    for (int64_t g = 0; g < ceil_div(blocks.length(block), group); ++g)
      found.add(own.magnitudes[g]);
    const int64_t line = blocks.begin(block) * panel_lines,
                  lines = std::min(blocks.begin(block + 1) * panel_lines, blocked_.lines) - line;
    for (int64_t p = 0; p < chunks.length(chunk); ++p) {
      const int64_t streamed = (chunks.begin(chunk) + p) * panel_lines,
                    width = std::min(panel_lines, streamed_.lines - streamed);
      const int64_t i = streams_a_ ? streamed : line, j = streams_a_ ? line : streamed;
      const int64_t rows = streams_a_ ? width : lines, cols = streams_a_ ? lines : width;
      if (can_multiply(found, other.magnitudes[p / group], depth_))
        for (int64_t at = 0; at < lines; at += panel_lines) {
          const char *mine = own.panels + at / panel_lines * panel_bytes(),
                     *their = other.panels + p * panel_bytes();
          const int64_t part = std::min(panel_lines, lines - at);
          if (streams_a_)
            multiply_pair(their, mine, i, width, j + at, part,
                          their + panel_bytes() + at / panel_lines * panel_bytes() / 8);
          else
            multiply_pair(mine, their, i + at, part, j, width,
                          their + panel_bytes() + at / panel_lines * panel_bytes() / 8);
        }
      else
        multiply_as_floats(i, rows, j, cols);
      if (activates_) call_.activate(i, rows, j, cols);
    }
  }

  // One panel of either side: rows x cols of C from (i, j) on. Where C has fewer than the tiles,
  // they are stored elsewhere.
  void multiply_pair(const char* a, const char* b, int64_t i, int64_t rows, int64_t j, int64_t cols,
                     const char* ahead) const {
    float* const c = call_.c + i * call_.c_row + j;
    const float* const bias = bias_ ? bias_ + j : nullptr;
    PanelProduct t{a, b, steps_, adds_ ? c : bias, adds_ ? call_.c_row : 0, c, call_.c_row, ahead};
    const bool whole = rows % tile_lines == 0 && cols % tile_lines == 0 && !(adds_ && bias);
    const auto function = panel_functions[rows > tile_lines][cols > tile_lines];
    if (whole) return function(t);
    alignas(64) float part[panel_lines * panel_lines] = {};
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t q = 0; q < cols; ++q)
        part[r * panel_lines + q] = (adds_ ? c[r * call_.c_row + q] : 0) + (bias ? bias[q] : 0);
    t.start = t.c = part, t.start_row = t.c_row = panel_lines;
    function(t);
    for (int64_t r = 0; r < rows; ++r)
      std::copy(part + r * panel_lines, part + r * panel_lines + cols, c + r * call_.c_row);
  }

  void multiply_as_floats(int64_t i, int64_t rows, int64_t j, int64_t cols) const {
    const Operand<float>&a = call_.a, &b = call_.b;
    const Product c{call_.c + i * call_.c_row + j, call_.c_row, adds_, bias_ ? bias_ + j : nullptr};
    multiply_layers(Call<float>(c, {a.at(i, k0_), rows, depth_, a.row_stride, a.col_stride},
                                {b.at(k0_, j), depth_, cols, b.row_stride, b.col_stride}));
  }
};

// Whether it is faster this way. Costs in thousandths of a cycle, as measured: of a number that is
// split, most of it for memory, of a product by tiles and by vectors, and of what is done once.
// Each thread splits what is streamed for itself; taken for two, as bits do not depend on them.
bool thirds_pay(const Call<float>& call) {
  constexpr int64_t split_cost = 1200, tile_cost = 12, vector_cost = 36, once = 3'000'000;
  const Operand<float>&a = call.a, &b = call.b;
  if ((a.row_stride != 1 && a.col_stride != 1) || (b.row_stride != 1 && b.col_stride != 1))
    return false;
  const auto whole = [](int64_t n, int64_t unit) { return ceil_div(n, unit) * unit; };
  const int64_t m = a.rows, n = b.cols, k = a.cols, split = m + n + std::min(m, n);
  const int64_t by_tiles =
      (whole(m, tile_lines) * whole(n, tile_lines) * tile_cost + split * split_cost) *
          whole(k, tile_depth) +
      once;
  return m * n * k * vector_cost > by_tiles && has_matrix_tiles();
}

void multiply_thirds(const Call<float>& call) {
  const Pieces depths(ceil_div(call.a.cols, tile_depth), thirds_depth / tile_depth);
  for (int64_t d = 0; d < depths.count; ++d) {
    const int64_t k0 = depths.begin(d) * tile_depth,
                  end = std::min(call.a.cols, depths.begin(d + 1) * tile_depth);
    ThirdsLayer(call, k0, end - k0).run();
  }
}

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
#endif
