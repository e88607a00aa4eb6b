#include <algorithm>
#include <numeric>

#include "base/parallel.h"
#include "ops/joining.h"
#include "ops/views.h"

namespace izvod {

static std::vector<Tensor> split_as(const char* node, const Tensor& x, const Dims& lengths,
                                    int64_t dim) {
  dim = wrap_dim(dim, x.dim());
  const int64_t total = std::accumulate(lengths.begin(), lengths.end(), int64_t(0));
  check(x.dim() > 0, "split expects at least a 1-dimensional tensor");
  check(total == x.sizes()[dim], "split_with_sizes expects split_sizes to sum exactly to ",
        x.sizes()[dim], " (input tensor's size at dimension ", dim,
        "), but got split_sizes=", lengths);
  std::vector<Tensor> parts;
  Dims sizes = x.sizes();
  int64_t start = 0;
  for (int64_t length : lengths) {
    check(
        length >= 0,
        "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=",
        lengths);
    sizes[dim] = length;
    parts.push_back(raw_view(x, sizes, x.strides(),
                             x.impl()->data + start * x.strides()[dim] * itemsize(x.dtype())));
    start += length;
  }
  if (recording(x))
    record_outputs(node, parts, {&x}, saved(),
                   [dim](const Grads& gs) { return Grads{join_gradients(gs, dim)}; });
  return parts;
}

std::vector<Tensor> split(const Tensor& x, const Dims& lengths, int64_t dim) {
  return split_as("SplitWithSizesBackward0", x, lengths, dim);
}

std::vector<Tensor> split(const Tensor& x, int64_t length, int64_t dim) {
  check(x.dim() > 0, "split expects at least a 1-dimensional tensor");
  check(length >= 0, "split expects split_size be non-negative, but got split_size=", length);
  dim = wrap_dim(dim, x.dim());
  const int64_t n = x.sizes()[dim];
  check(length > 0 || n == 0,
        "split_size can only be 0 if dimension size is 0, but got dimension size of ", n);
  Dims lengths;
  for (int64_t start = 0; start < n; start += length)
    lengths.push_back(std::min(length, n - start));
  if (lengths.empty()) lengths.push_back(0);
  return split_as("SplitBackward0", x, lengths, dim);
}

std::vector<Tensor> chunk(const Tensor& x, int64_t chunks, int64_t dim) {
  check(x.dim() > 0, "chunk expects at least a 1-dimensional tensor");
  check(chunks > 0, "chunk expects `chunks` to be greater than 0, got: ", chunks);
  dim = wrap_dim(dim, x.dim());
  const int64_t n = x.sizes()[dim];
  if (n == 0) return split(x, Dims(chunks), dim);
  return split(x, ceil_div(n, chunks), dim);
}

std::vector<Tensor> unbind(const Tensor& x, int64_t dim) {
  check<IndexError>(x.dim() > 0, "Dimension specified as ", dim, " but tensor has no dimensions");
  dim = wrap_dim(dim, x.dim());
  Dims sizes = x.sizes(), strides = x.strides();
  sizes.erase(dim);
  strides.erase(dim);
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < x.sizes()[dim]; ++i)
    parts.push_back(
        raw_view(x, sizes, strides, x.impl()->data + i * x.strides()[dim] * itemsize(x.dtype())));
  if (recording(x))
    record_outputs("UnbindBackward0", parts, {&x}, saved(),
                   [dim](const Grads& gs) { return Grads{stack({gs.begin(), gs.end()}, dim)}; });
  return parts;
}

}  // namespace izvod
