#pragma once
#include "bind/arguments.h"

namespace izvod::bind {

// Numbers, nested lists, tuples of them, tensors, arrays (through the buffer protocol): as a fresh
// tensor.
Tensor tensor_from(PyObject* data, std::optional<DType> dtype);
// Shares the memory of an array that offers the buffer protocol.
bool is_array(PyObject* o);  // a numpy.ndarray
Tensor tensor_from_buffer(PyObject* array);
// An object that offers x's memory to numpy, and keeps x alive. TypeError for bfloat16.
PyObject* buffer_of(const Tensor& x);
// Memory for the functions called *_like: by default in x's order, or in that of a
// torch.memory_format.
Tensor empty_as(const Tensor& x, std::optional<DType> dtype, PyObject* memory_format);
PyObject* to_list(const Tensor& x);

}  // namespace izvod::bind
