#pragma once
#include "ops/copy.h"
#include "ops/pointwise.h"

namespace izvod {

// An op that overwrites parts of x, or of a copy of x: write(y) does it, f is the derivative.
template <class Write, class Kept, class F>
Tensor changed(const char* name, const Tensor& x, bool in_place, Inputs inputs, Kept kept,
               Write write, F f) {
  if (in_place) check_in_place(x);
  const Tensor y = in_place ? x : copy_of(x, x.dtype());
  write(y);
  if (in_place) y.bump_version();
  bool wanted = false;
  for (const Tensor* t : inputs) wanted |= recording(*t);
  if (!wanted) return y;
  if (in_place)
    record_in_place(name, y, inputs, std::move(kept), f);
  else
    record(name, y, inputs, std::move(kept), f);
  return y;
}

}  // namespace izvod
