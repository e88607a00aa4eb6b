#include "ops/views.h"

#include <numeric>

#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/joining.h"
#include "ops/pointwise.h"

namespace izvod {
namespace {

// The view itself, without history.
Tensor raw_view(const Tensor& x, const Dims& sizes, const Dims& strides, char* data) {
  Tensor y = alias(x, sizes, strides, data);
  y.impl()->base = x.impl()->base ? x.impl()->base : x.ref();
  y.impl()->base_version = y.impl()->storage->version;
  return y;
}
Tensor raw_view(const Tensor& x, const Dims& sizes, const Dims& strides) {
  return raw_view(x, sizes, strides, x.impl()->data);
}

Geometry geometry(const Tensor& x) { return {x.sizes(), x.strides(), x.storage_offset()}; }

// The history of a view y that picks elements of x: its gradient is zero wherever y does not look.
Tensor record_part(const char* name, const Tensor& x, const Tensor& y, const Geometry& from,
                   const Geometry& part) {
  return record(name, y, {&x}, saved(), [from, part](const Tensor& g) {
    return Grads{as_strided_backward(g, from, part)};
  });
}

// A view of those elements of x that `pick` leaves of x's geometry. Where elements of x share
// memory, or lie apart in it, those of its gradient do not.
template <class Pick>
Tensor part_of(const char* name, const Tensor& x, const Pick& pick) {
  Geometry part{x.sizes(), x.strides(), 0};
  pick(part);
  Tensor y =
      raw_view(x, part.sizes, part.strides, x.impl()->data + part.offset * itemsize(x.dtype()));
  if (!recording(x)) return y;
  if (x.is_contiguous() || is_dense(x))
    return record_part(name, x, y, {x.sizes(), x.strides(), 0}, part);
  const Geometry from{x.sizes(), contiguous_strides(x.sizes()), 0};
  pick(part = from);
  return record_part(name, x, y, from, part);
}

// A view that holds every element of x once: its gradient is rearranged back.
template <class Back>
Tensor record_whole(const char* name, const Tensor& x, Tensor y, const Back& back) {
  if (recording(x))
    record(name, y, {&x}, saved(), [back](const Tensor& g) { return Grads{back(g)}; });
  return y;
}
Tensor record_reshaped(const char* name, const Tensor& x, Tensor y) {
  if (recording(x))
    record(name, y, {&x}, saved(),
           [sizes = x.sizes()](const Tensor& g) { return Grads{reshape(g, sizes)}; });
  return y;
}

// Replaces a -1 among the sizes.
Dims infer_sizes(const Dims& sizes, int64_t numel) {
  Dims out = sizes;
  int64_t known = 1, hole = -1;
  for (int64_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == -1) {
      check(hole < 0, "only one dimension can be inferred");
      hole = d;
    } else {
      check(sizes[d] >= 0, "invalid shape dimension ", sizes[d], " at index ", d, " of shape ",
            sizes);
      known *= sizes[d];
    }
  }
  const auto wrong = [&] {
    return text("shape '", sizes, "' is invalid for input of size ", numel);
  };
  if (hole >= 0) {
    if (known == 0)
      throw RuntimeError(numel ? wrong()
                               : text("cannot reshape tensor of 0 elements into shape ", sizes,
                                      " because the unspecified dimension size -1 can be any value "
                                      "and is ambiguous"));
    if (numel % known) throw RuntimeError(wrong());
    out[hole] = numel / known;
  } else if (known != numel) {
    throw RuntimeError(wrong());
  }
  return out;
}

// The strides that show x with other sizes, if there are any: every new dimension must lie within a
// run of old dimensions that follow each other in memory without gaps.
std::optional<Dims> view_strides(const Tensor& x, const Dims& sizes) {
  if (x.numel() == 0 || x.is_contiguous()) return contiguous_strides(sizes);
  Dims strides(sizes.size());
  int64_t d = sizes.size() - 1, step = x.strides()[x.dim() - 1], old_run = 1, new_run = 1;
  for (int64_t i = x.dim() - 1; i >= 0; --i) {
    old_run *= x.sizes()[i];
    const bool run_ends = i == 0 || (x.sizes()[i - 1] != 1 && x.strides()[i - 1] != old_run * step);
    if (!run_ends) continue;
    while (d >= 0 && (new_run < old_run || sizes[d] == 1)) {
      strides[d] = new_run * step;
      new_run *= sizes[d--];
    }
    if (new_run != old_run) return std::nullopt;
    if (i > 0) {
      step = x.strides()[i - 1];
      old_run = new_run = 1;
    }
  }
  return d == -1 ? std::optional(strides) : std::nullopt;
}

bool overlaps_itself(const Dims& sizes, const Dims& strides) {
  Dims order;
  for (int64_t d = 0; d < sizes.size(); ++d)
    if (sizes[d] != 1) order.push_back(d);
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return strides[a] < strides[b]; });
  int64_t reach = 0;
  for (int64_t d : order) {
    if (strides[d] <= reach) return true;
    reach += (sizes[d] - 1) * strides[d];
  }
  return false;
}

