#include "ops/as_strided.h"

#include <algorithm>

#include "ops/arithmetic.h"
#include "ops/copy.h"

namespace izvod {

Tensor raw_view(const Tensor& x, const Dims& sizes, const Dims& strides, char* data) {
  Tensor y = alias(x, sizes, strides, data);
  y.impl()->base = x.impl()->base ? x.impl()->base : x.ref();
  y.impl()->base_version = y.impl()->storage->version;
  return y;
}

namespace {

bool overlaps_itself(const Dims& sizes, const Dims& strides) {
  Dims order;
  for (int64_t d = 0; d < sizes.size(); ++d)
    if (sizes[d] != 1) order.push_back(d);
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return strides[a] < strides[b]; });
  int64_t reach = 0;
  for (int64_t d : order) {
    if (strides[d] <= reach) return true;
    reach += (sizes[d] - 1) * strides[d];
  }
  return false;
}

// Memory that holds all that two views of the same memory touch; zeros at first. Offsets are those
// of the views.
class Memory {
 public:
  Memory(const Geometry& a, const Geometry& b, DType dtype)
      : low(std::min(a.offset, b.offset)),
        values(zeros({std::max(last(a), last(b)) - low + 1}, dtype)) {}
  Tensor seen_as(const Geometry& g) const {
    return alias(values, g.sizes, g.strides,
                 values.impl()->data + (g.offset - low) * itemsize(values.dtype()));
  }
  const int64_t low;
  const Tensor values;

 private:
  static int64_t last(const Geometry& g) {
    int64_t at = g.offset;
    for (int64_t d = 0; d < g.sizes.size(); ++d)
      at += std::max<int64_t>(g.sizes[d] - 1, 0) * g.strides[d];
    return at;
  }
};

// to[i...] += from[i...], one element after the other, where places of `to` may coincide.
void add_one_by_one(const Tensor& to, const Tensor& from) {
  visit(to.dtype(), [&]<class T>(Type<T>) {
    Dims index(to.dim());
    for (int64_t i = 0; i < to.numel(); ++i) {
      T *a = to.data<T>(), *b = from.data<T>();
      for (int64_t d = 0; d < to.dim(); ++d) {
        a += index[d] * to.strides()[d];
        b += index[d] * from.strides()[d];
      }
      *a = T(*a + *b);
      for (int64_t d = to.dim() - 1; d >= 0 && ++index[d] == to.sizes()[d]; --d) index[d] = 0;
    }
  });
}

// as_strided as a function of values: the view's values, taken from x laid out like `from`.
Tensor as_strided_values(const Tensor& x, const Geometry& from, const Geometry& part) {
  const Memory memory(from, part, x.dtype());
  write_values(memory.seen_as(from), x);
  Tensor y = memory.seen_as(part);
  if (recording(x))
    record("AsStridedBackward0", y, {&x}, saved(),
           [from, part](const Tensor& g) { return Grads{as_strided_backward(g, from, part)}; });
  return y;
}

}  // namespace

Tensor as_strided_backward(const Tensor& g, const Geometry& x, const Geometry& part) {
  const Memory memory(x, part, g.dtype());
  if (overlaps_itself(part.sizes, part.strides))
    add_one_by_one(memory.seen_as(part), g);
  else
    write_values(memory.seen_as(part), g);
  Tensor dx = memory.seen_as(x);
  if (recording(g))
    record("AsStridedBackward0Backward0", dx, {&g}, saved(),
           [x, part](const Tensor& gg) { return Grads{as_strided_values(gg, x, part)}; });
  return dx;
}

// The same for an x whose elements share memory: as_strided looks at memory, and those that share a
// place of it share its gradient evenly.
static Tensor shared_backward(const Tensor& g, const Geometry& x, const Geometry& part) {
  const Memory all(x, part, g.dtype());
  const Geometry memory{{all.values.numel()}, {1}, all.low};
  const Tensor owners = as_strided_backward(full(x.sizes, 1, g.dtype()), memory, x);
  const Tensor share =
      as_strided_backward(g, memory, part) / maximum(owners, full({}, 1, g.dtype()));
  return as_strided(share, x.sizes, x.strides, x.offset - all.low);
}

