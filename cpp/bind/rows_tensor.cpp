// Methods of Tensor, and functions of the module, that are not ops: conversion, inspection.
#include "base/parallel.h"
#include "bind/creation.h"
#include "bind/function.h"
#include "bind/rows.h"
#include "ops/copy.h"
#include "ops/item.h"
#include "ops/promotion.h"
#include "tensor/allocator.h"

namespace izvod::bind {
namespace {

// x.to(dtype | device | other, non_blocking, copy)
Tensor to_any(const Tensor& x, PyObject* first, PyObject* second, std::optional<DType> dtype,
              PyObject* device, bool, bool copy, PyObject*) {
  DType t = dtype.value_or(x.dtype());
  for (PyObject* o : {first, second}) {
    if (o == Py_None || PyBool_Check(o)) continue;
    if (is_tensor(o))
      t = tensor_of(o).dtype();
    else if (!Convert<DType>::from(o, t))
      check_device(o);
  }
  check_device(device);
  return to(x, t, copy);
}

int64_t named_dim(const Tensor& x, int64_t dim) {
  check<IndexError>(x.dim() > 0, "Dimension specified as ", dim, " but tensor has no dimensions");
  return wrap_dim(dim, x.dim());
}

std::string bytes_of(const Tensor& x) {
  const Tensor c = x.is_contiguous() ? x : copy_of(x, x.dtype(), false);
  return std::string(c.impl()->data, size_t(c.numel() * itemsize(c.dtype())));
}

}  // namespace

void add_tensor_rows() {
  // ---- Inspection
  def<"dim", InTensor>("self", [](const Tensor& x) { return x.dim(); });
  def<"ndimension", InTensor>("self", [](const Tensor& x) { return x.dim(); });
  def<"numel">("input", [](const Tensor& x) { return x.numel(); });
  def<"nelement", InTensor>("self", [](const Tensor& x) { return x.numel(); });
  def<"element_size", InTensor>("self", [](const Tensor& x) { return itemsize(x.dtype()); });
  def<"size", InTensor>("self, dim=None", [](const Tensor& x, std::optional<int64_t> dim) {
    return dim ? to_python(x.sizes()[named_dim(x, *dim)]) : to_python(x.sizes());
  });
  def<"stride", InTensor>("self, dim=None",
                          [](const Tensor& x, std::optional<int64_t> dim) -> PyObject* {
                            if (dim) return to_python(x.strides()[named_dim(x, *dim)]);
                            const Object size = checked(make_size(x.strides()));
                            return PySequence_Tuple(checked(PySequence_List(size.get())).get());
                          });
  def<"storage_offset", InTensor>("self", [](const Tensor& x) { return x.storage_offset(); });
  def<"data_ptr", InTensor>(
      "self", [](const Tensor& x) { return int64_t(reinterpret_cast<uintptr_t>(x.impl()->data)); });
  def<"_storage_id", InTensor>("self", [](const Tensor& x) {
    return int64_t(reinterpret_cast<uintptr_t>(x.impl()->storage.get()));
  });
  def<"is_contiguous", InTensor>("self, memory_format=None",
                                 [](const Tensor& x, PyObject*) { return x.is_contiguous(); });
  def<"is_floating_point">("input", [](const Tensor& x) { return x.is_floating(); });
  def<"is_complex">("input", [](const Tensor&) { return false; });
  def<"is_signed", InTensor>("self", [](const Tensor& x) { return info(x.dtype()).is_signed; });
  def<"is_inference">("input", [](const Tensor& x) { return x.impl()->inference; });
  def<"is_same_size", InTensor>(
      "self, other", [](const Tensor& a, const Tensor& b) { return a.sizes() == b.sizes(); });
  def<"item", InTensor>("self", item);
  def<"tolist", InTensor>("self", to_list);
  def<"_to_bytes", InTensor>("self", [](const Tensor& x) {
    const std::string s = bytes_of(x);
    return PyBytes_FromStringAndSize(s.data(), Py_ssize_t(s.size()));
  });

  // ---- Copies and conversions
  def<"clone">("input, *, memory_format=None", [](const Tensor& x, PyObject*) { return clone(x); });
  def<"contiguous", InTensor>("self, memory_format=None",
                              [](const Tensor& x, PyObject*) { return contiguous(x); });
  def<"copy_", InTensor>("self, src, non_blocking=False",
                         [](const Tensor& x, const Tensor& from, bool) { return copy_(x, from); });
  def<"fill_", InTensor>(
      {overload("self, value", [](const Tensor& x, const Scalar& v) { return fill_(x, v); }),
       overload("self, value", [](const Tensor& x, const Tensor& v) { return fill_(x, v); })});
  def<"zero_", InTensor>("self", zero_);
  def<"detach">("input", detach);
  def<"detach_", InTensor>("self", detach_);
  def<"to", InTensor>(
      "self, arg=None, second=None, dtype=None, device=None, non_blocking=False, copy=False, "
      "memory_format=None",
      to_any);
  def<"type_as", InTensor>("self, other",
                           [](const Tensor& x, const Tensor& o) { return to(x, o.dtype()); });
  def<"cpu", InTensor>("self", [](const Tensor& x) { return x; });
  def<"float", InTensor>("self", [](const Tensor& x) { return to(x, DType::Float32); });
  def<"double", InTensor>("self", [](const Tensor& x) { return to(x, DType::Float64); });
  def<"half", InTensor>("self", [](const Tensor& x) { return to(x, DType::Float16); });
  def<"bfloat16", InTensor>("self", [](const Tensor& x) { return to(x, DType::BFloat16); });
  def<"int", InTensor>("self", [](const Tensor& x) { return to(x, DType::Int32); });
  def<"long", InTensor>("self", [](const Tensor& x) { return to(x, DType::Int64); });
  def<"short", InTensor>("self", [](const Tensor& x) { return to(x, DType::Int16); });
  def<"char", InTensor>("self", [](const Tensor& x) { return to(x, DType::Int8); });
  def<"byte", InTensor>("self", [](const Tensor& x) { return to(x, DType::UInt8); });
  def<"bool", InTensor>("self", [](const Tensor& x) { return to(x, DType::Bool); });
  def<"requires_grad_", InTensor>("self, requires_grad=True", [](const Tensor& x, bool on) {
    set_requires_grad(x, on);
    return x;
  });
  def<"_make_subclass", InModule>("cls, data, require_grad=False", [](PyObject* cls,
                                                                      const Tensor& data, bool on) {
    check<TypeError>(
        PyType_Check(cls) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(cls), tensor_type),
        "_make_subclass(): argument 'cls' must be a subclass of Tensor, not ", type_name(cls));
    const Tensor x = detach(data);
    if (on) set_requires_grad(x, true);
    return wrap_as(reinterpret_cast<PyTypeObject*>(cls), x);
  });

