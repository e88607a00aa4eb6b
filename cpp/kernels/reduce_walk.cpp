#include "kernels/reduce_walk.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "base/parallel.h"
#include "kernels/copy.h"
#include "kernels/runs.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

constexpr int64_t block_elements = 65536;                   // of one block of work
constexpr int64_t max_leaves = block_elements / leaf_size;  // of a row that is not cut into blocks
constexpr int64_t slot_bytes = 8192;                        // of the states of a strip of columns
constexpr int64_t far_away_from = int64_t(8) << 20;         // bytes
constexpr int64_t min_columns = 8;                          // fewer are not worth a vector
constexpr int64_t short_row = 16;  // shorter rows are turned, and reduced as columns

// States of equal width merged like carries of a binary counter: a balanced tree without knowing
// the number of leaves.
class Tree {
 public:
  Tree(const Reducer& r, char* memory, int64_t width) : r_(r), memory_(memory), width_(width) {}
  char* slot() const { return at(top_); }  // the next leaf is written here, then pushed
  void push(int64_t count) {
    counts_[top_++] = count;
    for (int64_t k = ++leaves_; !(k & 1); k >>= 1) fold();
  }
  const char* root() {
    while (top_ > 1) fold();
    return memory_;
  }

 private:
  char* at(int level) const { return memory_ + level * width_ * r_.state_bytes; }
  void fold() {
    --top_;
    r_.merge(at(top_ - 1), counts_[top_ - 1], at(top_), counts_[top_], width_);
    counts_[top_ - 1] += counts_[top_];
  }
  const Reducer& r_;
  char* memory_;
  int64_t width_, leaves_ = 0, counts_[24];
  int top_ = 0;
};

class Walk {
 public:
  Walk(const Reducer& r, const View& in, const View* out, const View* second)
      : r_(r),
        in_(in),
        outs_{out, second},
        kept_(kept(in, out, second)),
        reduced_(reduced(in, out, r.ordered)) {
    count_ = reduced_.numel();
    total_ = kept_.numel();
    in_bytes_ = itemsize(in.dtype);
    direct_ = in.dtype == r.load;
    r_.far_away = total_ * count_ * in_bytes_ >= far_away_from;
    rows_as_one_ = rows_as_one();
  }

  void run() {
    if (total_ == 0) return;
    if (count_ == 0) return fill_identity();
    const int64_t last = kept_.sizes.size() - 1, columns = kept_.sizes[last];
    const bool inner = reduced_.strides[0].back() == 1 && reduced_.sizes.back() >= short_row;
    const bool nearer = std::abs(kept_.strides[0][last]) < std::abs(reduced_.strides[0].back());
    const bool by_columns =
        !inner && columns * rows_as_one_ >= min_columns &&
        (nearer || kept_.strides[0][last] == 1 || reduced_.sizes.back() < short_row);
    by_columns ? run_columns(columns) : run_inner();
  }

 private:
  // Dimensions that stay, walked along `in`; operands: in, out, second.
  static Loop<3> kept(const View& in, const View* out, const View* second) {
    View views[3] = {
        {nullptr, in.dtype, {}, {}}, {nullptr, in.dtype, {}, {}}, {nullptr, in.dtype, {}, {}}};
    for (int64_t d = 0; d < in.dim(); ++d) {
      if (out->sizes[d] == 1) continue;
      const View* from[3] = {&in, out, second ? second : out};
      for (int k = 0; k < 3; ++k) {
        views[k].sizes.push_back(in.sizes[d]);
        views[k].strides.push_back(from[k]->strides[d]);
      }
    }
    return Loop<3>({&views[0], &views[1], &views[2]});
  }
  static Loop<1> reduced(const View& in, const View* out, bool ordered) {
    View view{nullptr, in.dtype, {}, {}};
    for (int64_t d = 0; d < in.dim(); ++d) {
      if (out->sizes[d] != 1) continue;
      view.sizes.push_back(in.sizes[d]);
      view.strides.push_back(in.strides[d]);
    }
    return Loop<1>({&view}, !ordered);
  }

  const char* source(int64_t at) const {
    return static_cast<const char*>(in_.data) + at * in_bytes_;
  }

