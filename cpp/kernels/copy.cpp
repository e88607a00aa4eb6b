#include "kernels/copy.h"

#include <cstring>

#include "base/parallel.h"
#include "kernels/cast.h"
#include "kernels/rows.h"
#include "kernels/runs.h"
#include "kernels/stream.h"
#include "kernels/stretches.h"
#include "kernels/transpose.h"
#include "kernels/vec.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// ---- conversion -------------------------------------------------------------------------------
// Two steps through a small buffer: from the stored type to the widest of its kind, and from there
// to any type. That is 10 + 4 * 10 loops instead of 100.

DType wide_type(DType t) {
  switch (t) {
    case DType::Int64:
    case DType::Float64:
      return t;
    case DType::Float16:
    case DType::BFloat16:
    case DType::Float32:
      return DType::Float32;
    default:
      return DType::Int32;
  }
}

void widen(void* to, const void* from, DType type, int64_t n) {
  switch (type) {
    case DType::Bool:
    case DType::UInt8:
      return cast_all((int32_t*)to, (const uint8_t*)from, n);
    case DType::Int8:
      return cast_all((int32_t*)to, (const int8_t*)from, n);
    case DType::Int16:
      return cast_all((int32_t*)to, (const int16_t*)from, n);
    case DType::Float16:
      return cast_all((float*)to, (const Half*)from, n);
    case DType::BFloat16:
      return cast_all((float*)to, (const BFloat16*)from, n);
    default:
      std::memcpy(to, from, size_t(n * itemsize(type)));
  }
}

constexpr int64_t chunk = 512;

template <class From>
void narrow(void* to, DType type, const void* from, int64_t n) {
  visit(type, [&](auto t) {
    using To = typename decltype(t)::type;
    if constexpr (is_half_type<To> && !std::is_same_v<From, float>) {
      float buffer[chunk];
      for (int64_t i = 0; i < n; i += chunk) {
        const int64_t m = std::min(chunk, n - i);
        cast_all(buffer, (const From*)from + i, m);
        cast_all((To*)to + i, buffer, m);
      }
    } else if constexpr (!std::is_same_v<To, From>) {
      cast_all((To*)to, (const From*)from, n);
    }
  });
}

void narrow_from(DType wide, void* to, DType type, const void* from, int64_t n) {
  switch (wide) {
    case DType::Int32:
      return narrow<int32_t>(to, type, from, n);
    case DType::Int64:
      return narrow<int64_t>(to, type, from, n);
    case DType::Float32:
      return narrow<float>(to, type, from, n);
    default:
      return narrow<double>(to, type, from, n);
  }
}

void convert_dense(void* to, DType to_type, const void* from, DType from_type, int64_t n) {
  const DType wide = wide_type(from_type);
  if (to_type == from_type)
    copy_stretch(to, from, n * itemsize(to_type));
  else if (wide == to_type)
    widen(to, from, from_type, n);
  else if (wide == from_type)
    narrow_from(wide, to, to_type, from, n);
  else {
    alignas(64) char buffer[chunk * 4];
    for (int64_t i = 0; i < n; i += chunk) {
      const int64_t m = std::min(chunk, n - i);
      widen(buffer, (const char*)from + i * itemsize(from_type), from_type, m);
      narrow_from(wide, (char*)to + i * itemsize(to_type), to_type, buffer, m);
    }
  }
}

// ---- moving elements of one size

// Every second element, the even lanes of two vectors at a time; returns how many. The last ones
// are left: the vectors reach one element further than is asked for.
template <class T>
int64_t move_every_second(T* to, const T* from, int64_t n) {
  constexpr int width = Vec<T>::width;
  int64_t i = 0;
  for (; i + width < n; i += width) {
    const Vec<T> low = Vec<T>::load(from + 2 * i), high = Vec<T>::load(from + 2 * i + width);
    [&]<int... lane>(std::integer_sequence<int, lane...>) {
      Vec<T>(__builtin_shufflevector(low.v, high.v, (2 * lane)...)).store(to + i);
    }(std::make_integer_sequence<int, width>{});
  }
  return i;
}

template <class T>
void move_strided(T* __restrict to, int64_t to_stride, const T* __restrict from,
                  int64_t from_stride, int64_t n) {
  if (to_stride == 1 && from_stride == 1)
    copy_stretch(to, from, n * int64_t(sizeof(T)));
  else if (to_stride == 1 && from_stride == 0)
    std::fill(to, to + n, *from);
  else if (to_stride == 1 && from_stride == -1)
    for (int64_t i = 0; i < n; ++i) to[i] = from[-i];
  else if (to_stride == 1)
#pragma GCC unroll 4
    for (int64_t i = from_stride == 2 ? move_every_second(to, from, n) : 0; i < n; ++i)
      to[i] = from[i * from_stride];
  else
#pragma GCC unroll 4
    for (int64_t i = 0; i < n; ++i) to[i * to_stride] = from[i * from_stride];
}

