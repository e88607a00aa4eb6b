#include "ops/indexing.h"

#include "kernels/gather.h"
#include "ops/arithmetic.h"
#include "ops/changed.h"
#include "ops/reduction.h"
#include "ops/rows.h"
#include "ops/unary.h"
#include "ops/views.h"

namespace izvod {
namespace {

using kernels::Put;
using kernels::View;

// The index as int64, its values within [0, size).
template <class E>
Tensor checked_index(const Tensor& index, int64_t dim, int64_t size) {
  const Tensor i = to(index, DType::Int64);
  int64_t bad = 0;
  check<E>(i.numel() == 0 || kernels::in_bounds(view(i), int64_t(0), size, &bad), "index ", bad,
           " is out of bounds for dimension ", dim, " with size ", size);
  return i;
}

int64_t size_along(const Tensor& x, int64_t dim) { return x.dim() ? x.sizes()[dim] : 1; }
int64_t stride_along(const Tensor& x, int64_t dim) { return x.dim() ? x.strides()[dim] : 1; }

// What an index addresses: x cut to `sizes`, standing still along dim.
View addressed(const Tensor& x, int64_t dim, const Dims& sizes) {
  View v = row_view(x);
  v.strides[dim] = 0;
  v.sizes = sizes;
  return v;
}

void check_index_type(const char* name, const Tensor& index) {
  check(index.numel() == 0 || index.dtype() == DType::Int64 || index.dtype() == DType::Int32, name,
        "(): Expected dtype int32/int64 for index");
}

}  // namespace

// ---- gather and scatter

Tensor gather(const Tensor& x, int64_t dim, const Tensor& index) {
  dim = wrap_dim(dim, x.dim());
  check_index_type("gather", index);
  check(std::max<int64_t>(x.dim(), 1) == std::max<int64_t>(index.dim(), 1),
        "Index tensor must have the same number of dimensions as input tensor");
  for (int64_t d = 0; d < index.dim(); ++d)
    check(d == dim || index.numel() == 0 || index.sizes()[d] <= size_along(x, d),
          "Size does not match at dimension ", d, " expected index ", index.sizes(),
          " to be no larger than self ", x.sizes(), " apart from dimension ", dim);
  const Tensor i = to(index, DType::Int64);
  const int64_t size = size_along(x, dim);
  Tensor y = empty(i.sizes(), x.dtype());
  const View out = row_view(y);
  if (y.numel() &&
      !kernels::take(out, addressed(x, dim, out.sizes), row_view(i), stride_along(x, dim), size))
    checked_index<RuntimeError>(i, dim, size);  // says which one
  if (recording(x))
    record("GatherBackward0", y, {&x}, saved(i),
           [dim, sizes = x.sizes()](const Tensor& g, const Tensor& i) {
             return Grads{scatter_add(zeros(sizes, g.dtype()), dim, i, g)};
           });
  return y;
}

Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<int64_t> dim) {
  check(index.dtype() == DType::Int64,
        "torch.take_along_dim(): dtype of indices should be Long but got ",
        info(index.dtype()).noun);
  if (!dim) return gather(reshape(x, {-1}), 0, reshape(index, {-1}));
  check(x.dim() == index.dim(),
        "torch.take_along_dim(): input and indices should have the same number of dimensions, but "
        "got ",
        x.dim(), " dimensions for input, and ", index.dim(), " dimensions for indices");
  const int64_t d = wrap_dim(*dim, x.dim());
  Dims from = x.sizes(), to = index.sizes();
  if (x.dim()) from[d] = to[d] = 1;
  const Dims common = broadcast_sizes(from, to);
  from = to = common;
  if (x.dim()) from[d] = x.sizes()[d], to[d] = index.sizes()[d];
  return gather(expand(x, from), d, expand(index, to));
}

