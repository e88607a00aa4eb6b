#include "bind/tensor_type.h"

#include <structmember.h>

#include <new>

#include "bind/arguments.h"
#include "bind/hooks.h"
#include "bind/tensor_slots.h"

namespace izvod::bind {

PyTypeObject* tensor_type;

namespace {

struct Keepsake {
  PyTypeObject* type;
  PyObject* dict;
};

TensorObject* free_objects[64];
int free_count = 0;

TensorObject* as_object(PyObject* o) { return reinterpret_cast<TensorObject*>(o); }

// An untracked object of exactly Tensor, from the list of dead ones if there is one.
TensorObject* new_plain() {
  TensorObject* o;
  if (free_count) {
    o = free_objects[--free_count];
    PyObject_Init(reinterpret_cast<PyObject*>(o), tensor_type);
  } else {
    o = PyObject_GC_New(TensorObject, tensor_type);
    if (!o) throw PythonError{};
  }
  return o;
}

TensorObject* new_of(PyTypeObject* type) {
  if (type == tensor_type) return new_plain();
  auto* o = as_object(type->tp_alloc(type, 0));
  if (!o) throw PythonError{};
  return o;
}

PyObject* attach(TensorObject* o, Tensor x, PyObject* dict) {
  x.impl()->pyobject = o;
  new (&o->tensor) Tensor(std::move(x));
  o->dict = dict;
  o->weakrefs = nullptr;
  if (dict && !PyObject_GC_IsTracked(reinterpret_cast<PyObject*>(o))) PyObject_GC_Track(o);
  return reinterpret_cast<PyObject*>(o);
}

void dealloc(PyObject* self) {
  TensorObject* o = as_object(self);
  PyTypeObject* type = Py_TYPE(self);
  if (PyObject_GC_IsTracked(self)) PyObject_GC_UnTrack(self);
  if (o->weakrefs) PyObject_ClearWeakRefs(self);
  TensorImpl* impl = o->tensor.impl();
  if (impl) {
    impl->pyobject = nullptr;
    if (impl->refs > 1 && (type != tensor_type || (o->dict && PyDict_Size(o->dict)))) {
      Py_INCREF(type);
      impl->keepsake = new Keepsake{type, std::exchange(o->dict, nullptr)};
    }
  }
  Py_CLEAR(o->dict);
  o->tensor.~Tensor();
  if (type == tensor_type && free_count < 64)
    free_objects[free_count++] = o;
  else
    type->tp_free(self);
  Py_DECREF(type);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as_object(self)->dict);
  Py_VISIT(Py_TYPE(self));
  return visit_hooks(as_object(self)->tensor, visit, arg);
}

int clear(PyObject* self) {
  Py_CLEAR(as_object(self)->dict);
  clear_hooks(as_object(self)->tensor);
  return 0;
}

int set_attribute(PyObject* self, PyObject* name, PyObject* value) {
  const int r = PyObject_GenericSetAttr(self, name, value);
  if (as_object(self)->dict && !PyObject_GC_IsTracked(self)) PyObject_GC_Track(self);
  return r;
}

PyObject* get_dict(PyObject* self, void*) {
  PyObject*& dict = as_object(self)->dict;
  if (!dict) dict = PyDict_New();
  if (!PyObject_GC_IsTracked(self)) PyObject_GC_Track(self);
  Py_XINCREF(dict);
  return dict;
}
int set_dict(PyObject* self, PyObject* value, void*) {
  if (!value || !PyDict_Check(value)) {
    PyErr_SetString(PyExc_TypeError, "__dict__ must be set to a dictionary");
    return -1;
  }
  Py_INCREF(value);
  Py_XSETREF(as_object(self)->dict, value);
  if (!PyObject_GC_IsTracked(self)) PyObject_GC_Track(self);
  return 0;
}

PyMemberDef members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(TensorObject, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(TensorObject, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyGetSetDef dict_getset[] = {{"__dict__", get_dict, set_dict, nullptr, nullptr},
                             {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

PyObject* wrap(Tensor x) {
  TensorImpl* impl = x.impl();
  if (impl->pyobject) {
    auto* o = static_cast<PyObject*>(impl->pyobject);
    Py_INCREF(o);
    return o;
  }
  if (!impl->keepsake) return attach(new_plain(), std::move(x), nullptr);
  auto* k = static_cast<Keepsake*>(std::exchange(impl->keepsake, nullptr));
  PyObject* o = attach(new_of(k->type), std::move(x), k->dict);
  Py_DECREF(k->type);
  delete k;
  return o;
}

PyObject* wrap_as(PyTypeObject* type, Tensor x) {
  return attach(new_of(type), std::move(x), nullptr);
}

void track(const Tensor& x) {
  auto* o = static_cast<PyObject*>(x.impl()->pyobject);
  if (o && !PyObject_GC_IsTracked(o)) PyObject_GC_Track(o);
}

void add_tensor_type(PyObject* module) {
  TensorImpl::drop_keepsake = [](void* p) {
    auto* k = static_cast<Keepsake*>(p);
    Py_DECREF(k->type);
    Py_XDECREF(k->dict);
    delete k;
  };
  std::vector<PyType_Slot> slots = tensor_slots();
  slots.insert(slots.end(), {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                             {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                             {Py_tp_clear, reinterpret_cast<void*>(clear)},
                             {Py_tp_setattro, reinterpret_cast<void*>(set_attribute)},
                             {Py_tp_free, reinterpret_cast<void*>(PyObject_GC_Del)},
                             {Py_tp_members, members},
                             {Py_tp_getset, dict_getset},
                             {0, nullptr}});
  PyType_Spec spec{"izvod.Tensor", sizeof(TensorObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots.data()};
  tensor_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)).release());
  tensor_type->tp_name =
      "Tensor";  // in messages: unsupported operand type(s) for +: 'Tensor' and 'str'
  add_tensor_properties();
  PyModule_AddObjectRef(module, "Tensor", reinterpret_cast<PyObject*>(tensor_type));
}

void add_getset(PyGetSetDef* properties) {
  for (PyGetSetDef* p = properties; p->name; ++p) {
    const Object descriptor = checked(PyDescr_NewGetSet(tensor_type, p));
    if (PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type), p->name,
                               descriptor.get()) < 0)
      throw PythonError{};
  }
}

}  // namespace izvod::bind
