"""The multinomial distribution."""

import izvod
from izvod.distributions import constraints
from izvod.distributions.categorical import Categorical
from izvod.distributions.distribution import Distribution


class Multinomial(Distribution):
    """How often each of K categories comes up in total_count draws: counts of shape (*batch, K).

    total_count: an int for the whole batch; probs or logits as in Categorical. ValueError if it is
    negative, NotImplementedError if it is a tensor.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)
        if self._validate_args and total_count < 0:
            raise ValueError(
                f"Expected parameter total_count of distribution {self!r} to satisfy the "
                f"constraint {constraints.nonnegative_integer!r}, but found {total_count}"
            )

    def expand(self, batch_shape, _instance=None):
        new = super().expand(batch_shape, _instance)
        new.total_count = self.total_count
        new._categorical = self._categorical.expand(batch_shape)
        return new

    @property
    def probs(self):
        return self._categorical.probs

    @property
    def logits(self):
        return self._categorical.logits

    @property
    def param_shape(self):
        return self._categorical.param_shape

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self):
        return constraints.multinomial(self.total_count)

    @property
    def mean(self):
        return self.probs * self.total_count

    @property
    def variance(self):
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=()):
        draws = self._categorical.sample((self.total_count, *sample_shape)).movedim(0, -1)
        counts = self.probs.new_zeros(self._extended_shape(sample_shape))
        return counts.scatter_add_(-1, draws, izvod.ones_like(draws, dtype=counts.dtype))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        # 0 draws of a category without probability: p^0 = 1, though log(p) is infinite.
        impossible = (value == 0) & (self.logits == -izvod.inf)
        powers = (izvod.where(impossible, 0.0, self.logits) * value).sum(-1)
        return (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1) + powers

    def entropy(self):
        """n H(probs) - log n! + the sum over categories of E[log k!], k ~ Binomial(n, p)."""
        n = self.total_count
        total = self.probs.new_full((), n + 1.0).lgamma()
        # log k! is 0 for k = 0.
        k = izvod.arange(1, n + 1, dtype=self.probs.dtype)
        k = k.reshape((-1,) + (1,) * self.probs.dim())
        choose = total - (k + 1).lgamma() - (n - k + 1).lgamma()
        probability = (choose + k.xlogy(self.probs) + (n - k).xlogy(1 - self.probs)).exp()
        spread = (probability * (k + 1).lgamma()).sum((0, -1))
        return n * self._categorical.entropy() - total + spread
