#include "kernels/attention.h"

#include "base/parallel.h"
#include "kernels/attention_few.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Queries that share one packed copy of keys and values: four strips of floats.
constexpr int64_t query_block = 4 * strip<float>;

// The state of one strip of queries while the keys pass by.
template <class T>
struct Strip {
  T *q, *out;      // transposed: (width, strip) scaled, (value_width, strip)
  T *top, *total;  // per query: the largest score so far, the sum of exponentials relative to it

  static constexpr int64_t vectors = 2, lanes = Vec<T>::width;

  // scores (keys x strip) become exponentials; what has been summed so far is scaled to the new
  // maximum.
  void exponentials(T* scores, int64_t keys, int64_t value_width) {
    for (int64_t j = 0; j < strip<T>; j += lanes) {
      const Vec<T> old = Vec<T>::load(top + j);
      Vec<T> now = old;
      for (int64_t k = 0; k < keys; ++k) now = max(Vec<T>::load(scores + k * strip<T> + j), now);
      // While nothing is seen the maximum is -inf: any finite number in its place gives
      // exponentials of zero.
      const Vec<T> shift = where(now == Vec<T>(minus_infinity<T>), Vec<T>(T(0)), now);
      const Vec<T> shrink = exp(old - shift);
      Vec<T> sum = Vec<T>::load(total + j) * shrink;
      for (int64_t k = 0; k < keys; ++k) {
        const Vec<T> e = exp_below_zero(Vec<T>::load(scores + k * strip<T> + j) - shift);
        e.store(scores + k * strip<T> + j);
        sum += e;
      }
      now.store(top + j);
      sum.store(total + j);
      for (int64_t e = 0; e < value_width; ++e)
        (Vec<T>::load(out + e * strip<T> + j) * shrink).store(out + e * strip<T> + j);
    }
  }
};

template <class S>
struct Forward {
  using T = Compute<S>;
  const Attention& p;
  T* lse;

  // One block of queries of one head.
  void run(int64_t head, int64_t begin, Upcoming upcoming) const {
    const int64_t end = std::min(p.queries, begin + query_block),
                  strips = (end - begin + strip<T> - 1) / strip<T>;
    Scratch scratch;
    T* keys = scratch.take<T>(key_tile * p.width);
    T* values = scratch.take<T>(key_tile * p.value_width);
    T* scores = scratch.take<T>(key_tile * strip<T>);
    T* q = scratch.take<T>(strips * p.width * strip<T>);
    T* out = scratch.take<T>(strips * p.value_width * strip<T>);
    T top[2 * query_block], total[2 * query_block];
    std::fill(out, out + strips * p.value_width * strip<T>, T(0));
    std::fill(top, top + strips * strip<T>, minus_infinity<T>);
    std::fill(total, total + strips * strip<T>, T(0));
    const auto strip_at = [&](int64_t s) {
      return Strip<T>{q + s * p.width * strip<T>, out + s * p.value_width * strip<T>,
                      top + s * strip<T>, total + s * strip<T>};
    };
    const S *qs = rows_of<S>(p, p.q, head), *ks = rows_of<S>(p, p.k, head),
            *vs = rows_of<S>(p, p.v, head);
    for (int64_t s = 0; s < strips; ++s) {
      const int64_t first = begin + s * strip<T>;
      load_transposed(strip_at(s).q, qs + first * p.q.row, p.q.row, end - first, p.width,
                      T(p.scale));
    }
    const int64_t seen = p.causal ? std::min(p.keys, end) : p.keys;
    for (int64_t k = 0; k < seen; k += key_tile) {
      const int64_t n = std::min(key_tile, seen - k);
      load_rows(keys, p.width, ks + k * p.k.row, p.k.row, n, p.width);
      load_rows(values, p.value_width, vs + k * p.v.row, p.v.row, n, p.value_width);
      for (int64_t s = 0; s < strips; ++s) {
        const Tile tile{head, begin + s * strip<T>, k,
                        keys_seen(p, begin + s * strip<T> + strip<T> - 1, k, n), strip<T>};
        if (tile.keys > 0) add_tile(strip_at(s), tile, keys, values, scores, upcoming);
      }
    }
    for (int64_t s = 0; s < strips; ++s) finish(strip_at(s), head, begin + s * strip<T>, end);
  }

  Upcoming rows_of_head(int64_t head) const {
    Upcoming rows;
    add_rows<S>(rows, p, p.q, head, p.queries, p.width);
    add_rows<S>(rows, p, p.k, head, p.keys, p.width);
    add_rows<S>(rows, p, p.v, head, p.keys, p.value_width);
    add_rows<S>(rows, p, p.out, head, p.queries, p.value_width);
    return rows;
  }

  void add_tile(Strip<T> strip_state, const Tile& tile, const T* keys, const T* values, T* scores,
                Upcoming& upcoming) const {
    find_scores<S>(p, tile, keys, strip_state.q, scores, upcoming);
    strip_state.exponentials(scores, tile.keys, p.value_width);
    if (p.keep) drop(p, tile, scores);
    multiply_strip(strip_state.out, strip<T>, Factor<T>{values, 1, p.value_width}, scores, strip<T>,
                   p.value_width, tile.keys, true, upcoming);
  }

  void finish(const Strip<T>& state, int64_t head, int64_t first, int64_t end) const {
    const int64_t n = std::min(strip<T>, end - first);
    T factor[strip<T>];
    for (int64_t j = 0; j < strip<T>; j += Vec<T>::width) {
      const Vec<T> total = Vec<T>::load(state.total + j);
      where(total == Vec<T>(T(0)), Vec<T>(T(0)), Vec<T>(T(1)) / total).store(factor + j);
      const int64_t count = std::min<int64_t>(Vec<T>::width, n - j);
      if (count > 0)
        store(lse + head * p.queries + first + j, Vec<T>::load(state.top + j) + log(total), count);
    }
    store_transposed(rows_of<S>(p, p.out, head) + first * p.out.row, p.out.row, state.out, factor,
                     n, p.value_width);
  }
};

void attention(const Attention* problem, void* lse) {
  const Attention& p = *problem;
  visit_floating(p.dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    if (p.queries < few_queries<Compute<S>>) return FewQueries<S>(p, (Compute<S>*)lse).run();
    const Forward<S> forward{p, (Compute<S>*)lse};
    const int64_t blocks = ceil_div(p.queries, query_block);
    const int64_t tasks = p.batch * p.heads * blocks;
    parallel_for(tasks, tasks_grain(p, tasks, query_block, p.keys),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i)
                     forward.run(i / blocks, i % blocks * query_block,
                                 i + 1 < end ? forward.rows_of_head((i + 1) / blocks) : Upcoming());
                 });
  });
}

const Offer forward_offer(kernels::attention, attention);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
