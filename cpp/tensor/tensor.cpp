#include "tensor/tensor.h"

#include "base/memory_order.h"

namespace izvod {

int64_t checked_numel(const Dims& sizes, DType dtype) {
  int64_t n = 1;
  bool overflow = false;
  for (int64_t s : sizes) {
    check(s >= 0, "Trying to create tensor with negative dimension ", s, ": ", sizes);
    overflow |= __builtin_mul_overflow(n, s, &n);
  }
  for (int64_t s : sizes)
    if (s == 0) return 0;
  int64_t bytes;
  overflow |= __builtin_mul_overflow(n, itemsize(dtype), &bytes);
  check(!overflow, "Storage size calculation overflowed with sizes=", sizes);
  return n;
}

Dims contiguous_strides(const Dims& sizes) {
  Dims strides = sizes;
  int64_t step = 1;
  for (int64_t d = sizes.size() - 1; d >= 0; --d)
    step *= std::max<int64_t>(std::exchange(strides[d], step), 1);
  return strides;
}

bool is_contiguous(const Dims& sizes, const Dims& strides) {
  int64_t step = 1;
  bool contiguous = true;
  for (int64_t d = sizes.size() - 1; d >= 0; --d) {
    if (sizes[d] == 0) return true;
    if (sizes[d] == 1) continue;
    contiguous &= strides[d] == step;
    step *= sizes[d];
  }
  return contiguous;
}

static Tensor fresh(const Dims& sizes, const Dims& strides, DType dtype, int64_t numel,
                    bool contiguous) {
  Ref<Storage> storage = Storage::make(size_t(numel * itemsize(dtype)));
  auto* data = static_cast<char*>(storage->data());
  return Tensor(
      Ref(new TensorImpl(std::move(storage), data, sizes, strides, dtype, numel, contiguous)));
}

Tensor empty(const Dims& sizes, DType dtype) {
  const int64_t n = checked_numel(sizes, dtype);
  return fresh(sizes, contiguous_strides(sizes), dtype, n, true);
}

Tensor lazy_zeros(const Dims& sizes, DType dtype) {
  const int64_t bytes = checked_numel(sizes, dtype) * itemsize(dtype);
  Ref<Storage> storage = Storage::make_lazy_zeros(size_t(bytes));
  char* data = static_cast<char*>(storage->data());
  return from_storage(std::move(storage), data, sizes, contiguous_strides(sizes), dtype);
}

bool are_sole_owners(const Tensor* xs, int64_t count) {
  const Ref<Storage>& storage = xs[0].impl()->storage;
  uint32_t holders = 0;
  const auto is_unseen = [](const TensorImpl* t) { return t->refs == 1 && !t->pyobject; };
  for (const Tensor* x = xs; x < xs + count; ++x) {
    const TensorImpl* t = x->impl();
    if (t->storage != storage || !is_unseen(t) || (t->base && !is_unseen(t->base.get())))
      return false;
    for (int64_t d = 0; d < x->dim(); ++d)
      if (t->strides[d] == 0 && t->sizes[d] > 1) return false;
    holders += t->base ? 2 : 1;
  }
  return storage->refs == holders && !storage->is_borrowed();
}

// Whether the elements fill their memory without gap or overlap, in some order of the dimensions.
bool is_dense(const Tensor& x) {
  Dims order;
  for (int64_t d = 0; d < x.dim(); ++d)
    if (x.sizes()[d] != 1) order.push_back(d);
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return x.strides()[a] < x.strides()[b]; });
  int64_t step = 1;
  for (int64_t d : order) {
    if (x.strides()[d] != step) return false;
    step *= x.sizes()[d];
  }
  return true;
}

Tensor empty_like(const Tensor& x, DType dtype) {
  if (x.is_contiguous()) return empty(x.sizes(), dtype);
  if (is_dense(x)) return fresh(x.sizes(), x.strides(), dtype, x.numel(), false);
  Dims strides(x.dim());
  int64_t step = 1;
  for (int64_t d : memory_order(x.sizes(), {&x.strides()})) {
    strides[d] = step;
    step *= std::max<int64_t>(x.size(d), 1);
  }
  return fresh(x.sizes(), strides, dtype, x.numel(), is_contiguous(x.sizes(), strides));
}

Tensor from_storage(Ref<Storage> storage, char* data, const Dims& sizes, const Dims& strides,
                    DType dtype) {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return Tensor(Ref(new TensorImpl(std::move(storage), data, sizes, strides, dtype, n,
                                   is_contiguous(sizes, strides))));
}

void adopt(const Tensor& x, const Tensor& y) {
  TensorImpl* to = x.impl();
  const TensorImpl* from = y.impl();
  to->storage = from->storage;
  to->data = from->data;
  to->sizes = from->sizes;
  to->strides = from->strides;
  to->numel = from->numel;
  to->dtype = from->dtype;
  to->contiguous = from->contiguous;
}

Tensor alias(const Tensor& x, const Dims& sizes, const Dims& strides, char* data) {
  Tensor y = from_storage(x.impl()->storage, data, sizes, strides, x.dtype());
  y.impl()->untracked = x.impl()->untracked;
  y.impl()->inference = x.impl()->inference;
  return y;
}

int64_t wrap_dim(int64_t d, int64_t dim) {
  const int64_t n = std::max<int64_t>(dim, 1);
  check<IndexError>(d >= -n && d < n, "Dimension out of range (expected to be in range of [", -n,
                    ", ", n - 1, "], but got ", d, ")");
  return d < 0 ? d + n : d;
}

Dims broadcast_sizes(const Dims& a, const Dims& b) {
  const Dims& longer = a.size() >= b.size() ? a : b;
  const Dims& shorter = a.size() >= b.size() ? b : a;
  Dims out = longer;
  const int64_t shift = longer.size() - shorter.size();
  for (int64_t d = 0; d < shorter.size(); ++d) {
    const int64_t s = shorter[d], l = longer[d + shift];
    check(s == l || s == 1 || l == 1, "The size of tensor a (", a.size() >= b.size() ? l : s,
          ") must match the size of tensor b (", a.size() >= b.size() ? s : l,
          ") at non-singleton dimension ", d + shift);
    if (l == 1) out[d + shift] = s;
  }
  return out;
}

}  // namespace izvod