namespace {

Tensor scatter_index(const Tensor& x, int64_t dim, const Tensor& index, const Tensor* src) {
  check_index_type("scatter", index);
  if (src)
    check(x.dtype() == src->dtype(), "scatter(): Expected self.dtype to be equal to src.dtype");
  const int64_t dims = std::max<int64_t>(x.dim(), 1);
  check(index.numel() == 0 || std::max<int64_t>(index.dim(), 1) == dims,
        "Index tensor must have the same number of dimensions as self tensor");
  check(!src || index.numel() == 0 || std::max<int64_t>(src->dim(), 1) == dims,
        "Index tensor must have the same number of dimensions as src tensor");
  bool fits = true;
  for (int64_t d = 0; d < index.dim() && index.numel(); ++d)
    fits = fits && (d == dim || index.sizes()[d] <= size_along(x, d)) &&
           (!src || index.sizes()[d] <= size_along(*src, d));
  if (!fits)
    throw RuntimeError(
        text("Expected index ", index.sizes(), " to be no larger than self ", x.sizes(),
             " apart from dimension ", dim,
             src ? text(" and to be no larger size than src ", src->sizes()) : std::string()));
  return checked_index<RuntimeError>(index, dim, size_along(x, dim));
}

// Where src is larger than the index, the rest of it does not take part.
Tensor taking_part(const Tensor& src, const Tensor& index) {
  Tensor part = src;
  for (int64_t d = 0; d < std::min(src.dim(), index.dim()); ++d)
    if (index.sizes()[d] != src.sizes()[d]) part = narrow(part, d, 0, index.sizes()[d]);
  return part;
}

void put_along(const Tensor& y, int64_t dim, const Tensor& index, const View& src, Put how) {
  const View i = row_view(index);
  if (index.numel()) kernels::put(addressed(y, dim, i.sizes), i, stride_along(y, dim), src, how);
}

Tensor scatter_as(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& given,
                  bool in_place) {
  dim = wrap_dim(dim, x.dim());
  const Tensor i = scatter_index(x, dim, index, &given), src = taking_part(given, i);
  return changed(
      "ScatterBackward0", x, in_place, {&x, &src}, saved(i),
      [&](const Tensor& y) { put_along(y, dim, i, row_view(src), Put::Assign); },
      [dim](const Tensor& g, Needs needs, const Tensor& i) {
        return Grads{needs[0] ? scatter(g, dim, i, 0) : Tensor(),
                     needs[1] ? gather(g, dim, i) : Tensor()};
      });
}

Tensor scatter_as(const Tensor& x, int64_t dim, const Tensor& index, const Scalar& value,
                  bool in_place) {
  dim = wrap_dim(dim, x.dim());
  const Tensor i = scatter_index(x, dim, index, nullptr), number = full({}, value, x.dtype());
  return changed(
      "ScatterBackward1", x, in_place, {&x}, saved(i),
      [&](const Tensor& y) {
        put_along(y, dim, i, broadcast_view(number, row_view(i).sizes), Put::Assign);
      },
      [dim](const Tensor& g, const Tensor& i) { return Grads{scatter(g, dim, i, 0)}; });
}

Tensor scatter_add_as(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& given,
                      bool in_place) {
  dim = wrap_dim(dim, x.dim());
  const Tensor i = scatter_index(x, dim, index, &given), src = taking_part(given, i);
  return changed(
      "ScatterAddBackward0", x, in_place, {&x, &src}, saved(i),
      [&](const Tensor& y) { put_along(y, dim, i, row_view(src), Put::Add); },
      [dim](const Tensor& g, Needs needs, const Tensor& i) {
        return Grads{g, needs[1] ? gather(g, dim, i) : Tensor()};
      });
}

}  // namespace

Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src) {
  return scatter_as(x, dim, index, src, false);
}
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Scalar& value) {
  return scatter_as(x, dim, index, value, false);
}
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src) {
  return scatter_add_as(x, dim, index, src, false);
}
const Tensor& scatter_(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src) {
  return scatter_as(x, dim, index, src, true), x;
}
const Tensor& scatter_(const Tensor& x, int64_t dim, const Tensor& index, const Scalar& value) {
  return scatter_as(x, dim, index, value, true), x;
}
const Tensor& scatter_add_(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src) {
  return scatter_add_as(x, dim, index, src, true), x;
}

