#include "bind/creation.h"

#include <cmath>
#include <cstring>

#include "bind/function.h"
#include "bind/tensor_slots.h"
#include "ops/copy.h"
#include "ops/item.h"
#include "ops/joining.h"
#include "ops/views.h"

namespace izvod::bind {
namespace {

bool is_sequence(PyObject* o) { return PyList_Check(o) || PyTuple_Check(o); }

bool has_buffer(PyObject* o) {
  return PyObject_CheckBuffer(o) && !PyBytes_Check(o) && !PyByteArray_Check(o);
}

// The memory of a tensor or an array.
Tensor as_tensor(PyObject* o) { return is_tensor(o) ? tensor_of(o) : tensor_from_buffer(o); }

// ---- Nested lists

constexpr int deepest = 64;  // a list may hold itself

Dims shape_of(PyObject* data) {
  Dims sizes;
  PyObject* o = data;
  while (is_sequence(o)) {
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    sizes.push_back(n);
    check<ValueError>(sizes.size() <= deepest, "too many dimensions '", type_name(o), "'");
    if (n == 0) return sizes;
    o = PySequence_Fast_GET_ITEM(o, 0);
  }
  if (is_tensor(o) || is_array(o))
    for (int64_t s : as_tensor(o).sizes()) sizes.push_back(s);
  return sizes;
}

DType type_of(PyObject* o, int depth = 0) {
  Scalar s;
  if (is_tensor(o)) return tensor_of(o).dtype();
  if (PyFloat_Check(o)) return default_dtype();
  if (Convert<Scalar>::from(o, s)) return s.is_float() ? default_dtype() : s.storage_type();
  if (is_array(o)) return as_tensor(o).dtype();
  if (!is_sequence(o)) {
    check<TypeError>(!PyUnicode_Check(o), "new(): invalid data type 'str'");
    throw RuntimeError(text("Could not infer dtype of ", type_name(o)));
  }
  DType t = DType::Bool;
  check<ValueError>(depth < deepest, "too many dimensions '", type_name(o), "'");
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  if (n == 0) return default_dtype();
  for (Py_ssize_t i = 0; i < n; ++i) {
    const DType e = type_of(PySequence_Fast_GET_ITEM(o, i), depth + 1);
    t = i ? promote_types(t, e) : e;
  }
  return t;
}

template <class T>
void store(T* to, PyObject* o) {
  if constexpr (std::is_floating_point_v<T>)
    if (PyFloat_CheckExact(o)) {
      *to = T(PyFloat_AS_DOUBLE(o));
      return;
    }
  Scalar s;
  if (is_tensor(o)) {
    s = item(tensor_of(o));
  } else if (!Convert<Scalar>::from(o, s)) {
    throw TypeError(text("must be real number, not ", type_name(o)));
  }
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
    check(s.is_float()
              ? std::isfinite(s.f)
              : int64_t(T(s.i)) == s.i || (std::is_same_v<T, uint8_t> && -255 <= s.i && s.i < 0),
          "value cannot be converted to type ", info(dtype_of<T>).name, " without overflow");
  store_scalar(reinterpret_cast<char*>(to), dtype_of<T>, s);
}

template <class T>
void fill(T*& to, PyObject* o, const Dims& sizes, int64_t d) {
  if (d == sizes.size()) {
    check<ValueError>(!is_sequence(o), "expected a number, got a sequence at dim ", d,
                      " (the nesting is deeper here than elsewhere)");
    return store(to++, o);
  }
  if (is_tensor(o) || is_array(o)) {
    const Tensor t = copy_of(as_tensor(o), dtype_of<T>, false);
    check<ValueError>(Dims(std::span(sizes).subspan(size_t(d))) == t.sizes(),
                      "expected tensors of equal size in the list");
    std::memcpy(static_cast<void*>(to), t.impl()->data, size_t(t.numel() * itemsize(t.dtype())));
    to += t.numel();
    return;
  }
  check<TypeError>(is_sequence(o), "not a sequence");
  for (Py_ssize_t i = 0; i == 0 || i < sizes[d]; ++i) {
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);  // an element's __float__ may change the list
    check<ValueError>(n == sizes[d], "expected sequence of length ", sizes[d], " at dim ", d,
                      " (got ", n, ")");
    if (n) fill(to, Object::share(PySequence_Fast_GET_ITEM(o, i)).get(), sizes, d + 1);
  }
}

// ---- Arrays

DType type_of_format(const char* format, int64_t bytes) {
  check<ValueError>(!format || format[0] != '>',
                    "given numpy array has byte order different from the native byte order. "
                    "Conversion between byte orders is "
                    "currently not supported.");
  const char c = format ? format[std::strchr("@=<", format[0]) && format[0] ? 1 : 0] : 'B';
  if (c == '?') return DType::Bool;
  if (c == 'e') return DType::Float16;
  if (c == 'f') return DType::Float32;
  if (c == 'd') return DType::Float64;
  if (c == 'B') return DType::UInt8;
  if (std::strchr("bhilq", c))
    return bytes == 1   ? DType::Int8
           : bytes == 2 ? DType::Int16
           : bytes == 4 ? DType::Int32
                        : DType::Int64;
  throw TypeError(text("can't convert an array with items of format '", format ? format : "",
                       "'. The only supported types are: float64, float32, float16, int64, int32, "
                       "int16, int8, uint8, and bool."));
}

struct BufferHolder {
  Py_buffer view;
  ~BufferHolder() { PyBuffer_Release(&view); }
};
void drop_buffer(void* p) {
  const PyGILState_STATE state = PyGILState_Ensure();
  delete static_cast<BufferHolder*>(p);
  PyGILState_Release(state);
}

// ---- numpy's way to a tensor's memory: an object that holds the tensor and offers the buffer
// protocol.

struct BufferObject {
  PyObject_HEAD Tensor tensor;
  Py_ssize_t shape[64], strides[64];
};

const char* format_of(DType t) {
  static constexpr const char* formats[] = {"?", "B", "b", "h", "i", "q", "e", nullptr, "f", "d"};
  return formats[size_t(t)];
}

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  auto* o = reinterpret_cast<BufferObject*>(self);
  const Tensor& x = o->tensor;
  *view = {x.impl()->data,
           self,
           Py_ssize_t(x.numel() * itemsize(x.dtype())),
           Py_ssize_t(itemsize(x.dtype())),
           0,
           int(x.dim()),
           const_cast<char*>(format_of(x.dtype())),
           o->shape,
           o->strides,
           nullptr,
           nullptr};
  if (!(flags & PyBUF_FORMAT)) view->format = nullptr;
  Py_INCREF(self);
  return 0;
}

