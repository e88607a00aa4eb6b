"""The log-normal distribution."""

from izvod.distributions import constraints
from izvod.distributions.normal import Normal
from izvod.distributions.transformed_distribution import TransformedDistribution
from izvod.distributions.transforms import ExpTransform


class LogNormal(TransformedDistribution):
    """exp(x) for x from Normal(loc, scale).

    loc, scale: tensors or numbers of one shape, the batch's. ValueError unless scale > 0.
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        base = Normal(loc, scale, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    @property
    def loc(self):
        return self.base_dist.loc

    @property
    def scale(self):
        return self.base_dist.scale

    @property
    def mean(self):
        return (self.loc + self.scale**2 / 2).exp()

    @property
    def mode(self):
        return (self.loc - self.scale**2).exp()

    @property
    def variance(self):
        square = self.scale**2
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self):
        return self.base_dist.entropy() + self.loc