  // n elements as neighbours of the type that the reducer loads.
  const void* load(const char* x, int64_t stride, int64_t n, void* buffer) const {
    if (stride == 1 && direct_) return x;
    kernels::convert(Place<void>{buffer, r_.load}, Place<const void>{x, in_.dtype, stride}, n,
                     int64_t(1));
    return buffer;
  }

  void emit(const std::array<int64_t, 3>& at, const char* states, int64_t n) const {
    alignas(64) char buffer[2][max_columns * 8];
    void* results[2] = {buffer[0], buffer[1]};
    r_.finish(r_, states, n, count_, results);
    for (int k = 0; k < 2; ++k) {
      if (!outs_[k]) continue;
      const View& out = *outs_[k];
      char* target = out.ptr<char>() + at[k + 1] * itemsize(out.dtype);
      kernels::convert(Place<void>{target, out.dtype, kept_.along(k + 1)},
                       Place<const void>{results[k], r_.result[k]}, n, int64_t(1));
    }
  }

  void fill_identity() const {
    alignas(16) char states[max_columns * 16];
    for (int64_t i = 0; i < max_columns; ++i)
      r_.leaf(r_, states + i * r_.state_bytes, nullptr, 0, 0);
    for_strips(0, total_, [&](auto at, int64_t, int64_t n) { emit(at, states, n); });
  }

  // f(where the operands stand, first, n) for stretches of at most max_columns neighbours of the
  // kept elements.
  template <class F>
  void for_strips(int64_t begin, int64_t end, F f) const {
    int64_t first = begin;
    for_runs(kept_, begin, end, [&](auto at, int64_t n) {
      for (int64_t i = 0; i < n; i += max_columns) {
        auto here = at;
        for (int k = 0; k < 3; ++k) here[k] += i * kept_.strides[k].back();
        f(here, first + i, std::min<int64_t>(max_columns, n - i));
      }
      first += n;
    });
  }

  // ---- the reduced elements are neighbours, or nothing is