// Memory that holds all that two views of the same memory touch; zeros at first. Offsets are those
// of the views.
class Memory {
 public:
  Memory(const Geometry& a, const Geometry& b, DType dtype)
      : low(std::min(a.offset, b.offset)),
        values(zeros({std::max(last(a), last(b)) - low + 1}, dtype)) {}
  Tensor seen_as(const Geometry& g) const {
    return alias(values, g.sizes, g.strides,
                 values.impl()->data + (g.offset - low) * itemsize(values.dtype()));
  }
  const int64_t low;
  const Tensor values;

 private:
  static int64_t last(const Geometry& g) {
    int64_t at = g.offset;
    for (int64_t d = 0; d < g.sizes.size(); ++d)
      at += std::max<int64_t>(g.sizes[d] - 1, 0) * g.strides[d];
    return at;
  }
};

// to[i...] += from[i...], one element after the other, where places of `to` may coincide.
void add_one_by_one(const Tensor& to, const Tensor& from) {
  visit(to.dtype(), [&]<class T>(Type<T>) {
    Dims index(to.dim());
    for (int64_t i = 0; i < to.numel(); ++i) {
      T *a = to.data<T>(), *b = from.data<T>();
      for (int64_t d = 0; d < to.dim(); ++d) {
        a += index[d] * to.strides()[d];
        b += index[d] * from.strides()[d];
      }
      *a = T(*a + *b);
      for (int64_t d = to.dim() - 1; d >= 0 && ++index[d] == to.sizes()[d]; --d) index[d] = 0;
    }
  });
}

// as_strided as a function of values: the view's values, taken from x laid out like `from`.
Tensor as_strided_values(const Tensor& x, const Geometry& from, const Geometry& part) {
  const Memory memory(from, part, x.dtype());
  write_values(memory.seen_as(from), x);
  Tensor y = memory.seen_as(part);
  if (recording(x))
    record("AsStridedBackward0", y, {&x}, saved(),
           [from, part](const Tensor& g) { return Grads{as_strided_backward(g, from, part)}; });
  return y;
}

}  // namespace

Tensor as_strided_backward(const Tensor& g, const Geometry& x, const Geometry& part) {
  const Memory memory(x, part, g.dtype());
  if (overlaps_itself(part.sizes, part.strides))
    add_one_by_one(memory.seen_as(part), g);
  else
    write_values(memory.seen_as(part), g);
  Tensor dx = memory.seen_as(x);
  if (recording(g))
    record("AsStridedBackward0Backward0", dx, {&g}, saved(),
           [x, part](const Tensor& gg) { return Grads{as_strided_values(gg, x, part)}; });
  return dx;
}

// The same for an x whose elements share memory: as_strided looks at memory, and those that share a
// place of it share its gradient evenly.
static Tensor shared_backward(const Tensor& g, const Geometry& x, const Geometry& part) {
  const Memory all(x, part, g.dtype());
  const Geometry memory{{all.values.numel()}, {1}, all.low};
  const Tensor owners = as_strided_backward(full(x.sizes, 1, g.dtype()), memory, x);
  const Tensor share =
      as_strided_backward(g, memory, part) / maximum(owners, full({}, 1, g.dtype()));
  return as_strided(share, x.sizes, x.strides, x.offset - all.low);
}