Tensor value_selecting_backward(const Tensor& g, int64_t dim, const Tensor& index,
                                const Dims& sizes) {
  return scatter(zeros(sizes, g.dtype()), dim, index, g);
}

// ---- scatter_reduce

namespace {

Tensor counts(const Tensor& x, int64_t dim, const Tensor& index, bool include_self) {
  const Tensor start = full(x.sizes(), include_self ? 1 : 0, x.dtype());
  const Tensor n = scatter_add(start, dim, index, full(index.sizes(), 1, x.dtype()));
  return masked_fill(n, n == 0, 1);
}

// The products of all others that meet in a place, for x and for src: their zeros make division
// useless, so a place with one zero is computed without it, and one with more gives nothing.
Grads prod_backward(const Tensor& g, const Tensor& x, int64_t dim, const Tensor& i,
                    const Tensor& src, bool include_self) {
  const Tensor start = include_self ? x : ones_like(x);
  const auto nonzeros = [](const Tensor& t) { return masked_fill(t, t == 0, 1); };
  const auto is_zero = [&](const Tensor& t) { return to(t == 0, x.dtype()); };
  const Tensor zero_count = scatter_add(is_zero(start), dim, i, is_zero(src));
  const Tensor product = scatter_reduce(nonzeros(start), dim, i, nonzeros(src), "prod");
  const auto others = [&](const Tensor& t, const Tensor& n, const Tensor& p) {
    return where(n - is_zero(t) == 0, p / nonzeros(t), 0);
  };
  const Tensor dx = include_self ? g * others(x, zero_count, product) : scatter(g, dim, i, 0);
  return {dx, gather(g, dim, i) * others(src, gather(zero_count, dim, i), gather(product, dim, i))};
}

Grads reduce_backward(const Tensor& g, const Tensor& x, int64_t dim, const Tensor& i,
                      const Tensor& src, const Tensor& y, const std::string& how,
                      bool include_self) {
  if (how == "prod") return prod_backward(g, x, dim, i, src, include_self);
  const auto own = [&](const Tensor& t) { return include_self ? t : scatter(t, dim, i, 0); };
  if (how == "sum") return {own(g), gather(g, dim, i)};
  if (how == "mean") {
    const Tensor share = g / counts(x, dim, i, include_self);
    return {include_self ? share : scatter(g, dim, i, 0), gather(share, dim, i)};
  }
  const Tensor x_is = to(x == y, g.dtype()), src_is = to(src == gather(y, dim, i), g.dtype());
  const Tensor start = include_self ? x_is : scatter(x_is, dim, i, 0);
  const Tensor share = g / scatter_add(start, dim, i, src_is);
  const Tensor dx = include_self ? share * x_is : scatter(g, dim, i, 0);
  return {dx, gather(share, dim, i) * src_is};
}

}  // namespace

