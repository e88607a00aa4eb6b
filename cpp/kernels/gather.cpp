#include "kernels/gather.h"

#include <atomic>
#include <limits>
#include <memory>
#include <utility>

#include "base/parallel.h"
#include "kernels/copy.h"
#include "kernels/reduce.h"
#include "kernels/runs.h"
#include "kernels/stream.h"
#include "kernels/stretches.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Whether one of n indices lies outside [low, high): by the sign, which vectors compare best.
// Neither difference wraps for an x that lies inside.
bool any_outside(const int64_t* x, int64_t stride, int64_t n, int64_t low, int64_t high) {
  int64_t sign = 0;
  const auto differences = [low, high](int64_t x) {
    return int64_t((uint64_t(x) - uint64_t(low)) | (uint64_t(high) - 1 - uint64_t(x)));
  };
  if (stride == 1)
    for (int64_t i = 0; i < n; ++i) sign |= differences(x[i]);
  else
#pragma GCC unroll 4
    for (int64_t i = 0; i < n; ++i) sign |= differences(x[i * stride]);
  return sign < 0;
}

// ---- take

constexpr int64_t take_chunk = 512;

// Four loads, then four stores: a fifth faster than by turns. The indices of the next chunk are
// fetched meanwhile: a chunk is looked at at once, too fast for what the hardware fetches.
template <class T>
void take_neighbours(T* to, const T* from, const int64_t* x, int64_t n) {
  int64_t i = 0;
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    for (; i + 8 <= n; i += 8) {
      __builtin_prefetch(x + i + take_chunk);
      const __m256i y = _mm512_i64gather_epi32(_mm512_loadu_si512(x + i), from, sizeof(T));
      std::memcpy(to + i, &y, sizeof y);
    }
#endif
  for (; i + 4 <= n; i += 4) {
    __builtin_prefetch(x + i + take_chunk);
    const T a = from[x[i]], b = from[x[i + 1]], c = from[x[i + 2]], d = from[x[i + 3]];
    to[i] = a, to[i + 1] = b, to[i + 2] = c, to[i + 3] = d;
  }
  for (; i < n; ++i) to[i] = from[x[i]];
}

// One stretch along one dimension; strides in elements.
template <class T>
struct TakeRun {
  int64_t so, si, sx, scale, size;
  int64_t down;  // of `from`, to the next row

  // False if an index is not in [0, size).
  bool checked(T* to, const T* from, const int64_t* x, int64_t n, bool streams) const {
    constexpr int64_t line = 64 / int64_t(sizeof(T));
    if (sx == 0) return !any_outside(x, 1, 1, 0, size) && row(to, from + *x * scale, n);
    // Most of a short row will be read, but in an order that nothing fetches ahead of: the next one
    // is, while this one is read.
    if (neighbours() && size <= 8 * n && size <= 256 * line)
      for (int64_t i = 0; i < size; i += line) __builtin_prefetch(from + down + i);
    for (int64_t i = 0; i < n; i += take_chunk) {
      const int64_t m = std::min(take_chunk, n - i);
      if (any_outside(x + i * sx, sx, m, 0, size)) return false;
      if (sizeof(T) >= 4 && streams) {  // smaller numbers are seldom so many
        alignas(64) T piece[take_chunk];
        take_neighbours(piece, from, x + i, m);
        stream(to + i, piece, m * int64_t(sizeof(T)));
      } else {
        (*this)(to + i * so, from + i * si, x + i * sx, m);
      }
    }
    return true;
  }
  void operator()(T* to, const T* from, const int64_t* x, int64_t n) const {
    if (neighbours()) return take_neighbours(to, from, x, n);
    apart(to, from, x, n);
  }