Tensor as_strided(const Tensor& x, const Dims& sizes, const Dims& strides, int64_t offset) {
  check(sizes.size() == strides.size(), "mismatch in length of strides and shape");
  checked_numel(sizes, x.dtype());
  int64_t last = offset;
  for (int64_t d = 0; d < sizes.size(); ++d) {
    check(strides[d] >= 0,
          "as_strided: Negative strides are not supported at the moment, got strides: ", strides);
    last += std::max<int64_t>(sizes[d] - 1, 0) * strides[d];
  }
  const int64_t bytes = itemsize(x.dtype()), have = int64_t(x.impl()->storage->nbytes());
  check(offset >= 0, "Tensor: invalid storage offset ", offset);
  bool none = false;
  for (int64_t s : sizes) none |= s == 0;
  check(none || (last + 1) * bytes <= have, "setStorage: sizes ", sizes, ", strides ", strides,
        ", storage offset ", offset, ", and itemsize ", bytes, " requiring a storage size of ",
        (last + 1) * bytes, " are out of bounds for storage of size ", have);
  char* data = static_cast<char*>(x.impl()->storage->data()) + offset * bytes;
  const Tensor y = raw_view(x, sizes, strides, data);
  if (recording(x))
    record("AsStridedBackward0", y, {&x}, saved(),
           [from = geometry(x), part = geometry(y)](const Tensor& g) {
             const bool shared = overlaps_itself(from.sizes, from.strides);
             return Grads{shared ? shared_backward(g, from, part)
                                 : as_strided_backward(g, from, part)};
           });
  return y;
}

Tensor view(const Tensor& x, const Dims& wanted) {
  const Dims sizes = infer_sizes(wanted, x.numel());
  const std::optional<Dims> strides = view_strides(x, sizes);
  check(strides.has_value(),
        "view size is not compatible with input tensor's size and stride (at least one dimension "
        "spans across two "
        "contiguous subspaces). Use .reshape(...) instead.");
  return record_reshaped("ViewBackward0", x, raw_view(x, sizes, *strides));
}

Tensor reshape(const Tensor& x, const Dims& wanted) {
  const Dims sizes = infer_sizes(wanted, x.numel());
  if (const std::optional<Dims> strides = view_strides(x, sizes))
    return record_reshaped("ViewBackward0", x, raw_view(x, sizes, *strides));
  const Tensor whole = contiguous(x);
  return record_reshaped("UnsafeViewBackward0", whole,
                         alias(whole, sizes, contiguous_strides(sizes), whole.impl()->data));
}

Tensor flatten(const Tensor& x, int64_t start, int64_t end) {
  start = wrap_dim(start, x.dim());
  end = wrap_dim(end, x.dim());
  check(start <= end, "flatten() has invalid args: start_dim cannot come after end_dim");
  if (x.dim() == 0) return reshape(x, {1});
  if (start == end) return x;
  Dims sizes;
  int64_t run = 1;
  for (int64_t d = 0; d < x.dim(); ++d) {
    if (d < start || d > end) {
      sizes.push_back(x.sizes()[d]);
      continue;
    }
    run *= x.sizes()[d];
    if (d == end) sizes.push_back(run);
  }
  return reshape(x, sizes);
}

Tensor unflatten(const Tensor& x, int64_t dim, const Dims& sizes) {
  dim = wrap_dim(dim, x.dim());
  check(!sizes.empty(), "unflatten: sizes must be non-empty");
  const Dims inner = infer_sizes(sizes, x.sizes()[dim]);
  Dims all;
  for (int64_t d = 0; d < x.dim(); ++d) {
    if (d != dim)
      all.push_back(x.sizes()[d]);
    else
      for (int64_t s : inner) all.push_back(s);
  }
  return view(x, all);
}

