#include "kernels/gemm.h"

#include <algorithm>
#include <cstdlib>

#include "base/parallel.h"
#include "kernels/gemm_micro.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Blocks for the caches: a panel of B (depth x 2 vectors) stays in L1, a tile's rows of A in L2,
// a block of B in L3. See Note [Matrix product].
constexpr int64_t block_depth = 384;
constexpr int64_t block_rows = 1536;
constexpr int64_t block_cols = 3072;
constexpr int64_t tile_rows_wanted = 96;
constexpr int64_t tile_cols_wanted = 192;
// Multiplications below which threads cost more than they bring.
constexpr int64_t serial_work = 400'000;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Memory that a thread keeps from call to call.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  ~Scratch() { std::free(data_); }
  template <class T>
  T* get(int64_t count) {
    const size_t bytes = (size_t(count) * sizeof(T) + 63) / 64 * 64;
    if (bytes > size_) {
      std::free(data_);
      data_ = std::aligned_alloc(64, bytes);
      size_ = data_ ? bytes : 0;
      check<MemoryError>(data_, "matmul: no memory for ", bytes, " bytes of working space");
    }
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};
thread_local Scratch packed, converted;

template <class T>
struct Operand {
  const T* data;
  int64_t rows, cols, row_stride, col_stride;

  explicit Operand(const Matrix& m)
      : data(static_cast<const T*>(m.data)), rows(m.rows), cols(m.cols),
        // The stride of a single row or column means nothing; the plans below look at it.
        row_stride(rows == 1 ? cols * m.col_stride : m.row_stride),
        col_stride(cols == 1 ? rows * m.row_stride : m.col_stride) {
    if (rows == 1 && cols == 1) row_stride = col_stride = 1;
  }
  const T* at(int64_t i, int64_t j) const { return data + i * row_stride + j * col_stride; }
  const T* end() const { return at(rows - 1, cols - 1) + 1; }
};

// A range cut into `count` pieces whose lengths differ by one at most.
struct Pieces {
  int64_t count, shortest, longer;  // the first `longer` pieces have one more

  Pieces(int64_t size, int64_t limit)
      : count(ceil_div(size, limit)), shortest(size / count), longer(size % count) {}
  int64_t begin(int64_t i) const { return i * shortest + std::min(i, longer); }
  int64_t length(int64_t i) const { return shortest + (i < longer); }
};

template <class T>
struct Call {
  Operand<T> a, b;
  T* c;
  int64_t c_row;
  bool accumulate;
  const T* bias;

  Call(const Product& p, const Matrix& a, const Matrix& b)
      : a(a), b(b), c(static_cast<T*>(p.data)), c_row(p.row_stride), accumulate(p.accumulate),
        bias(static_cast<const T*>(p.bias)) {}
};

// A block of the product, small enough for the caches: rows [i, i + rows), columns [j, j + cols), and
// [k, k + depth) of the sum.
template <class T>
class Block {
 public:
  Block(const Call<T>& call, int64_t i, int64_t rows, int64_t j, int64_t cols, int64_t k, int64_t depth)
      : call(call), i0(i), j0(j), k0(k), rows(rows), cols(cols), depth(depth), strips_(rows, max_rows) {}

