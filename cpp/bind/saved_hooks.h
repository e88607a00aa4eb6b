#pragma once
#include "bind/python.h"

namespace izvod::bind {

// autograd.graph.saved_tensors_hooks: tensors that this thread saves for derivatives from now on go
// through pack(x) when saved and unpack(packed) when read. The innermost pair counts.
void push_saved_hooks(PyObject* pack, PyObject* unpack);
void pop_saved_hooks();

}  // namespace izvod::bind