Tensor transpose(const Tensor& x, int64_t a, int64_t b) {
  a = wrap_dim(a, x.dim());
  b = wrap_dim(b, x.dim());
  Dims sizes = x.sizes(), strides = x.strides();
  if (x.dim()) {
    std::swap(sizes[a], sizes[b]);
    std::swap(strides[a], strides[b]);
  }
  return record_whole("TransposeBackward0", x, raw_view(x, sizes, strides),
                      [a, b](const Tensor& g) { return transpose(g, a, b); });
}

Tensor t(const Tensor& x) {
  check(x.dim() <= 2, "t() expects a tensor with <= 2 dimensions, but self is ", x.dim(), "D");
  if (x.dim() < 2)
    return record_whole("TBackward0", x, raw_view(x, x.sizes(), x.strides()),
                        [](const Tensor& g) { return g; });
  return record_whole("TBackward0", x,
                      raw_view(x, {x.sizes()[1], x.sizes()[0]}, {x.strides()[1], x.strides()[0]}),
                      [](const Tensor& g) { return t(g); });
}

Tensor permute(const Tensor& x, const Dims& dims) {
  check(dims.size() == x.dim(),
        "permute(sparse_coo): number of dimensions in the tensor input does not match the length "
        "of the desired ordering of dimensions i.e. input.dim() = ",
        x.dim(), " is not equal to len(dims) = ", dims.size());
  Dims sizes(x.dim()), strides(x.dim()), back(x.dim(), -1);
  for (int64_t i = 0; i < dims.size(); ++i) {
    const int64_t d = wrap_dim(dims[i], x.dim());
    check(back[d] == -1, "permute(): duplicate dims are not allowed.");
    back[d] = i;
    sizes[i] = x.sizes()[d];
    strides[i] = x.strides()[d];
  }
  return record_whole("PermuteBackward0", x, raw_view(x, sizes, strides),
                      [back](const Tensor& g) { return permute(g, back); });
}

Tensor movedim(const Tensor& x, const Dims& source, const Dims& destination) {
  check(source.size() == destination.size(),
        "movedim: Invalid source or destination dims: source (", source,
        " dims) should contain the same number of dims as destination (", destination, " dims)");
  Dims order(x.dim(), -1);
  SmallVector<bool, 8> moved(x.dim());
  for (int64_t i = 0; i < source.size(); ++i) {
    const int64_t from = wrap_dim(source[i], x.dim()), to = wrap_dim(destination[i], x.dim());
    check(!moved[from], "movedim: repeated dim in `source` (", source, ")");
    check(order[to] == -1, "movedim: repeated dim in `destination` (", destination, ")");
    moved[from] = true;
    order[to] = from;
  }
  int64_t next = 0;
  for (int64_t d = 0; d < x.dim(); ++d) {
    if (order[d] != -1) continue;
    while (moved[next]) ++next;
    order[d] = next++;
  }
  return permute(x, order);
}

Tensor reversed_dims(const Tensor& x) {
  Dims order;
  for (int64_t d = x.dim() - 1; d >= 0; --d) order.push_back(d);
  return permute(x, order);
}

Tensor matrix_transpose(const Tensor& x) {
  check(x.dim() >= 2, "tensor.mT is only supported on matrices or batches of matrices. Got ",
        x.dim(), "-D tensor.");
  return transpose(x, -2, -1);
}

Tensor expand(const Tensor& x, const Dims& wanted) {
  check(wanted.size() >= x.dim(), "expand(", info(x.dtype()).name, "{", x.sizes(),
        "}, size=", wanted, "): the number of sizes provided (", wanted.size(),
        ") must be greater or equal to the number of dimensions in the tensor (", x.dim(), ")");
  const int64_t shift = wanted.size() - x.dim();
  Dims sizes = wanted, strides(wanted.size());
  for (int64_t d = 0; d < sizes.size(); ++d) {
    if (d < shift) {
      check(sizes[d] >= 0, "The expanded size of the tensor (", sizes[d],
            ") isn't allowed in a leading, non-existing dimension ", d);
      continue;
    }
    const int64_t have = x.sizes()[d - shift];
    if (sizes[d] == -1) sizes[d] = have;
    check(sizes[d] == have || have == 1, "The expanded size of the tensor (", sizes[d],
          ") must match the existing size (", have, ") at non-singleton dimension ", d,
          ".  Target sizes: ", wanted, ".  Tensor sizes: ", x.sizes());
    strides[d] = sizes[d] == have ? x.strides()[d - shift] : 0;
  }
  return record_whole("ExpandBackward0", x, raw_view(x, sizes, strides),
                      [](const Tensor& g) { return g; });
}

