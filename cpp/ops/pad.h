#pragma once
#include <optional>
#include <string>

#include "graph/record.h"
#include "ops/promotion.h"

namespace izvod {

// x with elements added at the ends of its dimensions, or cut off where a number is negative. `pad`
// holds how many before and how many after, for the last dimension, the one before it, and so on.
Tensor constant_pad_nd(const Tensor& x, const Dims& pad, const Scalar& value);

// The same; mode "constant" (of `value`, 0 if there is none), "reflect" (without the edge itself),
// "replicate" (of the edge) or "circular". All but the first pad one to three dimensions of one or
// two more.
Tensor pad(const Tensor& x, const Dims& pad, const std::string& mode,
           const std::optional<double>& value);

}  // namespace izvod
