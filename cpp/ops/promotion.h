#pragma once
#include <initializer_list>

#include "ops/scalar.h"

namespace izvod {

DType default_dtype();
void set_default_dtype(DType t);

// The smallest dtype that both fit in: torch.promote_types.
DType promote_types(DType a, DType b);

// torch's rule for operators: tensors with dimensions decide the dtype among themselves; tensors
// without dimensions, then Python numbers, change it only if they are of a higher kind (bool <
// integer < floating).
DType result_type(std::initializer_list<const Arg*> args);
inline DType result_type(const Arg& a, const Arg& b) { return result_type({&a, &b}); }

// Integers and bool become the default floating dtype.
inline DType to_floating(DType t) { return is_floating(t) ? t : default_dtype(); }

// Whether values of one kind may be written to another in place: not floating to integer, not
// integer to bool.
bool can_cast(DType from, DType to);

}  // namespace izvod
