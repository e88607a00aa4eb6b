#include "kernels/embedding.h"

#include "base/parallel.h"
#include "kernels/rows.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// The positions of each row's indices, in rising order: those of row r are order[start[r]] to
// order[start[r + 1]].
struct Groups {
  int64_t *start, *order;

  Groups(Scratch& scratch, const int64_t* index, int64_t count, int64_t rows)
      : start(scratch.take<int64_t>(rows + 2)), order(scratch.take<int64_t>(count)) {
    // Counted two places ahead: summed up, start[r + 1] is where group r begins, and filling moves
    // it to its end.
    std::fill(start, start + rows + 2, 0);
    for (int64_t i = 0; i < count; ++i) ++start[index[i] + 2];
    for (int64_t r = 0; r <= rows; ++r) start[r + 1] += start[r];
    for (int64_t i = 0; i < count; ++i) order[start[index[i] + 1]++] = i;
  }
};

template <class S, class T = Compute<S>>
void sum_group(S* to, const S* g, const int64_t* at, int64_t terms, int64_t n, T factor) {
  Scratch scratch;
  T* sum;
  if constexpr (std::is_same_v<S, T>)
    sum = to;
  else
    sum = scratch.take<T>(n);
  std::fill(sum, sum + n, T(0));
  for (int64_t t = 0; t < terms; ++t)
    for_lanes<T>(n, [&](int64_t i, int64_t k) {
      store(sum + i, load(sum + i, k) + load(g + at[t] * n + i, k), k);
    });
  if (!std::is_same_v<S, T> || factor != T(1))
    for_lanes<T>(n, [&](int64_t i, int64_t k) { store(to + i, load(sum + i, k) * factor, k); });
}

// Cut by rows of dweight: each is summed by one thread, in the order of its indices.
void embedding_backward(DType dtype, void* dweight, const void* g, const int64_t* index,
                        int64_t count, int64_t rows, int64_t n, int64_t padding_idx,
                        bool by_frequency, bool zero) {
  Scratch scratch;
  const Groups groups(scratch, index, count, rows);
  const int64_t terms_a_row = 1 + count / std::max<int64_t>(rows, 1);
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    using T = Compute<S>;
    parallel_for(rows, rows_grain(rows, terms_a_row * n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t first = groups.start[r],
                      terms = r == padding_idx ? 0 : groups.start[r + 1] - first;
        if (zero && terms == 0) continue;
        const T factor = by_frequency && terms ? T(1) / T(terms) : T(1);
        sum_group((S*)dweight + r * n, (const S*)g, groups.order + first, terms, n, factor);
      }
    });
  });
}

const Offer backward_offer(kernels::embedding_backward, embedding_backward);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
