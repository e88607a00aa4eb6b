#include "bind/arguments.h"
#include "bind/graph_types.h"
#include "bind/tensor_slots.h"
#include "ops/copy.h"
#include "ops/views.h"

namespace izvod::bind {
namespace {

template <auto f>
PyObject* get(PyObject* self, void*) {
  return guarded([&] { return to_python(f(tensor_of(self))); });
}

PyObject* get_grad(PyObject* self, void*) {
  const AutogradMeta* m = meta_if_any(tensor_of(self));
  return guarded([&] { return to_python(m ? m->grad : Tensor()); });
}

int set_grad(PyObject* self, PyObject* value, void*) {
  return guarded_int([&] {
    const Tensor& x = tensor_of(self);
    if (!value || value == Py_None) {
      if (AutogradMeta* m = meta_if_any(x)) m->grad = Tensor();
      return;
    }
    check<TypeError>(is_tensor(value),
                     "assigned grad expected to be a Tensor or None but got grad of type ",
                     type_name(value));
    const Tensor& g = tensor_of(value);
    check(!g.is(x), "can't assign Variable as its own grad");
    check(g.dtype() == x.dtype(), "assigned grad has data of a different type");
    check(g.sizes() == x.sizes(), "assigned grad has data of a different size");
    meta(x).grad = g;
  });
}

int set_requires_grad_attr(PyObject* self, PyObject* value, void*) {
  return guarded_int([&] {
    bool on;
    check(value && Convert<bool>::from(value, on), "requires_grad must be a bool");
    set_requires_grad(tensor_of(self), on);
  });
}

PyObject* get_grad_fn(PyObject* self, void*) {
  return guarded([&] { return wrap_node(grad_fn(tensor_of(self))); });
}

int set_data(PyObject* self, PyObject* value, void*) {
  return guarded_int([&] {
    check<TypeError>(value && is_tensor(value), "Variable data has to be a tensor, but got ",
                     value ? type_name(value) : "nothing");
    const Tensor x = tensor_of(self), y = tensor_of(value);
    check(!x.impl()->requires_grad || y.is_floating(),
          "data set to a tensor that requires gradients must be floating point or complex dtype");
    adopt(x, y);
  });
}

PyObject* get_base(PyObject* self, void*) {
  return guarded([&] { return to_python(Tensor(tensor_of(self).impl()->base)); });
}
PyObject* get_retains_grad(PyObject* self, void*) {
  const AutogradMeta* m = meta_if_any(tensor_of(self));
  return PyBool_FromLong(m && m->retained_by);
}
PyObject* get_false(PyObject*, void*) { Py_RETURN_FALSE; }
PyObject* get_device(PyObject*, void*) { return cpu_device(); }
PyObject* get_self(PyObject* self, void*) {
  Py_INCREF(self);
  return self;
}

PyGetSetDef properties[] = {
    {"shape", get<[](const Tensor& x) -> const Dims& { return x.sizes(); }>, nullptr, nullptr,
     nullptr},
    {"dtype", get<[](const Tensor& x) { return x.dtype(); }>, nullptr, nullptr, nullptr},
    {"ndim", get<[](const Tensor& x) { return x.dim(); }>, nullptr, nullptr, nullptr},
    {"itemsize", get<[](const Tensor& x) { return itemsize(x.dtype()); }>, nullptr, nullptr,
     nullptr},
    {"nbytes", get<[](const Tensor& x) { return x.numel() * itemsize(x.dtype()); }>, nullptr,
     nullptr, nullptr},
    {"T", get<reversed_dims>, nullptr, nullptr, nullptr},
    {"mT", get<matrix_transpose>, nullptr, nullptr, nullptr},
    {"data", get<data_of>, set_data, nullptr, nullptr},
    {"grad", get_grad, set_grad, nullptr, nullptr},
    {"grad_fn", get_grad_fn, nullptr, nullptr, nullptr},
    {"requires_grad", get<[](const Tensor& x) { return requires_grad(x); }>, set_requires_grad_attr,
     nullptr, nullptr},
    {"is_leaf", get<[](const Tensor& x) { return is_leaf(x); }>, nullptr, nullptr, nullptr},
    {"retains_grad", get_retains_grad, nullptr, nullptr, nullptr},
    {"output_nr",
     get<[](const Tensor& x) { return int64_t(meta_if_any(x) ? meta_if_any(x)->output : 0); }>,
     nullptr, nullptr, nullptr},
    {"_version", get<[](const Tensor& x) { return int64_t(x.version()); }>, nullptr, nullptr,
     nullptr},
    {"_base", get_base, nullptr, nullptr, nullptr},
    {"device", get_device, nullptr, nullptr, nullptr},
    {"real", get_self, nullptr, nullptr, nullptr},
    {"is_cuda", get_false, nullptr, nullptr, nullptr},
    {"is_sparse", get_false, nullptr, nullptr, nullptr},
    {"is_quantized", get_false, nullptr, nullptr, nullptr},
    {"is_meta", get_false, nullptr, nullptr, nullptr},
    {"is_mps", get_false, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

void add_tensor_properties() { add_getset(properties); }

}  // namespace izvod::bind