 private:
  // By itself: within the loops around it there are too few registers.
  [[gnu::noinline]] void apart(T* to, const T* from, const int64_t* x, int64_t n) const {
#pragma GCC unroll 4
    for (int64_t k = 0; k < n; ++k) to[k * so] = from[k * si + x[k * sx] * scale];
  }
  bool neighbours() const { return sx == 1 && so == 1 && si == 0 && scale == 1; }
  bool row(T* to, const T* from, int64_t n) const {  // one index for all
    for (int64_t i = 0; i < n; ++i) to[i * so] = from[i * si];
    return true;
  }
};

// The same for rows of neighbours that have one index each: false if one is not in [0, size).
template <class T>
bool take_rows(const Loop<3>& loop, T* to, const T* from, const int64_t* index, int64_t scale,
               int64_t size, bool streams, int64_t begin, int64_t end) {
  bool inside = true;
  for_rows(loop, begin, end, [&](const auto& at, int64_t n, int64_t rows) {
    const int64_t *x = index + at[2], step = loop.down(2);
    inside = inside && !any_outside(x, step, rows, 0, size);
    if (!inside) return;
    const int64_t bytes = n * int64_t(sizeof(T));
    const auto each_row = [=, y = to + at[0], source = from + at[1], to_step = loop.down(0),
                           from_step = loop.down(1)](auto copy) {
      for (int64_t r = 0; r < rows; ++r)
        copy((char*)(y + r * to_step), (const char*)(source + r * from_step + x[r * step] * scale));
    };
    if (streams)
      each_row([=](char* to, const char* from) { stream(to, from, bytes); });
    else
      with_copy(bytes, each_row);
  });
  return inside;
}

// Elements [begin, end) of the loop; false if an index is not in [0, size). The indices are looked
// at while they come to the cache: a chunk at a time, those of short rows all at once.
template <class T>
bool take_range(const Loop<3>& loop, T* to, const T* from, const int64_t* index, int64_t scale,
                int64_t size, bool streams, int64_t begin, int64_t end) {
  const bool rows = loop.along(0) == 1 && loop.along(1) == 1 && loop.along(2) == 0;
  if (rows && loop.sizes.back() * int64_t(sizeof(T)) >= 16)
    return take_rows(loop, to, from, index, scale, size, streams, begin, end);
  bool inside = true;
  const int64_t width = loop.sizes.back();
  const bool together = loop.along(2) == 1 && loop.down(2) == width && width <= take_chunk / 2;
  if (together)
    for_rows(loop, begin, end, [&](const auto& at, int64_t n, int64_t rows) {
      inside = inside && !any_outside(index + at[2], 1, n * rows, 0, size);
    });
  if (inside)
    for_long_runs(loop, begin, end, [&](const auto& at, int64_t n, const auto& strides) {
      const TakeRun<T> run{strides[0], strides[1], strides[2], scale, size, loop.down(1)};
      if (together)
        run(to + at[0], from + at[1], index + at[2], n);
      else
        inside = inside && run.checked(to + at[0], from + at[1], index + at[2], n, streams);
    });
  return inside;
}

bool take(const View& out, const View& in, const View& index, int64_t scale, int64_t size) {
  const Loop<3> loop({&out, &in, &index});
  const int64_t n = loop.numel(), bytes = itemsize(out.dtype);
  const bool rows = loop.along(1) == 1 && loop.along(2) == 0,
             neighbours = loop.along(1) == 0 && loop.along(2) == 1 && scale == 1;
  const bool streams = n * bytes >= stream_from && loop.along(0) == 1 && (rows || neighbours) &&
                       loop.sizes.back() * bytes >= 512;
  std::atomic<bool> inside{true};
  visit_itemsize(bytes, [&](auto t) {
    using T = typename decltype(t)::type;
    parallel_for(n, run_block(n), [&](int64_t begin, int64_t end) {
      if (!take_range(loop, out.ptr<T>(), in.ptr<const T>(), index.ptr<const int64_t>(), scale,
                      size, streams, begin, end))
        inside.store(false, std::memory_order_relaxed);
      if (streams) stream_end();
    });
  });
  return inside;
}

// ---- put

