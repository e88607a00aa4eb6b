#include "bind/function.h"
#include "bind/rows.h"
#include "ops/copy.h"
#include "ops/joining.h"
#include "ops/pad.h"
#include "ops/rearrange.h"
#include "ops/views.h"

namespace izvod::bind {

void add_view_rows() {
  def<"as_strided">(
      "input, size, stride, storage_offset=None",
      [](const Tensor& x, const Dims& sizes, const Dims& strides, std::optional<int64_t> offset) {
        return as_strided(x, sizes, strides, offset.value_or(x.storage_offset()));
      });
  def<"view", InTensor>("self, *shape",
                        [](const Tensor& x, const Dims& shape) { return view(x, shape); });
  def<"reshape">("input, *shape", reshape);
  def<"view_as", InTensor>("self, other",
                           [](const Tensor& x, const Tensor& o) { return view(x, o.sizes()); });
  def<"reshape_as", InTensor>(
      "self, other", [](const Tensor& x, const Tensor& o) { return reshape(x, o.sizes()); });
  def<"flatten">("input, start_dim=0, end_dim=-1", flatten);
  def<"ravel">("input", [](const Tensor& x) { return view(contiguous(x), {-1}); });
  def<"unflatten">("input, dim, sizes", unflatten);
  def<"transpose">("input, dim0, dim1", transpose);
  def<"swapaxes">("input, axis0, axis1", transpose);
  def<"swapdims">("input, dim0, dim1", transpose);
  def<"t">("input", t);
  def<"permute">("input, *dims", permute);
  def<"movedim">("input, source, destination", movedim);
  def<"moveaxis">("input, source, destination", movedim);
  def<"expand", InTensor>("self, *size", expand);
  def<"expand_as", InTensor>("self, other",
                             [](const Tensor& x, const Tensor& o) { return expand(x, o.sizes()); });
  def<"broadcast_to">("input, *size", expand);
  def<"squeeze">(
      {overload("input", [](const Tensor& x) { return squeeze(x); }),
       overload("input, dim", [](const Tensor& x, const Dims& dims) { return squeeze(x, dims); })});
  def<"unsqueeze">("input, dim", unsqueeze);
  def<"select">("input, dim, index", select);
  def<"narrow">("input, dim, start, length", narrow);
  def<"diagonal">("input, offset=0, dim1=0, dim2=1", diagonal);
  def<"unfold", InTensor>("self, dimension, size, step", unfold);
  def<"split">(
      {overload("tensor, split_size_or_sections, dim=0",
                [](const Tensor& x, int64_t n, int64_t dim) { return split(x, n, dim); }),
       overload("tensor, split_size_or_sections, dim=0",
                [](const Tensor& x, const Dims& n, int64_t dim) { return split(x, n, dim); }),
       overload("tensor, split_size, dim=0",
                [](const Tensor& x, int64_t n, int64_t dim) { return split(x, n, dim); })});
  def<"split_with_sizes">(
      "tensor, split_sizes, dim=0",
      [](const Tensor& x, const Dims& n, int64_t dim) { return split(x, n, dim); });
  def<"chunk">("input, chunks, dim=0", chunk);
  def<"unbind">("input, dim=0", unbind);
  def<"cat", InModule>({overload("tensors, dim=0", cat), overload("tensors, axis=0", cat)});
  def<"concat", InModule>("tensors, dim=0", cat);
  def<"concatenate", InModule>({overload("tensors, dim=0", cat), overload("tensors, axis=0", cat)});
  def<"stack", InModule>("tensors, dim=0", stack);
  def<"_broadcast_shapes", InModule>("shapes", [](PyObject* shapes) {
    const Object all = checked(PySequence_Fast(shapes, "broadcast_shapes expects shapes"));
    Dims sizes, one;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(all.get()); ++i) {
      check<TypeError>(Convert<Dims>::from(PySequence_Fast_GET_ITEM(all.get(), i), one),
                       "broadcast_shapes expects tuples of ints");
      sizes = broadcast_sizes(sizes, one);
    }
    return sizes;
  });

  def<"tril">("input, diagonal=0", tril);
  def<"triu">("input, diagonal=0", triu);
  def<"tril_", InTensor>("self, diagonal=0", tril_);
  def<"triu_", InTensor>("self, diagonal=0", triu_);
  def<"flip">("input, *dims", flip);
  def<"roll">("input, shifts, dims=()", roll);
  def<"constant_pad_nd", InModule>("input, pad, value=0", constant_pad_nd);
  def<"repeat", InTensor>("self, *repeats", repeat);
  def<"tile">("input, *dims", tile);
  def<"repeat_interleave">(
      {overload("input, repeats, dim=None",
                [](const Tensor& x, int64_t n, std::optional<int64_t> d) {
                  return repeat_interleave(x, n, d);
                }),
       overload("input, repeats, dim=None",
                [](const Tensor& x, const Tensor& n, std::optional<int64_t> d) {
                  return repeat_interleave(x, n, d);
                })});
  def<"diag">("input, diagonal=0", diag);
  def<"diag_embed">("input, offset=0, dim1=-2, dim2=-1", diag_embed);
}

}  // namespace izvod::bind
