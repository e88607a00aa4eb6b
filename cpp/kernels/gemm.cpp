#include "kernels/gemm.h"

#include <algorithm>

#include "kernels/gemm_float.h"
#include "kernels/gemm_thirds.h"
#include "kernels/rows_to_columns.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

thread_local Scratch converted;  // operands, or sums of pieces

template <class T>
void multiply(const Product& product, const Matrix& am, const Matrix& bm) {
  const Call<T> call(product, am, bm);
  const int64_t m = am.rows, n = bm.cols;
  if (m == 0 || n == 0) return;
  if (multiply_special(call, am, bm)) {
    if (call.activation) call.activate(0, m, 0, n);
    return;
  }
#if defined(__AMX_BF16__)
  if constexpr (std::is_same_v<T, float>)
    if (thirds_pay(call)) return multiply_thirds(call);
#endif
  multiply_layers(call);
}

// Copies a part of an operand to adjacent rows of To.
template <class To, class From>
void convert_part(To* to, const Operand<From>& m, int64_t i0, int64_t rows, int64_t j0,
                  int64_t cols) {
  for (int64_t i = 0; i < rows; ++i) {
    const From* from = m.at(i0 + i, j0);
    for (int64_t j = 0; j < cols; ++j) to[i * cols + j] = To(from[j * m.col_stride]);
  }
}

// Half types: each tile of C converts its rows of A and columns of B to float, a part of the sum at
// a time, and rounds once at the end.
template <class T>
void multiply_half(const Product& product, const Matrix& am, const Matrix& bm) {
  const Call<T> call(product, am, bm);
  const auto& [a, b, c, c_row, accumulate, bias, activation, following] = call;
  const int64_t m = a.rows, n = b.cols, k = a.cols;
  if (m == 0 || n == 0) return;
  const Pieces down(m, 256), across(n, 512), along(k, 2048);
  const int64_t tiles = down.count * across.count, longest = along.length(0);
  parallel_for(tiles, m * n * k < serial_work ? tiles : 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t i0 = down.begin(t / across.count), rows = down.length(t / across.count);
      const int64_t j0 = across.begin(t % across.count), cols = across.length(t % across.count);
      float* fa = converted.get<float>(rows * longest + longest * cols + rows * cols);
      float *fb = fa + rows * longest, *fc = fb + longest * cols;
      for (int64_t p = 0; p < along.count; ++p) {
        const int64_t k0 = along.begin(p), depth = along.length(p);
        convert_part(fa, a, i0, rows, k0, depth);
        convert_part(fb, b, k0, depth, j0, cols);
        multiply<float>({fc, cols, p > 0}, {fa, rows, depth, depth, 1}, {fb, depth, cols, cols, 1});
      }
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < cols; ++j) {
          T& y = c[(i0 + i) * c_row + j0 + j];
          const float x = fc[i * cols + j] + (bias ? float(bias[j0 + j]) : 0.0f);
          y = T(accumulate ? x + float(y) : x);
        }
    }
  });
}

// Integers: rows of sums modulo 2^64, of which the result keeps the low bits.
template <class T>
void multiply_integers(const Product& product, const Matrix& am, const Matrix& bm) {
  const Call<T> call(product, am, bm);
  const auto& [a, b, c, c_row, accumulate, bias, activation, following] = call;
  const int64_t m = a.rows, n = b.cols, k = a.cols;
  if (m == 0 || n == 0) return;
  constexpr int64_t span = 512;
  const Pieces across(n, span);
  const int64_t rows_per_block = std::max<int64_t>(1, serial_work / std::max<int64_t>(1, n * k));
  parallel_for(m, rows_per_block, [&](int64_t begin, int64_t end) {
    uint64_t sum[span];
    for (int64_t i = begin; i < end; ++i)
      for (int64_t p = 0; p < across.count; ++p) {
        const int64_t j0 = across.begin(p), cols = across.length(p);
        T* y = c + i * c_row + j0;
        for (int64_t j = 0; j < cols; ++j)
          sum[j] = uint64_t(accumulate ? y[j] : T(0)) + uint64_t(bias ? bias[j0 + j] : T(0));
        for (int64_t q = 0; q < k; ++q) {
          const uint64_t x = uint64_t(*a.at(i, q));
          const T* from = b.at(q, j0);
          for (int64_t j = 0; j < cols; ++j) sum[j] += x * uint64_t(from[j * b.col_stride]);
        }
        for (int64_t j = 0; j < cols; ++j) y[j] = T(sum[j]);
      }
  });
}