template <Put how, class T>
inline T put_one(T old, T x) {
  if constexpr (how == Put::Assign)
    return x;
  else if constexpr (std::is_same_v<T, bool>)
    return how == Put::Multiply || how == Put::Min ? old && x : old || x;
  else if constexpr (how == Put::Add)
    return T(old + x);
  else if constexpr (how == Put::Multiply)
    return T(old * x);
  else if constexpr (how == Put::Max)
    return x != x || x > old ? x : old;
  else
    return x != x || x < old ? x : old;
}

// Of the output, the index, the input: how far it is to the next element, in elements.
using Strides3 = std::array<int64_t, 3>;

// Rows of n places.
struct PutBlock {
  char* to;
  const int64_t* index;
  const char* from;
  Strides3 along, down;
  int64_t n, rows;

  void advance(const Strides3& strides, int64_t bytes) {
    to += strides[0] * bytes, index += strides[1], from += strides[2] * bytes;
  }
};

// Each row in order.
using PutRows = void(PutBlock block, int64_t scale);

template <Put how, class T>
void put_rows(PutBlock block, int64_t scale) {
  const auto [so, sx, si] = block.along;
  const int64_t n = block.n;
  const bool onto_row = sx == 0 && so == 1 && si == 1;
  for (; block.rows; --block.rows, block.advance(block.down, sizeof(T))) {
    T* to = reinterpret_cast<T*>(block.to);
    const int64_t* x = block.index;
    const T* from = reinterpret_cast<const T*>(block.from);
    if (onto_row) {
      T* y = to + *x * scale;
      for (int64_t i = 0; i < n; ++i) y[i] = put_one<how>(y[i], from[i]);
    } else {
      for (int64_t i = 0; i < n; ++i) {
        T& place = to[i * so + x[i * sx] * scale];
        place = put_one<how>(place, from[i * si]);
      }
    }
  }
}

// Few long rows: pieces of them, which the first-level cache holds.
void put_pieces(PutRows* put, int64_t bytes, PutBlock block, int64_t scale) {
  const int64_t piece = block.rows < 16 ? long_run : block.n;
  const auto [to, x, from] = block.along;
  const Strides3 step{to * piece, x * piece, from * piece};
  for (int64_t left = block.n; left > 0; left -= piece, block.advance(step, bytes)) {
    block.n = std::min(piece, left);
    put(block, scale);
  }
}

// Elements that differ in a dimension where `out` has a stride never meet: these dimensions are
// shared out to the threads. Along the others, everything runs in order.
struct PutLoops {
  Loop<3> apart, together;  // operands: out, index, in

  static Loop<3> pick(const View& out, const View& index, const View& in, bool stride) {
    View views[3] = {out, index, in};
    const View* from[3] = {&out, &index, &in};
    for (int k = 0; k < 3; ++k) {
      views[k].sizes.clear();
      views[k].strides.clear();
      for (int64_t d = 0; d < out.dim(); ++d) {
        if ((out.strides[d] != 0) != stride) continue;
        views[k].sizes.push_back(from[k]->sizes[d]);
        views[k].strides.push_back(from[k]->strides[d]);
      }
    }
    return Loop<3>({&views[0], &views[1], &views[2]}, stride);
  }
  PutLoops(const View& out, const View& index, const View& in)
      : apart(pick(out, index, in, true)), together(pick(out, index, in, false)) {}
};

PutRows* rows_for(DType type, Put how) {
  PutRows* rows = nullptr;
  if (how == Put::Assign)
    visit_itemsize(itemsize(type),
                   [&](auto t) { rows = put_rows<Put::Assign, typename decltype(t)::type>; });
  else
    visit(type, [&](auto t) {
      using T = typename decltype(t)::type;
      rows = how == Put::Add        ? put_rows<Put::Add, T>
             : how == Put::Multiply ? put_rows<Put::Multiply, T>
             : how == Put::Max      ? put_rows<Put::Max, T>
                                    : put_rows<Put::Min, T>;
    });
  return rows;
}

