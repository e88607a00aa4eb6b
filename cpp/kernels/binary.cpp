#include "kernels/binary.h"

#include "kernels/pointwise_loops.h"

namespace izvod::kernels::IZVOD_ISA {

static const OfferList<2, BinaryOps> offers;

}  // namespace izvod::kernels::IZVOD_ISA
