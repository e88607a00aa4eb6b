// x[key] and x[key] = value. Integers, slices, None, Ellipsis and bools give views; tensors and
// lists pick elements.
#include "ops/indexing.h"
#include "bind/creation.h"
#include "bind/tensor_slots.h"
#include "ops/copy.h"
#include "ops/item.h"
#include "ops/views.h"

namespace izvod::bind {
namespace {

// A key taken apart: the view that its basic parts make, and an index tensor (or none) for each
// dimension of it.
struct Taken {
  Tensor view;
  std::vector<Tensor> indices;
  bool picks = false;
};

Tensor as_index(PyObject* item) {
  Tensor t = is_tensor(item) ? tensor_of(item) : tensor_from(item, {});
  if (t.numel() == 0 && !is_tensor(item)) t = to(t, DType::Int64);
  check<IndexError>(!t.is_floating(),
                    "tensors used as indices must be long, int, byte or bool tensors");
  return t;
}

bool is_basic_int(PyObject* item) {
  if (is_tensor(item))
    return tensor_of(item).dim() == 0 && is_integral(tensor_of(item).dtype()) &&
           tensor_of(item).dtype() != DType::UInt8;
  return PyLong_Check(item) && !PyBool_Check(item);
}

// A bool, or a tensor of one without dimensions, picks all or nothing along a new dimension.
bool is_lone_bool(PyObject* item) {
  return PyBool_Check(item) ||
         (is_tensor(item) && tensor_of(item).dim() == 0 && tensor_of(item).dtype() == DType::Bool);
}
bool lone_bool(PyObject* item) {
  return is_tensor(item) ? izvod::item(tensor_of(item)).i != 0 : item == Py_True;
}

// numpy's numbers, and other objects with __index__. (Its arrays have one, too, whatever their
// shape.)
bool is_index_like(PyObject* item) {
  return !is_tensor(item) && !is_array(item) && !PyBool_Check(item) && !PyFloat_Check(item) &&
         !PyList_Check(item) && !PyTuple_Check(item) && PyIndex_Check(item);
}

// How many dimensions an item uses up.
int64_t dims_used(PyObject* item) {
  if (PySlice_Check(item) || PyLong_CheckExact(item)) return 1;
  if (item == Py_None || item == Py_Ellipsis || PyBool_Check(item)) return 0;
  if (is_tensor(item) &&
      (tensor_of(item).dtype() == DType::Bool || tensor_of(item).dtype() == DType::UInt8))
    return tensor_of(item).dim();
  return 1;
}

int64_t slice_part(PyObject* o, int64_t otherwise) {
  if (o == Py_None) return otherwise;
  int64_t i;
  check<TypeError>(Convert<int64_t>::from(o, i),
                   "slice indices must be integers or None or have an __index__ method");
  return i;
}

Tensor take_slice(const Tensor& x, int64_t dim, PyObject* item) {
  auto* s = reinterpret_cast<PySliceObject*>(item);
  const int64_t step = slice_part(s->step, 1);
  check<ValueError>(step > 0, "step must be greater than zero");
  if (s->start == Py_None && s->stop == Py_None && step == 1) return x;
  return slice(x, dim, slice_part(s->start, 0), slice_part(s->stop, x.sizes()[dim]), step);
}

// x with its own history but a new identity, as x[...] and x[:] give.
Tensor same_view(const Tensor& x) {
  return x.dim() ? slice(x, 0, 0, x.sizes()[0], 1) : expand(x, x.sizes());
}

void add_index(Taken& t, int64_t dim, Tensor index) {
  t.indices.resize(size_t(dim));
  t.indices.push_back(std::move(index));
  t.picks = true;
}

Taken take(const Tensor& x, PyObject* const* items, Py_ssize_t n) {
  int64_t used = 0;
  for (Py_ssize_t i = 0; i < n; ++i) used += dims_used(items[i]);
  check<IndexError>(used <= x.dim(), "too many indices for tensor of dimension ", x.dim());
  Taken t{x, {}, false};
  int64_t dim = 0, source = 0;  // the next dimension of the view, and of x
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = items[i];
    source += item == Py_Ellipsis ? x.dim() - used : dims_used(item);
    if (PySlice_Check(item)) {
      t.view = take_slice(t.view, dim++, item);
    } else if (item == Py_None) {
      t.view = unsqueeze(t.view, dim++);
    } else if (item == Py_Ellipsis) {
      dim += x.dim() - used;
    } else if (is_basic_int(item) || is_index_like(item)) {
      int64_t index;
      if (is_tensor(item))
        index = izvod::item(tensor_of(item)).i;
      else
        check<IndexError>(Convert<int64_t>::from(item, index), "invalid index");
      const int64_t size = t.view.sizes()[dim];
      check<IndexError>(index >= -size && index < size, "index ", index,
                        " is out of bounds for dimension ", source - 1, " with size ", size);
      t.view = select(t.view, dim, index);
    } else if (is_lone_bool(item)) {
      t.view = unsqueeze(t.view, dim);
      add_index(t, dim++, zeros({lone_bool(item) ? 1 : 0}, DType::Int64));
    } else {
      check<IndexError>(is_tensor(item) || PyObject_CheckBuffer(item) ||
                            (PySequence_Check(item) && !PyUnicode_Check(item)),
                        "only integers, slices (`:`), ellipsis (`...`), None and long or byte "
                        "Variables are valid indices (got ",
                        type_name(item), ")");
      Tensor index = as_index(item);
      const int64_t covers =
          index.dtype() == DType::Bool || index.dtype() == DType::UInt8 ? index.dim() : 1;
      add_index(t, dim, std::move(index));
      dim += covers;
    }
  }
  return t;
}

// torch lets leading dimensions of size 1 of a value go.
Tensor squeeze_leading(Tensor v, int64_t dim) {
  while (v.dim() > dim && v.sizes()[0] == 1) v = squeeze(v, Dims{0});
  return v;
}

// torch takes a short list that holds more than numbers for a tuple: x[[[0, 1], [2, 3]]] is x[[0,
// 1], [2, 3]].
bool stands_for_tuple(PyObject* key) {
  if (!PyList_Check(key) || PyList_GET_SIZE(key) >= 32) return false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(key); ++i) {
    PyObject* e = PyList_GET_ITEM(key, i);
    if (is_tensor(e) || PySequence_Check(e) || PySlice_Check(e) || e == Py_None || e == Py_Ellipsis)
      return true;
  }
  return false;
}

