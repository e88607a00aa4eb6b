#include "kernels/unary.h"

#include "kernels/pointwise_loops.h"

namespace izvod::kernels::IZVOD_ISA {

// What powers ask for, of vectors and of tensors. Where the exponent is known to the compiler, one
// line remains. The products and roots are torch's, digit by digit.
template <class T>
Vec<T> power(Vec<T> x, double exponent) {
  if (exponent == 1) return x;
  if (exponent == 2) return x * x;
  if (exponent == 3) return x * x * x;
  if constexpr (std::is_floating_point_v<T>) {
    if (exponent == 0.5) return sqrt(x);
    if (exponent == -0.5) return rsqrt(x);
    if (exponent == -1) return T(1) / x;
    if (exponent == -2) return T(1) / (x * x);
  }
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
