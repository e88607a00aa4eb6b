#include "base/parallel.h"
#include "kernels/attention_scores.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// With P the probabilities (found again from the scores and lse) and D = sum over e of g * out, per
// query:
//   dV = P^T G,   dS = P * (G V^T - D),   dQ = scale * dS K,   dK = scale * dS^T Q
// A task is one head and a range of keys. It packs the head's queries once, then goes through its
// keys by tiles and, for each tile, through all strips of queries.
template <class S>
struct Backward {
  using T = Compute<S>;
  const Attention& p;
  const T* lse;
  const HeadRows &g, &dq, &dk, &dv;
  int64_t ranges;  // of keys; with more than one, each has its own part of dQ
  T* dq_parts;     // (ranges, batch * heads, queries, width)

  static constexpr int64_t strips_at_once = 4, strips_row = strips_at_once * strip<T>;
  static int64_t rounded(int64_t width) { return (width + strip<T> - 1) / strip<T> * strip<T>; }
  const int64_t q_row = rounded(p.width), g_row = rounded(p.value_width);
  const int64_t strips = (p.queries + strip<T> - 1) / strip<T>;
  const int64_t heads = p.batch * p.heads;

  // A strip of queries: transposed (width, strip) and as rows, padded to whole strips; q is scaled.
  struct Packed {
    T *q_columns, *q_rows, *g_columns, *g_rows, *dq_columns, *lse, *along;
  };
  // Memory for the packed strips, in one piece each.
  struct Strips {
    Packed first;
    int64_t width, value_width, q_row, g_row;
    Packed operator[](int64_t s) const {
      return {first.q_columns + s * width * strip<T>,
              first.q_rows + s * q_row * strip<T>,
              first.g_columns + s * value_width * strip<T>,
              first.g_rows + s * g_row * strip<T>,
              first.dq_columns + s * width * strip<T>,
              first.lse + s * strip<T>,
              first.along + s * strip<T>};
    }
  };
  // Of the tile of keys: its rows, what its gradients have come to, and P and dS of some strips.
  struct KeyTile {
    T *keys, *values, *dk, *dv, *p, *dp;
  };

  Strips allocate(Scratch& scratch) const {
    const int64_t n = strips * strip<T>;
    const Packed first{scratch.take<T>(n * p.width),
                       scratch.take<T>(n * q_row),
                       scratch.take<T>(n * p.value_width),
                       scratch.take<T>(n * g_row),
                       scratch.take<T>(n * p.width),
                       scratch.take<T>(n),
                       scratch.take<T>(n)};
    std::fill(first.dq_columns, first.dq_columns + n * p.width, T(0));
    return {first, p.width, p.value_width, q_row, g_row};
  }

  void pack(const Packed& to, int64_t head, int64_t query) const {
    const int64_t n = std::min(strip<T>, p.queries - query);
    const S* q = rows_of<S>(p, p.q, head) + query * p.q.row;
    const S* out = rows_of<S>(p, p.out, head) + query * p.out.row;
    const S* grad = rows_of<S>(p, g, head) + query * g.row;
    load_transposed(to.q_columns, q, p.q.row, n, p.width, T(p.scale));
    load_transposed(to.g_columns, grad, g.row, n, p.value_width, T(1));
    load_rows(to.q_rows, q_row, q, p.q.row, n, p.width, T(p.scale));
    load_rows(to.g_rows, g_row, grad, g.row, n, p.value_width);
    std::fill(to.q_rows + n * q_row, to.q_rows + strip<T> * q_row, T(0));
    std::fill(to.g_rows + n * g_row, to.g_rows + strip<T> * g_row, T(0));
    for (int64_t i = 0; i < strip<T>; ++i) {
      const T l = i < n ? lse[head * p.queries + query + i] : minus_infinity<T>;
      to.lse[i] = l == minus_infinity<T> ? -minus_infinity<T>
                                         : l;  // probabilities of zero where nothing is seen
      to.along[i] = i >= n ? T(0) : sum_over<T>(p.value_width, [&](int64_t e, int64_t k) {
        return load(grad + i * g.row + e, k) * load(out + i * p.out.row + e, k);
      });
    }
  }