Taken take(const Tensor& x, PyObject* key) {
  if (PyTuple_Check(key)) return take(x, &PyTuple_GET_ITEM(key, 0), PyTuple_GET_SIZE(key));
  if (stands_for_tuple(key)) {
    const Object items = checked(PyList_AsTuple(key));  // an item's __index__ may change the list
    return take(x, &PyTuple_GET_ITEM(items.get(), 0), PyTuple_GET_SIZE(items.get()));
  }
  return take(x, &key, 1);
}

}  // namespace

PyObject* get_item(PyObject* self, PyObject* key) {
  return guarded([&] {
    const Tensor& x = tensor_of(self);
    if (PyLong_CheckExact(key)) {
      int64_t i;
      Convert<int64_t>::from(key, i);
      check<IndexError>(x.dim() > 0,
                        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                        "`tensor.item<T>()` in C++ to "
                        "convert a 0-dim tensor to a number");
      return wrap(select(x, 0, i));
    }
    const Taken t = take(x, key);
    if (t.picks) return wrap(index(t.view, t.indices));
    return wrap(t.view.is(x) ? same_view(x) : t.view);
  });
}

int set_item(PyObject* self, PyObject* key, PyObject* value) {
  return guarded_int([&] {
    check<TypeError>(value != nullptr, "Tensor does not support deleting items");
    const Taken t = take(tensor_of(self), key);
    Scalar s;
    if (!is_tensor(value) && Convert<Scalar>::from(value, s) && !t.picks) {
      fill_(t.view, s);
      return;
    }
    const Tensor v = is_tensor(value) ? tensor_of(value) : tensor_from(value, t.view.dtype());
    if (t.picks)
      index_put_(t.view, t.indices, v, false);
    else
      copy_(t.view, squeeze_leading(v, t.view.dim()));
  });
}

}  // namespace izvod::bind