// A row times a column, both of neighbours: pieces are summed by themselves, then in order.
template <class T>
void multiply_vectors(T* c, const T* a, const T* b, int64_t n) {
  constexpr int64_t piece = 65536;
  const int64_t pieces = ceil_div(n, piece);
  T* sums = converted.get<T>(pieces);
  parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const T *x = a + p * piece, *y = b + p * piece;
      sums[p] = sum_over<T>(std::min(piece, n - p * piece), [&](int64_t i, int64_t lanes) {
        return load(x + i, lanes) * load(y + i, lanes);
      });
    }
  });
  *c = sum_over<T>(pieces, [&](int64_t i, int64_t lanes) { return load(sums + i, lanes); });
}

template <class T>
void multiply_floats(const Product& c, const Matrix& a, const Matrix& b) {
  if (a.rows == 1 && b.cols == 1 && a.col_stride == 1 && b.row_stride == 1 && !c.accumulate &&
      !c.bias && !c.activation)
    return multiply_vectors(static_cast<T*>(c.data), static_cast<const T*>(a.data),
                            static_cast<const T*>(b.data), a.cols);
  multiply<T>(c, a, b);
}

void gemm(DType t, const Product& c, const Matrix& a, const Matrix& b) {
  switch (t) {
    case DType::Float32:
      return multiply_floats<float>(c, a, b);
    case DType::Float64:
      return multiply_floats<double>(c, a, b);
    case DType::Float16:
      return multiply_half<Half>(c, a, b);
    case DType::BFloat16:
      return multiply_half<BFloat16>(c, a, b);
    case DType::Int64:
      return multiply_integers<int64_t>(c, a, b);
    case DType::Int32:
      return multiply_integers<int32_t>(c, a, b);
    case DType::Int16:
      return multiply_integers<int16_t>(c, a, b);
    case DType::Int8:
      return multiply_integers<int8_t>(c, a, b);
    case DType::UInt8:
      return multiply_integers<uint8_t>(c, a, b);
    default:
      throw NotImplementedError("\"matmul\" not implemented for 'Bool'");
  }
}

// ---- tiny matrices, one product in each lane of vectors

// Elements of a matrix: of more, the transpositions into lanes take as long as the products.
template <class T>
constexpr int64_t most_tiny = 4 * Vec<T>::width;

// Whether the matrices stand one behind the other, each of them neighbours in either order.
bool is_dense(const Matrix& m, const Dims& sizes, const Dims& strides) {
  int64_t next = m.rows * m.cols;
  if (!((m.col_stride == 1 && m.row_stride == m.cols) ||
        (m.row_stride == 1 && m.col_stride == m.rows)))
    return false;
  for (int64_t d = sizes.size(); d-- > 0; next *= sizes[d])
    if (sizes[d] > 1 && strides[d] != next) return false;
  return true;
}

