"""The beta distribution."""

import izvod
from izvod.distributions import constraints
from izvod.distributions.dirichlet import Dirichlet
from izvod.distributions.distribution import Distribution
from izvod.distributions.utils import broadcast_all


class Beta(Distribution):
    """Density proportional to x^(a - 1) (1 - x)^(b - 1) on [0, 1], a = concentration1 and
    b = concentration0: the first share of a Dirichlet distribution of two.

    Both are tensors or numbers of one shape, the batch's. ValueError unless positive.
    """

    arg_constraints = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1, concentration0, validate_args=None):
        both = izvod.stack(broadcast_all(concentration1, concentration0), -1)
        self._dirichlet = Dirichlet(both, validate_args=validate_args)
        super().__init__(self._dirichlet.batch_shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = super().expand(batch_shape, _instance)
        new._dirichlet = self._dirichlet.expand(batch_shape)
        return new

    @property
    def concentration1(self):
        return self._dirichlet.concentration[..., 0]

    @property
    def concentration0(self):
        return self._dirichlet.concentration[..., 1]

    @property
    def mean(self):
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self):
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self):
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total**2 * (total + 1))

    def rsample(self, sample_shape=()):
        return self._dirichlet.rsample(sample_shape).select(-1, 0)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return self._dirichlet.log_prob(izvod.stack([value, 1 - value], -1))

    def entropy(self):
        return self._dirichlet.entropy()
