#include "kernels/binary.h"

#include "kernels/pointwise_loops.h"

namespace izvod::kernels::IZVOD_ISA {

template <class List> struct OfferLosses;
template <class... Ops>
struct OfferLosses<OpList<Ops...>> {
  OfferLoops<2, Ops...> values;
  OfferLoops<3, FirstGradient<Ops>...> gradients;
};

static const OfferList<2, BinaryOps> offers;
static const OfferLosses<LossOps> loss_offers;

}  // namespace izvod::kernels::IZVOD_ISA
