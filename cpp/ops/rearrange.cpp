#include "ops/rearrange.h"

#include <cstring>
#include <numeric>

#include "base/parallel.h"
#include "kernels/copy.h"
#include "ops/copy.h"
#include "ops/indexing.h"
#include "ops/joining.h"
#include "ops/reduction.h"
#include "ops/rows.h"
#include "ops/views.h"

namespace izvod {
namespace {

// Keeps of each matrix's row i the columns before i + diagonal + 1 (lower) or from i + diagonal on.
Tensor triangle(const char* node, const Tensor& x, int64_t diagonal, bool lower) {
  check(x.dim() >= 2, lower ? "tril" : "triu", ": input tensor must have at least 2 dimensions");
  Tensor y = copy_of(x, x.dtype(), false);
  const int64_t rows = y.size(-2), cols = y.size(-1), bytes = itemsize(y.dtype());
  const int64_t all = y.numel() / std::max<int64_t>(cols, 1);
  parallel_for(all, std::max<int64_t>(1, 65536 / std::max<int64_t>(cols, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t r = begin; r < end; ++r) {
                   const int64_t edge =
                       std::clamp<int64_t>(r % rows + diagonal + (lower ? 1 : 0), 0, cols);
                   char* row = y.impl()->data + r * cols * bytes;
                   if (lower)
                     std::memset(row + edge * bytes, 0, size_t((cols - edge) * bytes));
                   else
                     std::memset(row, 0, size_t(edge * bytes));
                 }
               });
  if (recording(x))
    record(node, y, {&x}, saved(), [diagonal, lower](const Tensor& g) {
      return Grads{lower ? tril(g, diagonal) : triu(g, diagonal)};
    });
  return y;
}

}  // namespace

static const Tensor& triangle_(const char* node, const Tensor& x, int64_t diagonal, bool lower) {
  check_in_place(x);
  {
    GradMode off(false);
    write_values(x, triangle(node, x, diagonal, lower));
  }
  x.bump_version();
  if (recording(x))
    record_in_place(node, x, {&x}, saved(), [diagonal, lower](const Tensor& g) {
      return Grads{lower ? tril(g, diagonal) : triu(g, diagonal)};
    });
  return x;
}

Tensor tril(const Tensor& x, int64_t diagonal) {
  return triangle("TrilBackward0", x, diagonal, true);
}
Tensor triu(const Tensor& x, int64_t diagonal) {
  return triangle("TriuBackward0", x, diagonal, false);
}
const Tensor& tril_(const Tensor& x, int64_t diagonal) {
  return triangle_("TrilBackward0", x, diagonal, true);
}
const Tensor& triu_(const Tensor& x, int64_t diagonal) {
  return triangle_("TriuBackward0", x, diagonal, false);
}

Tensor flip(const Tensor& x, const Dims& dims) {
  Dims wrapped;
  for (int64_t d : dims) {
    const int64_t w = wrap_dim(d, x.dim());
    check(std::find(wrapped.begin(), wrapped.end(), w) == wrapped.end(), "dim ", w,
          " appears multiple times in the list of dims");
    wrapped.push_back(w);
  }
  Tensor y = empty_like(x);
  kernels::View from = row_view(x);
  for (int64_t d : wrapped) from = reversed(from, d, from.sizes[d] - 1);
  if (y.numel()) kernels::copy(row_view(y), from);
  if (recording(x))
    record("FlipBackward0", y, {&x}, saved(),
           [wrapped](const Tensor& g) { return Grads{flip(g, wrapped)}; });
  return y;
}

// Without dims as if x were one row.
static Tensor rolled(const Tensor& x, const Dims& shifts, const Dims& dims) {
  check(!shifts.empty(), "`shifts` required");
  if (dims.empty())
    check(shifts.size() == 1, "shifts and dimensions must align. shifts: ", shifts.size(),
          ", dims:0");
  else
    check(shifts.size() == dims.size(), "shifts and dimensions must align. shifts: ", shifts.size(),
          ", dims:", dims.size());
  GradMode off(false);
  if (dims.empty()) return alias(view(rolled(reshape(x, {-1}), shifts, {0}), x.sizes()));
  Tensor y = x;
  for (int64_t i = 0; i < dims.size(); ++i) {
    const int64_t d = wrap_dim(dims[i], x.dim()), n = x.sizes()[d];
    if (n == 0) continue;
    const int64_t first = ((n - shifts[i]) % n + n) % n;  // the element that comes to the front
    y = first ? cat({narrow(y, d, first, n - first), narrow(y, d, 0, first)}, d) : y;
  }
  return y.is(x) ? clone(x) : y;
}

Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims) {
  const Tensor y = rolled(x, shifts, dims);
  if (recording(x)) {
    Dims back = shifts;
    for (int64_t& s : back) s = -s;
    record("RollBackward0", y, {&x}, saved(),
           [back, dims](const Tensor& g) { return Grads{roll(g, back, dims)}; });
  }
  return y;
}

