#include "bind/graph_types.h"

#include <map>

#include "bind/arguments.h"
#include "bind/custom_function.h"
#include "bind/hooks.h"
#include "graph/autograd.h"

namespace izvod::bind {
namespace {

PyTypeObject* node_type;

struct NodeObject {
  PyObject_HEAD Ref<Node> node;
};
Node& node_of(PyObject* o) { return *reinterpret_cast<NodeObject*>(o)->node; }

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  auto* o = reinterpret_cast<NodeObject*>(self);
  o->node->pyobject = nullptr;
  o->node.~Ref();
  type->tp_free(self);
  Py_DECREF(type);
}

// A Python type for every kind of node, so that type(x.grad_fn).__name__ is 'AddBackward0'.
PyTypeObject* type_for(const Node& node) {
  static std::map<std::string, PyTypeObject*> types;
  const std::string name =
      text(is_custom(node) ? "torch.autograd.function." : "builtins.", node.name);
  PyTypeObject*& type = types[name];
  if (type) return type;
  PyType_Slot slots[] = {{0, nullptr}};
  PyType_Spec spec{types.find(name)->first.c_str(), sizeof(NodeObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  const Object bases = checked(PyTuple_Pack(1, node_type));
  type = reinterpret_cast<PyTypeObject*>(
      checked(PyType_FromSpecWithBases(&spec, bases.get())).release());
  type->tp_name = node.name;  // as the builtins have it: without the module
  return type;
}

PyObject* repr(PyObject* self) {
  const Node& node = node_of(self);
  return PyUnicode_FromFormat("<%s%s object at %p>",
                              is_custom(node) ? "torch.autograd.function." : "", node.name, self);
}

// What a node made by a custom function does not have, its context (ctx) has.
PyObject* get_attribute(PyObject* self, PyObject* name) {
  PyObject* found = PyObject_GenericGetAttr(self, name);
  if (found || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
  PyObject* context = context_of(node_of(self));
  if (!context) return nullptr;
  PyErr_Clear();
  return PyObject_GetAttr(context, name);
}
int set_attribute(PyObject* self, PyObject* name, PyObject* value) {
  PyObject* context = context_of(node_of(self));
  return context ? PyObject_SetAttr(context, name, value)
                 : PyObject_GenericSetAttr(self, name, value);
}

PyObject* get_name(PyObject* self, PyObject*) {
  return PyUnicode_FromString(full_name(node_of(self)).c_str());
}

PyObject* get_sequence(PyObject* self, PyObject*) {
  return PyLong_FromUnsignedLongLong(node_of(self).sequence);
}

// ((node, output), ...): where the gradients of this node go.
PyObject* get_next_functions(PyObject* self, void*) {
  return guarded([&] {
    const auto& edges = node_of(self).edges;
    Object t = checked(PyTuple_New(Py_ssize_t(edges.size())));
    for (size_t i = 0; i < edges.size(); ++i)
      PyTuple_SET_ITEM(
          t.get(), Py_ssize_t(i),
          checked(Py_BuildValue("(Ni)", wrap_node(edges[i].node), edges[i].output)).release());
    return t.release();
  });
}

PyObject* get_variable(PyObject* self, void*) {
  Node& node = node_of(self);
  if (node.is_accumulator)
    return guarded([&] { return wrap(static_cast<AccumulateGrad&>(node).variable); });
  PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'", node.name);
  return nullptr;
}

PyObject* get_metadata(PyObject* self, void*) {
  return guarded([&] { return node_metadata(node_of(self)).release(); });
}

template <bool before>
PyObject* register_hook(PyObject* self, PyObject* hook) {
  return guarded([&] { return register_in(node_hooks(node_of(self), before), hook).release(); });
}

PyMethodDef methods[] = {
    {"name", get_name, METH_NOARGS, "name() -> the name of the derivative."},
    {"_sequence_nr", get_sequence, METH_NOARGS, "_sequence_nr() -> a number that rises with time."},
    {"register_hook", register_hook<false>, METH_O,
     "register_hook(hook) -> handle. hook(grad_inputs, grad_outputs) is called after the "
     "derivative; a tuple it returns "
     "replaces grad_inputs."},
    {"register_prehook", register_hook<true>, METH_O,
     "register_prehook(hook) -> handle. hook(grad_outputs) is called before the derivative; a "
     "tuple it returns replaces "
     "grad_outputs."},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef getset[] = {
    {"next_functions", get_next_functions, nullptr, nullptr, nullptr},
    {"variable", get_variable, nullptr, nullptr, nullptr},
    {"metadata", get_metadata, nullptr, "A dict for the user's notes.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

PyObject* wrap_node(const Ref<Node>& node) {
  if (!node) Py_RETURN_NONE;
  if (node->pyobject) {
    auto* o = static_cast<PyObject*>(node->pyobject);
    Py_INCREF(o);
    return o;
  }
  PyTypeObject* type = type_for(*node);
  auto* o = reinterpret_cast<NodeObject*>(type->tp_alloc(type, 0));
  if (!o) throw PythonError{};
  new (&o->node) Ref<Node>(node);
  node->pyobject = o;
  return reinterpret_cast<PyObject*>(o);
}

void add_graph_types(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                         {Py_tp_repr, reinterpret_cast<void*>(repr)},
                         {Py_tp_getattro, reinterpret_cast<void*>(get_attribute)},
                         {Py_tp_setattro, reinterpret_cast<void*>(set_attribute)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, getset},
                         {0, nullptr}};
  PyType_Spec spec{"izvod.autograd.graph.Node", sizeof(NodeObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                   slots};
  node_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)).release());
  PyModule_AddObjectRef(module, "Node", reinterpret_cast<PyObject*>(node_type));
  add_function_context(module);
}

}  // namespace izvod::bind