template <class T>
void multiply_tiny(T* c, const Matrix& am, const Matrix& bm, int64_t begin, int64_t end) {
  constexpr int64_t lanes = Vec<T>::width;
  const int64_t m = am.rows, n = bm.cols, depth = am.cols;
  constexpr int64_t size = most_tiny<T> * lanes;
  alignas(64) T a[size], b[size], y[size];
  for (int64_t at = begin; at < end; at += lanes) {
    const int64_t count = std::min(lanes, end - at);
    rows_to_columns(a, static_cast<const T*>(am.data) + at * m * depth, count, m * depth, lanes);
    rows_to_columns(b, static_cast<const T*>(bm.data) + at * depth * n, count, depth * n, lanes);
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        Vec<T> sum = T(0);
        for (int64_t k = 0; k < depth; ++k)
          sum = fma(Vec<T>::load(a + (i * am.row_stride + k * am.col_stride) * lanes),
                    Vec<T>::load(b + (k * bm.row_stride + j * bm.col_stride) * lanes), sum);
        sum.store(y + (i * n + j) * lanes);
      }
    columns_to_rows(c + at * m * n, y, count, m * n, lanes);
  }
}

// False if these are not such.
template <class T>
bool multiply_tiny(const Product& c, const Matrix& a, const Matrix& b, const Batch& batch,
                   int64_t count, int64_t least) {
  const Matrix y{c.data, a.rows, b.cols, c.row_stride, 1};
  const int64_t largest = std::max({a.rows * a.cols, b.rows * b.cols, y.rows * y.cols});
  if (count < 16 || a.cols == 0 || largest > most_tiny<T> || c.accumulate || c.bias ||
      c.activation || !is_dense(a, batch.sizes, batch.a) || !is_dense(b, batch.sizes, batch.b) ||
      !is_dense(y, batch.sizes, batch.c))
    return false;
  parallel_for(count, ceil_div(least, 16) * 16, wake_for_product(count * a.rows * a.cols * b.cols),
               [&](int64_t begin, int64_t end) {
                 multiply_tiny(static_cast<T*>(c.data), a, b, begin, end);
               });
  return true;
}

void gemm_batched(DType t, const Product& c, const Matrix& a, const Matrix& b, const Batch& batch) {
  int64_t count = 1;
  for (int64_t s : batch.sizes) count *= s;
  const int64_t bytes = itemsize(t);
  const auto operands = [&](int64_t index) {
    int64_t at_c = 0, at_a = 0, at_b = 0;
    for (int64_t d = batch.sizes.size(); d-- > 0; index /= batch.sizes[d]) {
      const int64_t i = index % batch.sizes[d];
      at_c += i * batch.c[d], at_a += i * batch.a[d], at_b += i * batch.b[d];
    }
    Operands here{a, b, {c.data, a.rows, b.cols, c.row_stride, 1}};
    here.a.data = static_cast<const char*>(a.data) + at_a * bytes;
    here.b.data = static_cast<const char*>(b.data) + at_b * bytes;
    here.c.data = static_cast<const char*>(c.data) + at_c * bytes;
    return here;
  };
  const auto multiply_all = [&](int64_t begin, int64_t end) {
    Operands here = operands(begin);
    for (int64_t i = begin; i < end; ++i) {
      const bool last = i + 1 == end;
      const Operands next = last ? here : operands(i + 1);
      Product product = c;
      product.data = const_cast<void*>(here.c.data);
      product.following = last ? nullptr : &next;
      gemm(t, product, here.a, here.b);
      here = next;
    }
  };
  const int64_t work = std::max<int64_t>(1, a.rows * b.cols * a.cols),
                least = std::max<int64_t>(1, serial_work / work);
  if (t == DType::Float32 && multiply_tiny<float>(c, a, b, batch, count, least)) return;
  if (t == DType::Float64 && multiply_tiny<double>(c, a, b, batch, count, least)) return;
  // Many products, or small ones, are dealt out whole; few large ones are cut inside.
  if (count < 8 && work >= 16 * serial_work) return multiply_all(0, count);
  parallel_for(count, count <= least ? least : ceil_div(count, even_blocks(count, 2 * least)),
               wake_for_product(count * work), multiply_all);
}

const Offer offer_gemm(kernels::gemm, gemm);
const Offer offer_gemm_batched(kernels::gemm_batched, gemm_batched);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
