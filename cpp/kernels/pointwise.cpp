#include "kernels/pointwise.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/parallel.h"
#include "kernels/copy.h"
#include "kernels/runs.h"
#include "kernels/stream.h"
#include "kernels/vec.h"
#include "kernels/vec_int.h"

namespace izvod::kernels::IZVOD_ISA {

static constexpr int64_t chunk = 1024;  // stays in the first-level cache

namespace {

// One call of `pointwise`: the operands, and what is done with them.
struct Call {
  const InnerLoop* inner;
  const void* op;
  DType types[1 + max_inputs];  // that the inner loop writes and reads
  int inputs;
  Place<void> operands[1 + max_inputs];
  bool streams;  // see Note [Streaming stores]

  // Whether the inner loop takes this operand as it is: its rows, or one value for each of them.
  bool takes(int k) const {
    const Place<void>& place = operands[k];
    return place.dtype == types[k] && (place.along == 1 || place.along == 0);
  }
  // Rows of n elements as one.
  bool is_dense(int k, int64_t n) const {
    const Place<void>& place = operands[k];
    return place.along == 0 ? place.down == 0 : place.along == 1 && place.down == n;
  }

  // Of an element in these rows.
  std::array<void*, 1 + max_inputs> places(void* const* at, int64_t row, int64_t i) const {
    std::array<void*, 1 + max_inputs> to;
    for (int k = 0; k <= inputs; ++k) {
      const auto [data, dtype, along, down] = operands[k];
      to[k] = static_cast<char*>(at[k]) + (row * down + i * along) * itemsize(dtype);
    }
    return to;
  }

  bool shall_be_one(void* const* at, int64_t n) const;
  void run(void* const* at, int64_t n, int64_t count) const;
};

// n times each value, up to a vector beyond the last.
template <class T>
void repeat_each(void* to, const void* values, int64_t n, int64_t count) {
  T* y = static_cast<T*>(to);
  const T* x = static_cast<const T*>(values);
  for (int64_t row = 0; row < count; ++row, y += n) {
    const Vec<T> value(x[row]);
    for (int64_t i = 0; i < n; i += Vec<T>::width) value.store(y + i);
  }
}

// Rows for the inner loop. Operands that it does not take as they are pass through buffers; so do
// short rows that are apart, to be computed as one.
class Pieces {
 public:
  Pieces(const Call& call, bool as_one) : call_(call), as_one_(as_one) {}

  // Up to a chunk of elements from the given places on. The same places again where `down` is 0.
  void run(void* const* at, int64_t n, int64_t count) {
    const void* in[max_inputs];
    Rows rows(n, count);
    for (int k = 1; k <= call_.inputs; ++k) in[k - 1] = input(k, at[k], rows);
    const Place<void>& out = call_.operands[0];
    const bool through = call_.takes(0) && !call_.streams && !(as_one_ && out.down != n);
    rows.next[0] = through ? out.down : n;
    if (as_one_) rows.n = n * count, rows.count = 1;
    call_.inner(through ? at[0] : buffers_[0], in, rows, call_.op);
    if (call_.streams)
      stream(at[0], buffers_[0], n * count * itemsize(call_.types[0]));
    else if (!through)
      kernels::convert(Place<void>{at[0], out.dtype, out.along, out.down},
                       Place<const void>{buffers_[0], call_.types[0], 1, n}, n, count);
  }

 private:
  // What the inner loop reads as input k. What is the same for all pieces is buffered once.
  const void* input(int k, void* at, Rows& rows) {
    const Place<void>& place = call_.operands[k];
    const bool expands = as_one_ && !call_.is_dense(k, rows.n);
    rows.single[k] = place.along == 0 && !expands;
    rows.next[k] = place.down;
    if (call_.takes(k) && !expands) return at;
    if (!filled_[k]) expands ? expand(k, at, rows) : convert(buffers_[k], k, at, rows);
    filled_[k] = place.down == 0 && (place.along == 0 || expands);
    if (expands || place.down) rows.next[k] = place.along || expands ? rows.n : 1;
    return buffers_[k];
  }

  // The operand's own elements, converted: of a single value that value, of equal rows one of them.
  void convert(void* to, int k, void* at, const Rows& rows) const {
    const auto [data, dtype, along, down] = call_.operands[k];
    const int64_t n = along ? rows.n : 1;
    kernels::convert(Place<void>{to, call_.types[k], 1, n},
                     Place<const void>{at, dtype, along, down}, n, down ? rows.count : 1);
  }

  // All rows, one after the other.
  void expand(int k, void* at, const Rows& rows) {
    const Place<void>& place = call_.operands[k];
    const int64_t bytes = itemsize(call_.types[k]), row_bytes = rows.n * bytes;
    char* const to = buffers_[k];
    if (place.along == 0) {
      alignas(64) char values[chunk * 8];
      convert(values, k, at, rows);
      return visit_itemsize(bytes, [&](auto t) {
        using Bits = typename SignedInt<sizeof(typename decltype(t)::type)>::type;
        repeat_each<Bits>(to, values, rows.n, rows.count);
      });
    }
    convert(to, k, at, rows);
    if (place.down == 0)
      for (int64_t row = 1; row < rows.count; ++row)
        std::memcpy(to + row * row_bytes, to, row_bytes);
  }