Tensor scatter_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& given,
                      const std::string& how, bool include_self) {
  const bool add = how == "sum" || how == "mean";
  check(add || how == "prod" || how == "amax" || how == "amin",
        "reduce argument must be either sum, prod, mean, amax or amin, got ", how);
  dim = wrap_dim(dim, x.dim());
  const Tensor i = scatter_index(x, dim, index, &given), src = taking_part(given, i);
  const Put put = add             ? Put::Add
                  : how == "prod" ? Put::Multiply
                  : how == "amax" ? Put::Max
                                  : Put::Min;
  Tensor y = copy_of(x, x.dtype());
  if (!include_self && add)
    put_along(y, dim, i, broadcast_view(full({}, 0, x.dtype()), row_view(i).sizes), Put::Assign);
  if (!include_self &&
      !add)  // the first values: what is put in again changes nothing for max and min
    put_along(y, dim, i,
              put == Put::Multiply ? broadcast_view(full({}, 1, x.dtype()), row_view(i).sizes)
                                   : row_view(src),
              Put::Assign);
  put_along(y, dim, i, row_view(src), put);
  if (how == "mean") {
    GradMode off(false);
    const Tensor n = counts(x, dim, i, include_self);
    write_values(y, x.is_floating() ? y / n : to(floor(y / to(n, DType::Float64)), x.dtype()));
  }
  if (recording(x, src))
    record("ScatterReduceBackward0", y, {&x, &src}, saved(x, i, src, output(y)),
           [dim, how, include_self](const Tensor& g, const Tensor& x, const Tensor& i,
                                    const Tensor& src, const Tensor& y) {
             return reduce_backward(g, x, dim, i, src, y, how, include_self);
           });
  return y;
}

// ---- whole slices

