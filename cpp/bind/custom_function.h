#pragma once
#include "bind/python.h"
#include "graph/node.h"

namespace izvod::bind {

// Whether a node was made by a subclass of autograd.Function, and its context (ctx), a borrowed
// reference; null for others.
bool is_custom(const Node& node);
PyObject* context_of(const Node& node);

void add_function_context(PyObject* module);
// Function.apply(*args): what torch.autograd.Function does forward. `args` starts with the class.
PyObject* apply_function(PyObject* const* args, Py_ssize_t n);
// The class that users derive theirs from.
void set_function_base(PyObject* base);

}  // namespace izvod::bind