static Tensor squeeze_where(const Tensor& x, const Dims& dims) {
  Dims sizes, strides;
  for (int64_t d = 0; d < x.dim(); ++d) {
    if (x.sizes()[d] == 1 && std::find(dims.begin(), dims.end(), d) != dims.end()) continue;
    sizes.push_back(x.sizes()[d]);
    strides.push_back(x.strides()[d]);
  }
  return raw_view(x, sizes, strides);
}

Tensor squeeze(const Tensor& x) {
  Dims all;
  for (int64_t d = 0; d < x.dim(); ++d) all.push_back(d);
  return record_reshaped("SqueezeBackward0", x, squeeze_where(x, all));
}

Tensor squeeze(const Tensor& x, const Dims& dims) {
  Dims wrapped;
  for (int64_t d : dims) wrapped.push_back(wrap_dim(d, x.dim()));
  return record_reshaped(dims.size() == 1 ? "SqueezeBackward1" : "SqueezeBackward2", x,
                         squeeze_where(x, wrapped));
}

Tensor unsqueeze(const Tensor& x, int64_t dim) {
  dim = wrap_dim(dim, x.dim() + 1);
  Dims sizes = x.sizes(), strides = x.strides();
  strides.insert(dim, dim < x.dim() ? sizes[dim] * strides[dim] : 1);
  sizes.insert(dim, 1);
  return record_whole("UnsqueezeBackward0", x, raw_view(x, sizes, strides),
                      [dim](const Tensor& g) { return squeeze(g, {dim}); });
}

Tensor select(const Tensor& x, int64_t dim, int64_t index) {
  check<IndexError>(x.dim() > 0, "select() cannot be applied to a 0-dim tensor.");
  dim = wrap_dim(dim, x.dim());
  const int64_t n = x.sizes()[dim];
  check<IndexError>(index >= -n && index < n, "index ", index, " is out of bounds for dimension ",
                    dim, " with size ", n);
  if (index < 0) index += n;
  return part_of("SelectBackward0", x, [&](Geometry& g) {
    g.offset += index * g.strides[dim];
    g.sizes.erase(dim);
    g.strides.erase(dim);
  });
}

Tensor slice(const Tensor& x, int64_t dim, int64_t start, int64_t end, int64_t step) {
  check(x.dim() > 0, "slice() cannot be applied to a 0-dim tensor.");
  dim = wrap_dim(dim, x.dim());
  check<ValueError>(step > 0, "step must be greater than zero");
  const int64_t n = x.sizes()[dim];
  const auto clip = [n](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + n : i, 0, n); };
  start = clip(start);
  end = std::max(clip(end), start);
  return part_of("SliceBackward0", x, [&](Geometry& g) {
    g.offset += start * g.strides[dim];
    g.sizes[dim] = (end - start + step - 1) / step;
    g.strides[dim] *= step;
  });
}

Tensor narrow(const Tensor& x, int64_t dim, int64_t start, int64_t length) {
  check(x.dim() > 0, "narrow() cannot be applied to a 0-dim tensor.");
  dim = wrap_dim(dim, x.dim());
  const int64_t n = x.sizes()[dim];
  check(length >= 0, "narrow(): length must be non-negative.");
  check<IndexError>(start >= -n && start <= n, "start out of range (expected to be in range of [",
                    -n, ", ", n, "], but got ", start, ")");
  if (start < 0) start += n;
  check(start + length <= n, "start (", start, ") + length (", length, ") exceeds dimension size (",
        n, ").");
  return slice(x, dim, start, start + length, 1);
}