  const Call& call_;
  const bool as_one_;
  bool filled_[1 + max_inputs] = {};
  alignas(64) char buffers_[1 + max_inputs][chunk * 8 + vec_bytes];
};

// Whether rows of n elements are better computed as one: what that costs is to copy operands, what
// it saves is parts of vectors (which a read that follows waits for, if it is from the same place).
bool Call::shall_be_one(void* const* at, int64_t n) const {
  const int64_t width = vec_bytes / itemsize(types[inputs]);
  bool copies = false, in_place = false;
  for (int k = 0; k <= inputs; ++k) {
    copies = copies || !(is_dense(k, n) || (k && operands[k].down == 0));
    in_place = in_place || (k && at[k] == at[0]);
  }
  if (copies && n % width == 0) return false;
  return n < (copies && !in_place ? 2 : 8) * width;
}

// Rows of n elements from the given places on.
void Call::run(void* const* at, int64_t n, int64_t count) const {
  if (operands[0].overlaps(n, count)) {  // each row sees what the last one wrote
    for (int64_t row = 0; row < count; ++row) run(places(at, row, 0).data(), n, 1);
    return;
  }
  bool plain = !streams, dense = true;
  for (int k = 0; k <= inputs; ++k) plain = plain && takes(k), dense = dense && is_dense(k, n);
  const bool as_one = count > 1 && (dense || shall_be_one(at, n));
  if (plain && (dense || !as_one)) {
    Rows rows(dense ? n * count : n, dense ? 1 : count);
    for (int k = 0; k <= inputs; ++k)
      rows.next[k] = operands[k].down, rows.single[k] = operands[k].along == 0;
    return inner(at[0], at + 1, rows, op);
  }
  Pieces pieces(*this, as_one);
  const int64_t piece = streams ? stream_piece / itemsize(types[0]) : chunk;
  for_chunks(n, count, piece, [&](int64_t row, int64_t i, int64_t width, int64_t together) {
    pieces.run(places(at, row, i).data(), width, together);
  });
}

}  // namespace

// Whether the first operand lies in one piece of memory.
template <int count>
static bool is_dense(const Loop<count>& loop) {
  int64_t stride = 1;
  for (int64_t d = loop.sizes.size() - 1; d >= 0; stride *= loop.sizes[d--])
    if (loop.strides[0][d] != stride) return false;
  return true;
}

template <int count, size_t... k>
static void strided(Call& call, const View* const (&views)[count], std::index_sequence<k...>) {
  const Loop<count> loop(views);
  const int64_t n = loop.numel();
  ((call.operands[k].along = loop.along(k), call.operands[k].down = loop.down(k)), ...);
  const bool in_place = ((k > 0 && views[k]->data == views[0]->data) || ...);
  call.streams = n * itemsize(call.types[0]) >= stream_from && !in_place &&
                 call.operands[0].dtype == call.types[0] && is_dense(loop);
  const int64_t bytes[] = {itemsize(call.operands[k].dtype)...};
  parallel_for(n, run_block(n), wake_for(n), [&](int64_t begin, int64_t end) {
    for_rows(loop, begin, end, [&](const auto& offsets, int64_t m, int64_t rows) {
      void* at[count] = {static_cast<char*>(call.operands[k].data) + offsets[k] * bytes[k]...};
      call.run(at, m, rows);
    });
    if (call.streams) stream_end();
  });
}

static void pointwise(const PointwiseLoops& loops, DType compute, const View& out, const View* in,
                      int inputs, const void* op) {
  for (int64_t s : out.sizes)
    if (s == 0) return;
  alignas(8) char numbers[max_inputs][8];
  Call call;
  call.inner = loops.of(compute).function;
  call.op = op;
  call.inputs = inputs;
  call.types[0] = loops.result_type(compute);
  call.operands[0] = {out.data, out.dtype};
  for (int k = 0; k < inputs; ++k) {
    call.types[k + 1] = loops.input_type(compute, k);
    call.operands[k + 1] = {in[k].data, in[k].dtype};
    if (in[k].is_number() &&
        in[k].dtype != call.types[k + 1]) {  // converted once, not with every chunk
      const Place<void> converted{numbers[k], call.types[k + 1]};
      kernels::convert(converted, Place<const void>{in[k].data, in[k].dtype}, int64_t(1),
                       int64_t(1));
      call.operands[k + 1] = converted;
    }
  }
  switch (inputs) {
    case 1: {
      const View* views[] = {&out, &in[0]};
      return strided<2>(call, views, std::make_index_sequence<2>{});
    }
    case 2: {
      const View* views[] = {&out, &in[0], &in[1]};
      return strided<3>(call, views, std::make_index_sequence<3>{});
    }
    default: {
      const View* views[] = {&out, &in[0], &in[1], &in[2]};
      return strided<4>(call, views, std::make_index_sequence<4>{});
    }
  }
}

static const Offer offer_pointwise(kernels::pointwise, pointwise);

}  // namespace izvod::kernels::IZVOD_ISA