  void run(bool pack_a, bool pack_b) {
    panel_cols_ = width * vecs_for(strips_.length(0));
    panels_ = ceil_div(cols, panel_cols_);
    const int64_t edge = cols % panel_cols_;
    first_packed_ = pack_b ? 0 : edge ? panels_ - 1 : panels_;
    const int64_t b_size = (panels_ - first_packed_) * panel_cols_ * depth;
    T* memory = packed.get<T>(b_size + (pack_a ? rows * depth : 0));
    packed_b_ = memory;
    packed_a_ = pack_a ? memory + b_size : nullptr;

    const int64_t work = rows * cols * depth;
    const int64_t packs = panels_ - first_packed_ + (pack_a ? strips_.count : 0);
    parallel_for(packs, grain(packs, work), [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        if (p < panels_ - first_packed_) pack_panel(first_packed_ + p);
        else pack_strip(p - (panels_ - first_packed_));
    });
    const Pieces down(strips_.count, tile_rows_wanted / max_rows);
    const Pieces across(panels_, ceil_div(tile_cols_wanted, panel_cols_));
    const int64_t tiles = down.count * across.count;
    parallel_for(tiles, work < serial_work ? tiles : 1, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const int64_t i = t / across.count, j = t % across.count;
        multiply(down.begin(i), down.begin(i + 1), across.begin(j), across.begin(j + 1));
      }
    });
  }

 private:
  static constexpr int64_t width = Vec<T>::width;
  const Call<T>& call;
  int64_t i0, j0, k0, rows, cols, depth;
  Pieces strips_;  // of rows, at most max_rows each
  int64_t panel_cols_, panels_, first_packed_;
  T *packed_a_, *packed_b_;

  int64_t grain(int64_t pieces, int64_t work) const {
    return work < serial_work ? pieces : std::max<int64_t>(1, 16384 / (depth * 2 * width));
  }
  int64_t cols_of(int64_t panel) const { return std::min(panel_cols_, cols - panel * panel_cols_); }
  T* panel_memory(int64_t panel) const { return packed_b_ + (panel - first_packed_) * panel_cols_ * depth; }

  void pack_panel(int64_t p) const {
    const int64_t n = cols_of(p);
    const Operand<T>& b = call.b;
    pack<T>(panel_memory(p), ceil_div(n, width) * width,
            {b.at(k0, j0 + p * panel_cols_), depth, n, b.row_stride, b.col_stride, b.end()});
  }
  void pack_strip(int64_t s) const {
    const int64_t begin = strips_.begin(s), n = strips_.length(s);
    const Operand<T>& a = call.a;
    pack<T>(packed_a_ + begin * depth, n, {a.at(i0 + begin, k0), depth, n, a.col_stride, a.row_stride, a.end()});
  }

  void multiply(int64_t strip0, int64_t strip1, int64_t panel0, int64_t panel1) const {
    const Operand<T>&a = call.a, &b = call.b;
    Tile<T> t;
    t.depth = depth, t.c_row = call.c_row, t.accumulate = call.accumulate || k0 > 0;
    for (int64_t p = panel0; p < panel1; ++p) {
      const int64_t j = j0 + p * panel_cols_, vecs = ceil_div(cols_of(p), width);
      if (p < first_packed_) t.b = b.at(k0, j), t.b_row = b.row_stride;
      else t.b = panel_memory(p), t.b_row = vecs * width;
      t.cols = cols_of(p), t.bias = call.bias && k0 == 0 ? call.bias + j : nullptr;
      for (int64_t s = strip0; s < strip1; ++s) {
        const int64_t begin = strips_.begin(s), m = strips_.length(s);
        if (packed_a_) t.a = packed_a_ + begin * depth, t.a_row = 1, t.a_col = m;
        else t.a = a.at(i0 + begin, k0), t.a_row = a.row_stride, t.a_col = a.col_stride;
        t.c = call.c + (i0 + begin) * call.c_row + j;
        tile_table<T>[m][vecs](t);
      }
    }
  }
};

// Nothing to sum over: C keeps what it has, or is zero, plus the bias.
template <class T>
void add_bias(T* c, int64_t c_row, int64_t rows, int64_t cols, bool accumulate, const T* bias) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j)
      c[i * c_row + j] = (accumulate ? c[i * c_row + j] : T(0)) + (bias ? bias[j] : T(0));
}

template <class T>
void multiply(const Product& product, const Matrix& am, const Matrix& bm) {
  const Call<T> call(product, am, bm);
  const auto& [a, b, c, c_row, accumulate, bias] = call;
  const int64_t m = a.rows, n = b.cols, k = a.cols;
  if (m == 0 || n == 0) return;
  if (k == 0) return add_bias(c, c_row, m, n, accumulate, bias);
  const bool pack_a = a.col_stride != 1 && m * k > 4096;
  const bool pack_b = b.col_stride != 1 || (m > 16 && k * n > 8192);
  const Pieces depths(k, block_depth), downs(m, block_rows), acrosses(n, block_cols);
  for (int64_t j = 0; j < acrosses.count; ++j)
    for (int64_t i = 0; i < downs.count; ++i)
      for (int64_t d = 0; d < depths.count; ++d)
        Block<T>(call, downs.begin(i), downs.length(i), acrosses.begin(j), acrosses.length(j),
                 depths.begin(d), depths.length(d))
            .run(pack_a, pack_b);
}