  void run_inner() const {
    const int64_t blocks = ceil_div(count_, block_elements);
    if (blocks == 1) {
      const int64_t grain = std::max<int64_t>(1, most_in_block(total_ * count_) / count_);
      return parallel_for(total_, grain, wake_for(total_ * count_),
                          [&](int64_t begin, int64_t end) {
                            alignas(16) char states[max_columns * 16];
                            for_strips(begin, end, [&](auto at, int64_t, int64_t n) {
                              reduce_each(states, at[0], n);
                              emit(at, states, n);
                            });
                          });
    }
    const auto partial =
        std::make_unique_for_overwrite<char[]>(size_t(blocks * total_ * r_.state_bytes));
    const int64_t grain = most_in_block(total_ * count_) / block_elements;
    parallel_for(total_ * blocks, grain, wake_for(total_ * count_),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t unit = begin; unit < end; ++unit) {
                     const int64_t row = unit / blocks, b = unit % blocks;
                     for_runs(kept_, row, row + 1, [&](auto at, int64_t) {
                       reduce_range(partial.get() + (b * total_ + row) * r_.state_bytes, at[0],
                                    b * block_elements, std::min(count_, (b + 1) * block_elements));
                     });
                   }
                 });
    merge_blocks(partial.get(), blocks, block_elements);
  }

  // n rows, each from the first element to the last. Rows that can be read in place go by twos.
  void reduce_each(char* states, int64_t at, int64_t n) const {
    const int64_t step = kept_.strides[0].back();
    const int64_t half = dense() ? n / 2 : 0;
    if (count_ <= leaf_size)
      leaf_pairs(states, source(at), step, half, count_);
    else
      for (int64_t i = 0; i < half; ++i)
        reduce_two(states + i * r_.state_bytes, states + (half + i) * r_.state_bytes,
                   source(at + i * step), source(at + (half + i) * step));
    if (half == 0 && reduced_.sizes.size() == 1 && count_ <= leaf_size / 2)
      return reduce_short(states, source(at), n);
    for (int64_t i = 2 * half; i < n; ++i)
      reduce_range(states + i * r_.state_bytes, at + i * step, 0, count_);
  }

  // Rows of which many make a leaf are converted together.
  void reduce_short(char* states, const char* x, int64_t n) const {
    const int64_t along = reduced_.along(0), down = kept_.along(0), together = leaf_size / count_;
    const bool in_place = direct_ && along == 1;
    alignas(64) char buffer[leaf_size * 8];
    const int64_t next = (in_place ? down : count_) * itemsize(r_.load);
    for (int64_t i = 0; i < n; i += together) {
      const int64_t rows = std::min(together, n - i);
      const char* row = x + i * down * in_bytes_;
      if (!in_place) {
        kernels::convert(Place<void>{buffer, r_.load, 1, count_},
                         Place<const void>{row, in_.dtype, along, down}, count_, rows);
        row = buffer;
      }
      for (int64_t k = 0; k < rows; ++k, row += next)
        r_.leaf(r_, states + (i + k) * r_.state_bytes, row, count_, 0);
    }
  }

  // Whether rows can be read in place and by twos.
  bool dense() const {
    return r_.leaf_pair && direct_ && reduced_.sizes.size() == 1 && reduced_.strides[0][0] == 1;
  }
  // The states of 2 * half leaves of n elements, `step` elements apart.
  void leaf_pairs(char* states, const char* x, int64_t step, int64_t half, int64_t n) const {
    char* other = states + half * r_.state_bytes;
    const char* y = x + half * step * in_bytes_;
    for (int64_t i = 0; i < half; ++i)
      r_.leaf_pair(r_, states + i * r_.state_bytes, other + i * r_.state_bytes,
                   x + i * step * in_bytes_, y + i * step * in_bytes_, n);
  }
  // Two rows of more than a leaf, in the order in which reduce_range takes one.
  void reduce_two(char* state, char* other, const char* x, const char* y) const {
    const int64_t leaves = count_ / leaf_size, rest = count_ % leaf_size;
    const int64_t bytes = r_.state_bytes, next = leaf_size * in_bytes_;
    alignas(64) char states[2][(max_leaves + 1) * 16];
    for (int64_t i = 0; i < leaves + (rest > 0); ++i)
      r_.leaf_pair(r_, states[0] + i * bytes, states[1] + i * bytes, x + i * next, y + i * next,
                   i < leaves ? leaf_size : rest);
    const auto finish = [&](char* to, char* s) {
      merge_leaves(s, leaves);
      if (rest) r_.merge(s, leaves * leaf_size, s + leaves * bytes, rest, 1);
      std::memcpy(to, s, size_t(bytes));
    };
    finish(state, states[0]), finish(other, states[1]);
  }
  // Neighbouring whole leaves into one state.
  void reduce_leaves(char* state, int64_t at, int64_t n) const {
    alignas(64) char states[max_leaves * 16];
    leaf_pairs(states, source(at), leaf_size, n / 2, leaf_size);
    if (n % 2)
      r_.leaf(r_, states + (n - 1) * r_.state_bytes, source(at + (n - 1) * leaf_size), leaf_size,
              0);
    merge_leaves(states, n);
    std::memcpy(state, states, size_t(r_.state_bytes));
  }
  // n states of whole leaves into the first: the second half is merged with the first, until one is
  // left.
  void merge_leaves(char* states, int64_t n) const {
    for (int64_t half; n > 1; n -= half) {
      half = n / 2;
      r_.merge(states, leaf_size, states + (n - half) * r_.state_bytes, leaf_size, half);
    }
  }

  void reduce_range(char* state, int64_t at, int64_t begin, int64_t end) const {
    const int64_t stride = reduced_.strides[0].back();
    alignas(64) char buffer[leaf_size * 8];
    if (begin == 0 && end <= leaf_size && reduced_.sizes.size() == 1)  // the usual row: one leaf
      return r_.leaf(r_, state, load(source(at), stride, end, buffer), end, 0);
    alignas(16) char memory[24 * 16];
    Tree tree(r_, memory, 1);
    int64_t first = begin, filled = 0;
    if (const int64_t leaves = dense() ? (end - begin) / leaf_size : 0; leaves > 1) {
      reduce_leaves(tree.slot(), at + begin, leaves);
      tree.push(leaves * leaf_size);
      first = begin += leaves * leaf_size;
    }
    const auto add_leaf = [&](const void* x, int64_t n) {
      r_.leaf(r_, tree.slot(), x, n, first);
      tree.push(n);
      first += n;
    };
    for_runs(reduced_, begin, end, [&](auto run, int64_t n) {
      for (int64_t i = 0, m; i < n; i += m) {
        m = std::min(leaf_size - filled, n - i);
        const char* x = source(at + run[0] + i * stride);
        if (filled == 0 && m >= leaf_size / 8) {  // not worth moving
          add_leaf(load(x, stride, m, buffer), m);
          continue;
        }
        load_row(x, stride, m, buffer + filled * itemsize(r_.load));  // short runs are put together
        if ((filled += m) == leaf_size) add_leaf(buffer, std::exchange(filled, 0));
      }
    });
    if (filled) add_leaf(buffer, filled);
    std::memcpy(state, tree.root(), size_t(r_.state_bytes));
  }

  // ---- the kept elements are neighbours: whole rows are added to each other

  // Rows that are shorter than a few vectors and follow one another in memory are taken as one, as
  // long as their order does not matter. A power of two, 1 where they are not.
  int64_t rows_as_one() const {
    const int64_t columns = kept_.sizes.back();
    int64_t rows = 1;
    if (!r_.ordered && direct_ && reduced_.sizes.size() == 1 && reduced_.along(0) == columns &&
        kept_.along(0) == 1)
      while (rows * columns < 64 && 32 * rows <= count_) rows *= 2;
    return rows;
  }

  void run_columns(int64_t columns) const {
    const int64_t strip = std::min({columns, int64_t(max_columns), strip_bytes / itemsize(r_.load),
                                    slot_bytes / r_.state_bytes});
    const int64_t strips = ceil_div(columns, strip);
    const int64_t fitting = block_elements / strip / group_rows * group_rows;
    const int64_t block =
        std::min(count_, std::clamp(fitting, group_rows, max_block_rows * rows_as_one_));
    const int64_t blocks = ceil_div(count_, block);
    std::unique_ptr<char[]> partial;
    if (blocks > 1)
      partial = std::make_unique_for_overwrite<char[]>(size_t(blocks * total_ * r_.state_bytes));
    const int64_t units = total_ / columns * strips * blocks;
    parallel_for(
        units, std::max<int64_t>(1, most_in_block(total_ * count_) / (block * strip)),
        wake_for(total_ * count_), [&](int64_t begin, int64_t end) {
          alignas(64) char memory[12 * slot_bytes];  // a tree over up to max_block_rows leaves
          for (int64_t unit = begin; unit < end; ++unit) {
            const int64_t s = unit % strips * strip, b = unit / strips % blocks,
                          matrix = unit / strips / blocks;
            const int64_t n = std::min(strip, columns - s), first = matrix * columns + s;
            for_runs(kept_, first, first + n, [&](auto at, int64_t) {
              const char* states =
                  reduce_rows(memory, at[0], b * block, std::min(count_, (b + 1) * block), n);
              if (partial)
                std::memcpy(partial.get() + (b * total_ + first) * r_.state_bytes, states,
                            size_t(n * r_.state_bytes));
              else
                emit(at, states, n);
            });
          }
        });
    if (partial) merge_blocks(partial.get(), blocks, block);
  }

  const char* reduce_rows(char* memory, int64_t at, int64_t begin, int64_t end, int64_t n) const {
    if (rows_as_one_ == 1) return add_rows(memory, at, begin, end, n);
    const int64_t together = (end - begin) / rows_as_one_ * rows_as_one_;
    return together ? add_rows_as_one(memory, at, begin, begin + together, end, n)
                    : add_rows(memory, at, begin, end, n);
  }

  const char* add_rows(char* memory, int64_t at, int64_t begin, int64_t end, int64_t n) const {
    const int64_t stride = reduced_.strides[0].back(), column_stride = kept_.strides[0].back();
    const bool in_place = direct_ && column_stride == 1;
    alignas(64) char buffer[group_rows * strip_bytes];
    Tree tree(r_, memory, n);
    const int64_t group = in_place ? r_.group : group_rows;
    int64_t first = begin;
    for_runs(reduced_, begin, end, [&](auto run, int64_t rows) {
      for (int64_t i = 0; i < rows; i += group) {
        const int64_t m = std::min(group, rows - i);
        const char* x = source(at + run[0] + i * stride);
        if (!in_place)
          kernels::convert(Place<void>{buffer, r_.load, 1, n},
                           Place<const void>{x, in_.dtype, column_stride, stride}, n, m);
        r_.rows(r_, tree.slot(), in_place ? x : buffer, in_place ? stride : n, m, n, first + i);
        tree.push(m);
      }
      first += rows;
    });
    return tree.root();
  }

  // [begin, together) as one row of n * rows_as_one_ columns, which are then folded; then the rest.
  const char* add_rows_as_one(char* memory, int64_t at, int64_t begin, int64_t together,
                              int64_t end, int64_t n) const {
    const int64_t width = n * rows_as_one_, rows = (together - begin) / rows_as_one_;
    const char* x = source(at + begin * n);
    Tree tree(r_, memory, width);
    for (int64_t i = 0; i < rows; i += group_rows) {
      const int64_t m = std::min(group_rows, rows - i);
      r_.rows(r_, tree.slot(), x + i * width * in_bytes_, width, m, width, 0);
      tree.push(m);
    }
    tree.root();  // in the first slot
    char* const states = memory;
    int64_t count = rows;
    for (int64_t half = rows_as_one_ / 2; half; half /= 2, count *= 2)
      r_.merge(states, count, states + half * n * r_.state_bytes, count, half * n);
    if (together == end) return states;
    r_.merge(states, count, add_rows(memory + slot_bytes, at, together, end, n), end - together, n);
    return states;
  }

  void load_row(const char* x, int64_t stride, int64_t n, char* to) const {
    const void* from = load(x, stride, n, to);
    if (from != to) std::memcpy(to, from, size_t(n * itemsize(r_.load)));
  }

  // partial[b][i]: the state of kept element i over block b. Merged by halves, into partial[0].
  void merge_blocks(char* partial, int64_t blocks, int64_t block) const {
    const int64_t row = total_ * r_.state_bytes;
    parallel_for(
        total_, std::max<int64_t>(64, block_elements / blocks), [&](int64_t begin, int64_t end) {
          char* p = partial + begin * r_.state_bytes;
          for (int64_t step = 1; step < blocks; step *= 2)
            for (int64_t b = 0; b + step < blocks; b += 2 * step) {
              const int64_t middle = (b + step) * block,
                            stop = std::min(count_, (b + 2 * step) * block);
              r_.merge(p + b * row, step * block, p + (b + step) * row, stop - middle, end - begin);
            }
          for_strips(begin, end, [&](auto at, int64_t first, int64_t n) {
            emit(at, partial + first * r_.state_bytes, n);
          });
        });
  }

  Reducer r_;
  const View& in_;
  const View* outs_[2];
  Loop<3> kept_;
  Loop<1> reduced_;
  int64_t count_, total_, in_bytes_;
  bool direct_;
  int64_t rows_as_one_;
};

// Few neighbouring elements into one: no plan needed.
bool reduce_small(const Reducer& r, const View& in, const View& out) {
  if (in.dtype != r.load || out.dtype != r.result[0]) return false;
  int64_t n = 1;
  for (int64_t d = in.dim() - 1; d >= 0; --d) {
    if (out.sizes[d] != 1 || (in.strides[d] != n && in.sizes[d] != 1)) return false;
    n *= in.sizes[d];
  }
  if (n > leaf_size) return false;
  alignas(16) char state[16];
  r.leaf(r, state, in.data, n, 0);
  alignas(8) char unused[8];
  void* results[2] = {out.data, unused};
  r.finish(r, state, 1, n, results);
  return true;
}

}  // namespace

void reduce(const Reducer& r, const View& in, const View* out, const View* second) {
  if (!second && reduce_small(r, in, *out)) return;
  Walk(r, in, out, second).run();
}

}  // namespace izvod::kernels::IZVOD_ISA
