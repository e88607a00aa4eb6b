#include "bind/function.h"
#include "bind/rows.h"
#include "ops/copy.h"
#include "ops/indexing.h"
#include "ops/views.h"

namespace izvod::bind {
namespace {

std::vector<Tensor> indices_of(PyObject* o) {
  std::vector<Tensor> r;
  const Object items = checked(PySequence_Fast(o, "indices must be a sequence of tensors"));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    PyObject* e = PySequence_Fast_GET_ITEM(items.get(), i);
    check<TypeError>(e == Py_None || is_tensor(e), "indices must be tensors, got ", type_name(e));
    r.push_back(e == Py_None ? Tensor() : tensor_of(e));
  }
  return r;
}

}  // namespace

void add_indexing_rows() {
  def<"gather">("input, dim, index, *, sparse_grad=False",
                [](const Tensor& x, int64_t d, const Tensor& i, bool) { return gather(x, d, i); });
  def<"take_along_dim">("input, indices, dim=None", take_along_dim);
  def<"scatter">(
      {overload("input, dim, index, src", [](const Tensor& x, int64_t d, const Tensor& i,
                                             const Tensor& s) { return scatter(x, d, i, s); }),
       overload("input, dim, index, value", [](const Tensor& x, int64_t d, const Tensor& i,
                                               const Scalar& s) { return scatter(x, d, i, s); })});
  def<"scatter_", InTensor>(
      {overload("self, dim, index, src", [](const Tensor& x, int64_t d, const Tensor& i,
                                            const Tensor& s) { return scatter_(x, d, i, s); }),
       overload("self, dim, index, value", [](const Tensor& x, int64_t d, const Tensor& i,
                                              const Scalar& s) { return scatter_(x, d, i, s); })});
  def<"scatter_add">("input, dim, index, src", scatter_add);
  def<"scatter_add_", InTensor>("self, dim, index, src", scatter_add_);
  def<"scatter_reduce">("input, dim, index, src, reduce, *, include_self=True", scatter_reduce);
  def<"scatter_reduce_", InTensor>(
      "self, dim, index, src, reduce, *, include_self=True",
      [](const Tensor& x, int64_t d, const Tensor& i, const Tensor& s, const std::string& how,
         bool self) {
        const Tensor before = recording(x) ? clone(x) : x;  // the derivative compares with it
        return copy_(x, scatter_reduce(before, d, i, s, how, self));
      });
  def<"index_select">("input, dim, index", index_select);
  def<"index_add">("input, dim, index, source, *, alpha=1", index_add);
  def<"index_copy">("input, dim, index, source", index_copy);
  def<"index_fill">("input, dim, index, value", index_fill);
  def<"index_add_", InTensor>("self, dim, index, source, *, alpha=1", index_add_);
  def<"index_copy_", InTensor>("self, dim, index, source", index_copy_);
  def<"index_fill_", InTensor>("self, dim, index, value", index_fill_);
  def<"masked_select">("input, mask", masked_select);
  def<"masked_scatter">("input, mask, source", masked_scatter);
  def<"masked_scatter_", InTensor>("self, mask, source", masked_scatter_);
  def<"nonzero">("input, *, as_tuple=False", [](const Tensor& x, bool as_tuple) {
    return as_tuple ? to_python(nonzeros(x)) : to_python(nonzero(x));
  });
  def<"argwhere">("input", nonzero);
  def<"index_put">("input, indices, values, accumulate=False",
                   [](const Tensor& x, PyObject* i, const Tensor& v, bool a) {
                     return index_put(x, indices_of(i), v, a);
                   });
  def<"index_put_", InTensor>("self, indices, values, accumulate=False",
                              [](const Tensor& x, PyObject* i, const Tensor& v, bool a) {
                                return index_put_(x, indices_of(i), v, a);
                              });
}

}  // namespace izvod::bind
