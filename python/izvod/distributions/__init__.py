"""Probability distributions: samples, densities, entropies, divergences.

A distribution holds tensors of parameters, broadcast to its ``batch_shape``; one draw has the
``event_shape``. Samples are those of torch for the same seed, bit for bit.
"""

from izvod.distributions import constraints, transforms
from izvod.distributions.bernoulli import Bernoulli
from izvod.distributions.beta import Beta
from izvod.distributions.categorical import Categorical
from izvod.distributions.dirichlet import Dirichlet
from izvod.distributions.distribution import Distribution
from izvod.distributions.exponential import Exponential
from izvod.distributions.gamma import Gamma
from izvod.distributions.kl import kl_divergence, register_kl
from izvod.distributions.laplace import Laplace
from izvod.distributions.log_normal import LogNormal
from izvod.distributions.multinomial import Multinomial
from izvod.distributions.normal import Normal
from izvod.distributions.poisson import Poisson
from izvod.distributions.transformed_distribution import TransformedDistribution
from izvod.distributions.transforms import ExpTransform, Transform
from izvod.distributions.uniform import Uniform

__all__ = [
    "Bernoulli",
    "Beta",
    "Categorical",
    "Dirichlet",
    "Distribution",
    "ExpTransform",
    "Exponential",
    "Gamma",
    "Laplace",
    "LogNormal",
    "Multinomial",
    "Normal",
    "Poisson",
    "Transform",
    "TransformedDistribution",
    "Uniform",
    "constraints",
    "kl_divergence",
    "register_kl",
    "transforms",
]
