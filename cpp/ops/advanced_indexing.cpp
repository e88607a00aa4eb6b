// x[i, j, ...] and x[i, j, ...] = values, where i, j, ... are tensors.
#include <limits>

#include "kernels/gather.h"
#include "ops/arithmetic.h"
#include "ops/changed.h"
#include "ops/indexing.h"
#include "ops/views.h"

namespace izvod {
namespace {

using kernels::View;

bool is_mask(const Tensor& t) { return t.dtype() == DType::Bool || t.dtype() == DType::UInt8; }

// A mask becomes the indices of its nonzeros, one tensor for each dimension it covers.
void add_mask(std::vector<Tensor>& indices, const Tensor& x, const Tensor& mask) {
  const int64_t first = int64_t(indices.size());
  for (int64_t d = 0; d < mask.dim(); ++d)
    check<IndexError>(first + d < x.dim() && mask.sizes()[d] == x.sizes()[first + d],
                      "The shape of the mask ", mask.sizes(), " at index ", d,
                      " does not match the shape of the indexed tensor ", x.sizes(), " at index ",
                      first + d);
  const Tensor places = nonzero(mask);
  for (int64_t d = 0; d < mask.dim(); ++d) indices.push_back(select(places, 1, d));
}

std::vector<Tensor> integer_indices(const Tensor& x, const std::vector<Tensor>& given) {
  std::vector<Tensor> indices;
  for (const Tensor& t : given) {
    if (!t.defined()) {
      indices.emplace_back();
      continue;
    }
    check<IndexError>(is_mask(t) || t.dtype() == DType::Int64 || t.dtype() == DType::Int32 ||
                          t.dtype() == DType::Int8 || t.dtype() == DType::Int16,
                      "tensors used as indices must be long, int, byte or bool tensors");
    if (is_mask(t))
      add_mask(indices, x, t);
    else
      indices.push_back(to(t, DType::Int64));
  }
  check<IndexError>(int64_t(indices.size()) <= x.dim(), "too many indices for tensor of dimension ",
                    x.dim(), " (got ", indices.size(), ")");
  indices.resize(size_t(x.dim()));
  return indices;
}

// Note [Advanced indexing]
// The indices are broadcast to one shape B and turned into offsets, one number for each element of
// B. The result has the dimensions of x that have no index and, in the place of the indexed ones,
// those of B: where these stand side by side, in their place, else in front. So an element of the
// result is at (its place among the whole dimensions) + (its offset), which the kernels take and
// put know.
struct Plan {
  Dims sizes;           // of the result
  Dims strides;         // of x, 0 in the dimensions of B
  Dims offset_strides;  // of the offsets, 0 in the whole dimensions
  Tensor offsets;
  int64_t scale = 1;

  Plan(const Tensor& x, const std::vector<Tensor>& indices) {
    const Dims b = common_sizes(indices);
    find_offsets(x, indices, b);
    const int64_t at = place_of(indices);
    const auto put_b = [&] {
      const Dims expanded = broadcast_view(offsets, b).strides;
      for (int64_t d = 0; d < b.size(); ++d) add(b[d], 0, expanded[d]);
    };
    if (at == 0) put_b();
    for (int64_t d = 0; d < x.dim(); ++d) {
      if (!indices[size_t(d)].defined())
        add(x.sizes()[d], x.strides()[d], 0);
      else if (at > 0 && d == at)
        put_b();
    }
  }

  View addressed(const Tensor& x) const { return {x.impl()->data, x.dtype(), sizes, strides}; }
  View index() const { return {offsets.impl()->data, DType::Int64, sizes, offset_strides}; }

 private:
  void add(int64_t size, int64_t stride, int64_t offset_stride) {
    sizes.push_back(size);
    strides.push_back(stride);
    offset_strides.push_back(offset_stride);
  }

  static Dims common_sizes(const std::vector<Tensor>& indices) {
    Dims b;
    std::string shapes;
    for (const Tensor& t : indices)
      if (t.defined()) shapes += text(shapes.empty() ? "" : ", ", t.sizes());
    try {
      for (const Tensor& t : indices)
        if (t.defined()) b = broadcast_sizes(b, t.sizes());
    } catch (const RuntimeError&) {
      throw IndexError(
          "shape mismatch: indexing tensors could not be broadcast together with shapes " + shapes);
    }
    return b;
  }

  // Where B goes: the first indexed dimension if all are side by side, else 0.
  static int64_t place_of(const std::vector<Tensor>& indices) {
    int64_t first = -1, last = -1, n = 0;
    for (int64_t d = 0; d < int64_t(indices.size()); ++d) {
      if (!indices[size_t(d)].defined()) continue;
      if (first < 0) first = d;
      last = d;
      ++n;
    }
    return n && last - first + 1 == n ? first : 0;
  }

