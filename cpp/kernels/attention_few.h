#pragma once
// Attention of few queries, as when a text is continued token by token. Included by attention.cpp
// only.
#include "kernels/attention_scores.h"

namespace izvod::kernels::IZVOD_ISA {

// Note [Few queries]
// Most lanes of a strip would be empty. One query at a time reads keys and values where they are,
// each once: scores are dot products with a vector's width of keys at a time, and what is added to
// the result is as many of its vectors as registers hold. All scores of a query are kept, so that
// its largest one is known before the first exponential.
template <class T>
inline constexpr int64_t few_queries = 3 * strip<T> / 8;

template <class S>
class FewQueries {
 public:
  using T = Compute<S>;
  using V = Vec<T>;
  FewQueries(const Attention& p, T* lse) : p_(p), lse_(lse) {}

  void run() const {
    const int64_t tasks = p_.batch * p_.heads * p_.queries,
                  cost = std::max<int64_t>(p_.keys, 1) * (p_.width + p_.value_width);
    parallel_for(tasks, rows_grain(tasks, cost), wake_for(tasks * cost),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) attend(i / p_.queries, i % p_.queries);
                 });
  }

 private:
  static constexpr int64_t lanes = V::width;
  const Attention& p_;
  T* lse_;

  void attend(int64_t head, int64_t query) const {
    const int64_t keys = std::max<int64_t>(0, keys_seen(p_, query, 0, p_.keys));
    const Tile tile{head, query, 0, keys, 1};
    Scratch scratch;
    T* q = scratch.take<T>(p_.width);
    T* x = scratch.take<T>(ceil_div(keys, lanes) * lanes);  // scores, then probabilities
    load_rows(q, p_.width, rows_of<S>(p_, p_.q, head) + query * p_.q.row, p_.q.row, 1, p_.width,
              T(p_.scale));
    multiply_keys(q, head, keys, x);
    if (p_.mask) apply_mask<S>(p_, tile, x, 1);
    const T top = max_of_row(x, keys), shift = top == minus_infinity<T> ? T(0) : top;
    const T total = sum_over<T>(keys, [&](int64_t k, int64_t n) {
      const V e = exp_below_zero(V::load(x + k, n) - shift);
      e.store(x + k, n);
      return e;
    });
    lse_[head * p_.queries + query] = top + std::log(total);
    if (p_.keep) drop(p_, tile, x, 1);
    const T factor = total == 0 ? T(0) : T(1) / total;
    add_values(x, head, keys, factor, rows_of<S>(p_, p_.out, head) + query * p_.out.row);
  }

  // x[k] = q . key k, for whole vectors of keys: the last one repeats the last key.
  void multiply_keys(const T* q, int64_t head, int64_t keys, T* x) const {
    const S* from = rows_of<S>(p_, p_.k, head);
    for (int64_t k = 0; k < keys; k += lanes) {
      V sums[lanes];
#pragma GCC unroll 16
      for (V& s : sums) s = T(0);
      const S* row[lanes];
      for (int64_t i = 0; i < lanes; ++i) row[i] = from + std::min(k + i, keys - 1) * p_.k.row;
      for_lanes<T>(p_.width, [&](int64_t e, int64_t n) {
        const V y = load(q + e, n);
#pragma GCC unroll 16
        for (int64_t i = 0; i < lanes; ++i) {
          __builtin_prefetch(row[i] + e + lanes * p_.k.row);
          sums[i] = fma(y, load(row[i] + e, n), sums[i]);
        }
      });
      add_lanes_of_each(sums).store(x + k);
    }
  }

  // out = factor times the sum of the values, of which value k counts x[k] times.
  void add_values(const T* x, int64_t head, int64_t keys, T factor, S* out) const {
    constexpr int64_t vecs = 4, breadth = vecs * lanes;
    const S* from = rows_of<S>(p_, p_.v, head);
    for (int64_t e = 0; e < p_.value_width; e += breadth) {
      const int64_t n = std::min(breadth, p_.value_width - e);
      V total[vecs];
      for (V& t : total) t = T(0);
      // A float that has seen thousands of additions has lost digits.
      for (int64_t k = 0; k < keys; k += key_tile)
        n == breadth
            ? add_tile<vecs>(total, x + k, from + k * p_.v.row + e, std::min(key_tile, keys - k))
            : add_narrow(total, x + k, from + k * p_.v.row + e, std::min(key_tile, keys - k), n);
      for (int64_t j = 0; j < n; j += lanes) store(out + e + j, total[j / lanes] * factor, n - j);
    }
  }
  // Even and odd keys by themselves: four sums would wait for each other.
  template <int vecs>
  void add_tile(V* total, const T* x, const S* from, int64_t keys) const {
    V sums[2][vecs];
#pragma GCC unroll 8
    for (int j = 0; j < vecs; ++j) sums[0][j] = sums[1][j] = T(0);
    const auto add = [&](V* to, int64_t k) {
      const V y = x[k];
#pragma GCC unroll 8
      for (int j = 0; j < vecs; ++j) to[j] = fma(y, load(from + k * p_.v.row + j * lanes), to[j]);
    };
    int64_t k = 0;
    for (; k + 2 <= keys; k += 2) add(sums[0], k), add(sums[1], k + 1);
    if (k < keys) add(sums[0], k);
#pragma GCC unroll 8
    for (int j = 0; j < vecs; ++j) total[j] += sums[0][j] + sums[1][j];
  }
  void add_narrow(V* total, const T* x, const S* from, int64_t keys, int64_t n) const {
    for (int64_t j = 0; j < n; j += lanes) {
      V sum = T(0);
      for (int64_t k = 0; k < keys; ++k)
        sum = fma(V(x[k]), load(from + k * p_.v.row + j, n - j), sum);
      total[j / lanes] += sum;
    }
  }
};

}  // namespace izvod::kernels::IZVOD_ISA
