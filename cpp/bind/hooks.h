#pragma once
#include "bind/python.h"
#include "graph/autograd.h"

namespace izvod::bind {

// The user's hooks, each kind in an OrderedDict from a handle's number to the hook:
// izvod.utils.hooks takes them in and out. The tables are made, and hung into the graph, when first
// asked for.

// On the gradient of x: hook(g) -> None or what replaces g. RuntimeError if x needs no gradient.
Object tensor_hooks(const Tensor& x);
// On a leaf, after its gradient was added: hook(x).
Object accumulated_hooks(const Tensor& x);
// On all gradients of a node: before the derivative hook(gs), after it hook(dxs, gs).
Object node_hooks(Node& node, bool before);
// Puts a hook into a table; returns its RemovableHandle.
Object register_in(const Object& table, PyObject* hook);

// For the garbage collector. See Note [Hooks and cycles].
int visit_hooks(const Tensor& x, visitproc visit, void* arg);
void clear_hooks(const Tensor& x);

// The dict behind grad_fn.metadata.
Object node_metadata(Node& node);

}  // namespace izvod::bind
