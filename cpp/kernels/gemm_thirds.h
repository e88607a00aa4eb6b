#pragma once
// Products of float matrices on the tile registers of AMX. Included by gemm.cpp only.
#if defined(__AMX_BF16__)
#include "kernels/gemm_float.h"
#include "kernels/thirds.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Note [Products in thirds]
// See Note [Thirds]. Of the operands, the one with fewer lines is streamed: each thread splits it
// as a whole, as what another thread has written comes from that one's cache. The other is cut into
// blocks, which a thread splits just before their panels meet those that are streamed. A block
// stays in L2; the next streamed panel is fetched there meanwhile. Where numbers are too small or
// too large for thirds, or not finite, that part of C is multiplied as floats.
constexpr int64_t thirds_depth = 768;   // positions of a layer at most: a panel is 144 KB
constexpr int64_t block_panels = 8;     // panels of a block at most
constexpr int64_t stream_panels = 128;  // panels that are streamed at once: 18 MB
// Of the next panel, what is fetched in one step of the sum: each panel of a block has its share.
constexpr int64_t ahead_bytes = step_bytes / block_panels;

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

// The product of two panels, of one or two tiles each, over `steps` steps.
struct PanelProduct {
  const char *a, *b;
  int64_t steps;
  const float* start;  // what the sums begin with, rows `start_row` apart; may be null
  int64_t start_row;
  float* c;
  int64_t c_row;
  const char* ahead;  // of the panel that is streamed next: fetched to L2, as much as `ahead_bytes`
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
    const char* from = a + third * third_bytes;
    _tile_loadd(4, from, 64);
    if constexpr (a_tiles == 2) _tile_loadd(5, from + tile_bytes, 64);
  };
  const auto load_b = [&](int third) {
    const char* from = b + third * third_bytes;
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
#pragma GCC unroll 2
    for (int64_t at = sixth * ahead_bytes / 6; at < (sixth + 1) * ahead_bytes / 6; at += 64)
      __builtin_prefetch(ahead + at, 0, 2);
  };
  for (int64_t i = 0; i < t.steps; ++i, a += step_bytes, b += step_bytes, ahead += ahead_bytes) {
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

  Side left() const {
    const Operand<float>& a = call_.a;
    return {a.at(0, k0_), a.rows, a.row_stride, a.col_stride, true};
  }
  Side right() const {
    const Operand<float>& b = call_.b;
    return {b.at(k0_, 0), b.cols, b.col_stride, b.row_stride, false};
  }
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
          const char* ahead = their + panel_bytes() + at / panel_lines * steps_ * ahead_bytes;
          if (streams_a_)
            multiply_pair(their, mine, i, width, j + at, part, ahead);
          else
            multiply_pair(mine, their, i + at, part, j, width, ahead);
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
