#include "ops/pointwise.h"

#include "ops/copy.h"

namespace izvod {
namespace {

constexpr int64_t flat_limit = 32768;  // elements that one thread does without cutting

void check_offered(const kernels::PointwiseLoops& loops, const char* name, DType compute,
                   DType common) {
  check<NotImplementedError>(loops.of(compute).function != nullptr, "\"", name,
                             "\" not implemented for '", info(common).noun, "'");
}

// The commonest call: everything contiguous, of one size and of the compute type, or a number.
bool run_flat(const kernels::PointwiseLoops& loops, DType compute, DType common, const Tensor& out,
              std::initializer_list<const Arg*> in, const void* op) {
  const int64_t n = out.numel();
  if (n > flat_limit || !out.is_contiguous() || out.dtype() != loops.result_type(compute))
    return false;
  kernels::Rows rows(n);
  const void* data[kernels::max_inputs];
  alignas(8) char numbers[kernels::max_inputs][8];
  int k = 0;
  for (const Arg* a : in) {
    if (a->is_tensor()) {
      const Tensor& t = *a->tensor;
      if (t.dtype() != loops.input_type(compute, k) || !t.is_contiguous() ||
          !(t.sizes() == out.sizes()))
        return false;
      data[k++] = t.impl()->data;
      continue;
    }
    if (compute == DType::Float32)
      *reinterpret_cast<float*>(numbers[k]) = float(a->scalar.to_double());
    else if (compute == DType::Float64)
      *reinterpret_cast<double*>(numbers[k]) = a->scalar.to_double();
    else  // its first bytes are those of a narrow integer
      *reinterpret_cast<int64_t*>(numbers[k]) = a->scalar.as(common).to_int();
    data[k] = numbers[k];
    rows.single[++k] = n != 1;
  }
  loops.of(compute).function(out.impl()->data, data, rows, op);
  return true;
}

// A number is as exact as a float, a half is not.
bool all_are(DType t, const Tensor& out, std::initializer_list<const Arg*> in) {
  for (const Arg* a : in)
    if (!a->is_tensor() || a->tensor->dtype() != t) return false;
  return out.dtype() == t;
}

bool same_place(const Tensor& a, const Tensor& b) {
  return a.impl()->data == b.impl()->data && a.sizes() == b.sizes() && a.strides() == b.strides();
}

std::pair<const char*, const char*> extent(const Tensor& t) {
  const char* begin = t.impl()->data;
  int64_t last = 0;
  for (int64_t d = 0; d < t.dim(); ++d) last += (t.sizes()[d] - 1) * t.strides()[d];
  return {begin, begin + (last + 1) * itemsize(t.dtype())};
}

}  // namespace

bool shares_part(const Tensor& a, const Tensor& b) {
  if (a.impl()->storage != b.impl()->storage || a.numel() == 0 || b.numel() == 0 ||
      same_place(a, b))
    return false;
  const auto [a0, a1] = extent(a);
  const auto [b0, b1] = extent(b);
  return a0 < b1 && b0 < a1;
}

kernels::View broadcast_view(const Tensor& x, const Dims& sizes) {
  kernels::View v{x.impl()->data, x.dtype(), sizes, Dims(sizes.size())};
  const int64_t shift = sizes.size() - x.dim();
  for (int64_t d = 0; d < x.dim(); ++d)
    if (x.sizes()[d] != 1) v.strides[d + shift] = x.strides()[d];
  return v;
}

void run_pointwise(const kernels::PointwiseLoops& loops, const char* name, DType common,
                   const Tensor& out, std::initializer_list<const Arg*> in, const void* op) {
  const bool halves = loops.takes_halves(common) && all_are(common, out, in);
  const DType compute = halves ? common : loops.compute_type(common);
  check_offered(loops, name, compute, common);
  if (run_flat(loops, compute, common, out, in, op)) return;

  kernels::View views[kernels::max_inputs];
  Tensor copies[kernels::max_inputs];
  Scalar numbers[kernels::max_inputs];
  int k = 0;
  for (const Arg* a : in) {
    if (a->is_tensor()) {
      const bool overlap = shares_part(*a->tensor, out);
      check(!overlap || !a->tensor->is_contiguous() || !out.is_contiguous(),
            "unsupported operation: some elements of the input tensor and the written-to tensor "
            "refer to a single "
            "memory location. Please clone() the tensor before performing the operation.");
      if (overlap) copies[k] = copy_of(*a->tensor, a->tensor->dtype());
      views[k] = broadcast_view(overlap ? copies[k] : *a->tensor, out.sizes());
    } else {
      numbers[k] = a->scalar.as(common);
      views[k] = {&numbers[k].i, numbers[k].storage_type(), out.sizes(), Dims(out.dim())};
    }
    ++k;
  }
  kernels::pointwise(loops, compute, view(out), views, k, op);
}

void check_in_place(const char* name, const Tensor& x, DType result,
                    std::initializer_list<const Arg*> others) {
  check_in_place(x);
  check(can_cast(result, x.dtype()), "result type ", info(result).noun,
        " can't be cast to the desired output type ", info(x.dtype()).noun);
  for (const Arg* a : others) {
    if (!a->is_tensor()) continue;
    const Dims sizes = broadcast_sizes(x.sizes(), a->tensor->sizes());
    check(sizes == x.sizes(), "output with shape ", x.sizes(),
          " doesn't match the broadcast shape ", sizes);
  }
  (void)name;
}

Tensor allocate_result(std::initializer_list<const Arg*> in, DType dtype) {
  const Tensor* first = nullptr;
  bool same = true;
  for (const Arg* a : in) {
    if (!a->is_tensor()) continue;
    if (!first)
      first = a->tensor;
    else
      same = same && a->tensor->sizes() == first->sizes();
  }
  check<TypeError>(first != nullptr, "expected at least one Tensor argument");
  if (same) return empty_like(*first, dtype);
  Dims sizes = first->sizes();
  for (const Arg* a : in)
    if (a->is_tensor()) sizes = broadcast_sizes(sizes, a->tensor->sizes());
  for (const Arg* a : in)
    if (a->is_tensor() && a->tensor->sizes() == sizes) return empty_like(*a->tensor, dtype);
  return empty(sizes, dtype);
}

Tensor value_before(const Tensor& x, bool wanted) {
  if (!wanted) return x;
  return clone(x);
}

}  // namespace izvod
