#include "kernels/unary.h"

#include "kernels/pointwise_loops.h"

namespace izvod::kernels::IZVOD_ISA {

// For PowScalar's derivative, which names it for vectors and for tensors.
template <class T>
Vec<T> power(Vec<T> x, double exponent) {
  return pow(x, Vec<T>(exponent));
}

template <class List> struct OfferGradients;
template <class... Ops>
struct OfferGradients<OpList<Ops...>> {
  OfferGradients() { (offer<Ops>(), ...); }
  template <class Op>
  static void offer() {
    if constexpr (Op::wants != Wants::Nothing) OfferLoops<2, Gradient<Op>>{};
  }
};

static const OfferList<1, UnaryOps> offers;
static const OfferList<1, UnaryPredicates> predicate_offers;
static const OfferGradients<UnaryOps> gradient_offers;

}  // namespace izvod::kernels::IZVOD_ISA