  void find_offsets(const Tensor& x, const std::vector<Tensor>& indices, const Dims& b) {
    int64_t n = 0;
    bool positive = true, none = false;
    for (int64_t s : b) none |= s == 0;
    for (int64_t d = 0; d < x.dim(); ++d) {
      const Tensor& t = indices[size_t(d)];
      if (!t.defined()) continue;
      const int64_t size = x.sizes()[d];
      int64_t bad = 0;
      if (none || t.numel() == 0) continue;
      const int64_t number = n++;  // torch's messages count the indices, not the dimensions
      if (kernels::in_bounds(view(t), int64_t(0), size, &bad)) {
        offsets = t;
        scale = x.strides()[d];
        continue;
      }
      positive = false;
      check<IndexError>(kernels::in_bounds(view(t), -size, size, &bad), "index ", bad,
                        " is out of bounds for dimension ", number, " with size ", size);
    }
    if (n == 1 && positive) return;  // a single index is its own offset
    offsets = zeros(b, DType::Int64);
    scale = 1;
    for (int64_t d = 0; d < x.dim() && !none; ++d)
      if (const Tensor& t = indices[size_t(d)]; t.defined())
        kernels::add_offsets(view(offsets), broadcast_view(t, b), x.sizes()[d], x.strides()[d]);
  }
};

// If the only index is a mask, that mask as it broadcasts against x: one number can be put in
// without a list of places.
Tensor lone_mask(const Tensor& x, const std::vector<Tensor>& indices) {
  const int64_t n = int64_t(indices.size());
  for (int64_t i = 0; i + 1 < n; ++i)
    if (indices[size_t(i)].defined()) return {};
  if (n == 0 || !indices.back().defined() || indices.back().dtype() != DType::Bool) return {};
  const Tensor& mask = indices.back();
  if (mask.dim() == 0 || n - 1 + mask.dim() > x.dim()) return {};
  Dims sizes(x.dim(), 1);
  for (int64_t d = 0; d < mask.dim(); ++d) {
    if (mask.sizes()[d] != x.sizes()[n - 1 + d]) return {};
    sizes[n - 1 + d] = mask.sizes()[d];
  }
  return reshape(mask, sizes);
}

Tensor index_put_as(const Tensor& x, const std::vector<Tensor>& given, const Tensor& values,
                    bool accumulate, bool in_place) {
  check(x.dtype() == values.dtype(),
        "Index put requires the source and destination dtypes match, got ", info(x.dtype()).noun,
        " for the destination and ", info(values.dtype()).noun, " for the source.");
  const std::vector<Tensor> indices = integer_indices(x, given);
  const auto write = [&](const Tensor& y) {
    const Plan plan(y, indices);
    Dims sizes;
    try {
      sizes = broadcast_sizes(values.sizes(), plan.sizes);
    } catch (const RuntimeError&) {
    }
    check(sizes == plan.sizes || (sizes.empty() && plan.sizes.empty()),
          "shape mismatch: value tensor of shape ", values.sizes(),
          " cannot be broadcast to indexing result of shape ", plan.sizes);
    const Tensor src =
        values.impl()->storage == y.impl()->storage ? copy_of(values, values.dtype()) : values;
    const View in = broadcast_view(src, plan.sizes);
    if (in.numel())
      kernels::put(plan.addressed(y), plan.index(), plan.scale, in,
                   accumulate ? kernels::Put::Add : kernels::Put::Assign);
  };
  return changed("IndexPutBackward0", x, in_place, {&x, &values}, saved(indices), write,
                 [accumulate](const Tensor& g, Needs needs, const std::vector<Tensor>& indices) {
                   Tensor dx = g;
                   if (needs[0] && !accumulate) dx = index_put(g, indices, zeros({}, g.dtype()));
                   return Grads{dx, needs[1] ? index(g, indices) : Tensor()};
                 });
}

}  // namespace

Tensor index(const Tensor& x, const std::vector<Tensor>& given) {
  if (given.size() == 1 && given[0].defined() && given[0].dtype() == DType::Bool && x.dim() &&
      given[0].sizes() == x.sizes())
    return masked_values("IndexBackward0", x, given[0]);  // needs no list of places
  const std::vector<Tensor> indices = integer_indices(x, given);
  const Plan plan(x, indices);
  Tensor y = empty(plan.sizes, x.dtype());
  if (y.numel())
    kernels::take(view(y), plan.addressed(x), plan.index(), plan.scale,
                  std::numeric_limits<int64_t>::max());
  if (recording(x))
    record("IndexBackward0", y, {&x}, saved(indices),
           [sizes = x.sizes()](const Tensor& g, const std::vector<Tensor>& indices) {
             return Grads{index_put(zeros(sizes, g.dtype()), indices, g, true)};
           });
  return y;
}

Tensor index_put(const Tensor& x, const std::vector<Tensor>& indices, const Tensor& values,
                 bool accumulate) {
  return index_put_as(x, indices, values, accumulate, false);
}

const Tensor& index_put_(const Tensor& x, const std::vector<Tensor>& indices, const Tensor& values,
                         bool accumulate) {
  if (values.numel() == 1 && !accumulate)
    if (const Tensor mask = lone_mask(x, indices); mask.defined())
      return masked_fill_(x, mask, reshape(values, {}), "IndexPutBackward0");
  return index_put_as(x, indices, values, accumulate, true), x;
}

}  // namespace izvod
