#include "ops/pad.h"

#include <algorithm>

#include "ops/copy.h"
#include "ops/indexing.h"
#include "ops/views.h"

namespace izvod {
namespace {

struct Ends {
  int64_t before = 0, after = 0;
  int64_t cut_before() const { return std::max<int64_t>(0, -before); }
  int64_t cut_after() const { return std::max<int64_t>(0, -after); }
};
Ends ends_of(const Dims& pad, int64_t dim, int64_t d) {
  const int64_t k = 2 * (dim - 1 - d);
  return k < pad.size() ? Ends{pad[k], pad[k + 1]} : Ends{};
}

// Where the elements of a padded dimension of n come from. i counts from the first of the n.
struct Reflect {
  static constexpr const char* nodes[] = {"ReflectionPad1DBackward0", "ReflectionPad2DBackward0",
                                          "ReflectionPad3DBackward0"};
  static constexpr const char* kernel = "reflection_pad";
  static void check_size(const Tensor& x, int64_t d, Ends e) {
    const int64_t n = x.sizes()[d];
    check(e.before < n && e.after < n,
          "Argument #4: Padding size should be less than the corresponding input dimension, but "
          "got: padding (",
          e.before, ", ", e.after, ") at dimension ", d, " of input ", x.sizes());
  }
  static int64_t place(int64_t i, int64_t n, Ends) {
    return i < 0 ? -i : i < n ? i : 2 * (n - 1) - i;
  }
};
struct Replicate {
  static constexpr const char* nodes[] = {"ReplicationPad1DBackward0", "ReplicationPad2DBackward0",
                                          "ReplicationPad3DBackward0"};
  static constexpr const char* kernel = "replication_pad";
  static void check_size(const Tensor& x, int64_t d, Ends) {
    check(x.sizes()[d] > 0, "pad: replicate needs an edge, but dimension ", d, " of input ",
          x.sizes(), " is empty");
  }
  static int64_t place(int64_t i, int64_t n, Ends) { return std::clamp<int64_t>(i, 0, n - 1); }
};
// Of what is left of the dimension where a number is negative.
struct Circular {
  static constexpr const char* nodes[] = {"CopySlices", "CopySlices", "CopySlices"};
  static constexpr const char* kernel = nullptr;
  static void check_size(const Tensor& x, int64_t d, Ends e) {
    const int64_t left = x.sizes()[d] - e.cut_before() - e.cut_after();
    check(e.before <= left && e.after <= left,
          "Padding value causes wrapping around more than once.");
  }
  static int64_t place(int64_t i, int64_t n, Ends e) {
    const int64_t first = e.cut_before(), left = n - first - e.cut_after();
    return first + (i - first + left) % left;
  }
};

template <class Mode>
Tensor pad_from_within(const Tensor& x, const Dims& pad) {
  const int64_t padded = pad.size() / 2;
  check<NotImplementedError>(
      padded >= 1 && padded <= 3 && (x.dim() == padded + 1 || x.dim() == padded + 2),
      "Padding size ", pad.size(), " is not supported for ", x.dim(),
      "D input tensor.\nSupported combinations for non-constant padding:\n"
      "  - 2D or 3D input: padding size = 2 (pads last dimension)\n"
      "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n"
      "  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)");
  check<NotImplementedError>(!Mode::kernel || x.dtype() != DType::Bool, "\"", Mode::kernel, padded,
                             "d\" not implemented for 'Bool'");
  Tensor y = x;
  for (int64_t d = x.dim() - padded; d < x.dim(); ++d) {
    const Ends ends = ends_of(pad, x.dim(), d);
    const int64_t n = x.sizes()[d], size = n + ends.before + ends.after;
    Mode::check_size(x, d, ends);
    check(size >= 0, "pad: dimension ", d, " of input ", x.sizes(), " is too short for padding (",
          ends.before, ", ", ends.after, ")");
    const Tensor places = empty({size}, DType::Int64);
    for (int64_t i = 0; i < size; ++i)
      places.data<int64_t>()[i] = Mode::place(i - ends.before, n, ends);
    y = index_select(y, d, places);
  }
  return named(Mode::nodes[padded - 1], y);
}

}  // namespace

Tensor constant_pad_nd(const Tensor& x, const Dims& pad, const Scalar& value) {
  check(pad.size() % 2 == 0, "Length of pad must be even but instead it equals ", pad.size());
  check(pad.size() <= 2 * x.dim(),
        "Length of pad should be no more than twice the number of dimensions of the input. Pad "
        "length is ",
        pad.size(), " while the input has ", x.dim(), " dimensions.");
  Dims sizes = x.sizes(), back;
  for (int64_t p : pad) back.push_back(-p);
  Tensor kept = detach(x);
  for (int64_t d = 0; d < x.dim(); ++d) {
    const Ends ends = ends_of(pad, x.dim(), d);
    kept = narrow(kept, d, ends.cut_before(), sizes[d] - ends.cut_before() - ends.cut_after());
    sizes[d] += ends.before + ends.after;
  }
  const Tensor y = full(sizes, value, x.dtype());
  Tensor inside = y;
  for (int64_t d = 0; d < x.dim(); ++d)
    inside =
        narrow(inside, d, std::max<int64_t>(0, ends_of(pad, x.dim(), d).before), kept.sizes()[d]);
  write_values(inside, kept);
  if (recording(x))
    record("ConstantPadNdBackward0", y, {&x}, saved(),
           [back](const Tensor& g) { return Grads{constant_pad_nd(g, back, 0)}; });
  return y;
}

Tensor pad(const Tensor& x, const Dims& pad, const std::string& mode,
           const std::optional<double>& value) {
  check(pad.size() % 2 == 0, "Padding length must be divisible by 2");
  check(pad.size() <= 2 * x.dim(),
        "Padding length should be less than or equal to two times the input dimension but got "
        "padding length ",
        pad.size(), " and input of dimension ", x.dim());
  if (mode == "constant") return constant_pad_nd(x, pad, Scalar(value.value_or(0)));
  check(!value || *value == 0, "Padding mode \"", mode, "\" doesn't take in value argument");
  if (mode == "reflect") return pad_from_within<Reflect>(x, pad);
  if (mode == "replicate") return pad_from_within<Replicate>(x, pad);
  check<NotImplementedError>(mode == "circular", "Unrecognised padding mode ", mode);
  return pad_from_within<Circular>(x, pad);
}

}  // namespace izvod