  // ---- Types, threads, memory
  def<"get_default_dtype", InModule>("", [] { return default_dtype(); });
  def<"set_default_dtype", InModule>("d", set_default_dtype);
  def<"promote_types", InModule>("type1, type2", promote_types);
  def<"result_type", InModule>("tensor, other",
                               [](const Arg& a, const Arg& b) { return result_type(a, b); });
  def<"can_cast", InModule>("from_, to", can_cast);
  def<"_dtype_from_name", InModule>("name", [](const std::string& name) {
    for (int i = 0; i < dtype_count; ++i)
      if (name == dtype_table[size_t(i)].name) return DType(i);
    throw ValueError(text("no dtype is called '", name, "'"));
  });
  def<"is_tensor", InModule>("obj", [](PyObject* o) { return is_tensor(o); });
  def<"get_num_threads", InModule>("", [] { return int64_t(num_threads()); });
  def<"set_num_threads", InModule>("int", [](int64_t n) {
    check(n > 0, "set_num_threads expects a positive integer, got ", n);
    set_num_threads(int(n));
  });
  def<"_memory_stats", InModule>("", []() -> PyObject* {
    const MemoryStats s = memory_stats();
    return Py_BuildValue("{s:n,s:n,s:n,s:n,s:n}", "used", Py_ssize_t(s.used), "idle",
                         Py_ssize_t(s.idle), "peak", Py_ssize_t(s.peak), "requests",
                         Py_ssize_t(s.requests), "moved", Py_ssize_t(s.moved));
  });
}

}  // namespace izvod::bind
