#pragma once
// Which dimensions an op folds away, and what that makes of shapes.
#include "ops/pointwise.h"

namespace izvod {

class Reduced {
 public:
  // dims empty: all of them.
  Reduced(const Tensor& x, const Dims& dims, bool keepdim);

  const Dims& full() const { return full_; }  // of the result, size 1 where reduced
  int64_t count() const { return count_; }    // elements that go into one of the result
  Tensor result(DType dtype) const { return empty(sizes_, dtype); }
  // The result as a reduction kernel wants it: as many dimensions as the input.
  kernels::View view(const Tensor& y) const {
    return {y.impl()->data, y.dtype(), full_, contiguous_strides(full_)};
  }

 private:
  Dims full_, sizes_;
  int64_t count_ = 1;
};

// A result (or its gradient) with the reduced dimensions put back as size 1: broadcasts against the
// input.
Tensor restored(const Tensor& y, const Dims& full);
// The same, repeated to the input's shape.
Tensor spread(const Tensor& g, const Dims& full, const Dims& sizes);

}  // namespace izvod