void put(const View& out, const View& index, int64_t scale, const View& in, Put how) {
  const PutLoops loops(out, index, in);
  const Loop<3>&apart = loops.apart, &together = loops.together;
  const int64_t depth = together.numel(), width = apart.numel(), bytes = itemsize(out.dtype);
  if (depth == 0) return;
  PutRows* const put = rows_for(out.dtype, how);
  const Strides3 across{apart.along(0), apart.along(1), apart.along(2)},
      on{together.along(0), together.along(1), together.along(2)};
  parallel_for(width, std::max<int64_t>(128, run_grain / depth), [&](int64_t begin, int64_t end) {
    for_runs(apart, begin, end, [&](const auto& at, int64_t n) {
      for_runs(together, 0, depth, [&](const auto& start, int64_t count) {
        PutBlock block{out.ptr<char>(),
                       index.ptr<const int64_t>(),
                       in.ptr<const char>(),
                       across,
                       on,
                       n,
                       count};
        block.advance(at, bytes);
        block.advance(start, bytes);
        // Rows onto rows, or each column from end to end; the order at each place is the same.
        const bool by_rows = count < 16 || (n >= 16 && (across[2] == 1 || on[2] != 1));
        if (!by_rows) std::swap(block.along, block.down), std::swap(block.n, block.rows);
        put_pieces(put, bytes, block, scale);
      });
    });
  });
}

// ---- indices

bool in_bounds(const View& index, int64_t low, int64_t high, int64_t* bad) {
  const Loop<1> loop({&index}, false);
  const int64_t n = loop.numel(), block = run_block(n), stride = loop.strides[0].back();
  std::atomic<int64_t> first_block{std::numeric_limits<int64_t>::max()};
  parallel_for(n, block, [&](int64_t begin, int64_t end) {
    bool any = false;
    for_long_runs(loop, begin, end, [&](auto at, int64_t m, const auto& stride) {
      any |= any_outside(index.ptr<const int64_t>() + at[0], stride[0], m, low, high);
    });
    int64_t seen = first_block.load();
    while (any && begin < seen && !first_block.compare_exchange_weak(seen, begin)) {
    }
  });
  const int64_t begin = first_block.load();
  if (begin == std::numeric_limits<int64_t>::max()) return true;
  bool found = false;
  for_runs(loop, begin, std::min(n, begin + block), [&](auto at, int64_t m) {
    const int64_t* x = index.ptr<const int64_t>() + at[0];
    for (int64_t i = 0; i < m && !found; ++i)
      if (x[i * stride] < low || x[i * stride] >= high) *bad = x[i * stride], found = true;
  });
  return false;
}

void add_offsets(const View& offsets, const View& index, int64_t size, int64_t stride) {
  const Loop<2> loop({&offsets, &index});
  parallel_for(loop.numel(), run_block(loop.numel()), [&](int64_t begin, int64_t end) {
    for_long_runs(loop, begin, end, [&](auto at, int64_t n, const auto& strides) {
      const auto [so, sx] = strides;
      int64_t* to = offsets.ptr<int64_t>() + at[0];
      const int64_t* x = index.ptr<const int64_t>() + at[1];
      for (int64_t i = 0; i < n; ++i)
        to[i * so] += (x[i * sx] < 0 ? x[i * sx] + size : x[i * sx]) * stride;
    });
  });
}

// ---- what a mask selects

// f(first, begin, end) for blocks of the loop over `mask`, `first` being the number of selected
// elements before the block.
template <int count, class F>
void for_selected(const Loop<count>& loop, const char* mask, F f) {
  const int64_t n = loop.numel(), blocks = ceil_div(n, run_grain), stride = loop.strides[0].back();
  const auto first = std::make_unique<int64_t[]>(size_t(blocks + 1));
  if (blocks > 1)
    parallel_for(n, run_grain, [&](int64_t begin, int64_t end) {
      int64_t total = 0;
      for_runs(loop, begin, end, [&](auto at, int64_t m) {
        for (int64_t i = 0; i < m; ++i) total += mask[at[0] + i * stride] != 0;
      });
      first[size_t(begin / run_grain + 1)] = total;
    });
  for (int64_t b = 0; b < blocks; ++b) first[size_t(b + 1)] += first[size_t(b)];
  parallel_for(n, run_grain, [&](int64_t begin, int64_t end) {
    f(first[size_t(begin / run_grain)], begin, end);
  });
}

