#pragma once
#include <vector>

#include "bind/python.h"

namespace izvod::bind {

// Operators, len, hash, indexing, construction: what Python finds in the type's slots.
std::vector<PyType_Slot> tensor_slots();
// shape, dtype, grad and the other attributes.
void add_tensor_properties();
void add_getset(PyGetSetDef* properties);

// x[key] and x[key] = value; bind/indexing.cpp.
PyObject* get_item(PyObject* self, PyObject* key);
int set_item(PyObject* self, PyObject* key, PyObject* value);
// torch.Tensor(...); bind/creation.cpp.
PyObject* new_tensor(PyTypeObject* type, PyObject* args, PyObject* keywords);

}  // namespace izvod::bind
