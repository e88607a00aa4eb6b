#pragma once
// What the forward and the backward pass share: scores of a tile of keys against a strip of
// queries, masks, dropout. Included by attention*.cpp only.
#include "kernels/attention.h"
#include "kernels/attention_tiles.h"
#include "kernels/vec_math.h"

namespace izvod::kernels::IZVOD_ISA {

// `keys` keys from `key` on against the strip of queries from `query` on; head counts through all
// batches. Scores have a row per key, `row` apart.
struct Tile {
  int64_t head, query, key, keys, row;
};

template <class S>
static S* rows_of(const Attention& p, const HeadRows& x, int64_t head) {
  return static_cast<S*>(x.data) + head / p.heads * x.batch + head % p.heads * x.head;
}

// How many of the n keys from `key` on are seen by `query` or a query before it.
static inline int64_t keys_seen(const Attention& p, int64_t query, int64_t key, int64_t n) {
  return p.causal ? std::min(n, query + 1 - key) : n;
}

// How many of `tasks` tasks, of so many queries and keys each, make a block of parallel_for: enough
// to be worth while, and for most to find their rows fetched by the one before.
static inline int64_t tasks_grain(const Attention& p, int64_t tasks, int64_t queries,
                                  int64_t keys) {
  const int64_t work = queries * std::max<int64_t>(keys, 1) * (p.width + p.value_width + 32);
  const int64_t most = std::max<int64_t>(1, (int64_t(1) << 22) / work);
  return tasks <= most ? most : ceil_div(tasks, even_blocks(tasks, most));
}

template <class S>
static void add_rows(Upcoming& upcoming, const Attention& p, const HeadRows& x, int64_t head,
                     int64_t rows, int64_t width) {
  upcoming.add(rows_of<S>(p, x, head), rows, width * int64_t(sizeof(S)),
               x.row * int64_t(sizeof(S)));
}

// Lanes of queries that come before the key become -inf.
template <class T>
static void hide_later_keys(const Tile& tile, T* scores) {
  typename Mask<T>::Native lane;
  for (int i = 0; i < Vec<T>::width; ++i) lane[i] = i;
  for (int64_t k = std::max<int64_t>(0, tile.query + 1 - tile.key); k < tile.keys; ++k)
    for (int64_t j = 0; j < strip<T>; j += Vec<T>::width) {
      T* at = scores + k * tile.row + j;
      const Mask<T> hidden{lane < typename Vec<T>::Int(tile.key + k - tile.query - j)};
      where(hidden, Vec<T>(minus_infinity<T>), Vec<T>::load(at)).store(at);
    }
}

// The element of an array over (batch, heads, queries, keys) for lane i and key k of a tile. Lanes
// beyond the last query repeat it.
struct PairIndex {
  int64_t base, query_stride, key_stride, query, last_query;
  PairIndex(const Attention& p, const Tile& t, const int64_t (&s)[4])
      : base(t.head / p.heads * s[0] + t.head % p.heads * s[1] + t.key * s[3]),
        query_stride(s[2]),
        key_stride(s[3]),
        query(t.query),
        last_query(p.queries - 1) {}
  int64_t operator()(int64_t i, int64_t k) const {
    return base + std::min(query + i, last_query) * query_stride + k * key_stride;
  }
};

// Adds the mask to (keys x queries), of the tile's first queries.
template <class S, class T = Compute<S>>
static void apply_mask(const Attention& p, const Tile& tile, T* scores,
                       int64_t queries = strip<T>) {
  const PairIndex at(p, tile, p.mask_strides);
  for (int64_t i = 0; i < queries; ++i)
    for (int64_t k = 0; k < tile.keys; ++k) {
      T& score = scores[k * tile.row + i];
      if (p.mask_dtype != DType::Bool)
        score += T(static_cast<const S*>(p.mask)[at(i, k)]);
      else if (!static_cast<const bool*>(p.mask)[at(i, k)])
        score = minus_infinity<T>;
    }
}

// scores (keys x strip): the tile's keys times the strip's transposed and scaled queries, masked.
template <class S, class T = Compute<S>>
static void find_scores(const Attention& p, const Tile& tile, const T* keys, const T* q, T* scores,
                        Upcoming& upcoming) {
  multiply_strip(scores, tile.row, Factor<T>{keys, p.width, 1}, q, strip<T>, tile.keys, p.width,
                 false, upcoming);
  if (p.mask) apply_mask<S>(p, tile, scores);
  if (p.causal) hide_later_keys(tile, scores);
}

// Multiplies (keys x queries), of the tile's first queries, by 0 or keep_scale.
template <class T>
static void drop(const Attention& p, const Tile& tile, T* x, int64_t queries = strip<T>) {
  const PairIndex at(p, tile, {p.heads * p.queries * p.keys, p.queries * p.keys, p.keys, 1});
  for (int64_t i = 0; i < queries; ++i)
    for (int64_t k = 0; k < tile.keys; ++k)
      x[k * tile.row + i] *= p.keep[at(i, k)] ? T(p.keep_scale) : T(0);
}

}  // namespace izvod::kernels::IZVOD_ISA
