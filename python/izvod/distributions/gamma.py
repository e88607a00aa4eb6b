"""The gamma distribution."""

import izvod
from izvod.distributions import constraints
from izvod.distributions.distribution import Distribution
from izvod.distributions.utils import broadcast_all


class Gamma(Distribution):
    """Density rate^a x^(a - 1) exp(-rate x) / Gamma(a), x >= 0, a = concentration.

    concentration, rate: tensors or numbers of one shape, the batch's. ValueError unless both are
    positive. Samples by Marsaglia and Tsang 2000; their derivative in the concentration is implicit
    (Figurnov et al. 2018, arXiv:1805.08498).
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, concentration, rate, validate_args=None):
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self):
        return self.concentration / self.rate

    @property
    def mode(self):
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self):
        return self.concentration / self.rate**2

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        x = izvod._standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        x.detach().clamp_(min=izvod.finfo(x.dtype).tiny)  # log_prob of 0 would be infinite
        return x

    def log_prob(self, value):
        value = izvod.as_tensor(value, dtype=self.rate.dtype)
        if self._validate_args:
            self._validate_sample(value)
        a, rate = self.concentration, self.rate
        return a.xlogy(rate) + (a - 1).xlogy(value) - rate * value - a.lgamma()

    def entropy(self):
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1 - a) * a.digamma()
