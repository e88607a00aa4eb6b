#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "base/small_vector.h"
#include "kernels/isa.h"

namespace izvod::kernels {

// What a kernel sees of a tensor: memory, dtype, sizes, strides (in elements; 0 where it is
// broadcast).
struct View {
  void* data;
  DType dtype;
  Dims sizes, strides;

  int64_t dim() const { return sizes.size(); }
  int64_t numel() const {
    int64_t n = 1;
    for (int64_t s : sizes) n *= s;
    return n;
  }
  // Whether one number stands for all elements.
  [[gnu::always_inline]] bool is_number() const {
    for (int64_t s : strides)
      if (s != 0) return false;
    return true;
  }
  template <class T>
  T* ptr() const {
    return static_cast<T*>(data);
  }
};

// The type that a dtype is computed in. Always inlined: kernels for several instruction sets use
// it.
[[gnu::always_inline]] constexpr DType compute_type(DType t) {
  if (t == DType::Float64) return DType::Float64;
  return is_floating(t) ? DType::Float32 : DType::Int64;
}

}  // namespace izvod::kernels

#ifdef IZVOD_ISA
namespace izvod::kernels::IZVOD_ISA {

// Strides of up to `count` operands over one common shape, dimensions dropped (size 1), sorted by
// the first operand's stride (outermost first) and merged where all operands allow it.
template <int count>
struct Loop {
  Dims sizes;
  Dims strides[count];

  // The views have equal sizes. With `sort` off the order of the dimensions is kept.
  explicit Loop(const View* const (&views)[count], bool sort = true) {
    const int64_t n = views[0]->dim();
    Dims order;
    for (int64_t d = 0; d < n; ++d)
      if (views[0]->sizes[d] != 1) order.push_back(d);
    if (sort) {  // insertion sort, stable: few dimensions, nearly sorted
      for (int64_t i = 1; i < order.size(); ++i)
        for (int64_t j = i; j > 0 && before(views, order[j], order[j - 1]); --j)
          std::swap(order[j], order[j - 1]);
    }
    for (int64_t d : order) {
      const int64_t size = views[0]->sizes[d];
      if (!sizes.empty() && mergeable(views, d, size)) {
        sizes.back() *= size;
        for (int k = 0; k < count; ++k) strides[k].back() = views[k]->strides[d];
      } else {
        sizes.push_back(size);
        for (int k = 0; k < count; ++k) strides[k].push_back(views[k]->strides[d]);
      }
    }
    if (sizes.empty()) {
      sizes.push_back(1);
      for (int k = 0; k < count; ++k) strides[k].push_back(1);
    }
  }

  int64_t numel() const {
    int64_t n = 1;
    for (int64_t s : sizes) n *= s;
    return n;
  }

  // How far it is along the innermost dimension from element to element, and along the next one
  // from row to row.
  int64_t along(int k) const { return strides[k].back(); }
  int64_t down(int k) const { return sizes.size() > 1 ? strides[k][sizes.size() - 2] : 0; }

 private:
  // Dimension a belongs outside b: larger stride in the first operand that tells them apart.
  static bool before(const View* const (&views)[count], int64_t a, int64_t b) {
    for (int k = 0; k < count; ++k) {
      const int64_t sa = views[k]->strides[a], sb = views[k]->strides[b];
      if (sa && sb && sa != sb) return sa > sb;
    }
    return false;
  }
  bool mergeable(const View* const (&views)[count], int64_t d, int64_t size) const {
    for (int k = 0; k < count; ++k)
      if (strides[k].back() != views[k]->strides[d] * size) return false;
    return true;
  }
};

}  // namespace izvod::kernels::IZVOD_ISA
#endif
