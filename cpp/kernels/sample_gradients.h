#pragma once
// How a sample moves with its distribution's parameter while its quantile stays, dx/da = -(dF/da) /
// p(x) for a distribution function F(x; a) with density p (implicit reparameterization: Figurnov,
// Mohamed, Mnih 2018, arXiv:1805.08498). Both are computed in double to 12 digits or more; see Note
// [Sample gradients].
#include "kernels/op_list.h"

namespace izvod::kernels {

// x from Gamma(alpha, 1): dx/dalpha.
struct StandardGammaGrad {
  static constexpr auto name = "_standard_gamma_grad";
  template <class V>
  static V y(V alpha, V x) {
    return standard_gamma_grad(alpha, x);
  }
};

// x from Beta(alpha, total - alpha): dx/dalpha / (1 - x), where total - alpha stays.
struct DirichletGrad {
  static constexpr auto name = "_dirichlet_grad";
  template <class V>
  static V y(V x, V alpha, V total) {
    return dirichlet_grad(x, alpha, total);
  }
};

}  // namespace izvod::kernels
