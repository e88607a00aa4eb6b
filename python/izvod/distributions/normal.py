"""The normal distribution."""

import math

import izvod
from izvod.distributions.location_scale import LocationScale


class Normal(LocationScale):
    """Density exp(-((x - loc) / scale)^2 / 2) / (scale sqrt(2 pi)).

    loc, scale: tensors or numbers of one shape, the batch's. ValueError unless scale > 0.
    """

    @property
    def stddev(self):
        return self.scale

    @property
    def variance(self):
        return self.scale**2

    def sample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        with izvod.no_grad():
            return izvod.normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        zero, one = (f(shape, dtype=self.loc.dtype) for f in (izvod.zeros, izvod.ones))
        return self.loc + izvod.normal(zero, one) * self.scale

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        square = (value - self.loc) ** 2 / (2 * self.scale**2)
        return -square - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return 0.5 * (1 + ((value - self.loc) / (self.scale * math.sqrt(2))).erf())

    def icdf(self, value):
        return self.loc + self.scale * (2 * value - 1).erfinv() * math.sqrt(2)

    def entropy(self):
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()
