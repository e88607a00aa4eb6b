"""The Laplace distribution."""

import izvod
from izvod._C import _sample_log1p
from izvod.distributions.location_scale import LocationScale


class Laplace(LocationScale):
    """Density exp(-|x - loc| / scale) / (2 scale).

    loc, scale: tensors or numbers of one shape, the batch's. ValueError unless scale > 0.
    """

    @property
    def variance(self):
        return 2 * self.scale**2

    @property
    def stddev(self):
        return 2**0.5 * self.scale

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        eps = izvod.finfo(self.loc.dtype).eps
        u = self.loc.new_empty(shape).uniform_(eps - 1, 1)
        return self.loc - self.scale * u.sign() * _sample_log1p(-u.abs())

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        x = value - self.loc
        return 0.5 - 0.5 * x.sign() * (-x.abs() / self.scale).expm1()

    def icdf(self, value):
        x = value - 0.5
        return self.loc - self.scale * x.sign() * (-2 * x.abs()).log1p()

    def entropy(self):
        return 1 + (2 * self.scale).log()
