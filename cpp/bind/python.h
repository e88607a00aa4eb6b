#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string>
#include <utility>

#include "base/error.h"

namespace izvod::bind {

// An owned Python reference.
class Object {
 public:
  Object() = default;
  static Object own(PyObject* p) {
    Object o;
    o.p_ = p;
    return o;
  }
  static Object share(PyObject* p) {
    Py_XINCREF(p);
    return own(p);
  }
  Object(const Object& o) : p_(o.p_) { Py_XINCREF(p_); }
  Object(Object&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Object& operator=(Object o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Object() { Py_XDECREF(p_); }
  PyObject* get() const { return p_; }
  PyObject* release() { return std::exchange(p_, nullptr); }
  explicit operator bool() const { return p_ != nullptr; }

 private:
  PyObject* p_ = nullptr;
};

// Thrown where a Python exception is already set.
struct PythonError {};

inline Object checked(PyObject* p) {
  if (!p) throw PythonError{};
  return Object::own(p);
}

// Turns the C++ exception being handled into a Python exception.
void set_python_error();

template <class F>
PyObject* guarded(F&& f) noexcept {
  try {
    return f();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}
template <class F>
int guarded_int(F&& f) noexcept {
  try {
    f();
    return 0;
  } catch (...) {
    set_python_error();
    return -1;
  }
}

inline std::string type_name(PyObject* o) { return Py_TYPE(o)->tp_name; }

// The attribute of a module of this package, imported when first used.
Object import_attr(const char* module, const char* name);

}  // namespace izvod::bind
