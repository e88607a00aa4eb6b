#pragma once
#include <initializer_list>

#include "base/small_vector.h"

namespace izvod {

// The dimensions in the order of their memory, innermost first; `strides` are those of one tensor
// or more of the same sizes.
//
// Note [Memory order]
// torch lays results out, and draws random numbers, in the order of its operands' memory. Where
// strides leave that open (strides of 0, equal ones of dimensions of size 1) it is the order of
// this insertion sort: it starts with the last dimension innermost and moves the others in, nearest
// first, while the strides ask for it. The first operand that has an opinion decides.
Dims memory_order(const Dims& sizes, std::initializer_list<const Dims*> strides);

}  // namespace izvod