  void probabilities(const Tile& tile, T* scores, const T* lse) const {
    for (int64_t j = 0; j < strip<T>; j += Vec<T>::width) {
      const Vec<T> l = Vec<T>::load(lse + j);
      for (int64_t k = 0; k < tile.keys; ++k) {
        T* at = scores + k * tile.row + j;
        exp_below_zero(Vec<T>::load(at) - l).store(at);
      }
    }
  }

  // p, dp: (keys x strip). dp becomes dS / scale, p what multiplied the values in the forward pass.
  void score_gradients(const Tile& tile, T* p_, T* dp, const T* along) const {
    if (p.keep) drop(p, tile, dp);
    for (int64_t j = 0; j < strip<T>; j += Vec<T>::width) {
      const Vec<T> d = Vec<T>::load(along + j);
      for (int64_t k = 0; k < tile.keys; ++k) {
        T* at = dp + k * tile.row + j;
        (Vec<T>::load(p_ + k * tile.row + j) * (Vec<T>::load(at) - d)).store(at);
      }
    }
    if (p.keep) drop(p, tile, p_);
  }

  // P and dS of a tile, and what they add to dQ.
  void add_tile(const Tile& tile, const KeyTile& t, T* probability, T* dp, const Packed& s,
                Upcoming& upcoming) const {
    find_scores<S>(p, tile, t.keys, s.q_columns, probability, upcoming);
    probabilities(tile, probability, s.lse);
    multiply_strip(dp, tile.row, Factor<T>{t.values, p.value_width, 1}, s.g_columns, strip<T>,
                   tile.keys, p.value_width, false, upcoming);
    score_gradients(tile, probability, dp, s.along);
    multiply_strip(s.dq_columns, strip<T>, Factor<T>{t.keys, 1, p.width}, dp, tile.row, p.width,
                   tile.keys, true, upcoming);
  }

  // What `queries` queries, whose P and dS begin at column `first`, add to dK and dV of `keys`
  // keys.
  void add_key_gradients(const KeyTile& t, const Packed& s, int64_t first, int64_t queries,
                         int64_t keys, Upcoming& upcoming) const {
    for (int64_t j = 0; j < g_row; j += strip<T>)
      multiply_strip(t.dv + j, g_row, Factor<T>{t.p + first, strips_row, 1}, s.g_rows + j, g_row,
                     keys, queries, true, upcoming);
    for (int64_t j = 0; j < q_row; j += strip<T>)
      multiply_strip(t.dk + j, q_row, Factor<T>{t.dp + first, strips_row, 1}, s.q_rows + j, q_row,
                     keys, queries, true, upcoming);
  }

  // Strips from `s` on against n keys from k on. Their scores stand side by side, so that sums over
  // queries are long, unless some of the keys are hidden from the first of them.
  void add_strips(int64_t head, int64_t s, int64_t k, int64_t n, const KeyTile& t,
                  const Strips& packed, Upcoming& upcoming) const {
    const int64_t count = std::min(strips_at_once, strips - s);
    const auto tile = [&](int64_t i) {
      const int64_t query = (s + i) * strip<T>;
      return Tile{head, query, k, keys_seen(p, query + strip<T> - 1, k, n), strips_row};
    };
    for (int64_t i = 0; i < count; ++i)
      add_tile(tile(i), t, t.p + i * strip<T>, t.dp + i * strip<T>, packed[s + i], upcoming);
    if (tile(0).keys == n) return add_key_gradients(t, packed[s], 0, count * strip<T>, n, upcoming);
    for (int64_t i = 0; i < count; ++i)
      add_key_gradients(t, packed[s + i], i * strip<T>, strip<T>, tile(i).keys, upcoming);
  }