Tensor repeat(const Tensor& x, const Dims& times) {
  check(
      times.size() >= x.dim(),
      "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
  const int64_t shift = times.size() - x.dim();
  Dims split, spread, sizes, copies;  // (1, n) -> (times, n) -> times * n, dimension by dimension
  for (int64_t d = 0; d < times.size(); ++d) {
    const int64_t n = d < shift ? 1 : x.sizes()[d - shift];
    check(times[d] >= 0, "Trying to create tensor with negative dimension ", times[d] * n, ": ",
          times);
    copies.push_back(split.size());
    split.push_back(1);
    split.push_back(n);
    spread.push_back(times[d]);
    spread.push_back(n);
    sizes.push_back(times[d] * n);
  }
  const Tensor y = empty(sizes, x.dtype());
  {
    GradMode off(false);
    write_values(view(y, spread), expand(reshape(x, split), spread));
  }
  if (recording(x))
    record("RepeatBackward0", y, {&x}, saved(), [spread, copies, own = x.sizes()](const Tensor& g) {
      return Grads{copies.empty() ? g : reshape(sum(reshape(g, spread), copies, false), own)};
    });
  return y;
}

Tensor tile(const Tensor& x, const Dims& times) {
  Dims all = times;
  while (all.size() < x.dim()) all.insert(0, 1);
  return repeat(x, all);
}

Tensor repeat_interleave(const Tensor& x, int64_t times, std::optional<int64_t> dim) {
  return repeat_interleave(x, full({1}, Scalar(times), DType::Int64), dim);
}

Tensor repeat_interleave(const Tensor& x, const Tensor& times, std::optional<int64_t> dim) {
  const Tensor flat = dim ? x : reshape(x, {-1});
  const int64_t d = wrap_dim(dim.value_or(0), flat.dim()), n = flat.sizes()[d];
  check(times.dim() <= 1, "repeat_interleave only accept 0D or 1D vector as repeat");
  check(is_integral(times.dtype()), "repeats has to be Long or Int tensor");
  check(times.numel() == 1 || times.numel() == n,
        "repeats must have the same size as input along dim, but got repeats.size(0) = ",
        times.numel(), " and input.size(", d, ") = ", n);
  const Tensor t = contiguous(to(times, DType::Int64));
  const int64_t* count = t.data<int64_t>();
  std::vector<int64_t> places;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t c = count[times.numel() == 1 ? 0 : i];
    check(c >= 0, "repeats can not be negative");
    places.insert(places.end(), size_t(c), i);
  }
  const Tensor index = empty({int64_t(places.size())}, DType::Int64);
  std::copy(places.begin(), places.end(), index.data<int64_t>());
  return index_select(flat, d, index);
}

Tensor diag_embed(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2) {
  const int64_t a = wrap_dim(dim1, x.dim() + 1), b = wrap_dim(dim2, x.dim() + 1),
                n = x.size(-1) + std::abs(offset);
  check(a != b, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  Dims sizes = x.sizes();
  sizes.erase(sizes.size() - 1);
  sizes.insert(std::min(a, b), n);
  sizes.insert(std::max(a, b), n);
  const Tensor y = zeros(sizes, x.dtype());
  write_values(diagonal(y, offset, a, b), x);
  if (recording(x))
    record("DiagEmbedBackward0", y, {&x}, saved(),
           [offset, a, b](const Tensor& g) { return Grads{diagonal(g, offset, a, b)}; });
  return y;
}

Tensor diag(const Tensor& x, int64_t offset) {
  check(x.dim() == 1 || x.dim() == 2, "diag(): Supports 1D or 2D tensors. Got ", x.dim(), "D");
  return x.dim() == 1 ? diag_embed(x, offset) : clone(diagonal(x, offset, 0, 1));
}

}  // namespace izvod