namespace {

// A vector of indices seen as one index for each element of `sizes`.
View along(const Tensor& index, int64_t dim, const Dims& sizes) {
  View v{index.impl()->data, index.dtype(), sizes, Dims(sizes.size())};
  v.strides[dim] = index.dim() ? index.strides()[0] : 1;
  return v;
}

void put_slices(const Tensor& y, int64_t dim, const Tensor& index, const View& src, Put how) {
  if (src.numel())
    kernels::put(addressed(y, dim, src.sizes), along(index, dim, src.sizes), stride_along(y, dim),
                 src, how);
}

// Shape of what n slices of x are.
Dims slices(const Tensor& x, int64_t dim, int64_t n) {
  Dims sizes = row_view(x).sizes;
  sizes[dim] = n;
  return sizes;
}

template <class E>
Tensor slice_index(const char* name, const Tensor& x, int64_t dim, const Tensor& index,
                   const Tensor& src) {
  check(index.dim() < 2, name, "(): Index is supposed to be a vector, but got dim: ", index.dim(),
        " with type: ", info(index.dtype()).noun, " and size: ", index.sizes());
  check(index.dtype() == DType::Int64 || index.dtype() == DType::Int32, name,
        "(): Expected dtype int32/int64 for index but got: ", info(index.dtype()).noun);
  check(x.dtype() == src.dtype(), name, "(): self (", info(x.dtype()).noun, ") and source (",
        info(src.dtype()).noun, ") must have the same scalar type");
  check(index.numel() == size_along(src, dim), name, "(): Number of indices (", index.numel(),
        ") should be equal to source.size(dim): (", size_along(src, dim), "), for dim: ", dim);
  check(slices(x, dim, index.numel()) == row_view(src).sizes,
        "source tensor shape must match self tensor shape, excluding the specified dimension. Got "
        "self.shape = ",
        x.sizes(), " source.shape = ", src.sizes());
  return checked_index<E>(index, dim, size_along(x, dim));
}

Tensor index_add_as(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                    const Scalar& alpha, bool in_place) {
  dim = wrap_dim(dim, x.dim());
  const Tensor i = slice_index<IndexError>("index_add_", x, dim, index, src);
  const bool scaled = alpha.to_double() != 1;
  return changed(
      "IndexAddBackward0", x, in_place, {&x, &src}, saved(i),
      [&](const Tensor& y) {
        GradMode off(false);
        put_slices(y, dim, i, row_view(scaled ? to(src * alpha, x.dtype()) : src), Put::Add);
      },
      [dim, alpha, scaled](const Tensor& g, Needs needs, const Tensor& i) {
        if (!needs[1]) return Grads{g, Tensor()};
        const Tensor dsrc = index_select(g, dim, i);
        return Grads{g, scaled ? dsrc * alpha : dsrc};
      });
}

Tensor index_copy_as(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                     bool in_place) {
  dim = wrap_dim(dim, x.dim());
  check<IndexError>(index.numel() == size_along(src, dim), "index_copy_(): Number of indices (",
                    index.numel(), ") should be equal to source.size(dim) (", size_along(src, dim),
                    ")");
  const Tensor i = slice_index<IndexError>("index_copy_", x, dim, index, src);
  return changed(
      "IndexCopyBackward0", x, in_place, {&x, &src}, saved(i),
      [&](const Tensor& y) { put_slices(y, dim, i, row_view(src), Put::Assign); },
      [dim](const Tensor& g, Needs needs, const Tensor& i) {
        return Grads{needs[0] ? index_fill(g, dim, i, 0) : Tensor(),
                     needs[1] ? index_select(g, dim, i) : Tensor()};
      });
}

// Negative ones count from the end here.
Tensor fill_index(const Tensor& index, int64_t dim, int64_t size) {
  check<IndexError>(index.dtype() == DType::Int64 || index.dtype() == DType::Int32,
                    "index_fill_(): Expected dtype int64 for index.");
  check(index.dim() < 2, "Index has to be a vector/scalar");
  const Tensor i = to(index, DType::Int64);
  int64_t bad = 0;
  check<IndexError>(i.numel() == 0 || kernels::in_bounds(view(i), -size, size, &bad), "index ", bad,
                    " is out of bounds for dimension ", dim, " with size ", size);
  const Tensor positive = zeros(i.sizes(), DType::Int64);
  kernels::add_offsets(view(positive), view(i), size, int64_t(1));
  return positive;
}

Tensor index_fill_as(const Tensor& x, int64_t dim, const Tensor& index, const Arg& value,
                     bool in_place) {
  check(value.dim() == 0,
        "index_fill_ only supports a 0-dimensional value tensor, but got tensor with ", value.dim(),
        " dimension(s).");
  dim = wrap_dim(dim, x.dim());
  const Tensor i = fill_index(index, dim, size_along(x, dim));
  const Tensor number = value.is_tensor() ? *value.tensor : full({}, value.scalar, x.dtype()),
               same = to(detach(number), x.dtype());
  return changed(
      value.is_tensor() ? "IndexFillBackward1" : "IndexFillBackward0", x, in_place, {&x, &number},
      saved(i),
      [&](const Tensor& y) {
        put_slices(y, dim, i, broadcast_view(same, slices(x, dim, i.numel())), Put::Assign);
      },
      [dim](const Tensor& g, Needs needs, const Tensor& i) {
        return Grads{needs[0] ? index_fill(g, dim, i, 0) : Tensor(),
                     needs[1] ? sum(index_select(g, dim, i)) : Tensor()};
      });
}

}  // namespace

Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index) {
  dim = wrap_dim(dim, x.dim());
  check<IndexError>(index.dim() < 2, "index_select(): Index is supposed to be a vector");
  check(index.dtype() == DType::Int64 || index.dtype() == DType::Int32,
        "index_select(): Expected dtype int32 or int64 for index");
  const Tensor i = to(index, DType::Int64);
  int64_t bad = 0;
  check<IndexError>(
      i.numel() == 0 || kernels::in_bounds(view(i), int64_t(0), size_along(x, dim), &bad),
      "index out of range in self");
  const Dims sizes = slices(x, dim, i.numel());
  Tensor y = empty(x.dim() ? sizes : Dims(), x.dtype());
  if (y.numel()) {
    View out = row_view(y);
    kernels::take(out, addressed(x, dim, sizes), along(i, dim, sizes), stride_along(x, dim),
                  size_along(x, dim));
  }
  if (recording(x))
    record("IndexSelectBackward0", y, {&x}, saved(i),
           [dim, sizes = x.sizes()](const Tensor& g, const Tensor& i) {
             return Grads{index_add(zeros(sizes, g.dtype()), dim, i, g)};
           });
  return y;
}

Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                 const Scalar& alpha) {
  return index_add_as(x, dim, index, src, alpha, false);
}
const Tensor& index_add_(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                         const Scalar& alpha) {
  return index_add_as(x, dim, index, src, alpha, true), x;
}
Tensor index_copy(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src) {
  return index_copy_as(x, dim, index, src, false);
}
const Tensor& index_copy_(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src) {
  return index_copy_as(x, dim, index, src, true), x;
}
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Arg& value) {
  return index_fill_as(x, dim, index, value, false);
}
const Tensor& index_fill_(const Tensor& x, int64_t dim, const Tensor& index, const Arg& value) {
  return index_fill_as(x, dim, index, value, true), x;
}

