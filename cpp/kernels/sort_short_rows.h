#pragma once
// What elements are ordered by, and the order of many short rows at once. Included by sort.cpp
// only.
#include <bit>
#include <type_traits>

#include "kernels/copy.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// 0.0 and -0.0 are equal, so are all nans. Negative numbers have all bits turned, the others the
// sign; without a branch, so that vectors do it.
inline uint32_t key_of(float x) {
  const uint32_t b = std::bit_cast<uint32_t>(x + 0.0f);
  return (b ^ (uint32_t(int32_t(b) >> 31) | uint32_t(1) << 31)) | -uint32_t(x != x);
}
inline uint64_t key_of(double x) {
  const uint64_t b = std::bit_cast<uint64_t>(x + 0.0);
  return (b ^ (uint64_t(int64_t(b) >> 63) | uint64_t(1) << 63)) | -uint64_t(x != x);
}
inline uint32_t key_of(int32_t x) { return uint32_t(x) ^ 0x80000000u; }
inline uint64_t key_of(int64_t x) { return uint64_t(x) ^ uint64_t(1) << 63; }

// Short rows, some at a time, as columns: neighbours that stand in the wrong order change places,
// in vectors and without a branch. Equal keys never do, so that equal elements keep their order.
template <class T>
struct ShortRows {
  static constexpr int64_t longest = 16, together = 64;
  using Key = decltype(key_of(T()));
  using Index = std::conditional_t<sizeof(Key) == 4, int32_t, int64_t>;
  alignas(64) T values[longest][together];
  alignas(64) Key keys[longest][together];
  alignas(64) Index indices[longest][together];

  void load(Place<const void> from, int64_t n, int64_t rows, bool descending) {
    kernels::convert(Place<void>{values, dtype_of<T>, together, 1}, from, n, rows);
    const Key flip = descending ? ~Key(0) : Key(0);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t r = 0; r < together; ++r) {
        keys[i][r] = key_of(values[i][r]) ^ flip;
        indices[i][r] = Index(i);
      }
  }

  // The k that come first. All of them by odd-even transposition sort (Habermann 1972), whose
  // exchanges do not wait for each other; few of them by as many passes of bubble sort.
  void sort(int64_t n, int64_t k) {
    if (k > n / 2)
      for (int64_t round = 0; round < n; ++round)
        for (int64_t i = round % 2; i + 1 < n; i += 2) exchange(i);
    else
      for (int64_t first = 0; first < k; ++first)
        for (int64_t i = n - 2; i >= first; --i) exchange(i);
  }

  // The first k of every row.
  void store(Place<void> to_values, Place<void> to_indices, int64_t k, int64_t rows) const {
    kernels::convert(to_values, Place<const void>{values, dtype_of<T>, together, 1}, k, rows);
    kernels::convert(to_indices, Place<const void>{indices, dtype_of<Index>, together, 1}, k, rows);
  }

 private:
  // The elements i of all rows and those after them.
  void exchange(int64_t i) {
    const auto swap_if = [](bool wrong, auto& a, auto& b) {
      const auto first = wrong ? b : a, second = wrong ? a : b;
      a = first, b = second;
    };
    for (int64_t r = 0; r < together; ++r) {
      const bool wrong = keys[i + 1][r] < keys[i][r];
      swap_if(wrong, keys[i][r], keys[i + 1][r]);
      swap_if(wrong, values[i][r], values[i + 1][r]);
      swap_if(wrong, indices[i][r], indices[i + 1][r]);
    }
  }
};

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
