#include "bind/arguments.h"

#include <cstring>
#include <map>

#include "ops/item.h"

namespace izvod::bind {

bool Convert<bool>::from(PyObject* o, bool& x) {
  if (o != Py_True && o != Py_False) {
    if (std::strcmp(Py_TYPE(o)->tp_name, "numpy.bool") &&
        std::strcmp(Py_TYPE(o)->tp_name, "numpy.bool_"))
      return false;
    x = PyObject_IsTrue(o) == 1;
    return true;
  }
  x = o == Py_True;
  return true;
}

static int64_t value_of_int(PyObject* o) {
  int overflow = 0;
  const int64_t x = PyLong_AsLongLongAndOverflow(o, &overflow);
  check<ValueError>(!overflow, "Overflow when unpacking long long");
  return x;
}

bool Convert<int64_t>::from(PyObject* o, int64_t& x) {
  if (PyLong_Check(o)) {
    x = value_of_int(o);
    return true;
  }
  if (is_tensor(o)) {
    const Tensor& t = tensor_of(o);
    if (t.numel() != 1 || t.is_floating() || requires_grad(t)) return false;
    x = item(t).to_int();
    return true;
  }
  if (PyFloat_Check(o) || !PyIndex_Check(o)) return false;
  x = value_of_int(checked(PyNumber_Index(o)).get());
  return true;
}

bool Convert<double>::from(PyObject* o, double& x) {
  Scalar s;
  if (!Convert<Scalar>::from(o, s)) return false;
  x = s.to_double();
  return true;
}

bool Convert<Scalar>::from(PyObject* o, Scalar& x) {
  if (PyFloat_CheckExact(o)) {
    x = Scalar(PyFloat_AS_DOUBLE(o));
    return true;
  }
  if (o == Py_True || o == Py_False) {
    x = Scalar(o == Py_True);
    return true;
  }
  if (PyLong_Check(o)) {
    int overflow = 0;
    const int64_t i = PyLong_AsLongLongAndOverflow(o, &overflow);
    check<ValueError>(!overflow, "Overflow when unpacking long long");
    x = Scalar(i);
    return true;
  }
  if (is_tensor(o)) {
    const Tensor& t = tensor_of(o);
    if (t.dim() != 0 || requires_grad(t)) return false;
    x = item(t);
    return true;
  }
  if (PyFloat_Check(o)) {
    x = Scalar(PyFloat_AS_DOUBLE(o));
    return true;
  }
  const char* const name = Py_TYPE(o)->tp_name;
  const bool from_numpy =
      std::strncmp(name, "numpy.", 6) == 0 && std::strcmp(name, "numpy.ndarray");
  if (from_numpy && PyIndex_Check(o)) {
    int64_t i;
    Convert<int64_t>::from(o, i);
    x = Scalar(i);
    return true;
  }
  if (from_numpy && PyNumber_Check(o)) {
    const Object f = Object::own(PyNumber_Float(o));
    if (!f) {
      PyErr_Clear();
      return false;
    }
    x = Scalar(PyFloat_AS_DOUBLE(f.get()));
    return true;
  }
  return false;
}

bool Convert<std::string>::from(PyObject* o, std::string& x) {
  if (!PyUnicode_Check(o)) return false;
  const char* s = PyUnicode_AsUTF8(o);
  if (!s) throw PythonError{};
  x = s;
  return true;
}

bool Convert<DType>::from(PyObject* o, DType& x) {
  if (is_dtype(o))
    x = dtype_of_object(o);
  else if (o == reinterpret_cast<PyObject*>(&PyFloat_Type))
    x = DType::Float64;
  else if (o == reinterpret_cast<PyObject*>(&PyLong_Type))
    x = DType::Int64;
  else if (o == reinterpret_cast<PyObject*>(&PyBool_Type))
    x = DType::Bool;
  else
    return false;
  return true;
}

bool dims_from(PyObject* const* items, Py_ssize_t n, Dims& x) {
  x.clear();
  for (Py_ssize_t k = 0; k < n; ++k) {
    int64_t i;
    if (!Convert<int64_t>::from(items[k], i)) return false;
    x.push_back(i);
  }
  return true;
}

bool Convert<Dims>::from(PyObject* o, Dims& x) {
  if (PyTuple_Check(o)) return dims_from(&PyTuple_GET_ITEM(o, 0), PyTuple_GET_SIZE(o), x);
  x.clear();
  int64_t i;
  if (PyList_Check(o)) {
    for (Py_ssize_t k = 0; k < PyList_GET_SIZE(o); ++k) {
      const Object e = Object::share(PyList_GET_ITEM(o, k));  // its __index__ may change the list
      if (!Convert<int64_t>::from(e.get(), i)) return false;
      x.push_back(i);
    }
    return true;
  }
  if (!Convert<int64_t>::from(o, i)) return false;
  x.push_back(i);
  return true;
}

bool Convert<std::vector<Tensor>>::from(PyObject* o, std::vector<Tensor>& x) {
  if (!PyList_Check(o) && !PyTuple_Check(o)) return false;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  x.clear();
  x.reserve(size_t(n));
  for (Py_ssize_t k = 0; k < n; ++k) {
    PyObject* e = PySequence_Fast_GET_ITEM(o, k);
    if (!is_tensor(e)) return false;
    x.push_back(tensor_of(e));
  }
  return true;
}

PyObject* to_python(Tensor x) {
  if (x.defined()) return wrap(std::move(x));
  Py_RETURN_NONE;
}
PyObject* to_python(const std::vector<Tensor>& xs) {
  Object t = checked(PyTuple_New(Py_ssize_t(xs.size())));
  for (size_t i = 0; i < xs.size(); ++i) PyTuple_SET_ITEM(t.get(), Py_ssize_t(i), to_python(xs[i]));
  return t.release();
}
PyObject* to_python(const Dims& d) { return make_size(d); }
PyObject* to_python(bool x) { return PyBool_FromLong(x); }
PyObject* to_python(int64_t x) { return PyLong_FromLongLong(x); }
PyObject* to_python(double x) { return PyFloat_FromDouble(x); }
PyObject* to_python(const Scalar& x) {
  switch (x.kind) {
    case Scalar::Kind::Bool:
      return to_python(x.i != 0);
    case Scalar::Kind::Int:
      return to_python(x.i);
    default:
      return to_python(x.f);
  }
}
PyObject* to_python(DType t) { return wrap(t); }
PyObject* to_python(const std::string& s) {
  return PyUnicode_FromStringAndSize(s.data(), Py_ssize_t(s.size()));
}

namespace {

// "torch.return_types.max(\nvalues=tensor(...),\nindices=tensor(...))"
PyObject* repr_named(PyObject* self) {
  return guarded([&] {
    std::string s = text(Py_TYPE(self)->tp_name, "(\n");
    const Object fields = checked(
        PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(self)), "__match_args__"));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(fields.get()); ++i) {
      const Object value = checked(PyObject_Repr(PyStructSequence_GetItem(self, i)));
      s += text(i ? ",\n" : "", PyUnicode_AsUTF8(PyTuple_GET_ITEM(fields.get(), i)), "=",
                PyUnicode_AsUTF8(value.get()));
    }
    return to_python(s + ")");
  });
}

PyTypeObject* named_type(const NamedResults& r) {
  static std::map<std::string, PyTypeObject*> types;
  PyTypeObject*& type = types[r.op];
  if (type) return type;
  auto* fields =
      new PyStructSequence_Field[r.fields.size() + 1]();  // lives as long as the type: for ever
  for (size_t i = 0; i < r.fields.size(); ++i) fields[i].name = r.fields[i].first;
  auto* name = new std::string(text("torch.return_types.", r.op));
  PyStructSequence_Desc desc{name->c_str(), nullptr, fields, int(r.fields.size())};
  type = PyStructSequence_NewType(&desc);
  if (!type) throw PythonError{};
  type->tp_repr = repr_named;
  type->tp_str = repr_named;
  return type;
}

}  // namespace

PyObject* to_python(const NamedResults& r) {
  Object o = checked(PyStructSequence_New(named_type(r)));
  for (size_t i = 0; i < r.fields.size(); ++i)
    PyStructSequence_SetItem(o.get(), Py_ssize_t(i), to_python(r.fields[i].second));
  return o.release();
}

}  // namespace izvod::bind
