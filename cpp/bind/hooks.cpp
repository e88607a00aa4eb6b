#include "bind/hooks.h"

#include "bind/arguments.h"
#include "bind/tensor_type.h"

namespace izvod::bind {
namespace {

// Calls f(hook) for the hooks of a table, in order; hooks may change the table meanwhile.
template <class F>
void for_each_hook(const Object& table, F f) {
  const Object hooks = checked(PyMapping_Values(table.get()));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(hooks.get()); ++i) f(PyList_GET_ITEM(hooks.get(), i));
}

std::string name_of(PyObject* hook) {
  const Object name = Object::own(PyObject_GetAttrString(hook, "__name__"));
  if (!name) PyErr_Clear();
  return name && PyUnicode_Check(name.get()) ? PyUnicode_AsUTF8(name.get()) : "<unknown>";
}

// A hook's answer in place of g.
Tensor checked_answer(PyObject* hook, PyObject* answer, const Tensor& g) {
  check<TypeError>(is_tensor(answer), "expected Variable, but hook returned '", type_name(answer),
                   "'");
  Tensor changed = tensor_of(answer);
  check(g.defined(), "can't replace a None gradient with a non-None value");
  check(changed.dtype() == g.dtype(), "hook '", name_of(hook),
        "' has changed the type of value (was torch.", info(g.dtype()).noun, "Tensor got torch.",
        info(changed.dtype()).noun, "Tensor)");
  check(changed.sizes() == g.sizes(), "hook '", name_of(hook), "' has changed the size of value");
  return changed;
}

struct HooksInTable : GradHook {
  Object table = checked(PyODict_New());
};

struct TensorHooks final : HooksInTable {
  Tensor operator()(const Tensor& g) override {
    Tensor now = g, changed;
    for_each_hook(table, [&](PyObject* hook) {
      const Object argument = Object::own(wrap(now));
      const Object answer = checked(PyObject_CallOneArg(hook, argument.get()));
      if (answer.get() != Py_None) now = changed = checked_answer(hook, answer.get(), now);
    });
    return changed;
  }
};

struct AccumulatedHooks final : HooksInTable {
  Tensor operator()(const Tensor& x) override {
    for_each_hook(table, [&](PyObject* hook) {
      const Object argument = Object::own(wrap(x));
      const Object answer = checked(PyObject_CallOneArg(hook, argument.get()));
      check(answer.get() == Py_None, "Tensor post accumulate grad hooks should return None.");
    });
    return {};
  }
};

struct NodeHooks final : NodeHook {
  Object before_table = checked(PyODict_New()), after_table = checked(PyODict_New());

  void before(Grads& gs) override {
    for_each_hook(before_table, [&](PyObject* hook) {
      const Object argument = tuple_of(gs);
      put(hook, checked(PyObject_CallOneArg(hook, argument.get())), gs);
    });
  }
  void after(Grads& dxs, const Grads& gs) override {
    for_each_hook(after_table, [&](PyObject* hook) {
      const Object inputs = tuple_of(dxs), outputs = tuple_of(gs);
      put(hook, checked(PyObject_CallFunctionObjArgs(hook, inputs.get(), outputs.get(), nullptr)),
          dxs);
    });
  }

 private:
  static Object tuple_of(const Grads& gs) {
    Object t = checked(PyTuple_New(Py_ssize_t(gs.size())));
    for (int64_t i = 0; i < gs.size(); ++i) PyTuple_SET_ITEM(t.get(), i, to_python(gs[i]));
    return t;
  }
  static void put(PyObject* hook, const Object& answer, Grads& gs) {
    if (answer.get() == Py_None) return;
    check<TypeError>(PyTuple_Check(answer.get()), "expected tuple, but hook returned '",
                     type_name(answer.get()), "'");
    const Py_ssize_t n = PyTuple_GET_SIZE(answer.get());
    check(n == gs.size(), "hook '", name_of(hook),
          "' has returned an incorrect number of values (got ", n, ", but expected ", gs.size(),
          ")");
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* g = PyTuple_GET_ITEM(answer.get(), i);
      gs[i] = g == Py_None ? Tensor() : checked_answer(hook, g, gs[i]);
    }
  }
};

// What Python keeps with a node.
struct PythonExtras final : Attachment {
  Object metadata = checked(PyDict_New());
  Ref<NodeHooks> hooks;
};
PythonExtras& python_extras(Node& node) {
  auto& place = node.make_extras().python;
  if (!place) place = std::make_unique<PythonExtras>();
  return static_cast<PythonExtras&>(*place);
}

