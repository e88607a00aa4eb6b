// What izvod.autograd calls: passes, modes, hooks, custom functions, the search for anomalies.
#include "bind/custom_function.h"
#include "bind/function.h"
#include "bind/hooks.h"
#include "bind/module.h"
#include "bind/rows.h"
#include "bind/saved_hooks.h"
#include "engine/engine.h"
#include "ops/copy.h"

namespace izvod::bind {
namespace {

// A tensor, or a sequence of tensors; None stands for an undefined one where it is allowed.
std::vector<Tensor> tensors(PyObject* o, const char* what, bool none_allowed) {
  std::vector<Tensor> xs;
  if (o == Py_None) return xs;
  if (is_tensor(o)) return {tensor_of(o)};
  const Object items =
      checked(PySequence_Fast(o, text(what, " must be a Tensor or a sequence of Tensors").c_str()));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    PyObject* e = PySequence_Fast_GET_ITEM(items.get(), i);
    if (!is_tensor(e) && !(none_allowed && e == Py_None))
      throw TypeError(none_allowed
                          ? text("gradients can be either Tensors or None, but got ", type_name(e))
                          : text(what, " must be Tensors, but got ", type_name(e)));
    xs.push_back(e == Py_None ? Tensor() : tensor_of(e));
  }
  return xs;
}

BackwardOptions options_of(std::optional<bool> retain_graph, bool create_graph) {
  return {retain_graph.value_or(create_graph), create_graph};
}

void warn(PyObject* category, const char* message) {
  if (PyErr_WarnEx(category, message, 1) < 0) throw PythonError{};
}

void warn_of_cycle() {
  static bool warned = false;
  if (!std::exchange(warned, true))
    warn(PyExc_UserWarning,
         "Using backward() with create_graph=True will create a reference cycle between the "
         "parameter and its gradient "
         "which can cause a memory leak. We recommend using autograd.grad when creating the graph "
         "to avoid this. If you "
         "have to use this function, make sure to reset the .grad fields of your parameters to "
         "None after use to break "
         "the cycle and avoid the leak.");
}

void run_backward(PyObject* roots, PyObject* gradients, std::optional<bool> retain_graph,
                  bool create_graph, PyObject* inputs) {
  const std::vector<Tensor> places = tensors(inputs, "inputs", false);
  check(inputs == Py_None || !places.empty(), "`inputs` argument to `backward()` cannot be empty.");
  if (create_graph) warn_of_cycle();
  backward(tensors(roots, "tensors", false), tensors(gradients, "gradients", true),
           options_of(retain_graph, create_graph), places);
}

// The lines of Python that led here, as a traceback prints them.
std::string python_trace() {
  const Object format = import_attr("traceback", "format_stack");
  const Object lines = checked(PyObject_CallNoArgs(format.get()));
  const Object empty = checked(PyUnicode_FromString(""));
  const Object all = checked(PyUnicode_Join(empty.get(), lines.get()));
  return PyUnicode_AsUTF8(all.get());
}

// Says, as a warning, where the node that failed was made. The error itself stays as it is.
void report_anomaly(const char* node, const std::string& trace) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  const std::string message =
      trace.empty() ? text("Error detected in ", node,
                           ". No forward pass information available. Enable detect anomaly "
                           "during forward pass for more information.")
                    : text("Error detected in ", node,
                           ". Traceback of forward call that caused the error:\n", trace);
  if (PyErr_WarnEx(PyExc_UserWarning, message.c_str(), 1) < 0) PyErr_Clear();
  PyErr_Restore(type, value, traceback);
}

PyObject* apply_entry(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check<TypeError>(n > 0, "apply() needs a class derived from autograd.Function");
    return apply_function(args, n);
  });
}
PyMethodDef apply_definition{
    "apply", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(apply_entry)),
    METH_FASTCALL, nullptr};

}  // namespace

void add_autograd_rows() {
  anomaly.trace_source = python_trace;
  anomaly.report = report_anomaly;

  // ---- Passes
  def<"backward", InTensor>(
      "self, gradient=None, retain_graph=None, create_graph=False, inputs=None", run_backward);
  def<"_backward", InModule>("tensors, grad_tensors, retain_graph, create_graph, inputs",
                             run_backward);
  def<"_grad", InModule>("outputs, inputs, grad_outputs, retain_graph, create_graph",
                         [](PyObject* roots, PyObject* inputs, PyObject* grads,
                            std::optional<bool> retain, bool create) {
                           return gradients_of(
                               tensors(roots, "outputs", false), tensors(grads, "gradients", true),
                               tensors(inputs, "inputs", false), options_of(retain, create));
                         });

  // ---- Modes: each function sets one and returns what it was.
  def<"is_grad_enabled", InModule>("", [] { return modes().grad; });
  def<"_set_grad_enabled", InModule>("mode",
                                     [](bool on) { return std::exchange(modes().grad, on); });
  def<"is_inference_mode_enabled", InModule>("", [] { return modes().inference; });
  def<"_set_inference_mode", InModule>("mode", [](bool on) {
    making_inference_tensors = on;
    return std::exchange(modes().inference, on);
  });
  def<"is_anomaly_enabled", InModule>("", [] { return anomaly.on; });
  def<"is_anomaly_check_nan_enabled", InModule>("", [] { return anomaly.check_nan; });
  def<"_set_anomaly", InModule>("mode, check_nan", [](bool on, bool check_nan) {
    anomaly.on = on;
    anomaly.check_nan = check_nan;
  });
  def<"_is_partial_pass", InModule>("", [] { return modes().partial_pass; });
  def<"_push_saved_hooks", InModule>("pack, unpack", push_saved_hooks);
  def<"_pop_saved_hooks", InModule>("", pop_saved_hooks);

  // ---- Hooks
  def<"retain_grad", InTensor>("self", retain_grad);
  def<"_grad_hooks", InTensor>("self", tensor_hooks);
  def<"_accumulated_hooks", InTensor>("self", accumulated_hooks);

  // ---- Custom functions
  def<"_set_function_base", InModule>("base", set_function_base);
  const Object apply = checked(PyCFunction_New(&apply_definition, nullptr));
  PyModule_AddObjectRef(main_module(), "_apply_function", apply.get());
}

}  // namespace izvod::bind
