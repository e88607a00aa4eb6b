#include "bind/module.h"

#include <pybind11/pybind11.h>

#include <new>

#include "base/parallel.h"
#include "bind/function.h"
#include "bind/generator.h"
#include "bind/graph_types.h"
#include "bind/rows.h"
#include "bind/small_types.h"
#include "bind/tensor_type.h"
#include "engine/engine.h"

namespace izvod::bind {
namespace {

PyObject *the_module, *the_nn_module, *out_of_memory;

// Kernels that are worth several threads run without the GIL; see Note [One lock].
void* release_lock() { return PyGILState_Check() ? PyEval_SaveThread() : nullptr; }
void acquire_lock(void* state) { PyEval_RestoreThread(static_cast<PyThreadState*>(state)); }

// In a long backward pass: lets other Python threads run, and Ctrl-C through.
void breathe() {
  PyThreadState* state = PyEval_SaveThread();
  PyEval_RestoreThread(state);
  if (PyErr_CheckSignals()) throw PythonError{};
}

}  // namespace

PyObject* main_module() { return the_module; }
PyObject* nn_module() { return the_nn_module; }

Object import_attr(const char* module, const char* name) {
  const Object m = checked(PyImport_ImportModule(module));
  return checked(PyObject_GetAttrString(m.get(), name));
}

void set_python_error() {
  try {
    throw;
  } catch (const PythonError&) {
  } catch (const pybind11::error_already_set& e) {
    const_cast<pybind11::error_already_set&>(e).restore();
  } catch (const IndexError& e) {
    PyErr_SetString(PyExc_IndexError, e.what());
  } catch (const TypeError& e) {
    PyErr_SetString(PyExc_TypeError, e.what());
  } catch (const ValueError& e) {
    PyErr_SetString(PyExc_ValueError, e.what());
  } catch (const NotImplementedError& e) {
    PyErr_SetString(PyExc_NotImplementedError, e.what());
  } catch (const MemoryError& e) {
    PyErr_SetString(out_of_memory, e.what());
  } catch (const std::bad_alloc&) {
    PyErr_SetString(out_of_memory, "not enough memory");
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  }
}

}  // namespace izvod::bind

PYBIND11_MODULE(_C, m) {
  using namespace izvod::bind;
  m.doc() = "The compiled part of izvod: tensors, kernels, autograd.";
  try {
    the_module = m.ptr();
    the_nn_module =
        pybind11::object(
            m.def_submodule("_nn", "Functions with the signatures of torch.nn.functional."))
            .release()
            .ptr();
    // torch raises a RuntimeError where memory runs out, Python a MemoryError: this is both.
    const Object bases = checked(PyTuple_Pack(2, PyExc_RuntimeError, PyExc_MemoryError));
    out_of_memory =
        checked(PyErr_NewException("izvod.OutOfMemoryError", bases.get(), nullptr)).release();
    PyModule_AddObjectRef(the_module, "OutOfMemoryError", out_of_memory);
    izvod::set_lock_hooks({release_lock, acquire_lock});
    izvod::set_breathe(breathe);
    add_small_types(the_module);
    add_tensor_type(the_module);
    add_graph_types(the_module);
    add_generator_type(the_module);
    add_all_rows();
  } catch (...) {
    set_python_error();
    throw pybind11::error_already_set();
  }
}