// Note [Hooks and cycles]
// A hook often refers to the tensor it is set on: object -> tensor -> hook -> object. The collector
// sees that cycle if the object reports its hooks as its own. They are, as long as nobody but the
// object holds the tensor, and nobody but the tensor its grad_fn: then nothing else reaches them.
// Counts do not change while the collector runs, since that needs the GIL. Where the graph holds
// the tensor, too, nothing is reported, and nothing collected before the graph is gone.
struct OwnHooks {
  LeafExtras* leaf = nullptr;
  NodeExtras* node = nullptr;

  explicit OwnHooks(const Tensor& x) {
    const AutogradMeta* m = x.defined() && x.impl()->refs == 1 ? meta_if_any(x) : nullptr;
    if (!m) return;
    leaf = m->leaf.get();
    if (m->grad_fn && m->grad_fn->refs == 1) node = m->grad_fn->extras.get();
  }
};

int visit_table(const GradHook& hook, visitproc visit, void* arg) {
  const auto* h = hook.refs == 1 ? dynamic_cast<const HooksInTable*>(&hook) : nullptr;
  if (h) Py_VISIT(h->table.get());
  return 0;
}

}  // namespace

int visit_hooks(const Tensor& x, visitproc visit, void* arg) {
  const OwnHooks own(x);
  int stop = 0;
  if (own.leaf)
    for (const auto* hooks : {&own.leaf->hooks, &own.leaf->after_hooks})
      for (const Ref<GradHook>& hook : *hooks)
        if ((stop = visit_table(*hook.get(), visit, arg))) return stop;
  if (!own.node) return 0;
  for (const OutputHook& h : own.node->hooks)
    if ((stop = visit_table(*h.hook.get(), visit, arg))) return stop;
  if (auto* python = static_cast<PythonExtras*>(own.node->python.get())) {
    Py_VISIT(python->metadata.get());
    if (python->hooks && python->hooks->refs == 2) {  // python's reference and node_hooks'
      Py_VISIT(python->hooks->before_table.get());
      Py_VISIT(python->hooks->after_table.get());
    }
  }
  return 0;
}

void clear_hooks(const Tensor& x) {
  const OwnHooks own(x);
  LeafExtras from_leaf;  // freed last: a hook's end may run code that looks at x
  NodeExtras from_node;
  if (own.leaf) std::swap(from_leaf, *own.leaf);
  if (own.node) {
    from_node.hooks.swap(own.node->hooks);
    from_node.node_hooks.swap(own.node->node_hooks);
    from_node.python.swap(own.node->python);
  }
}

Object tensor_hooks(const Tensor& x) {
  track(x);
  for (const Ref<GradHook>& hook : hooks_of(x))
    if (auto* ours = dynamic_cast<TensorHooks*>(hook.get())) return ours->table;
  auto* made = new TensorHooks;
  Ref<GradHook> hook(made);
  add_hook(x, hook);
  return made->table;
}

Object accumulated_hooks(const Tensor& x) {
  check(requires_grad(x), "cannot register a hook on a tensor that doesn't require gradient");
  check(is_leaf(x), "post accumulate grad hooks cannot be registered on non-leaf tensors");
  track(x);
  auto& hooks = leaf_extras(x).after_hooks;
  for (const Ref<GradHook>& hook : hooks)
    if (auto* ours = dynamic_cast<AccumulatedHooks*>(hook.get())) return ours->table;
  auto* made = new AccumulatedHooks;
  hooks.push_back(Ref<GradHook>(made));
  return made->table;
}

Object node_hooks(Node& node, bool before) {
  Ref<NodeHooks>& hooks = python_extras(node).hooks;
  if (!hooks) {
    hooks = Ref<NodeHooks>(new NodeHooks);
    node.extras->node_hooks.push_back(Ref<NodeHook>(hooks.get()));
  }
  return before ? hooks->before_table : hooks->after_table;
}

Object register_in(const Object& table, PyObject* hook) {
  static PyObject* register_function = import_attr("izvod.utils.hooks", "register").release();
  return checked(PyObject_CallFunctionObjArgs(register_function, table.get(), hook, nullptr));
}

Object node_metadata(Node& node) { return python_extras(node).metadata; }

}  // namespace izvod::bind
