#pragma once
#include <memory>
#include <optional>

#include "base/dtype.h"
#include "base/error.h"
#include "base/small_vector.h"
#include "base/thread_local.h"
#include "tensor/storage.h"

namespace izvod {

// What the graph keeps with a tensor that takes part in autograd; see graph/autograd.h.
struct Attachment {
  virtual ~Attachment() = default;
};

// Set by the inference mode: tensors made meanwhile stay outside of autograd for good.
inline constinit thread_local bool making_inference_tensors IZVOD_FAST_THREAD_LOCAL = false;

struct TensorImpl : Pooled {
  TensorImpl(Ref<Storage> storage, char* data, const Dims& sizes, const Dims& strides, DType dtype,
             int64_t numel, bool contiguous)
      : dtype(dtype),
        contiguous(contiguous),
        numel(numel),
        data(data),
        storage(std::move(storage)),
        sizes(sizes),
        strides(strides) {}

  uint32_t refs = 0;
  DType dtype;
  bool contiguous;             // row-major without gaps
  bool requires_grad = false;  // a leaf that asks for a gradient, or the result of a recorded op
  bool untracked = false;      // made by .data: its changes do not count as changes
  bool inference = making_inference_tensors;
  int64_t numel;
  char* data;  // of the first element
  Ref<Storage> storage;
  Dims sizes, strides;
  Ref<TensorImpl> base;       // the tensor that this one is a view of, for in-place operations
  uint32_t base_version = 0;  // the storage's version that grad_fn belongs to; views only
  std::unique_ptr<Attachment> autograd;
  void* pyobject = nullptr;  // the one Python object of this tensor, while there is one
  void* keepsake =
      nullptr;  // what a Python object of a subclass left behind; see bind/tensor_type.h

  static inline void (*drop_keepsake)(void*) = nullptr;
  static void destroy(TensorImpl* t) {
    if (t->keepsake) drop_keepsake(t->keepsake);
    delete t;
  }
};

// A handle; copying it shares the tensor.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Ref<TensorImpl> impl) : impl_(std::move(impl)) {}

  bool defined() const { return bool(impl_); }
  TensorImpl* impl() const { return impl_.get(); }
  const Ref<TensorImpl>& ref() const { return impl_; }
  bool is(const Tensor& o) const { return impl_ == o.impl_; }

  DType dtype() const { return impl_->dtype; }
  int64_t dim() const { return impl_->sizes.size(); }
  int64_t numel() const { return impl_->numel; }
  const Dims& sizes() const { return impl_->sizes; }
  const Dims& strides() const { return impl_->strides; }
  int64_t size(int64_t d) const { return impl_->sizes[d < 0 ? d + dim() : d]; }
  int64_t stride(int64_t d) const { return impl_->strides[d < 0 ? d + dim() : d]; }
  bool is_contiguous() const { return impl_->contiguous; }
  bool is_floating() const { return izvod::is_floating(dtype()); }
  template <class T>
  T* data() const {
    return static_cast<T*>(static_cast<void*>(impl_->data));
  }
  int64_t storage_offset() const {
    return (impl_->data - static_cast<char*>(impl_->storage->data())) / itemsize(dtype());
  }
  uint32_t version() const { return impl_->untracked ? 0 : impl_->storage->version; }
  void bump_version() const {
    if (!impl_->untracked) ++impl_->storage->version;
  }

 private:
  Ref<TensorImpl> impl_;
};

// The number of elements; RuntimeError for negative sizes and for more bytes than can be addressed.
int64_t checked_numel(const Dims& sizes, DType dtype);
Dims contiguous_strides(const Dims& sizes);
bool is_contiguous(const Dims& sizes, const Dims& strides);
// Every place between the first and the last element is one element, in whatever order of
// dimensions.
bool is_dense(const Tensor& x);

// Whether xs, all over one piece of memory, may be written to without anyone noticing: no other
// tensor, and no name in Python, sees it. Views whose bases nobody else holds will do.
bool are_sole_owners(const Tensor* xs, int64_t count);
inline bool is_sole_owner(const Tensor& x) { return are_sole_owners(&x, 1); }

// Fresh memory, row-major, not set to anything.
Tensor empty(const Dims& sizes, DType dtype);
// Zeros, row-major, of which only what is written takes memory; see Note [Lazy zeros].
Tensor lazy_zeros(const Dims& sizes, DType dtype);
// Without gaps and, where x has dimensions in another order (a transposed matrix), in that order.
Tensor empty_like(const Tensor& x, DType dtype);
inline Tensor empty_like(const Tensor& x) { return empty_like(x, x.dtype()); }

// Another tensor over the storage of x. It records nothing and is a view of nothing: ops/views.h
// does that.
Tensor alias(const Tensor& x, const Dims& sizes, const Dims& strides, char* data);
inline Tensor alias(const Tensor& x) { return alias(x, x.sizes(), x.strides(), x.impl()->data); }
// x shows the memory of y from now on, whoever holds x.
void adopt(const Tensor& x, const Tensor& y);
Tensor from_storage(Ref<Storage> storage, char* data, const Dims& sizes, const Dims& strides,
                    DType dtype);

// d in [-dim, dim) as [0, dim), where a tensor without dimensions counts as having one; else
// IndexError.
int64_t wrap_dim(int64_t d, int64_t dim);
// The shape that a and b have together; RuntimeError where they do not fit.
Dims broadcast_sizes(const Dims& a, const Dims& b);

}  // namespace izvod