// Copies a part of an operand to adjacent rows of To.
template <class To, class From>
void convert_part(To* to, const Operand<From>& m, int64_t i0, int64_t rows, int64_t j0, int64_t cols) {
  for (int64_t i = 0; i < rows; ++i) {
    const From* from = m.at(i0 + i, j0);
    for (int64_t j = 0; j < cols; ++j) to[i * cols + j] = To(from[j * m.col_stride]);
  }
}

// Half types: each tile of C converts its rows of A and columns of B to float and rounds once at the end.
template <class T>
void multiply_half(const Product& product, const Matrix& am, const Matrix& bm) {
  const Call<T> call(product, am, bm);
  const auto& [a, b, c, c_row, accumulate, bias] = call;
  const int64_t m = a.rows, n = b.cols, k = a.cols;
  if (m == 0 || n == 0) return;
  const Pieces down(m, 256), across(n, 512);
  const int64_t tiles = down.count * across.count;
  parallel_for(tiles, m * n * k < serial_work ? tiles : 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t i0 = down.begin(t / across.count), rows = down.length(t / across.count);
      const int64_t j0 = across.begin(t % across.count), cols = across.length(t % across.count);
      float* fa = converted.get<float>(rows * k + k * cols + rows * cols);
      float *fb = fa + rows * k, *fc = fb + k * cols;
      convert_part(fa, a, i0, rows, 0, k);
      convert_part(fb, b, 0, k, j0, cols);
      multiply<float>({fc, cols}, {fa, rows, k, k, 1}, {fb, k, cols, cols, 1});
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < cols; ++j) {
          T& y = c[(i0 + i) * c_row + j0 + j];
          float x = fc[i * cols + j];
          if (bias) x += float(bias[j0 + j]);
          y = T(accumulate ? x + float(y) : x);
        }
    }
  });
}

// Integers: rows of sums modulo 2^64, of which the result keeps the low bits.
template <class T>
void multiply_integers(const Product& product, const Matrix& am, const Matrix& bm) {
  const Call<T> call(product, am, bm);
  const auto& [a, b, c, c_row, accumulate, bias] = call;
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

void gemm(DType t, const Product& c, const Matrix& a, const Matrix& b) {
  switch (t) {
    case DType::Float32: return multiply<float>(c, a, b);
    case DType::Float64: return multiply<double>(c, a, b);
    case DType::Float16: return multiply_half<Half>(c, a, b);
    case DType::BFloat16: return multiply_half<BFloat16>(c, a, b);
    case DType::Int64: return multiply_integers<int64_t>(c, a, b);
    case DType::Int32: return multiply_integers<int32_t>(c, a, b);
    case DType::Int16: return multiply_integers<int16_t>(c, a, b);
    case DType::Int8: return multiply_integers<int8_t>(c, a, b);
    case DType::UInt8: return multiply_integers<uint8_t>(c, a, b);
    default: throw NotImplementedError("\"matmul\" not implemented for 'Bool'");
  }
}

void gemm_batched(DType t, const Product& c, const Matrix& a, const Matrix& b, const Batch& batch) {
  int64_t count = 1;
  for (int64_t s : batch.sizes) count *= s;
  const int64_t bytes = itemsize(t);
  const auto one = [&](int64_t index) {
    int64_t at_c = 0, at_a = 0, at_b = 0;
    for (int64_t d = batch.sizes.size(); d-- > 0; index /= batch.sizes[d]) {
      const int64_t i = index % batch.sizes[d];
      at_c += i * batch.c[d], at_a += i * batch.a[d], at_b += i * batch.b[d];
    }
    Product ci = c;
    Matrix ai = a, bi = b;
    ci.data = static_cast<char*>(c.data) + at_c * bytes;
    ai.data = static_cast<const char*>(a.data) + at_a * bytes;
    bi.data = static_cast<const char*>(b.data) + at_b * bytes;
    gemm(t, ci, ai, bi);
  };
  // Many products, or small ones, are dealt out whole; few large ones are cut inside.
  const int64_t work = std::max<int64_t>(1, a.rows * b.cols * a.cols);
  if (count < 8 && work >= 16 * serial_work)
    for (int64_t i = 0; i < count; ++i) one(i);
  else
    parallel_for(count, std::max<int64_t>(1, serial_work / work), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) one(i);
    });
}

const Offer offer_gemm(kernels::gemm, gemm);
const Offer offer_gemm_batched(kernels::gemm_batched, gemm_batched);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