Tensor diagonal(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2) {
  const int64_t a = wrap_dim(dim1, x.dim()), b = wrap_dim(dim2, x.dim());
  check(a != b, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  const int64_t rows = x.sizes()[a] - std::max<int64_t>(-offset, 0),
                cols = x.sizes()[b] - std::max<int64_t>(offset, 0);
  const int64_t n = std::max<int64_t>(std::min(rows, cols), 0);
  return part_of("DiagonalBackward0", x, [&](Geometry& g) {
    const int64_t step = g.strides[a] + g.strides[b];
    if (n) g.offset += offset >= 0 ? offset * g.strides[b] : -offset * g.strides[a];
    for (int64_t d : {std::max(a, b), std::min(a, b)}) {
      g.sizes.erase(d);
      g.strides.erase(d);
    }
    g.sizes.push_back(n);
    g.strides.push_back(step);
  });
}

Tensor unfold(const Tensor& x, int64_t dim, int64_t size, int64_t step) {
  dim = wrap_dim(dim, x.dim());
  const int64_t n = x.dim() ? x.sizes()[dim] : 1;
  check(size >= 0, "size is ", size, " but must be >= 0");
  check(size <= n, "maximum size for tensor at dimension ", dim, " is ", n, " but size is ", size);
  check(step > 0, "step is ", step, " but must be > 0");
  return part_of("UnfoldBackward0", x, [&](Geometry& g) {
    const int64_t stride = g.sizes.empty() ? 1 : g.strides[dim];
    if (!g.sizes.empty()) {
      g.sizes[dim] = (n - size) / step + 1;
      g.strides[dim] = step * stride;
    }
    g.sizes.push_back(size);
    g.strides.push_back(stride);
  });
}

static std::vector<Tensor> split_as(const char* node, const Tensor& x, const Dims& lengths,
                                    int64_t dim) {
  dim = wrap_dim(dim, x.dim());
  const int64_t total = std::accumulate(lengths.begin(), lengths.end(), int64_t(0));
  check(x.dim() > 0, "split expects at least a 1-dimensional tensor");
  check(total == x.sizes()[dim], "split_with_sizes expects split_sizes to sum exactly to ",
        x.sizes()[dim], " (input tensor's size at dimension ", dim,
        "), but got split_sizes=", lengths);
  std::vector<Tensor> parts;
  Dims sizes = x.sizes();
  int64_t start = 0;
  for (int64_t length : lengths) {
    check(
        length >= 0,
        "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=",
        lengths);
    sizes[dim] = length;
    parts.push_back(raw_view(x, sizes, x.strides(),
                             x.impl()->data + start * x.strides()[dim] * itemsize(x.dtype())));
    start += length;
  }
  if (recording(x))
    record_outputs(node, parts, {&x}, saved(),
                   [dim](const Grads& gs) { return Grads{cat({gs.begin(), gs.end()}, dim)}; });
  return parts;
}

std::vector<Tensor> split(const Tensor& x, const Dims& lengths, int64_t dim) {
  return split_as("SplitWithSizesBackward0", x, lengths, dim);
}

std::vector<Tensor> split(const Tensor& x, int64_t length, int64_t dim) {
  check(x.dim() > 0, "split expects at least a 1-dimensional tensor");
  check(length >= 0, "split expects split_size be non-negative, but got split_size=", length);
  dim = wrap_dim(dim, x.dim());
  const int64_t n = x.sizes()[dim];
  check(length > 0 || n == 0,
        "split_size can only be 0 if dimension size is 0, but got dimension size of ", n);
  Dims lengths;
  for (int64_t start = 0; start < n; start += length)
    lengths.push_back(std::min(length, n - start));
  if (lengths.empty()) lengths.push_back(0);
  return split_as("SplitBackward0", x, lengths, dim);
}

std::vector<Tensor> chunk(const Tensor& x, int64_t chunks, int64_t dim) {
  check(x.dim() > 0, "chunk expects at least a 1-dimensional tensor");
  check(chunks > 0, "chunk expects `chunks` to be greater than 0, got: ", chunks);
  dim = wrap_dim(dim, x.dim());
  const int64_t n = x.sizes()[dim];
  if (n == 0) return split(x, Dims(chunks), dim);
  return split(x, (n + chunks - 1) / chunks, dim);
}

std::vector<Tensor> unbind(const Tensor& x, int64_t dim) {
  check<IndexError>(x.dim() > 0, "Dimension specified as ", dim, " but tensor has no dimensions");
  dim = wrap_dim(dim, x.dim());
  Dims sizes = x.sizes(), strides = x.strides();
  sizes.erase(dim);
  strides.erase(dim);
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < x.sizes()[dim]; ++i)
    parts.push_back(
        raw_view(x, sizes, strides, x.impl()->data + i * x.strides()[dim] * itemsize(x.dtype())));
  if (recording(x))
    record_outputs("UnbindBackward0", parts, {&x}, saved(),
                   [dim](const Grads& gs) { return Grads{stack({gs.begin(), gs.end()}, dim)}; });
  return parts;
}

