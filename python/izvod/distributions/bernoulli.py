"""The Bernoulli distribution."""

import izvod
import izvod.nn.functional as F
from izvod.distributions import constraints
from izvod.distributions.distribution import Distribution
from izvod.distributions.utils import (
    broadcast_all,
    lazy_property,
    logits_to_probs,
    only_one,
    probs_to_logits,
)


class Bernoulli(Distribution):
    """1 with probability probs, else 0; logits = log(probs / (1 - probs)).

    One of the two is given, a tensor or a number of the batch's shape, and the other computed when
    asked for. ValueError if both or none are given, or probs lies outside [0, 1].
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        only_one(probs, logits)
        if probs is not None:
            (self.probs,) = broadcast_all(probs)
        else:
            (self.logits,) = broadcast_all(logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @lazy_property
    def logits(self):
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self):
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def _param(self):
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.logits

    @property
    def param_shape(self):
        return self._param.size()

    @property
    def mean(self):
        return self.probs

    @property
    def mode(self):
        """nan where both are equally probable."""
        likelier = (self.probs >= 0.5).to(self.probs.dtype)
        return izvod.where(self.probs == 0.5, izvod.nan, likelier)

    @property
    def variance(self):
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape=()):
        with izvod.no_grad():
            return izvod.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self):
        return F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand=True):
        return self._first_values(2, expand).to(self._param.dtype)