// ---- masks

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  check(mask.dtype() == DType::Bool, "masked_select: expected BoolTensor for mask");
  return masked_values("MaskedSelectBackward0", x, mask);
}

Tensor masked_values(const char* node, const Tensor& x, const Tensor& mask) {
  const Dims sizes = broadcast_sizes(mask.sizes(), x.sizes());
  const Tensor all = expand(x, sizes), m = expand(mask, sizes);
  Tensor y = empty({*count_nonzero(m).data<int64_t>()}, x.dtype());
  if (y.numel()) kernels::masked_select(view(y), view(all), view(m));
  if (recording(all))
    record(node, y, {&all}, saved(mask), [sizes](const Tensor& g, const Tensor& mask) {
      return Grads{masked_scatter(zeros(sizes, g.dtype()), mask, g)};
    });
  return y;
}

static Tensor masked_scatter_as(const Tensor& x, const Tensor& mask, const Tensor& src,
                                bool in_place) {
  check(mask.dtype() == DType::Bool,
        "masked_scatter_ only supports boolean masks, but got mask with dtype ",
        info(mask.dtype()).noun);
  check(x.dtype() == src.dtype(),
        "masked_scatter: expected self and source to have same dtypes but got ",
        info(x.dtype()).noun, " and ", info(src.dtype()).noun);
  const Tensor m = expand(mask, x.sizes()), row = reshape(detach(src), {src.numel()});
  const int64_t n = *count_nonzero(m).data<int64_t>();
  check(n <= src.numel(), "Number of elements of source < number of ones in mask");
  return changed(
      "MaskedScatterBackward0", x, in_place, {&x, &src}, saved(mask),
      [&](const Tensor& y) {
        if (n) kernels::masked_place(view(y), view(row), view(m));
      },
      [sizes = src.sizes(), n](const Tensor& g, Needs needs, const Tensor& mask) {
        const Tensor dx = needs[0] ? masked_fill(g, mask, 0) : Tensor();
        if (!needs[1]) return Grads{dx, Tensor()};
        int64_t total = 1;
        for (int64_t s : sizes) total *= s;
        const Tensor places = arange(0, n, 1, DType::Int64);
        const Tensor row = index_copy(zeros({total}, g.dtype()), 0, places, masked_select(g, mask));
        return Grads{dx, reshape(row, sizes)};
      });
}

Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& src) {
  const Dims sizes = broadcast_sizes(mask.sizes(), x.sizes());
  return masked_scatter_as(x.sizes() == sizes ? x : clone(expand(x, sizes)), mask, src, false);
}
const Tensor& masked_scatter_(const Tensor& x, const Tensor& mask, const Tensor& src) {
  return masked_scatter_as(x, mask, src, true), x;
}

Tensor nonzero(const Tensor& x) {
  Tensor y = empty({*count_nonzero(x).data<int64_t>(), x.dim()}, DType::Int64);
  if (y.numel()) kernels::nonzero(view(y), view(x));
  return y;
}

std::vector<Tensor> nonzeros(const Tensor& x) {
  return unbind(nonzero(x.dim() ? x : unsqueeze(x, 0)), 1);
}

}  // namespace izvod
