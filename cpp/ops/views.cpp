#include "ops/views.h"

#include "base/parallel.h"
#include "ops/copy.h"

namespace izvod {
namespace {

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

}  // namespace

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
    g.sizes[dim] = ceil_div(end - start, step);
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

}  // namespace izvod
