"""The categorical distribution."""

import math

import izvod
from izvod.distributions import constraints
from izvod.distributions.distribution import Distribution
from izvod.distributions.utils import (
    lazy_property,
    logits_to_probs,
    only_one,
    probs_to_logits,
)


class Categorical(Distribution):
    """k with probability probs[..., k], k = 0, ..., K - 1.

    One of probs, logits is given, of shape (*batch, K): probs are divided by their sum, and
    normalised logits are the logarithms of probabilities. ValueError if both or none are given, if
    they have no dimension, or if they make no probabilities.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        only_one(probs, logits)
        name, given = ("probs", probs) if probs is not None else ("logits", logits)
        if given.dim() < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = logits - logits.logsumexp(-1, keepdim=True)
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)

    def _expanded(self, parameter, batch_shape):
        return parameter.expand(batch_shape + (self._num_events,))

    @lazy_property
    def logits(self):
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self):
        return logits_to_probs(self.logits)

    @property
    def _param(self):
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.logits

    @property
    def param_shape(self):
        return self._param.size()

    @constraints.dependent_property(is_discrete=True)
    def support(self):
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self):
        """Categories have no mean: nan."""
        return izvod.full(self._batch_shape, izvod.nan, dtype=self.probs.dtype)

    @property
    def mode(self):
        return self.probs.argmax(-1)

    @property
    def variance(self):
        return self.mean

    def sample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        rows = self.probs.detach().reshape(-1, self._num_events)
        draws = izvod.multinomial(rows, math.prod(sample_shape), True)
        return draws.T.reshape(shape)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        shape = izvod.broadcast_shapes(value.shape, self._batch_shape)
        logits = self.logits.expand(shape + (self._num_events,))
        return logits.gather(-1, value.long().expand(shape).unsqueeze(-1)).squeeze(-1)

    def entropy(self):
        # A probability of 0 adds nothing, though its logarithm is infinite.
        finite = self.logits.clamp(min=izvod.finfo(self.logits.dtype).min)
        return -(finite * self.probs).sum(-1)

    def enumerate_support(self, expand=True):
        return self._first_values(self._num_events, expand)