void drop_buffer_object(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  reinterpret_cast<BufferObject*>(self)->tensor.~Tensor();
  type->tp_free(self);
  Py_DECREF(type);
}

PyTypeObject* buffer_type() {
  static PyTypeObject* type = [] {
    PyType_Slot slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
                           {Py_tp_dealloc, reinterpret_cast<void*>(drop_buffer_object)},
                           {0, nullptr}};
    PyType_Spec spec{"izvod._C._Buffer", sizeof(BufferObject), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
    return reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)).release());
  }();
  return type;
}

PyObject* list_of(const char* data, const Tensor& x, int64_t d) {
  if (d == x.dim()) return to_python(load_scalar(data, x.dtype()));
  Object list = checked(PyList_New(Py_ssize_t(x.sizes()[d])));
  for (int64_t i = 0; i < x.sizes()[d]; ++i)
    PyList_SET_ITEM(list.get(), Py_ssize_t(i),
                    list_of(data + i * x.strides()[d] * itemsize(x.dtype()), x, d + 1));
  return list.release();
}

}  // namespace

bool is_array(PyObject* o) { return std::strcmp(Py_TYPE(o)->tp_name, "numpy.ndarray") == 0; }

Tensor tensor_from_buffer(PyObject* array) {
  auto holder = std::make_unique<BufferHolder>();
  if (PyObject_GetBuffer(array, &holder->view, PyBUF_RECORDS_RO) < 0) throw PythonError{};
  const Py_buffer& v = holder->view;
  const DType t = type_of_format(v.format, v.itemsize);
  if (v.readonly &&
      PyErr_WarnEx(PyExc_UserWarning,
                   "The given NumPy array is not writable: writing to the tensor changes the "
                   "array's memory. Copy the array to "
                   "protect its data or make it writable before converting it to a tensor.",
                   1) < 0)
    throw PythonError{};
  Dims sizes, strides;
  for (int d = 0; d < v.ndim; ++d) {
    sizes.push_back(v.shape[d]);
    check<ValueError>(
        v.strides[d] >= 0,
        "At least one stride in the given numpy array is negative, and tensors with negative "
        "strides are not currently supported. (You can probably work around this by making a copy "
        "of your array "
        " with array.copy().) ");
    check<ValueError>(v.strides[d] % v.itemsize == 0,
                      "given numpy array strides not a multiple of the element byte size.");
    strides.push_back(v.strides[d] / v.itemsize);
  }
  int64_t last = 0;
  bool none = false;
  for (int64_t d = 0; d < sizes.size(); ++d) {
    last += (sizes[d] - 1) * strides[d];
    none |= sizes[d] == 0;
  }
  char* data = static_cast<char*>(v.buf);
  Ref<Storage> storage = Storage::borrow(data, none ? 0 : size_t((last + 1) * v.itemsize),
                                         holder.release(), drop_buffer);
  return from_storage(std::move(storage), data, sizes, strides, t);
}

