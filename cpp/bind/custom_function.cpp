// torch.autograd.Function: ops whose forward and derivative are written in Python.
#include "bind/custom_function.h"

#include <structmember.h>

#include <set>

#include "bind/arguments.h"
#include "bind/function.h"
#include "bind/graph_types.h"
#include "graph/record.h"
#include "ops/copy.h"
#include "ops/views.h"

namespace izvod::bind {
namespace {

PyTypeObject* context_type;
PyObject *function_base, *base_backward, *base_vjp, *base_setup_context;

struct FunctionNode;

// A tensor of save_for_backward: an argument (or any other tensor), a result of the function, or
// None.
struct SavedValue {
  Saved input;
  SavedOutput output;
  bool is_output = false;
  Tensor operator()() const { return is_output ? output.with_history() : input(); }
};

// The object that forward and backward know as ctx. The node owns it; it does not own the node.
struct Context {
  PyObject_HEAD PyObject *dict, *weakrefs;
  PyObject* function;                              // the user's class
  PyObject* needs_input_grad;                      // a tuple of bools
  PyObject *to_save, *dirty, *non_differentiable;  // tuples, while forward runs
  FunctionNode* node;
  std::vector<SavedValue>* saved;  // null once they were let go
  bool materialize, released;
};
Context* as_context(PyObject* o) { return reinterpret_cast<Context*>(o); }

// An edge for each tensor among the arguments; backward returns something for every argument.
struct FunctionNode final : Node {
  FunctionNode(const char* name, Object context) : Node(name), context(std::move(context)) {
    wants_all = false;
    strict = true;
  }
  ~FunctionNode() override { as_context(context.get())->node = nullptr; }
  Grads apply(Grads gs) override;
  void release_saved() override {
    Context* c = as_context(context.get());
    if (!c->saved) return;
    c->released = true;
    delete std::exchange(c->saved, nullptr);
  }
  Object context;
  std::vector<bool> is_tensor_argument;
  std::vector<bool> is_tensor_output;
};

// ---- ctx

int traverse(PyObject* self, visitproc visit, void* arg) {
  Context* c = as_context(self);
  Py_VISIT(c->dict);
  Py_VISIT(c->function);
  Py_VISIT(c->to_save);
  Py_VISIT(c->dirty);
  Py_VISIT(c->non_differentiable);
  Py_VISIT(Py_TYPE(self));
  return 0;
}

int clear(PyObject* self) {
  Context* c = as_context(self);
  Py_CLEAR(c->dict);
  Py_CLEAR(c->to_save);
  Py_CLEAR(c->dirty);
  Py_CLEAR(c->non_differentiable);
  return 0;
}

void dealloc(PyObject* self) {
  Context* c = as_context(self);
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (c->weakrefs) PyObject_ClearWeakRefs(self);
  clear(self);
  Py_CLEAR(c->function);
  Py_CLEAR(c->needs_input_grad);
  delete c->saved;
  type->tp_free(self);
  Py_DECREF(type);
}

template <PyObject* Context::* field>
PyObject* set_tuple(PyObject* self, PyObject* args) {
  Py_INCREF(args);
  Py_XSETREF(as_context(self)->*field, args);
  Py_RETURN_NONE;
}
template <PyObject* Context::* field>
PyObject* get_tuple(PyObject* self, void*) {
  PyObject* tuple = as_context(self)->*field;
  if (!tuple) Py_RETURN_NONE;
  Py_INCREF(tuple);
  return tuple;
}

PyObject* get_saved(PyObject* self, void*) {
  return guarded([&] {
    const Context* c = as_context(self);
    if (c->released) complain_released();
    const size_t n = c->saved ? c->saved->size() : 0;
    CurrentNode now(c->node);
    Object t = checked(PyTuple_New(Py_ssize_t(n)));
    for (size_t i = 0; i < n; ++i) {
      if (!c->saved) complain_released();
      const SavedValue value =
          (*c->saved)[i];  // a copy: unpacking may run a pass that frees this graph
      PyTuple_SET_ITEM(t.get(), Py_ssize_t(i), checked(to_python(value())).release());
    }
    return t.release();
  });
}

int set_materialize_attribute(PyObject* self, PyObject* value, void*) {
  const int on = value ? PyObject_IsTrue(value) : 1;
  if (on >= 0) as_context(self)->materialize = on;
  return on < 0 ? -1 : 0;
}
PyObject* set_materialize(PyObject* self, PyObject* value) {
  if (set_materialize_attribute(self, value, nullptr) < 0) return nullptr;
  Py_RETURN_NONE;
}

// The attributes of the node that ctx has, too.
PyObject* from_node(PyObject* self, const char* name) {
  return guarded([&] {
    FunctionNode* node = as_context(self)->node;
    check(node != nullptr, "the graph node of this context does not exist any more");
    const Object o = checked(wrap_node(Ref<Node>(node)));
    return PyObject_GetAttrString(o.get(), name);
  });
}
template <FixedName name>
PyObject* get_from_node(PyObject* self, void*) {
  return from_node(self, name.text);
}

PyObject* get_dict(PyObject* self, void*) {
  PyObject*& dict = as_context(self)->dict;
  if (!dict) dict = PyDict_New();
  Py_XINCREF(dict);
  return dict;
}

PyMethodDef methods[] = {
    {"save_for_backward", set_tuple<&Context::to_save>, METH_VARARGS,
     "save_for_backward(*tensors): keeps tensors (or None) for backward, which finds them in "
     "ctx.saved_tensors."},
    {"save_for_forward", set_tuple<&Context::to_save>, METH_VARARGS, nullptr},
    {"mark_dirty", set_tuple<&Context::dirty>, METH_VARARGS,
     "mark_dirty(*tensors): names arguments that forward changed."},
    {"mark_non_differentiable", set_tuple<&Context::non_differentiable>, METH_VARARGS,
     "mark_non_differentiable(*tensors): names results that have no gradient."},
    {"set_materialize_grads", set_materialize, METH_O,
     "set_materialize_grads(value): whether backward gets zeros (True) or None for missing "
     "gradients."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef getset[] = {
    {"saved_tensors", get_saved, nullptr,
     "What save_for_backward kept; RuntimeError once it was freed.", nullptr},
    {"saved_variables", get_saved, nullptr, nullptr, nullptr},
    {"needs_input_grad", get_tuple<&Context::needs_input_grad>, nullptr,
     "A bool for each argument of forward.", nullptr},
    {"to_save", get_tuple<&Context::to_save>, nullptr, nullptr, nullptr},
    {"dirty_tensors", get_tuple<&Context::dirty>, nullptr, nullptr, nullptr},
    {"non_differentiable", get_tuple<&Context::non_differentiable>, nullptr, nullptr, nullptr},
    {"materialize_grads", nullptr, set_materialize_attribute, nullptr, nullptr},
    {"name", get_from_node<"name">, nullptr, nullptr, nullptr},
    {"next_functions", get_from_node<"next_functions">, nullptr, nullptr, nullptr},
    {"metadata", get_from_node<"metadata">, nullptr, nullptr, nullptr},
    {"register_hook", get_from_node<"register_hook">, nullptr, nullptr, nullptr},
    {"register_prehook", get_from_node<"register_prehook">, nullptr, nullptr, nullptr},
    {"__dict__", get_dict, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(Context, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Context, weakrefs), READONLY, nullptr},
    {"_forward_cls", T_OBJECT, offsetof(Context, function), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

// ---- Forward

// "MyFuncBackward" for the class MyFunc; nodes point to it for ever.
const char* node_name(PyObject* function) {
  static std::set<std::string> names;
  const Object name = checked(PyObject_GetAttrString(function, "__name__"));
  return names.insert(text(PyUnicode_AsUTF8(name.get()), "Backward")).first->c_str();
}

Object attribute(PyObject* o, const char* name) { return checked(PyObject_GetAttrString(o, name)); }

// The tensors of a tuple that a user gave to ctx.
std::vector<Tensor> tensors_in(PyObject* tuple, const char* method, bool none_allowed) {
  std::vector<Tensor> xs;
  for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); ++i) {
    PyObject* o = PyTuple_GET_ITEM(tuple, i);
    check<TypeError>(is_tensor(o) || (none_allowed && o == Py_None), method, " can only ",
                     none_allowed ? "save" : "accept", " variables, but argument ", i,
                     " is of type ", type_name(o));
    xs.push_back(o == Py_None ? Tensor() : tensor_of(o));
  }
  return xs;
}

bool contains(const std::vector<Tensor>& xs, const Tensor& x) {
  return std::any_of(xs.begin(), xs.end(), [&](const Tensor& y) { return y.is(x); });
}

// One call of a function: its arguments, its context, and what becomes of its results.
class Call {
 public:
  Call(PyObject* const* args, Py_ssize_t n) : function_(args[0]), args_(args + 1), n_(n - 1) {
    check<TypeError>(PyType_Check(function_),
                     "apply() must be called on a class derived from autograd.Function");
    context_ = checked(context_type->tp_alloc(context_type, 0));
    Context* c = as_context(context_.get());
    Py_INCREF(function_);
    c->function = function_;
    c->materialize = true;
    c->needs_input_grad = checked(PyTuple_New(n_)).release();
    bool any = false;
    for (Py_ssize_t i = 0; i < n_; ++i) {
      const bool needed = is_tensor(args_[i]) && requires_grad(tensor_of(args_[i]));
      any |= needed;
      PyTuple_SET_ITEM(c->needs_input_grad, i, PyBool_FromLong(needed));
      if (is_tensor(args_[i])) inputs_.push_back(tensor_of(args_[i]));
    }
    if (any && grad_enabled()) make_node();
  }

  PyObject* run() {
    const Object result = forward();
    const bool many = PyTuple_Check(result.get());
    const Py_ssize_t count = many ? PyTuple_GET_SIZE(result.get()) : 1;
    Context* c = as_context(context_.get());
    dirty_ = tensors_in(c->dirty, "mark_dirty", false);
    non_differentiable_ = tensors_in(c->non_differentiable, "mark_non_differentiable", false);
    Object results = checked(PyTuple_New(count));
    std::vector<Tensor> outputs;
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject* o = many ? PyTuple_GET_ITEM(result.get(), i) : result.get();
      outputs.push_back(is_tensor(o) ? tensor_of(o) : Tensor());
    }
    for (const Tensor& x : dirty_)
      check(contains(outputs, x),
            "Some elements marked as dirty during the forward method were not returned as output. "
            "The inputs that are "
            "modified inplace must all be outputs of the Function.");
    if (node_) describe_outputs(outputs);
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject* o = many ? PyTuple_GET_ITEM(result.get(), i) : result.get();
      if (outputs[size_t(i)].defined())
        PyTuple_SET_ITEM(results.get(), i, wrap(with_history(outputs[size_t(i)], int(i), count)));
      else
        PyTuple_SET_ITEM(results.get(), i, Object::share(o).release());
    }
    if (node_) save();
    Py_CLEAR(c->to_save);
    Py_CLEAR(c->dirty);
    Py_CLEAR(c->non_differentiable);
    return many ? results.release() : Object::share(PyTuple_GET_ITEM(results.get(), 0)).release();
  }

 private:
  void make_node() {
    auto* node = new FunctionNode(node_name(function_), context_);
    node_ = Ref<Node>(node);
    as_context(context_.get())->node = node;
    for (Py_ssize_t i = 0; i < n_; ++i) {
      node->is_tensor_argument.push_back(is_tensor(args_[i]));
      if (is_tensor(args_[i])) add_edge(*node, tensor_of(args_[i]));
    }
    if (anomaly.on) note_trace(*node);
  }
  FunctionNode& node() { return static_cast<FunctionNode&>(*node_); }

  // forward(ctx, *args), or forward(*args) and then setup_context(ctx, args, result).
  Object forward() {
    GradMode quiet(false);
    const Object forward = attribute(function_, "forward"),
                 setup = attribute(function_, "setup_context");
    const bool separate = setup.get() != base_setup_context;
    Object args = checked(PyTuple_New(n_ + !separate));
    if (!separate) PyTuple_SET_ITEM(args.get(), 0, Object(context_).release());
    for (Py_ssize_t i = 0; i < n_; ++i)
      PyTuple_SET_ITEM(args.get(), i + !separate, Object::share(args_[i]).release());
    Object result = checked(PyObject_Call(forward.get(), args.get(), nullptr));
    if (separate)
      checked(PyObject_CallFunctionObjArgs(setup.get(), context_.get(), args.get(), result.get(),
                                           nullptr));
    return result;
  }

  void describe_outputs(const std::vector<Tensor>& outputs) {
    for (const Tensor& y : outputs) {
      node().is_tensor_output.push_back(y.defined());
      if (y.defined())
        node_->add_output(y);
      else
        node_->outputs.push_back({{}, DType::Float32});
    }
  }

  // The result as the caller gets it: with the node as its history, if it has one.
  Tensor with_history(const Tensor& y, int number, Py_ssize_t count) {
    const bool is_input = contains(inputs_, y), is_dirty = contains(dirty_, y);
    if (is_dirty) y.bump_version();
    if (!node_ || !y.is_floating() || contains(non_differentiable_, y)) {
      GradMode quiet(false);
      if (is_input && !is_dirty) return node_ && requires_grad(y) ? detach(y) : view(y, y.sizes());
      return y;
    }
    if (is_dirty) {
      change_history(y, number, count);
      return y;
    }
    Tensor out = y;
    if (is_input) {
      GradMode quiet(false);
      out = view(y, y.sizes());
    }
    if (out.impl()->base)
      node_->views = count > 1 ? ViewKind::OneOfMany : ViewKind::OfCustomFunction;
    set_history(out, node_, number);
    return out;
  }

  void change_history(const Tensor& y, int number, Py_ssize_t count) {
    check(!is_leaf(y) || !requires_grad(y),
          "a leaf Variable that requires grad has been used in an in-place operation.");
    if (!y.impl()->base) return set_history(y, node_, number);
    check_in_place(y);
    check(count == 1,
          "If your Function modifies inplace an input that is a view of another Tensor, your "
          "Function cannot "
          "return more than one Tensor. This is not supported by the current autograd engine. You "
          "should either make "
          "sure the input is not a view (using .clone() for example) or make your Function only "
          "return one Tensor "
          "(potentially splitting it into two Functions: one doing the inplace that returns a "
          "single Tensor and a second "
          "one that does the other operations). You can ask on the forum "
          "https://discuss.pytorch.org/ if you need help "
          "to do this change.");
    check(inputs_[0].is(y),
          "a view that a custom Function changes in place must be its first tensor argument");
    node_->outputs.clear();
    rebase_history(y, node_);
  }

  void save() {
    Context* c = as_context(context_.get());
    if (!c->to_save) return;
    c->saved = new std::vector<SavedValue>;
    for (const Tensor& x : tensors_in(c->to_save, "save_for_backward", true)) {
      SavedValue s;
      const AutogradMeta* m = x.defined() ? meta_if_any(x) : nullptr;
      s.is_output = m && m->grad_fn == node_;
      if (s.is_output)
        s.output = SavedOutput(x, m->output);
      else
        s.input = Saved(x);
      c->saved->push_back(std::move(s));
    }
  }

  PyObject* function_;
  PyObject* const* args_;
  Py_ssize_t n_;
  Object context_;
  Ref<Node> node_;  // if the call is recorded
  std::vector<Tensor> inputs_, dirty_, non_differentiable_;
};

// ---- Backward

Object backward_of(PyObject* function) {
  const Object backward = attribute(function, "backward"), vjp = attribute(function, "vjp");
  const bool has_backward = backward.get() != base_backward, has_vjp = vjp.get() != base_vjp;
  check(!has_backward || !has_vjp,
        "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should "
        "only implement one of them.");
  return has_vjp ? vjp : backward;
}

Grads FunctionNode::apply(Grads gs) {
  const Context* c = as_context(context.get());
  const Object keep = context;
  Object args = checked(PyTuple_New(1 + Py_ssize_t(gs.size())));
  PyTuple_SET_ITEM(args.get(), 0, Object(context).release());
  for (int64_t i = 0; i < gs.size(); ++i) {
    const bool fill = !gs[i].defined() && c->materialize && is_tensor_output[size_t(i)];
    const OutputInfo& out = outputs[size_t(i)];
    PyTuple_SET_ITEM(args.get(), 1 + i, to_python(fill ? zeros(out.sizes, out.dtype) : gs[i]));
  }
  gs.clear();
  const Object result = checked(PyObject_Call(backward_of(c->function).get(), args.get(), nullptr));
  const bool many = PyTuple_Check(result.get());
  const size_t expected = is_tensor_argument.size();
  size_t given = many ? size_t(PyTuple_GET_SIZE(result.get())) : 1;
  const auto at = [&](size_t i) {
    return many ? PyTuple_GET_ITEM(result.get(), Py_ssize_t(i)) : result.get();
  };
  const size_t all = given;
  while (given > expected && at(given - 1) == Py_None) --given;
  check(given == expected, "function ", name,
        " returned an incorrect number of gradients (expected ", expected, ", got ", all, ")");
  Grads dxs;
  for (size_t i = 0; i < expected; ++i) {
    PyObject* o = at(i);
    if (!is_tensor_argument[i]) {
      check(o == Py_None, "function ", name,
            " returned a gradient different than None at position ", i + 1,
            ", but the corresponding forward input was not a Variable");
      continue;
    }
    check(o == Py_None || is_tensor(o), "expected Variable or None (got ", type_name(o), ")");
    dxs.push_back(o == Py_None ? Tensor() : tensor_of(o));
  }
  return dxs;
}

}  // namespace

bool is_custom(const Node& node) { return dynamic_cast<const FunctionNode*>(&node) != nullptr; }
PyObject* context_of(const Node& node) {
  const auto* n = dynamic_cast<const FunctionNode*>(&node);
  return n ? n->context.get() : nullptr;
}

PyObject* apply_function(PyObject* const* args, Py_ssize_t n) { return Call(args, n).run(); }

void set_function_base(PyObject* base) {
  function_base = Object::share(base).release();
  base_backward = attribute(base, "backward").release();
  base_vjp = attribute(base, "vjp").release();
  base_setup_context = attribute(base, "setup_context").release();
}

void add_function_context(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                         {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(clear)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, getset},
                         {Py_tp_members, members},
                         {0, nullptr}};
  PyType_Spec spec{"izvod.autograd.function.FunctionCtx", sizeof(Context), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                   slots};
  context_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)).release());
  PyModule_AddObjectRef(module, "_FunctionContext", reinterpret_cast<PyObject*>(context_type));
}

}  // namespace izvod::bind