  void run(int64_t head, int64_t range, Upcoming upcoming) const {
    const int64_t per_range = ceil_div(ceil_div(p.keys, ranges), key_tile) * key_tile;
    const int64_t begin = std::min(p.keys, range * per_range),
                  end = std::min(p.keys, begin + per_range);
    Scratch scratch;
    const Strips packed = allocate(scratch);
    for (int64_t s = 0; s < strips; ++s) pack(packed[s], head, s * strip<T>);
    const KeyTile t{
        scratch.take<T>(key_tile * p.width),    scratch.take<T>(key_tile * p.value_width),
        scratch.take<T>(key_tile * q_row),      scratch.take<T>(key_tile * g_row),
        scratch.take<T>(key_tile * strips_row), scratch.take<T>(key_tile * strips_row)};
    for (int64_t k = begin; k < end; k += key_tile) {
      const int64_t n = std::min(key_tile, end - k);
      load_rows(t.keys, p.width, rows_of<S>(p, p.k, head) + k * p.k.row, p.k.row, n, p.width);
      load_rows(t.values, p.value_width, rows_of<S>(p, p.v, head) + k * p.v.row, p.v.row, n,
                p.value_width);
      std::fill(t.dk, t.dk + n * q_row, T(0));
      std::fill(t.dv, t.dv + n * g_row, T(0));
      for (int64_t s = p.causal ? k / strip<T> : 0; s < strips; s += strips_at_once)
        add_strips(head, s, k, n, t, packed, upcoming);
      store_rows(rows_of<S>(p, dk, head) + k * dk.row, dk.row, t.dk, q_row, n, p.width);
      store_rows(rows_of<S>(p, dv, head) + k * dv.row, dv.row, t.dv, g_row, n, p.value_width);
    }
    write_dq(packed, head, range);
  }

  Upcoming rows_of_head(int64_t head) const {
    Upcoming rows;
    for (const HeadRows* x : {&p.q, &dq}) add_rows<S>(rows, p, *x, head, p.queries, p.width);
    for (const HeadRows* x : {&p.k, &dk}) add_rows<S>(rows, p, *x, head, p.keys, p.width);
    for (const HeadRows* x : {&p.out, &g}) add_rows<S>(rows, p, *x, head, p.queries, p.value_width);
    for (const HeadRows* x : {&p.v, &dv}) add_rows<S>(rows, p, *x, head, p.keys, p.value_width);
    return rows;
  }

  void write_dq(const Strips& packed, int64_t head, int64_t range) const {
    T factor[strip<T>];
    std::fill(factor, factor + strip<T>, T(p.scale));
    for (int64_t s = 0; s < strips; ++s) {
      const int64_t query = s * strip<T>, n = std::min(strip<T>, p.queries - query);
      const T* from = packed[s].dq_columns;
      if (ranges == 1)
        store_transposed(rows_of<S>(p, dq, head) + query * dq.row, dq.row, from, factor, n,
                         p.width);
      else
        store_transposed(dq_parts + ((range * heads + head) * p.queries + query) * p.width, p.width,
                         from, factor, n, p.width);
    }
  }

  // The parts of dQ, first to last.
  void add_parts(int64_t head) const {
    const int64_t step = heads * p.queries * p.width;
    for (int64_t i = 0; i < p.queries; ++i) {
      const T* from = dq_parts + (head * p.queries + i) * p.width;
      S* to = rows_of<S>(p, dq, head) + i * dq.row;
      for_lanes<T>(p.width, [&](int64_t e, int64_t k) {
        Vec<T> sum = load(from + e, k);
        for (int64_t r = 1; r < ranges; ++r) sum += load(from + r * step + e, k);
        store(to + e, sum, k);
      });
    }
  }
};

// Heads alone keep the cores busy, unless there are few of them and many keys.
int64_t key_ranges(const Attention& p) {
  if (p.batch * p.heads >= 8) return 1;
  return std::clamp<int64_t>(p.keys / 256, 1, 16);
}

void attention_backward(const Attention* problem, const void* lse, const HeadRows* g,
                        const HeadRows* dq, const HeadRows* dk, const HeadRows* dv) {
  const Attention& p = *problem;
  visit_floating(p.dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    using T = Compute<S>;
    const int64_t ranges = key_ranges(p), heads = p.batch * p.heads;
    Scratch scratch;
    T* parts = scratch.take<T>(ranges == 1 ? 0 : ranges * heads * p.queries * p.width);
    const Backward<S> backward{p, (const T*)lse, *g, *dq, *dk, *dv, ranges, parts};
    const int64_t tasks = heads * ranges;
    const int64_t queries = backward.strips * strip<T>;  // whole strips are worked on
    parallel_for(
        tasks, tasks_grain(p, tasks, queries, p.keys / ranges), [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i)
            backward.run(i / ranges, i % ranges,
                         i + 1 < end ? backward.rows_of_head((i + 1) / ranges) : Upcoming());
        });
    if (ranges > 1)
      parallel_for(heads, 1, [&](int64_t begin, int64_t end) {
        for (int64_t head = begin; head < end; ++head) backward.add_parts(head);
      });
  });
}

const Offer backward_offer(kernels::attention_backward, attention_backward);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
