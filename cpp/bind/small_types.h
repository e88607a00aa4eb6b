#pragma once
#include "base/dtype.h"
#include "base/small_vector.h"
#include "bind/python.h"

namespace izvod::bind {

// dtype, Size and device: small immutable objects that print and compare as torch's do.
extern PyTypeObject *dtype_type, *size_type, *device_type;

PyObject* wrap(DType t);
bool is_dtype(PyObject* o);
DType dtype_of_object(PyObject* o);
PyObject* make_size(const Dims& sizes);
PyObject* cpu_device();

// RuntimeError for any device but the CPU; accepts a device, a string or None.
void check_device(PyObject* device);

void add_small_types(PyObject* module);

}  // namespace izvod::bind
