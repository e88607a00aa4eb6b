#include "bind/tensor_slots.h"

#include "bind/arguments.h"
#include "ops/arithmetic.h"
#include "ops/item.h"
#include "ops/matmul.h"
#include "ops/unary.h"
#include "ops/views.h"

namespace izvod::bind {
namespace {

using BinaryOp = Tensor (*)(const Arg&, const Arg&);

// A binary operator: NotImplemented where an operand is neither tensor nor number, so that Python
// asks the other one.
template <BinaryOp f>
PyObject* binary_slot(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    Arg x{Scalar()}, y{Scalar()};
    if (!Convert<Arg>::from(a, x) || !Convert<Arg>::from(b, y)) Py_RETURN_NOTIMPLEMENTED;
    return wrap(f(x, y));
  });
}

using InPlaceOp = const Tensor& (*)(const Tensor&, const Arg&);
template <InPlaceOp f>
PyObject* in_place_slot(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    Arg y{Scalar()};
    if (!is_tensor(a) || !Convert<Arg>::from(b, y)) Py_RETURN_NOTIMPLEMENTED;
    return wrap(f(tensor_of(a), y));
  });
}

PyObject* matmul_slot(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    if (!is_tensor(a) || !is_tensor(b)) Py_RETURN_NOTIMPLEMENTED;
    return wrap(matmul(tensor_of(a), tensor_of(b)));
  });
}

PyObject* power_slot(PyObject* a, PyObject* b, PyObject*) {
  return guarded([&]() -> PyObject* {
    Arg x{Scalar()}, y{Scalar()};
    if (!Convert<Arg>::from(a, x) || !Convert<Arg>::from(b, y)) Py_RETURN_NOTIMPLEMENTED;
    return wrap(y.is_tensor() ? pow(x, y) : pow(*x.tensor, y.scalar));
  });
}
PyObject* in_place_power(PyObject* a, PyObject* b, PyObject*) {
  return guarded([&]() -> PyObject* {
    Arg y{Scalar()};
    if (!is_tensor(a) || !Convert<Arg>::from(b, y)) Py_RETURN_NOTIMPLEMENTED;
    return wrap(y.is_tensor() ? pow_(tensor_of(a), y) : pow_(tensor_of(a), y.scalar));
  });
}

Tensor inverted(const Tensor& x) {
  check<TypeError>(!x.is_floating(),
                   "~ (operator.invert) is only implemented on integer and Boolean-type tensors");
  return bitwise_not(x);
}
Tensor itself(const Tensor& x) { return x; }

// torch computes number / tensor as reciprocal times number.
Tensor divide(const Arg& a, const Arg& b) {
  return a.is_tensor() ? div(a, b) : mul(reciprocal(*b.tensor), a);
}

template <Tensor (*f)(const Tensor&)>
PyObject* unary_slot(PyObject* a) {
  return guarded([&] { return wrap(f(tensor_of(a))); });
}

PyObject* compare(PyObject* a, PyObject* b, int how) {
  return guarded([&]() -> PyObject* {
    Arg x{Scalar()}, y{Scalar()};
    if (!Convert<Arg>::from(a, x) || !Convert<Arg>::from(b, y)) Py_RETURN_NOTIMPLEMENTED;
    static constexpr BinaryOp ops[] = {lt, le, eq, ne, gt, ge};  // in the order of Py_LT ... Py_GE
    return wrap(ops[how](x, y));
  });
}

int truth(PyObject* self) {
  try {
    const Tensor& x = tensor_of(self);
    check(x.numel() != 0, "Boolean value of Tensor with no values is ambiguous");
    check(x.numel() == 1, "Boolean value of Tensor with more than one value is ambiguous");
    const Scalar s = item(x);
    return s.is_float() ? s.f != 0 : s.i != 0;
  } catch (...) {
    set_python_error();
    return -1;
  }
}

Scalar only_element(const Tensor& x) {
  check<ValueError>(x.numel() == 1, "only one element tensors can be converted to Python scalars");
  return item(x);
}