// Stretches of `bytes` bytes each, so far apart.
void copy_stretches(char* to, int64_t to_step, const char* from, int64_t from_step, int64_t bytes,
                    int64_t count) {
  with_copy(bytes, [=](auto copy_one) {
    char* y = to;
    const char* x = from;
    for (int64_t i = 0; i < count; ++i, y += to_step, x += from_step) copy_one(y, x);
  });
}

// to[i * to_stride + j] = from[j * from_stride + i], for tile x tile elements or fewer.
constexpr int64_t tile = 16;

template <class T>
void transpose_4x4(T* to, int64_t to_stride, const T* from, int64_t from_stride) {
  Four<T> r[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) load_four(r[j], from + j * from_stride);
  transpose_four(r);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) store_four(to + i * to_stride, r[i]);
}

template <class T>
void transpose_tile(T* __restrict to, int64_t to_stride, const T* __restrict from,
                    int64_t from_stride, int64_t rows, int64_t columns) {
  if constexpr (sizeof(T) >= 4)
    if (rows == tile && columns == tile) {
      for (int64_t j = 0; j < tile; j += 4)
        for (int64_t i = 0; i < tile; i += 4)
          transpose_4x4(to + i * to_stride + j, to_stride, from + j * from_stride + i, from_stride);
      return;
    }
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[i * to_stride + j] = from[j * from_stride + i];
}

// to[i * to_stride + j] = from[j * from_stride + i], tile by tile. The rows of `from` are fetched a
// tile ahead: the hardware foresees no steps from page to page.
template <class T>
void transpose_band(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t rows,
                    int64_t columns) {
  for (int64_t j = 0; j < columns; j += tile) {
    const int64_t n = std::min(tile, columns - j), next = std::min(tile, columns - j - n);
    for (int64_t i = 0; i < rows; i += tile) {
      for (int64_t k = 0; k < next; ++k) __builtin_prefetch(from + (j + n + k) * from_stride + i);
      transpose_tile(to + i * to_stride + j, to_stride, from + i + j * from_stride, from_stride,
                     std::min(tile, rows - i), n);
    }
  }
}

// The longer of the two ways is the inner loop.
template <class T>
void move_rows(Place<void> to, Place<const void> from, int64_t n, int64_t rows) {
  T* y = static_cast<T*>(to.data);
  const T* x = static_cast<const T*>(from.data);
  if (to.along == 1 && from.along == 1 && rows > 1)
    return copy_stretches((char*)y, to.down * sizeof(T), (const char*)x, from.down * sizeof(T),
                          n * sizeof(T), rows);
  const bool in_order = to.overlaps(n, rows);
  if (to.along == 1 && from.down == 1 && n >= 4 && rows >= 4 && !in_order)
    return transpose_band(y, to.down, x, from.along, rows, n);
  if (n < rows && n < 16 && !in_order) {
    std::swap(n, rows);
    std::swap(to.along, to.down);
    std::swap(from.along, from.down);
  }
  for (int64_t row = 0; row < rows; ++row)
    move_strided(y + row * to.down, to.along, x + row * from.down, from.along, n);
}

void move_rows(Place<void> to, Place<const void> from, int64_t n, int64_t rows) {
  visit_itemsize(itemsize(to.dtype),
                 [&](auto t) { move_rows<typename decltype(t)::type>(to, from, n, rows); });
}

bool is_dense(const auto& place, int64_t n, int64_t rows) {
  return place.along == 1 && (rows == 1 || place.down == n);
}

// Elements that are not neighbours pass through buffers, so that conversion sees dense memory only.
void convert_piece(Place<void> to, Place<const void> from, int64_t n, int64_t rows) {
  alignas(64) char in[chunk * 8], out[chunk * 8];
  const bool takes = is_dense(from, n, rows), gives = is_dense(to, n, rows);
  if (!takes) move_rows({in, from.dtype, 1, n}, from, n, rows);
  convert_dense(gives ? to.data : out, to.dtype, takes ? from.data : in, from.dtype, n * rows);
  if (!gives) move_rows(to, {out, to.dtype, 1, n}, n, rows);
}

// f(to, from, n, rows) for pieces of up to a chunk of elements.
template <class F>
void for_pieces(Place<void> to, Place<const void> from, int64_t n, int64_t rows, F f) {
  for_chunks(n, rows, chunk, [&](int64_t row, int64_t i, int64_t width, int64_t together) {
    Place<void> y = to;
    Place<const void> x = from;
    y.data = (char*)to.data + (row * to.down + i * to.along) * itemsize(to.dtype);
    x.data = (const char*)from.data + (row * from.down + i * from.along) * itemsize(from.dtype);
    f(y, x, width, together);
  });
}

