#pragma once
// Matrix products: C = A B, C += A B, C = A B + bias, one or a batch of them.
#include <cstdint>

#include "base/dtype.h"
#include "base/small_vector.h"
#include "kernels/isa.h"
#include "kernels/pointwise.h"

namespace izvod::kernels {

// An operand: element (i, j) at data[i * row_stride + j * col_stride]. Any strides are allowed and
// none is copied beforehand, so a transposed operand costs nothing: swap rows with cols and the two
// strides.
struct Matrix {
  const void* data;
  int64_t rows, cols, row_stride, col_stride;

  Matrix transposed() const { return {data, cols, rows, col_stride, row_stride}; }
};

// Of a product, the operands and the result.
struct Operands {
  Matrix a, b, c;
};

// The result, a.rows x b.cols, columns adjacent; it must not overlap an operand.
struct Product {
  void* data;
  int64_t row_stride;
  bool accumulate = false;     // add to what stands there
  const void* bias = nullptr;  // one number per column, of the same dtype, added to every row
  // Applied to what comes out, while it is in the caches: of an op with one input and without
  // parameters. Floats and doubles only.
  InnerLoop* activation = nullptr;
  const Operands* following = nullptr;  // of the product that comes next: may be fetched meanwhile
};

// Batch dimensions, broadcast already: sizes, and each operand's strides over them (0 where it is
// repeated).
struct Batch {
  Dims sizes, c, a, b;
};

// All operands have dtype t: any but bool. Half types are summed in float and rounded once;
// integers wrap. Work is cut by size alone: the bits do not depend on the number of threads.
inline constinit Kernel<void(DType t, const Product& c, const Matrix& a, const Matrix& b)> gemm;
inline constinit Kernel<void(DType t, const Product& c, const Matrix& a, const Matrix& b,
                             const Batch&)>
    gemm_batched;

}  // namespace izvod::kernels