PyObject* to_int(PyObject* self) {
  return guarded([&]() -> PyObject* {
    const Scalar s = only_element(tensor_of(self));
    if (s.is_float()) return PyLong_FromDouble(s.f);
    return PyLong_FromLongLong(s.i);
  });
}
PyObject* to_float(PyObject* self) {
  return guarded([&] { return PyFloat_FromDouble(only_element(tensor_of(self)).to_double()); });
}
PyObject* to_index(PyObject* self) {
  return guarded([&] {
    const Tensor& x = tensor_of(self);
    check<TypeError>(x.numel() == 1 && !x.is_floating(),
                     "only integer tensors of a single element can be converted to an index");
    return PyLong_FromLongLong(item(x).i);
  });
}

Py_ssize_t length(PyObject* self) {
  const Tensor& x = tensor_of(self);
  if (x.dim() == 0) {
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
    return -1;
  }
  return Py_ssize_t(x.sizes()[0]);
}

Py_hash_t hash(PyObject* self) { return Py_hash_t(reinterpret_cast<uintptr_t>(self) >> 4); }

PyObject* iterate(PyObject* self) {
  return guarded([&] {
    const Tensor& x = tensor_of(self);
    check<TypeError>(x.dim() > 0, "iteration over a 0-d tensor");
    const Object parts = checked(to_python(unbind(x, 0)));
    return PyObject_GetIter(parts.get());
  });
}

PyObject* repr(PyObject* self) {
  return guarded([&] {
    static PyObject* text_of = import_attr("izvod._tensor_str", "_str").release();
    return PyObject_CallOneArg(text_of, self);
  });
}

template <class F>
PyType_Slot slot(int id, F* f) {
  return {id, reinterpret_cast<void*>(f)};
}

}  // namespace

std::vector<PyType_Slot> tensor_slots() {
  return {slot(Py_nb_add, binary_slot<add>),
          slot(Py_nb_subtract, binary_slot<sub>),
          slot(Py_nb_multiply, binary_slot<mul>),
          slot(Py_nb_true_divide, binary_slot<divide>),
          slot(Py_nb_inplace_add, in_place_slot<add_>),
          slot(Py_nb_inplace_subtract, in_place_slot<sub_>),
          slot(Py_nb_inplace_multiply, in_place_slot<mul_>),
          slot(Py_nb_inplace_true_divide, in_place_slot<div_>),
          slot(Py_nb_matrix_multiply, matmul_slot),
          slot(Py_nb_power, power_slot),
          slot(Py_nb_inplace_power, in_place_power),
          slot(Py_nb_floor_divide, binary_slot<floor_divide>),
          slot(Py_nb_remainder, binary_slot<remainder>),
          slot(Py_nb_and, binary_slot<bitwise_and>),
          slot(Py_nb_or, binary_slot<bitwise_or>),
          slot(Py_nb_xor, binary_slot<bitwise_xor>),
          slot(Py_nb_inplace_floor_divide, in_place_slot<floor_divide_>),
          slot(Py_nb_inplace_remainder, in_place_slot<remainder_>),
          slot(Py_nb_inplace_and, in_place_slot<bitwise_and_>),
          slot(Py_nb_inplace_or, in_place_slot<bitwise_or_>),
          slot(Py_nb_inplace_xor, in_place_slot<bitwise_xor_>),
          slot(Py_nb_negative, unary_slot<neg>),
          slot(Py_nb_absolute, unary_slot<abs>),
          slot(Py_nb_invert, unary_slot<inverted>),
          slot(Py_nb_positive, unary_slot<itself>),
          slot(Py_nb_bool, truth),
          slot(Py_nb_int, to_int),
          slot(Py_nb_float, to_float),
          slot(Py_nb_index, to_index),
          slot(Py_tp_richcompare, compare),
          slot(Py_tp_hash, hash),
          slot(Py_tp_iter, iterate),
          slot(Py_tp_repr, repr),
          slot(Py_mp_length, length),
          slot(Py_mp_subscript, get_item),
          slot(Py_mp_ass_subscript, set_item),
          slot(Py_sq_length, length),
          slot(Py_tp_new, new_tensor)};
}

}  // namespace izvod::bind