void convert(Place<void> to, Place<const void> from, int64_t n, int64_t rows) {
  if (rows > 1 && to.down == n * to.along && from.down == n * from.along) n *= rows, rows = 1;
  if (to.dtype == from.dtype) return move_rows(to, from, n, rows);
  if (is_dense(to, n, rows) && is_dense(from, n, rows))
    return convert_dense(to.data, to.dtype, from.data, from.dtype, n * rows);
  for_pieces(to, from, n, rows, convert_piece);
}

// Bytes of a result from which on it is written past the caches: stored line by line, in many rows
// by turns, each line that no near cache holds would be waited for.
constexpr int64_t stream_transposed_from = int64_t(8) << 20;

// transpose_band past the caches, by way of strips that lie in L1: memory likes to be written in
// long pieces. They stand below each other, as it likes to be read in long pieces, too. While one
// is transposed, tile by tile, the one before is stored and the one after fetched.
constexpr int64_t band_rows = 256, strip_rows = 32, strip_bytes = 512;
template <class T>
void stream_band(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t rows,
                 int64_t columns) {
  constexpr int64_t width = strip_bytes / sizeof(T), line = 64 / sizeof(T);
  struct Strip {
    T* memory;
    int64_t i, j, rows, columns, stored = 0;
  };
  Scratch scratch;
  T* const memory = scratch.take<T>(2 * strip_rows * width);
  const int64_t down = ceil_div(rows, strip_rows), strips = down * ceil_div(columns, width);
  const auto strip = [&](int64_t k) {
    const int64_t i = k % down * strip_rows, j = k / down * width;
    return Strip{memory + k % 2 * strip_rows * width, i, j, std::min(strip_rows, rows - i),
                 std::min(width, columns - j)};
  };
  const auto store_until = [&](Strip& s, int64_t end) {
    for (; s.stored < end; ++s.stored)
      stream(to + (s.i + s.stored) * to_stride + s.j, s.memory + s.stored * width,
             s.columns * int64_t(sizeof(T)));
  };
  Strip before{};
  for (int64_t k = 0; k < strips; ++k) {
    const Strip now = strip(k), next = strip(k + 1);
    const int64_t tiles = ceil_div(now.rows, tile) * ceil_div(now.columns, tile);
    int64_t done = 0, fetched = 0;
    for (int64_t j = 0; j < now.columns; j += tile)
      for (int64_t i = 0; i < now.rows; i += tile) {
        transpose_tile(now.memory + i * width + j, width,
                       from + (now.j + j) * from_stride + now.i + i, from_stride,
                       std::min(tile, now.rows - i), std::min(tile, now.columns - j));
        ++done;
        for (; fetched < next.columns * done / tiles; ++fetched)
          for (int64_t at = 0; at < next.rows; at += line)
            __builtin_prefetch(from + (next.j + fetched) * from_stride + next.i + at, 0, 2);
        store_until(before, before.rows * done / tiles);
      }
    before = now;
  }
  store_until(before, before.rows);
}

// Dimension `row` of the loop has neighbouring elements in `in`, the last dimension has them in
// `out`. The unit of work is a piece of a band of rows of `out`, of one matrix.
template <class T>
void copy_transposed(T* to, const T* from, const Loop<2>& loop, int64_t row, bool streams) {
  const int64_t last = loop.sizes.size() - 1, rows = loop.sizes[row], columns = loop.sizes[last];
  const int64_t to_stride = loop.strides[0][row], from_stride = loop.strides[1][last];
  const int64_t band = streams ? band_rows : 2 * tile, bands = ceil_div(rows, band);
  const int64_t piece = std::min<int64_t>(columns, 2048), pieces = ceil_div(columns, piece);
  const int64_t matrices = loop.numel() / (rows * columns);
  const int64_t grain = std::max<int64_t>(1, run_grain / (band * piece));
  parallel_for(
      matrices * bands * pieces, grain, wake_for(loop.numel()), [&](int64_t begin, int64_t end) {
        for (int64_t unit = begin; unit < end; ++unit) {
          const int64_t j = unit % pieces * piece, i = unit / pieces % bands * band;
          int64_t matrix = unit / pieces / bands, to_at = i * to_stride + j,
                  from_at = i + j * from_stride;
          for (int64_t d = last - 1; d >= 0; --d) {
            if (d == row) continue;
            to_at += matrix % loop.sizes[d] * loop.strides[0][d];
            from_at += matrix % loop.sizes[d] * loop.strides[1][d];
            matrix /= loop.sizes[d];
          }
          (streams ? stream_band<T> : transpose_band<T>)(to + to_at, to_stride, from + from_at,
                                                         from_stride, std::min(band, rows - i),
                                                         std::min(piece, columns - j));
        }
        if (streams) stream_end();
      });
}

