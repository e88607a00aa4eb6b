"""What the distributions of loc + scale x, x symmetric around 0, have in common."""

from izvod.distributions import constraints
from izvod.distributions.distribution import Distribution
from izvod.distributions.utils import broadcast_all


class LocationScale(Distribution):
    """loc, scale: tensors or numbers of one shape, the batch's. ValueError unless scale > 0."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc
