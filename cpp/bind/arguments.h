#pragma once
// From Python objects to the types that ops take. `Convert<T>::from` returns false (and leaves no
// Python error) if the object is not of the kind; it throws only for objects of the kind with a
// value that cannot be used.
#include <optional>
#include <vector>

#include "bind/small_types.h"
#include "bind/tensor_type.h"
#include "ops/scalar.h"

namespace izvod::bind {

template <class T> struct Convert;

template <> struct Convert<Tensor> {
  static constexpr auto name = "Tensor";
  static bool from(PyObject* o, Tensor& x) {
    if (!is_tensor(o)) return false;
    x = tensor_of(o);
    return true;
  }
};
template <> struct Convert<bool> {
  static constexpr auto name = "bool";
  static bool from(PyObject* o, bool& x);
};
template <> struct Convert<int64_t> {
  static constexpr auto name = "int";
  static bool from(PyObject* o, int64_t& x);
};
template <> struct Convert<double> {
  static constexpr auto name = "float";
  static bool from(PyObject* o, double& x);
};
template <> struct Convert<Scalar> {
  static constexpr auto name = "Number";
  static bool from(PyObject* o, Scalar& x);
};
template <> struct Convert<std::string> {
  static constexpr auto name = "str";
  static bool from(PyObject* o, std::string& x);
};
template <> struct Convert<DType> {
  static constexpr auto name = "torch.dtype";
  static bool from(PyObject* o, DType& x);
};
template <> struct Convert<Dims> {
  static constexpr auto name = "tuple of ints";
  static bool from(PyObject* o, Dims& x);  // a lone int counts as a list of one
};
bool dims_from(PyObject* const* items, Py_ssize_t n, Dims& x);
template <> struct Convert<std::vector<Tensor>> {
  static constexpr auto name = "tuple of Tensors";
  static bool from(PyObject* o, std::vector<Tensor>& x);
};
template <> struct Convert<PyObject*> {
  static constexpr auto name = "object";
  static bool from(PyObject* o, PyObject*& x) {
    x = o;
    return true;
  }
};
// A tensor or a number; the object outlives the call.
template <> struct Convert<Arg> {
  static constexpr auto name = "Tensor";
  static bool from(PyObject* o, Arg& x) {
    if (is_tensor(o)) {
      x = Arg(tensor_of(o));
      return true;
    }
    return Convert<Scalar>::from(o, x.scalar);
  }
};
template <class T> struct Convert<std::optional<T>> {
  static constexpr auto name = Convert<T>::name;
  static bool from(PyObject* o, std::optional<T>& x) {
    if (o == Py_None) {
      x.reset();
      return true;
    }
    return Convert<T>::from(o, x.emplace());
  }
};

PyObject* to_python(Tensor x);  // None if undefined
PyObject* to_python(const std::vector<Tensor>& xs);
PyObject* to_python(const Dims& d);
PyObject* to_python(bool x);
PyObject* to_python(int64_t x);
PyObject* to_python(double x);
PyObject* to_python(const Scalar& x);
PyObject* to_python(DType t);
PyObject* to_python(const std::string& s);
inline PyObject* to_python(PyObject* o) { return o; }
inline PyObject* to_python(Object o) { return o.release(); }

// Results with names, such as max's (values, indices): torch.return_types.max.
struct NamedResults {
  const char* op;
  std::vector<std::pair<const char*, Tensor>> fields;
};
PyObject* to_python(const NamedResults& r);

}  // namespace izvod::bind
