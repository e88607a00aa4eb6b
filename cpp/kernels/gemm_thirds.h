#pragma once
// Products of float matrices on the tile registers of AMX. Included by gemm.cpp only.
#if defined(__AMX_BF16__)
#include <memory>

#include "kernels/gemm_float.h"
#include "kernels/thirds.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Note [Products in thirds]
// See Note [Thirds]. Of the operands, the one with fewer lines is streamed: each thread splits it
// for itself, as what another thread has written comes from that one's cache, in groups of panels
// that are kept. The other is cut into blocks, which a thread splits just before they meet the
// groups. A block stays in L2; the next streamed panel is fetched there meanwhile. Where numbers
// are too small or too large for thirds, or not finite, that part of C is multiplied as floats.
constexpr int64_t thirds_depth = 768;   // positions of a layer at most: a panel is 144 KB
constexpr int64_t block_panels = 8;     // panels of a block at most
constexpr int64_t group_panels = 16;    // streamed panels of a group at most
constexpr int64_t stream_panels = 128;  // streamed panels that are kept: 18 MB
// A block and a group are a task; of so many multiplications or fewer it is not cut for more.
constexpr int64_t min_tasks = 32, least_task = 4'000'000;
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

// Of the streamed operand, a group of panels that a thread has split or has not.
struct Group {
  Magnitudes magnitudes;
  bool is_split = false;
};
thread_local PackedPart block_thirds, streamed_thirds;  // the latter without its groups at first

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
    const Pieces chunks(streamed_.panels(), stream_panels);
    // What little is streamed stays in L2: so should a block.
    const int64_t most = std::clamp<int64_t>(streamed_.panels() / 2, 2, block_panels);
    Pieces blocks(blocked_.panels(), block_panels);
    blocks.cut(std::min(blocked_.panels(), even_blocks(blocked_.panels(), most)));
    const int64_t work = blocks.longest() * panel_lines * panel_lines * depth_;
    for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
      product_ = ++products;
      first_ = chunks.begin(chunk);
      const int64_t panels = chunks.length(chunk);
      int64_t most_together = group_panels;
      while (blocks.count * ceil_div(panels, most_together) < min_tasks && most_together > 1 &&
             most_together * work > least_task)
        most_together /= 2;
      const Pieces groups(panels, most_together);
      parallel_for(blocks.count * groups.count, 1, [&](int64_t begin, int64_t end) {
        const TileRegisters registers;
        for (int64_t i = begin; i < end; ++i)
          multiply(blocks, i / groups.count, groups, i % groups.count);
      });
    }
  }

 private:
  const Call<float>& call_;
  int64_t k0_, depth_, steps_;
  bool adds_;
  const float* bias_;
  bool activates_, streams_a_;
  Side streamed_, blocked_;
  int64_t first_;  // streamed panel of this chunk
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

  // Panels, one behind the other, and what range their numbers have.
  struct Thirds {
    const char* panels;
    Magnitudes magnitudes;
  };
  Thirds split_block(const Pieces& blocks, int64_t i) const {
    const int64_t size = blocks.length(i) * panel_bytes();
    const auto found = [size](char* data) { return reinterpret_cast<Magnitudes*>(data + size); };
    char* const data =
        block_thirds.get<char>(product_, i, size + int64_t(sizeof(Magnitudes)), [&](char* to) {
          *found(to) = Splitting(blocked_, depth_).run(to, blocks.begin(i), blocks.begin(i + 1));
        });
    return {data, *found(data)};
  }
  Thirds split_group(const Pieces& groups, int64_t i) const {
    const int64_t size = groups.begin(groups.count) * panel_bytes(), count = groups.count;
    char* const data = streamed_thirds.get<char>(
        product_, 0, size + count * int64_t(sizeof(Group)), [&](char* to) {
          std::uninitialized_fill_n(reinterpret_cast<Group*>(to + size), count, Group());
        });
    char* const panels = data + groups.begin(i) * panel_bytes();
    Group& group = reinterpret_cast<Group*>(data + size)[i];
    if (!group.is_split)
      group.magnitudes = Splitting(streamed_, depth_)
                             .run(panels, first_ + groups.begin(i), first_ + groups.begin(i + 1));
    group.is_split = true;
    return {panels, group.magnitudes};
  }

  // A part of C.
  struct Part {
    int64_t i, rows, j, cols;
  };
  Part part_of(int64_t line, int64_t lines, int64_t streamed, int64_t width) const {
    if (streams_a_) return {streamed, width, line, lines};
    return {line, lines, streamed, width};
  }

  void multiply(const Pieces& blocks, int64_t block, const Pieces& groups, int64_t group) const {
    const Thirds own = split_block(blocks, block), other = split_group(groups, group);
    const int64_t line = blocks.begin(block) * panel_lines,
                  end = std::min(blocks.begin(block + 1) * panel_lines, blocked_.lines);
    const int64_t first = (first_ + groups.begin(group)) * panel_lines,
                  last =
                      std::min((first_ + groups.begin(group + 1)) * panel_lines, streamed_.lines);
    const bool by_tiles = can_multiply(own.magnitudes, other.magnitudes, depth_);
    if (!by_tiles) multiply_as_floats(part_of(line, end - line, first, last - first));
    const char* theirs = other.panels;
    for (int64_t at = first; at < last; at += panel_lines, theirs += panel_bytes()) {
      const int64_t width = std::min(panel_lines, last - at);
      const char *mine = own.panels, *ahead = theirs + panel_bytes();
      for (int64_t l = line; by_tiles && l < end; l += panel_lines) {
        multiply_pair(mine, theirs, part_of(l, std::min(panel_lines, end - l), at, width), ahead);
        mine += panel_bytes(), ahead += steps_ * ahead_bytes;
      }
      const Part done = part_of(line, end - line, at, width);
      if (activates_) call_.activate(done.i, done.rows, done.j, done.cols);
    }
  }

  // A panel of the block and a streamed one. Where C has fewer rows or columns than the tiles, they
  // are stored elsewhere.
  void multiply_pair(const char* mine, const char* theirs, const Part& p, const char* ahead) const {
    float* const c = call_.c + p.i * call_.c_row + p.j;
    const float* const bias = bias_ ? bias_ + p.j : nullptr;
    PanelProduct t{streams_a_ ? theirs : mine,
                   streams_a_ ? mine : theirs,
                   steps_,
                   adds_ ? c : bias,
                   adds_ ? call_.c_row : 0,
                   c,
                   call_.c_row,
                   ahead};
    const auto function = panel_functions[p.rows > tile_lines][p.cols > tile_lines];
    if (p.rows % tile_lines == 0 && p.cols % tile_lines == 0 && !(adds_ && bias))
      return function(t);
    alignas(64) float tiles[panel_lines * panel_lines] = {};
    for (int64_t i = 0; i < p.rows; ++i)
      for (int64_t j = 0; j < p.cols; ++j)
        tiles[i * panel_lines + j] = (adds_ ? c[i * call_.c_row + j] : 0) + (bias ? bias[j] : 0);
    t.start = t.c = tiles, t.start_row = t.c_row = panel_lines;
    function(t);
    for (int64_t i = 0; i < p.rows; ++i)
      std::copy_n(tiles + i * panel_lines, p.cols, c + i * call_.c_row);
  }

  void multiply_as_floats(const Part& p) const {
    const Operand<float>&a = call_.a, &b = call_.b;
    const Product c{call_.c + p.i * call_.c_row + p.j, call_.c_row, adds_,
                    bias_ ? bias_ + p.j : nullptr};
    multiply_layers(Call<float>(c, {a.at(p.i, k0_), p.rows, depth_, a.row_stride, a.col_stride},
                                {b.at(k0_, p.j), depth_, p.cols, b.row_stride, b.col_stride}));
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