// The places among the n elements at `mask` that are set, without a branch that would be
// mispredicted.
constexpr int64_t mask_chunk = 512;
int64_t chosen_places(int32_t* places, const char* mask, int64_t stride, int64_t n) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) {
    places[count] = int32_t(i);
    count += mask[i * stride] != 0;
  }
  return count;
}

// f(row element, other element) for the k-th element of a row `line` and the k-th place of `all`
// that the mask picks.
template <class F>
void with_selected(const View& line, const View& all, const View& mask, F f) {
  const Loop<2> loop({&mask, &all}, false);
  const int64_t sm = loop.strides[0].back(), sa = loop.strides[1].back(), step = line.strides[0];
  const char* m = mask.ptr<const char>();
  visit_itemsize(itemsize(line.dtype), [&](auto t) {
    using T = typename decltype(t)::type;
    for_selected(loop, m, [&](int64_t first, int64_t begin, int64_t end) {
      T* next = line.ptr<T>() + first * step;
      int32_t places[mask_chunk];
      for_runs(loop, begin, end, [&](auto at, int64_t n) {
        for (int64_t i = 0; i < n; i += mask_chunk) {
          const int64_t count =
              chosen_places(places, m + at[0] + i * sm, sm, std::min(mask_chunk, n - i));
          T* x = all.ptr<T>() + at[1] + i * sa;
          for (int64_t k = 0; k < count; ++k, next += step) f(*next, x[places[k] * sa]);
        }
      });
    });
  });
}

void masked_select(const View& out, const View& in, const View& mask) {
  with_selected(out, in, mask, [](auto& y, auto& x) { y = x; });
}
void masked_place(const View& out, const View& in, const View& mask) {
  with_selected(in, out, mask, [](auto& x, auto& y) { y = x; });
}

// `mask` is dense and has in's sizes.
void write_places(const View& out, const View& mask) {
  const int64_t dims = mask.dim();
  const char* m = mask.ptr<const char>();
  for_selected(Loop<1>({&mask}, false), m, [&](int64_t first, int64_t begin, int64_t end) {
    int64_t* to = out.ptr<int64_t>() + first * out.strides[0];
    int32_t places[mask_chunk];
    for (int64_t i = begin; i < end; i += mask_chunk) {
      const int64_t count = chosen_places(places, m + i, 1, std::min(mask_chunk, end - i));
      for (int64_t k = 0; k < count; ++k, to += out.strides[0]) {
        int64_t rest = i + places[k];
        for (int64_t d = dims - 1; d > 0; --d) {
          to[d * out.strides[1]] = rest % mask.sizes[d];
          rest /= mask.sizes[d];
        }
        to[0] = rest;
      }
    }
  });
}

void nonzero(const View& out, const View& in) {
  const int64_t n = in.numel();
  if (n == 0) return;
  const auto memory = std::make_unique_for_overwrite<bool[]>(size_t(n));
  View mask{memory.get(), DType::Bool, in.sizes, Dims(in.dim())};
  int64_t step = 1;
  for (int64_t d = in.dim() - 1; d >= 0; --d) mask.strides[d] = step, step *= in.sizes[d];
  kernels::copy(mask, in);
  write_places(out, mask);
}

const Offer offers[] = {
    {kernels::take, take}, {kernels::put, put}, {kernels::in_bounds, in_bounds}};
const Offer more_offers[] = {{kernels::add_offsets, add_offsets},
                             {kernels::nonzero, nonzero},
                             {kernels::masked_select, masked_select},
                             {kernels::masked_place, masked_place}};

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
