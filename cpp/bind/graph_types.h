#pragma once
#include "bind/python.h"
#include "graph/node.h"

namespace izvod::bind {

// The Python object of a node (grad_fn); None if there is none. One object per node while it lives.
PyObject* wrap_node(const Ref<Node>& node);
void add_graph_types(PyObject* module);

}  // namespace izvod::bind
