"""Distributions of functions of samples."""

import izvod
from izvod.distributions import constraints
from izvod.distributions.distribution import Distribution
from izvod.distributions.transforms import Transform


class TransformedDistribution(Distribution):
    """f(x) for x from ``base_distribution``; f is a Transform, or a list of them applied in order.

    The transforms work element by element, so shapes are those of the base. ValueError if a
    transform is none.
    """

    arg_constraints = {}

    def __init__(self, base_distribution, transforms, validate_args=None):
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        if not all(isinstance(t, Transform) for t in self.transforms):
            raise ValueError(
                f"transforms must be a Transform or a list of Transforms, but was {transforms}"
            )
        self.base_dist = base_distribution
        shapes = base_distribution.batch_shape, base_distribution.event_shape
        super().__init__(*shapes, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = super().expand(batch_shape, _instance)
        new.transforms = self.transforms
        new.base_dist = self.base_dist.expand(batch_shape)
        return new

    @property
    def has_rsample(self):
        return self.base_dist.has_rsample

    @constraints.dependent_property
    def support(self):
        return self.transforms[-1].codomain if self.transforms else self.base_dist.support

    def _apply(self, x):
        for transform in self.transforms:
            x = transform(x)
        return x

    def _undo(self, y):
        for transform in reversed(self.transforms):
            y = transform.inv(y)
        return y

    def _rises(self):
        sign = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return sign

    def sample(self, sample_shape=()):
        with izvod.no_grad():
            return self._apply(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape=()):
        return self._apply(self.base_dist.rsample(sample_shape))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        stretched, y = 0.0, value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            change = transform.log_abs_det_jacobian(x, y)
            for _ in self._event_shape:
                change = change.sum(-1)
            stretched, y = stretched - change, x
        return stretched + self.base_dist.log_prob(y)

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        below = self.base_dist.cdf(self._undo(value))
        return below if self._rises() == 1 else 1 - below

    def icdf(self, value):
        return self._apply(self.base_dist.icdf(value if self._rises() == 1 else 1 - value))
