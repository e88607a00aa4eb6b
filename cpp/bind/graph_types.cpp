#include "bind/graph_types.h"

#include <map>

#include "bind/arguments.h"
#include "graph/autograd.h"

namespace izvod::bind {
namespace {

PyTypeObject* node_type;

struct NodeObject {
  PyObject_HEAD
  Ref<Node> node;
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
PyTypeObject* type_for(const char* name) {
  static std::map<std::string, PyTypeObject*> types;
  PyTypeObject*& type = types[name];
  if (type) return type;
  PyType_Slot slots[] = {{0, nullptr}};
  auto* kept = new std::string(name);  // lives as long as the type: for ever
  PyType_Spec spec{kept->c_str(), sizeof(NodeObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  const Object bases = checked(PyTuple_Pack(1, node_type));
  type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpecWithBases(&spec, bases.get())).release());
  return type;
}

PyObject* get_name(PyObject* self, PyObject*) { return PyUnicode_FromString(node_of(self).name); }

// ((node, output), ...): where the gradients of this node go.
PyObject* get_next_functions(PyObject* self, void*) {
  return guarded([&] {
    const auto& edges = node_of(self).edges;
    Object t = checked(PyTuple_New(Py_ssize_t(edges.size())));
    for (size_t i = 0; i < edges.size(); ++i)
      PyTuple_SET_ITEM(t.get(), Py_ssize_t(i), Py_BuildValue("(Ni)", wrap_node(edges[i].node), edges[i].output));
    return t.release();
  });
}

PyObject* get_variable(PyObject* self, void*) {
  if (auto* a = dynamic_cast<AccumulateGrad*>(&node_of(self))) return guarded([&] { return wrap(a->variable); });
  PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'", node_of(self).name);
  return nullptr;
}

PyMethodDef methods[] = {{"name", get_name, METH_NOARGS, "The name of the derivative."}, {nullptr, nullptr, 0, nullptr}};
PyGetSetDef getset[] = {{"next_functions", get_next_functions, nullptr, nullptr, nullptr},
                        {"variable", get_variable, nullptr, nullptr, nullptr},
                        {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

PyObject* wrap_node(const Ref<Node>& node) {
  if (!node) Py_RETURN_NONE;
  if (node->pyobject) {
    auto* o = static_cast<PyObject*>(node->pyobject);
    Py_INCREF(o);
    return o;
  }
  PyTypeObject* type = type_for(node->name);
  auto* o = reinterpret_cast<NodeObject*>(type->tp_alloc(type, 0));
  if (!o) throw PythonError{};
  new (&o->node) Ref<Node>(node);
  node->pyobject = o;
  return reinterpret_cast<PyObject*>(o);
}

void add_graph_types(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)}, {Py_tp_methods, methods}, {Py_tp_getset, getset}, {0, nullptr}};
  PyType_Spec spec{"izvod.autograd.graph.Node", sizeof(NodeObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  node_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)).release());
  PyModule_AddObjectRef(module, "Node", reinterpret_cast<PyObject*>(node_type));
}

}  // namespace izvod::bind
