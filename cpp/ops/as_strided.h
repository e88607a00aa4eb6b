#pragma once
#include "graph/record.h"

namespace izvod {

// Where a tensor's elements stand in its storage, counted in elements.
struct Geometry {
  Dims sizes, strides;
  int64_t offset;
};
inline Geometry geometry(const Tensor& x) { return {x.sizes(), x.strides(), x.storage_offset()}; }

// A view without history; `data` is where it begins, x's own beginning if nothing is said.
Tensor raw_view(const Tensor& x, const Dims& sizes, const Dims& strides, char* data);
inline Tensor raw_view(const Tensor& x, const Dims& sizes, const Dims& strides) {
  return raw_view(x, sizes, strides, x.impl()->data);
}

Tensor as_strided(const Tensor& x, const Dims& sizes, const Dims& strides, int64_t offset);
// The gradient of as_strided: g's elements, added up where the view overlaps itself, in a tensor
// like x.
Tensor as_strided_backward(const Tensor& g, const Geometry& x, const Geometry& view);

}  // namespace izvod
