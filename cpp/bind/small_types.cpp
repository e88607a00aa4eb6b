#include "bind/small_types.h"

#include <cstring>

namespace izvod::bind {

PyTypeObject *dtype_type, *size_type, *device_type;

namespace {

struct DTypeObject {
  PyObject_HEAD DType dtype;
};
PyObject* dtypes[dtype_count];
PyObject* the_cpu;

PyTypeObject* make_type(PyType_Spec& spec, PyObject* bases = nullptr) {
  return reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpecWithBases(&spec, bases)).release());
}
const DTypeInfo& info_of(PyObject* self) {
  return info(reinterpret_cast<DTypeObject*>(self)->dtype);
}

// ---- dtype

PyObject* dtype_repr(PyObject* self) {
  return PyUnicode_FromFormat("torch.%s", info_of(self).name);
}
PyObject* dtype_reduce(PyObject* self, PyObject*) {
  return guarded([&] {
    Object get = import_attr("izvod._C", "_dtype_from_name");
    return Py_BuildValue("O(s)", get.get(), info_of(self).name);
  });
}
PyObject* dtype_self(PyObject* self, PyObject*) {
  Py_INCREF(self);
  return self;
}
PyGetSetDef dtype_getset[] = {
    {"is_floating_point", [](PyObject* o, void*) { return PyBool_FromLong(info_of(o).floating); },
     nullptr, nullptr, nullptr},
    {"is_complex", [](PyObject*, void*) { return PyBool_FromLong(0); }, nullptr, nullptr, nullptr},
    {"is_signed", [](PyObject* o, void*) { return PyBool_FromLong(info_of(o).is_signed); }, nullptr,
     nullptr, nullptr},
    {"itemsize", [](PyObject* o, void*) { return PyLong_FromLong(info_of(o).itemsize); }, nullptr,
     nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef dtype_methods[] = {{"__reduce__", dtype_reduce, METH_NOARGS, nullptr},
                               {"__copy__", dtype_self, METH_NOARGS, nullptr},
                               {"__deepcopy__", dtype_self, METH_O, nullptr},
                               {nullptr, nullptr, 0, nullptr}};

// ---- Size: a tuple that prints and slices as torch.Size

PyObject* size_from(PyObject* tuple) {
  if (!tuple) return nullptr;
  const Object owned = Object::own(tuple);
  const Object args = Object::own(PyTuple_Pack(1, owned.get()));
  return args ? PyTuple_Type.tp_new(size_type, args.get(), nullptr) : nullptr;
}
PyObject* size_repr(PyObject* self) {
  return guarded([&] {
    std::string s = "torch.Size([";
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
      const Object item = checked(PyObject_Repr(PyTuple_GET_ITEM(self, i)));
      s += text(i ? ", " : "", PyUnicode_AsUTF8(item.get()));
    }
    s += "])";
    return PyUnicode_FromStringAndSize(s.data(), Py_ssize_t(s.size()));
  });
}
PyObject* size_new(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    Object self = checked(PyTuple_Type.tp_new(type, args, keywords));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self.get()); ++i) {
      PyObject* item = PyTuple_GET_ITEM(self.get(), i);
      if (PyLong_Check(item)) continue;
      if (!PyIndex_Check(item))
        throw TypeError(text("torch.Size() takes an iterable of 'int' (item ", i, " is '",
                             type_name(item), "')"));
      PyTuple_SET_ITEM(self.get(), i, checked(PyNumber_Index(item)).release());
      Py_DECREF(item);
    }
    return self.release();
  });
}
PyObject* size_numel(PyObject* self, PyObject*) {
  long long n = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i)
    n *= PyLong_AsLongLong(PyTuple_GET_ITEM(self, i));
  return PyLong_FromLongLong(n);
}
PyObject* size_reduce(PyObject* self, PyObject*) {
  const Object items = Object::own(PySequence_List(self));
  return items ? Py_BuildValue("O(O)", Py_TYPE(self), items.get()) : nullptr;
}
PyObject* size_concat(PyObject* a, PyObject* b) {
  if (!PyTuple_Check(a) || !PyTuple_Check(b)) {
    PyErr_Format(PyExc_TypeError, "can only concatenate tuple (not \"%s\") to torch.Size",
                 Py_TYPE(PyTuple_Check(a) ? b : a)->tp_name);
    return nullptr;
  }
  return size_from(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
}
PyObject* size_repeat(PyObject* a, Py_ssize_t n) {
  return size_from(PyTuple_Type.tp_as_sequence->sq_repeat(a, n));
}
PyObject* size_subscript(PyObject* self, PyObject* key) {
  PyObject* r = PyTuple_Type.tp_as_mapping->mp_subscript(self, key);
  return PySlice_Check(key) ? size_from(r) : r;
}
PyMethodDef size_methods[] = {{"numel", size_numel, METH_NOARGS, nullptr},
                              {"__reduce__", size_reduce, METH_NOARGS, nullptr},
                              {nullptr, nullptr, 0, nullptr}};

// ---- device

void refuse(const std::string& name) {
  const std::string kind = name.substr(0, name.find(':'));
  if (kind != "cpu" && kind != "cuda" && kind != "mps" && kind != "xpu" && kind != "meta")
    throw RuntimeError(text("Invalid device string: '", name, "'"));
  throw RuntimeError(text("device '", name, "' is not available: izvod runs on the CPU only"));
}
PyObject* device_new(PyTypeObject*, PyObject* args, PyObject* keywords) {
  return guarded([&] {
    PyObject* type = nullptr;
    int index = -1;
    static const char* names[] = {"type", "index", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|i:device", const_cast<char**>(names), &type,
                                     &index))
      throw PythonError{};
    check_device(type);
    return cpu_device();
  });
}
PyObject* device_repr(PyObject*) { return PyUnicode_FromString("device(type='cpu')"); }
PyObject* device_str(PyObject*) { return PyUnicode_FromString("cpu"); }
PyObject* device_reduce(PyObject* self, PyObject*) {
  return Py_BuildValue("O(s)", Py_TYPE(self), "cpu");
}
PyGetSetDef device_getset[] = {
    {"type", [](PyObject*, void*) { return PyUnicode_FromString("cpu"); }, nullptr, nullptr,
     nullptr},
    {"index", [](PyObject*, void*) { Py_RETURN_NONE; }, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef device_methods[] = {{"__reduce__", device_reduce, METH_NOARGS, nullptr},
                                {nullptr, nullptr, 0, nullptr}};

template <class F>
void* slot(F* f) {
  return reinterpret_cast<void*>(f);
}

}  // namespace

PyObject* wrap(DType t) {
  PyObject* o = dtypes[size_t(t)];
  Py_INCREF(o);
  return o;
}
bool is_dtype(PyObject* o) { return Py_TYPE(o) == dtype_type; }
DType dtype_of_object(PyObject* o) { return reinterpret_cast<DTypeObject*>(o)->dtype; }

PyObject* make_size(const Dims& sizes) {
  PyObject* o = size_type->tp_alloc(size_type, Py_ssize_t(sizes.size()));
  if (!o) throw PythonError{};
  for (int64_t i = 0; i < sizes.size(); ++i) PyTuple_SET_ITEM(o, i, PyLong_FromLongLong(sizes[i]));
  return o;
}

PyObject* cpu_device() {
  Py_INCREF(the_cpu);
  return the_cpu;
}

void check_device(PyObject* device) {
  if (device == Py_None || Py_TYPE(device) == device_type) return;
  check<TypeError>(PyUnicode_Check(device), "device must be a torch.device or a string, not ",
                   type_name(device));
  const char* name = PyUnicode_AsUTF8(device);
  if (std::strcmp(name, "cpu") && std::strcmp(name, "cpu:0")) refuse(name);
}

void add_small_types(PyObject* module) {
  PyType_Slot dtype_slots[] = {{Py_tp_repr, slot(dtype_repr)},
                               {Py_tp_getset, dtype_getset},
                               {Py_tp_methods, dtype_methods},
                               {0, nullptr}};
  PyType_Spec dtype_spec{"torch.dtype", sizeof(DTypeObject), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, dtype_slots};
  dtype_type = make_type(dtype_spec);
  for (int i = 0; i < dtype_count; ++i) {
    auto* o = PyObject_New(DTypeObject, dtype_type);
    o->dtype = DType(i);
    dtypes[i] = reinterpret_cast<PyObject*>(o);
    PyModule_AddObjectRef(module, dtype_table[size_t(i)].name, dtypes[i]);
  }
  PyType_Slot size_slots[] = {{Py_tp_repr, slot(size_repr)},
                              {Py_tp_methods, size_methods},
                              {Py_tp_new, slot(size_new)},
                              {Py_sq_concat, slot(size_concat)},
                              {Py_sq_repeat, slot(size_repeat)},
                              {Py_mp_subscript, slot(size_subscript)},
                              {0, nullptr}};
  PyType_Spec size_spec{"torch.Size", 0, 0, Py_TPFLAGS_DEFAULT, size_slots};
  const Object bases = checked(PyTuple_Pack(1, &PyTuple_Type));
  size_type = make_type(size_spec, bases.get());
  PyType_Slot device_slots[] = {{Py_tp_repr, slot(device_repr)}, {Py_tp_str, slot(device_str)},
                                {Py_tp_new, slot(device_new)},   {Py_tp_getset, device_getset},
                                {Py_tp_methods, device_methods}, {0, nullptr}};
  PyType_Spec device_spec{"torch.device", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, device_slots};
  device_type = make_type(device_spec);
  the_cpu = PyObject_New(PyObject, device_type);
  for (auto [name, type] :
       {std::pair{"dtype", dtype_type}, {"Size", size_type}, {"device", device_type}}) {
    const Object home = checked(PyUnicode_FromString("izvod"));  // so that pickle finds them
    PyObject_SetAttrString(reinterpret_cast<PyObject*>(type), "__module__", home.get());
    PyModule_AddObjectRef(module, name, reinterpret_cast<PyObject*>(type));
  }
}

}  // namespace izvod::bind