int64_t row_to_transpose(const Loop<2>& loop) {
  const int64_t last = loop.sizes.size() - 1;
  if (loop.strides[0][last] != 1 || loop.strides[1][last] == 1) return -1;
  for (int64_t d = last - 1; d >= 0; --d)
    if (loop.strides[1][d] == 1 && loop.sizes[d] >= 4) return d;
  return -1;
}

// Past the caches, which take dense rows only: others pass through a buffer.
void stream_rows(Place<void> to, Place<const void> from, int64_t n, int64_t rows) {
  const int64_t bytes = itemsize(to.dtype);
  if (to.dtype == from.dtype && from.along == 1) {
    for (int64_t row = 0; row < rows; ++row)
      stream((char*)to.data + row * to.down * bytes,
             (const char*)from.data + row * from.down * bytes, n * bytes);
    return;
  }
  for_pieces(to, from, n, rows, [bytes](auto y, auto x, int64_t width, int64_t together) {
    alignas(64) char dense[chunk * 8];
    convert({dense, y.dtype, 1, width}, x, width, together);
    const int64_t row = width * bytes,
                  read = is_dense(x, width, together) ? width * itemsize(x.dtype) : 0;
    for (int64_t k = 0; k < together; ++k)
      stream((char*)y.data + k * y.down * bytes, dense + k * row, row,
             {(const char*)x.data + (together + k) * read, read});
  });
}

// Bytes of one number from which on it is stored past the caches: lines that are written whole, and
// nothing else, need not be read first, and a large third-level cache takes them faster than
// memory.
constexpr int64_t stream_numbers_from = int64_t(64) << 20;

void copy(const View& out, const View& in) {
  if (out.numel() == 0) return;
  if (out.dtype != in.dtype && in.is_number()) {
    alignas(8) char number[8];  // converted once
    convert_dense(number, out.dtype, in.data, in.dtype, 1);
    return copy(out, View{number, out.dtype, in.sizes, in.strides});
  }
  const Loop<2> loop({&out, &in});
  const Place<void> to{out.data, out.dtype, loop.along(0), loop.down(0)};
  const Place<const void> from{in.data, in.dtype, loop.along(1), loop.down(1)};
  const int64_t n = loop.numel(), to_bytes = itemsize(out.dtype), from_bytes = itemsize(in.dtype);
  const int64_t row = out.dtype == in.dtype ? row_to_transpose(loop) : -1;
  const int64_t least = row >= 0         ? stream_transposed_from
                        : in.is_number() ? stream_numbers_from
                                         : stream_from;
  const bool streams =
      n * to_bytes >= least && to.along == 1 && loop.sizes.back() * to_bytes >= 512;
  if (row >= 0)
    return visit_itemsize(to_bytes, [&](auto t) {
      using T = typename decltype(t)::type;
      copy_transposed(out.ptr<T>(), in.ptr<const T>(), loop, row, streams);
    });
  parallel_for(n, run_block(n), wake_for(n), [&](int64_t begin, int64_t end) {
    for_rows(loop, begin, end, [&](auto at, int64_t width, int64_t rows) {
      Place<void> y = to;
      Place<const void> x = from;
      y.data = out.ptr<char>() + at[0] * to_bytes;
      x.data = in.ptr<const char>() + at[1] * from_bytes;
      (streams ? stream_rows : convert)(y, x, width, rows);
    });
    if (streams) stream_end();
  });
}

void join_rows(char* to, const Part* parts, int64_t count, int64_t rows) {
  int64_t bytes = 0, shortest = parts[0].bytes;
  for (int64_t k = 0; k < count; ++k) {
    bytes += parts[k].bytes;
    shortest = std::min(shortest, parts[k].bytes);
  }
  const bool streams = rows * bytes >= stream_from && shortest >= 512;
  const int64_t grain = std::max<int64_t>(1, run_block(rows * bytes / 4) * 4 / bytes);
  parallel_for(rows, grain, wake_for(rows * bytes / 4), [&](int64_t begin, int64_t end) {
    char* y = to + begin * bytes;
    if (shortest < 256) {  // each part by itself: few bytes a row
      for (int64_t k = 0; k < count; y += parts[k++].bytes)
        copy_stretches(y, bytes, parts[k].data + begin * parts[k].stride, parts[k].stride,
                       parts[k].bytes, end - begin);
      return;
    }
    for (int64_t row = begin; row < end; ++row)
      for (int64_t k = 0; k < count; y += parts[k++].bytes)
        if (streams)
          stream(y, parts[k].data + row * parts[k].stride, parts[k].bytes);
        else
          copy_stretches(y, 0, parts[k].data + row * parts[k].stride, 0, parts[k].bytes, 1);
    if (streams) stream_end();
  });
}

const Offer offers[] = {
    {kernels::copy, copy}, {kernels::convert, convert}, {kernels::join_rows, join_rows}};

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
