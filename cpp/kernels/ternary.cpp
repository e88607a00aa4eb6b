#include "kernels/ternary.h"

#include "kernels/pointwise_loops.h"

namespace izvod::kernels::IZVOD_ISA {

static const OfferList<3, TernaryOps> offers;

}  // namespace izvod::kernels::IZVOD_ISA
