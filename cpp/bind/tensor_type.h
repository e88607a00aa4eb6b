#pragma once
#include "bind/python.h"
#include "graph/autograd.h"

namespace izvod::bind {

// Note [Tensor objects]
// A tensor has at most one Python object, and impl->pyobject points back to it, so `x.grad is
// x.grad`. The object owns the tensor; the tensor does not own the object. When Python lets go of
// an object of a subclass (Parameter), or of one with attributes, while the graph still holds the
// tensor, its type and attributes stay with the tensor as a keepsake, and the next object that is
// asked for is made from them. Plain tensors cannot be part of a cycle of Python objects, so the
// garbage collector hears of an object only when it gets attributes or hooks: tracking costs as
// much as a small addition.
struct TensorObject {
  PyObject_HEAD Tensor tensor;
  PyObject* dict;
  PyObject* weakrefs;
};

extern PyTypeObject* tensor_type;

inline bool is_tensor(PyObject* o) {
  return Py_TYPE(o) == tensor_type || PyType_IsSubtype(Py_TYPE(o), tensor_type);
}
inline const Tensor& tensor_of(PyObject* o) { return reinterpret_cast<TensorObject*>(o)->tensor; }

// The tensor's object: the one it has, or a new one.
PyObject* wrap(Tensor x);
// A new object of a subclass for x, which has none.
PyObject* wrap_as(PyTypeObject* type, Tensor x);

// Lets the garbage collector look at x's object.
void track(const Tensor& x);

void add_tensor_type(PyObject* module);

}  // namespace izvod::bind