// ---- What graph/autograd.h asks for: views of bases that change in place.

Ref<Node> view_history(const Tensor& view, const Tensor& base) {
  return make_node("AsStridedBackward0", std::initializer_list<const Tensor*>{&base}, saved(),
                   [from = geometry(base), part = geometry(view)](const Tensor& g) {
                     return Grads{as_strided_backward(g, from, part)};
                   });
}

namespace {

// The history of a base after `change` wrote to a part of it: the part's gradient goes through the
// change, all other elements keep theirs.
struct CopySlices final : Node {
  CopySlices(const Tensor& base, const Tensor& view, Ref<Node> change)
      : Node("CopySlices"),
        base_(geometry(base)),
        part_(geometry(view)),
        change_(std::move(change)) {
    add_edge(*this, base);
    for (size_t i = 1; i < change_->edges.size(); ++i) edges.push_back(change_->edges[i]);
  }

  Grads apply(Grads gs) override {
    const Tensor g = as_strided_values(gs[0], base_, part_);
    const Ref<Node> result = grad_enabled() ? changed_part(g) : change_;
    Grads of_change;
    {
      CurrentNode now(result.get());
      of_change = change_->apply(Grads{g});
    }
    // The change's first input is the part before the change.
    Tensor part = of_change[0].defined() ? of_change[0] : zeros(part_.sizes, gs[0].dtype());
    Grads dxs{replace_part(gs[0], g, part)};
    for (int64_t i = 1; i < of_change.size(); ++i) dxs.push_back(of_change[i]);
    return dxs;
  }
  void release_saved() override { change_->release_saved(); }

 private:
  // Where the result of the change stands if its derivative uses it: a view of this node's own
  // output.
  Ref<Node> changed_part(const Tensor& like) {
    Ref<Node> node = make_node("AsStridedBackward0", Inputs{}, saved(),
                               [from = base_, part = part_](const Tensor& g) {
                                 return Grads{as_strided_backward(g, from, part)};
                               });
    node->edges.push_back({Ref<Node>(this), 0});
    node->add_output(like);
    return node;
  }

  // g with its part `old` replaced: exactly, or as a sum where second derivatives are to follow.
  Tensor replace_part(const Tensor& g, const Tensor& old, const Tensor& part) const {
    if (grad_enabled()) return add(g, as_strided_backward(sub(part, old), base_, part_));
    const Memory memory(base_, part_, g.dtype());
    write_values(memory.seen_as(base_), g);
    write_values(memory.seen_as(part_), part);
    return memory.seen_as(base_);
  }
  Geometry base_, part_;
  Ref<Node> change_;
};

}  // namespace

Ref<Node> copy_slices(const Tensor& base, const Tensor& view, Ref<Node> change) {
  return Ref<Node>(new CopySlices(base, view, std::move(change)));
}

}  // namespace izvod
