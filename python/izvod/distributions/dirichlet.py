"""The Dirichlet distribution."""

import izvod
import izvod.nn.functional as F
from izvod.distributions import constraints
from izvod.distributions.distribution import Distribution


class Dirichlet(Distribution):
    """Shares x of a whole, (..., K), with a density proportional to prod x_k^(a_k - 1).

    concentration: a, a tensor of shape (*batch, K); the event's shape is (K,). ValueError if it has
    no dimension or is not positive. Gradients of samples are implicit (Figurnov et al. 2018,
    arXiv:1805.08498).
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration, validate_args=None):
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    def _expanded(self, parameter, batch_shape):
        return parameter.expand(batch_shape + self._event_shape)

    @property
    def mean(self):
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self):
        """Where all concentrations are below 1: the corner of the largest."""
        above = (self.concentration - 1).clamp(min=0)
        mode = above / above.sum(-1, True)
        corner = F.one_hot(self.concentration.argmax(-1), self._event_shape[0]).to(mode.dtype)
        return izvod.where((self.concentration < 1).all(-1, True), corner, mode)

    @property
    def variance(self):
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total**2 * (total + 1))

    def rsample(self, sample_shape=()):
        return izvod._sample_dirichlet(
            self.concentration.expand(self._extended_shape(sample_shape))
        )

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        a = self.concentration
        return (a - 1).xlogy(value).sum(-1) + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    def entropy(self):
        a, total = self.concentration, self.concentration.sum(-1)
        spread = (self._event_shape[0] - total) * total.digamma()
        return a.lgamma().sum(-1) - total.lgamma() - spread - ((a - 1) * a.digamma()).sum(-1)
