#include <cstring>

#include "bind/creation.h"
#include "bind/function.h"
#include "bind/rows.h"
#include "ops/copy.h"

namespace izvod::bind {
namespace {

using MaybeDType = std::optional<DType>;

// What every creation function takes besides its own arguments; layout and pin_memory change
// nothing on a CPU.
#define OPTIONS                                                                        \
  ", *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False, " \
  "memory_format=None"
#define OPTION_PARAMETERS                                                   \
  MaybeDType dtype, PyObject *, PyObject *device, bool requires_grad, bool, \
      [[maybe_unused]] PyObject *format

Tensor finish(Tensor x, PyObject* device, bool requires_grad) {
  check_device(device);
  check(!requires_grad || x.is_floating(),
        "Only Tensors of floating point and complex dtype can require gradients");
  if (requires_grad) set_requires_grad(x, true);
  return x;
}

Tensor arange_of(const Scalar& start, const Scalar& end, const Scalar& step, MaybeDType dtype,
                 PyObject* device, bool requires_grad) {
  const bool whole = !start.is_float() && !end.is_float() && !step.is_float();
  return finish(arange(start, end, step, dtype.value_or(whole ? DType::Int64 : default_dtype())),
                device, requires_grad);
}

DType type_of_number(const Scalar& s) { return s.is_float() ? default_dtype() : s.storage_type(); }

}  // namespace

void add_creation_rows() {
  def<"tensor", InModule>(
      "data, *, dtype=None, device=None, requires_grad=False, pin_memory=False",
      [](PyObject* data, MaybeDType dtype, PyObject* device, bool requires_grad, bool) {
        if (is_tensor(data) && PyErr_WarnEx(PyExc_UserWarning,
                                            "To copy construct from a tensor, it is recommended to "
                                            "use sourceTensor.detach().clone() or "
                                            "sourceTensor.detach().clone().requires_grad_(True), "
                                            "rather than torch.tensor(sourceTensor).",
                                            1) < 0)
          throw PythonError{};
        return finish(tensor_from(data, dtype), device, requires_grad);
      });
  def<"as_tensor", InModule>(
      "data, dtype=None, device=None", [](PyObject* data, MaybeDType dtype, PyObject* device) {
        check_device(device);
        if (is_tensor(data)) return to(tensor_of(data), dtype.value_or(tensor_of(data).dtype()));
        if (PyObject_CheckBuffer(data) && !PyBytes_Check(data)) {
          const Tensor shared = tensor_from_buffer(data);
          return to(shared, dtype.value_or(shared.dtype()));
        }
        return tensor_from(data, dtype);
      });
  def<"from_numpy", InModule>("ndarray", [](PyObject* a) {
    check<TypeError>(PyObject_HasAttrString(a, "__array_interface__") && PyObject_CheckBuffer(a),
                     "expected np.ndarray (got ", type_name(a), ")");
    return tensor_from_buffer(a);
  });
  def<"_buffer", InModule>("input", buffer_of);
  def<"empty", InModule>("*size" OPTIONS, [](const Dims& size, OPTION_PARAMETERS) {
    return finish(empty(size, dtype.value_or(default_dtype())), device, requires_grad);
  });
  def<"zeros", InModule>("*size" OPTIONS, [](const Dims& size, OPTION_PARAMETERS) {
    return finish(zeros(size, dtype.value_or(default_dtype())), device, requires_grad);
  });
  def<"ones", InModule>("*size" OPTIONS, [](const Dims& size, OPTION_PARAMETERS) {
    return finish(ones(size, dtype.value_or(default_dtype())), device, requires_grad);
  });
  def<"full", InModule>("size, fill_value" OPTIONS, [](const Dims& size, const Scalar& value,
                                                       OPTION_PARAMETERS) {
    return finish(full(size, value, dtype.value_or(type_of_number(value))), device, requires_grad);
  });
  def<"empty_like", InModule>("input" OPTIONS, [](const Tensor& x, OPTION_PARAMETERS) {
    return finish(empty_as(x, dtype, format), device, requires_grad);
  });
  def<"zeros_like", InModule>("input" OPTIONS, [](const Tensor& x, OPTION_PARAMETERS) {
    return finish(zero_(empty_as(x, dtype, format)), device, requires_grad);
  });
  def<"ones_like", InModule>("input" OPTIONS, [](const Tensor& x, OPTION_PARAMETERS) {
    return finish(fill_(empty_as(x, dtype, format), 1), device, requires_grad);
  });
  def<"full_like", InModule>(
      "input, fill_value" OPTIONS, [](const Tensor& x, const Scalar& value, OPTION_PARAMETERS) {
        return finish(fill_(empty_as(x, dtype, format), value), device, requires_grad);
      });
  def<"new_empty", InTensor>(
      "self, *size" OPTIONS, [](const Tensor& x, const Dims& size, OPTION_PARAMETERS) {
        return finish(empty(size, dtype.value_or(x.dtype())), device, requires_grad);
      });
  def<"new_zeros", InTensor>(
      "self, *size" OPTIONS, [](const Tensor& x, const Dims& size, OPTION_PARAMETERS) {
        return finish(zeros(size, dtype.value_or(x.dtype())), device, requires_grad);
      });
  def<"new_ones", InTensor>(
      "self, *size" OPTIONS, [](const Tensor& x, const Dims& size, OPTION_PARAMETERS) {
        return finish(ones(size, dtype.value_or(x.dtype())), device, requires_grad);
      });
  def<"new_full", InTensor>(
      "self, size, fill_value" OPTIONS,
      [](const Tensor& x, const Dims& size, const Scalar& value, OPTION_PARAMETERS) {
        return finish(full(size, value, dtype.value_or(x.dtype())), device, requires_grad);
      });
  def<"new_tensor", InTensor>(
      "self, data" OPTIONS, [](const Tensor& x, PyObject* data, OPTION_PARAMETERS) {
        return finish(tensor_from(data, dtype.value_or(x.dtype())), device, requires_grad);
      });
  def<"arange", InModule>(
      {overload("end" OPTIONS,
                [](const Scalar& end, OPTION_PARAMETERS) {
                  return arange_of(0, end, 1, dtype, device, requires_grad);
                }),
       overload("start, end, step=1" OPTIONS,
                [](const Scalar& start, const Scalar& end, const Scalar& step, OPTION_PARAMETERS) {
                  return arange_of(start, end, step, dtype, device, requires_grad);
                })});
  def<"linspace", InModule>(
      "start, end, steps" OPTIONS, [](double start, double end, int64_t steps, OPTION_PARAMETERS) {
        return finish(linspace(start, end, steps, dtype.value_or(default_dtype())), device,
                      requires_grad);
      });
  def<"eye", InModule>("n, m=None" OPTIONS, [](int64_t n, std::optional<int64_t> m,
                                               OPTION_PARAMETERS) {
    return finish(eye(n, m.value_or(n), dtype.value_or(default_dtype())), device, requires_grad);
  });
  def<"_from_bytes", InModule>(
      "buffer, dtype, shape", [](PyObject* buffer, DType dtype, const Dims& shape) {
        Py_buffer v;
        if (PyObject_GetBuffer(buffer, &v, PyBUF_SIMPLE) < 0) throw PythonError{};
        struct Release {
          Py_buffer& v;
          ~Release() { PyBuffer_Release(&v); }
        } release{v};
        const int64_t bytes = checked_numel(shape, dtype) * itemsize(dtype);
        check<ValueError>(bytes == v.len, "_from_bytes: ", v.len, " bytes given where shape ",
                          shape, " of ", info(dtype).name, " needs ", bytes);
        Tensor x = empty(shape, dtype);
        std::memcpy(x.impl()->data, v.buf, size_t(bytes));
        return x;
      });
}

}  // namespace izvod::bind