Tensor tensor_from(PyObject* data, std::optional<DType> dtype) {
  if (is_tensor(data)) return copy_of(tensor_of(data), dtype.value_or(tensor_of(data).dtype()));
  if (!is_sequence(data) && has_buffer(data)) {
    const Tensor shared = tensor_from_buffer(data);
    return copy_of(shared, dtype.value_or(shared.dtype()), false);
  }
  if (!is_sequence(data) && PyObject_HasAttrString(data, "__array__")) {
    const Object array = checked(PyObject_CallMethod(data, "__array__", nullptr));
    return tensor_from(array.get(), dtype);
  }
  if (!is_sequence(data) && PySequence_Check(data) && !PyUnicode_Check(data)) {
    const Object list = checked(PySequence_List(data));
    return tensor_from(list.get(), dtype);
  }
  const DType t = dtype ? *dtype : type_of(data);
  Tensor x = empty(shape_of(data), t);
  visit(t, [&]<class T>(Type<T>) {
    T* to = x.data<T>();
    fill(to, data, x.sizes(), 0);
  });
  return x;
}

PyObject* buffer_of(const Tensor& x) {
  check<TypeError>(format_of(x.dtype()) != nullptr, "Got unsupported ScalarType ",
                   info(x.dtype()).noun);
  check(x.dim() <= 64, "numpy() takes at most 64 dimensions, got ", x.dim());
  PyTypeObject* type = buffer_type();
  auto* o = reinterpret_cast<BufferObject*>(type->tp_alloc(type, 0));
  if (!o) throw PythonError{};
  new (&o->tensor) Tensor(x);
  for (int64_t d = 0; d < x.dim(); ++d) {
    o->shape[d] = Py_ssize_t(x.sizes()[d]);
    o->strides[d] = Py_ssize_t(x.strides()[d] * itemsize(x.dtype()));
  }
  return reinterpret_cast<PyObject*>(o);
}

PyObject* to_list(const Tensor& x) { return list_of(x.impl()->data, x, 0); }

// The legacy constructor: torch.Tensor(2, 3), torch.Tensor([1, 2]), torch.Tensor().
Tensor empty_as(const Tensor& x, std::optional<DType> dtype, PyObject* memory_format) {
  const DType t = dtype.value_or(x.dtype());
  if (memory_format == Py_None) return empty_like(x, t);
  std::string format;
  Convert<std::string>::from(checked(PyObject_Str(memory_format)).get(), format);
  if (format == "torch.preserve_format") return empty_like(x, t);
  if (format == "torch.contiguous_format") return empty(x.sizes(), t);
  check(format == "torch.channels_last", "unsupported memory format ", format);
  check(x.dim() == 4, "required rank 4 tensor to use channels_last format");
  const Dims& n = x.sizes();
  return permute(empty({n[0], n[2], n[3], n[1]}, t), {0, 3, 1, 2});
}

PyObject* new_tensor(PyTypeObject* type, PyObject* args, PyObject*) {
  return guarded([&] {
    const Py_ssize_t n = PyTuple_GET_SIZE(args);
    Dims sizes;
    Tensor x;
    if (n == 0)
      x = empty({0}, default_dtype());
    else if (n == 1 && is_tensor(PyTuple_GET_ITEM(args, 0)))
      x = alias(tensor_of(PyTuple_GET_ITEM(args, 0)));
    else if (n == 1 && Py_TYPE(PyTuple_GET_ITEM(args, 0)) != size_type &&
             !PyLong_Check(PyTuple_GET_ITEM(args, 0)))
      x = tensor_from(PyTuple_GET_ITEM(args, 0), default_dtype());
    else if (Convert<Dims>::from(n == 1 ? PyTuple_GET_ITEM(args, 0) : args, sizes))
      x = empty(sizes, default_dtype());
    else
      throw TypeError("new() received an invalid combination of arguments");
    return wrap_as(type, x);
  });
}

}  // namespace izvod::bind