Tensor as_strided(const Tensor& x, const Dims& sizes, const Dims& strides, int64_t offset) {
  check(sizes.size() == strides.size(), "mismatch in length of strides and shape");
  checked_numel(sizes, x.dtype());
  int64_t last = offset;
  for (int64_t d = 0; d < sizes.size(); ++d) {
    check(strides[d] >= 0,
          "as_strided: Negative strides are not supported at the moment, got strides: ", strides);
    last += std::max<int64_t>(sizes[d] - 1, 0) * strides[d];
  }
  const int64_t bytes = itemsize(x.dtype()), have = int64_t(x.impl()->storage->nbytes());
  check(offset >= 0, "Tensor: invalid storage offset ", offset);
  bool none = false;
  for (int64_t s : sizes) none |= s == 0;
  check(none || (last + 1) * bytes <= have, "setStorage: sizes ", sizes, ", strides ", strides,
        ", storage offset ", offset, ", and itemsize ", bytes, " requiring a storage size of ",
        (last + 1) * bytes, " are out of bounds for storage of size ", have);
  char* data = static_cast<char*>(x.impl()->storage->data()) + offset * bytes;
  const Tensor y = raw_view(x, sizes, strides, data);
  if (recording(x))
    record("AsStridedBackward0", y, {&x}, saved(),
           [from = geometry(x), part = geometry(y)](const Tensor& g) {
             const bool shared = overlaps_itself(from.sizes, from.strides);
             return Grads{shared ? shared_backward(g, from, part)
                                 : as_strided_backward(g, from, part)};
           });
  return y;
}

// ---- What graph/autograd.h asks for: views of bases that change in place.

Ref<Node> view_history(const Tensor& view, const Tensor& base) {
  return make_node("AsStridedBackward0", std::initializer_list<const Tensor*>{&base}, saved(),
                   [from = geometry(base), part = geometry(view)](const Tensor& g) {
                     return Grads{as_strided_backward(g, from, part)};
                   });
}

namespace {

// The history of a base after `change` wrote to a part of it: the part's gradient goes through the
// change, all other elements keep theirs.
struct CopySlices final : Node {
  CopySlices(const Tensor& base, const Tensor& view, Ref<Node> change)
      : Node("CopySlices"),
        base_(geometry(base)),
        part_(geometry(view)),
        change_(std::move(change)) {
    add_edge(*this, base);
    for (size_t i = 1; i < change_->edges.size(); ++i) edges.push_back(change_->edges[i]);
  }

  Grads apply(Grads gs) override {
    const Tensor g = as_strided_values(gs[0], base_, part_);
    const Ref<Node> result = grad_enabled() ? changed_part(g) : change_;
    Grads of_change;
    {
      CurrentNode now(result.get());
      of_change = change_->apply(Grads{g});
    }
    // The change's first input is the part before the change.
    Tensor part = of_change[0].defined() ? of_change[0] : zeros(part_.sizes, gs[0].dtype());
    Grads dxs{replace_part(gs[0], g, part)};
    for (int64_t i = 1; i < of_change.size(); ++i) dxs.push_back(of_change[i]);
    return dxs;
  }
  void release_saved() override { change_->release_saved(); }

 private:
  // Where the result of the change stands if its derivative uses it: a view of this node's own
  // output.
  Ref<Node> changed_part(const Tensor& like) {
    Ref<Node> node = make_node("AsStridedBackward0", Inputs{}, saved(),
                               [from = base_, part = part_](const Tensor& g) {
                                 return Grads{as_strided_backward(g, from, part)};
                               });
    node->edges.push_back({Ref<Node>(this), 0});
    node->add_output(like);
    return node;
  }

  // g with its part `old` replaced: exactly, or as a sum where second derivatives are to follow.
  Tensor replace_part(const Tensor& g, const Tensor& old, const Tensor& part) const {
    if (grad_enabled()) return add(g, as_strided_backward(sub(part, old), base_, part_));
    const Memory memory(base_, part_, g.dtype());
    write_values(memory.seen_as(base_), g);
    write_values(memory.seen_as(part_), part);
    return memory.seen_as(base_);
  }
  Geometry base_, part_;
  Ref<Node> change_;
};

}  // namespace

Ref<Node> copy_slices(const Tensor& base, const Tensor& view, Ref<Node> change) {
  return Ref<Node>(new CopySlices(base, view, std::move(change)));
}

}  // namespace izvod
