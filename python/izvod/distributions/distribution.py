"""The base of all distributions."""

from copy import copy

import izvod
from izvod.distributions import constraints
from izvod.distributions.utils import lazy_property


class Distribution:
    """Base class. A sample has the shape sample_shape + batch_shape + event_shape.

    ``arg_constraints`` names the parameters and what they must satisfy, ``support`` is the
    constraint of the samples. With ``validate_args`` (the default unless python runs with -O),
    parameters are checked when a distribution is made and values by ``log_prob``: ValueError.
    """

    has_rsample = False
    has_enumerate_support = False
    arg_constraints = {}
    _validate_args = __debug__

    @staticmethod
    def set_default_validate_args(value):
        """Whether arguments are checked where a distribution is not told. ValueError if no bool."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: {value!r} is neither True nor False")
        Distribution._validate_args = value

    def __init__(self, batch_shape=(), event_shape=(), validate_args=None):
        self._batch_shape = izvod.Size(batch_shape)
        self._event_shape = izvod.Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()

    def _validate_parameters(self):
        for name, constraint in self.arg_constraints.items():
            lazy = isinstance(getattr(type(self), name, None), lazy_property)
            if constraints.is_dependent(constraint) or lazy and name not in self.__dict__:
                continue
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape "
                    f"{tuple(value.shape)}) of distribution {self!r} to satisfy the constraint "
                    f"{constraint!r}, but found invalid values:\n{value}"
                )

    def expand(self, batch_shape, _instance=None):
        """The distribution with its parameters expanded to another batch shape, without copies."""
        new = copy(self) if _instance is None else _instance
        new._batch_shape, new._event_shape = izvod.Size(batch_shape), self._event_shape
        new._validate_args = self._validate_args
        for name in self.arg_constraints:
            if name in self.__dict__:
                setattr(new, name, self._expanded(self.__dict__[name], new._batch_shape))
        return new

    def _expanded(self, parameter, batch_shape):
        return parameter.expand(batch_shape)

    @property
    def batch_shape(self):
        """The shape of the parameters, less the dimensions of one event."""
        return self._batch_shape

    @property
    def event_shape(self):
        """The shape of one draw."""
        return self._event_shape

    @property
    def support(self):
        """The constraint that samples satisfy."""
        raise NotImplementedError

    @property
    def mean(self):
        """The expectation."""
        raise NotImplementedError

    @property
    def mode(self):
        """The place of the largest density or probability."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self):
        raise NotImplementedError

    @property
    def stddev(self):
        """The root of the variance."""
        return self.variance.sqrt()

    def sample(self, sample_shape=()):
        """Draws of shape sample_shape + batch_shape + event_shape, without gradients."""
        with izvod.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=()):
        """Draws whose gradients say how they move with the parameters.

        NotImplementedError where ``has_rsample`` is False.
        """
        raise NotImplementedError

    def log_prob(self, value):
        """The logarithm of the density or probability at ``value``, of the batch's shape."""
        raise NotImplementedError

    def cdf(self, value):
        """The probability of a draw up to ``value``."""
        raise NotImplementedError

    def icdf(self, value):
        """The inverse of cdf: a quantile."""
        raise NotImplementedError

    def enumerate_support(self, expand=True):
        """All values of a discrete distribution along a new first dimension."""
        raise NotImplementedError

    def entropy(self):
        """The expectation of -log_prob, of the batch's shape."""
        raise NotImplementedError

    def perplexity(self):
        """exp(entropy)."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape=()):
        return izvod.Size(sample_shape) + self._batch_shape + self._event_shape

    def _validate_sample(self, value):
        """Raises ValueError if ``value`` is no tensor, has the wrong shape or lies outside."""
        if not isinstance(value, izvod.Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        events = value.shape[value.dim() - len(self._event_shape) :]
        if tuple(events) != tuple(self._event_shape):
            raise ValueError(
                f"The right-most size of value must match event_shape: {value.shape} vs "
                f"{self._event_shape}."
            )
        whole = self._batch_shape + self._event_shape
        for i, j in zip(reversed(value.shape), reversed(whole), strict=False):
            if 1 not in (i, j) and i != j:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs "
                    f"{whole}."
                )
        support = self.support
        if not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) "
                f"to be within the support ({support!r}) of the distribution {self!r}, but found "
                f"invalid values:\n{value}"
            )

    def _first_values(self, count, expand):
        """0, 1, ..., count - 1 along a new first dimension, for enumerate_support."""
        values = izvod.arange(count).reshape((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1,) + tuple(self._batch_shape)) if expand else values

    def __repr__(self):
        shown = [k for k in self.arg_constraints if k in self.__dict__]
        values = ((k, self.__dict__[k]) for k in shown)
        texts = (f"{k}: {v if v.numel() == 1 else v.size()}" for k, v in values)
        return f"{type(self).__name__}({', '.join(texts)})"
