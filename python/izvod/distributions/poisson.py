"""The Poisson distribution."""

import izvod
from izvod.distributions import constraints
from izvod.distributions.distribution import Distribution
from izvod.distributions.utils import broadcast_all


class Poisson(Distribution):
    """P(k) = rate^k exp(-rate) / k!, k = 0, 1, 2, ...

    rate: a tensor or a number, of the batch's shape. ValueError if it is negative.
    """

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer

    def __init__(self, rate, validate_args=None):
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self):
        return self.rate

    @property
    def mode(self):
        return self.rate.floor()

    @property
    def variance(self):
        return self.rate

    def sample(self, sample_shape=()):
        with izvod.no_grad():
            return izvod.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        rate, value = broadcast_all(self.rate, value)
        return value.xlogy(rate) - rate - (value + 1).lgamma()
