"""What distributions share: broadcasting of parameters, probabilities and their logarithms."""

from numbers import Number

import izvod
import izvod.nn.functional as F


def broadcast_all(*values):
    """Tensors and numbers as tensors of their common shape; numbers get the first tensor's dtype,
    or the default dtype if there is none.

    Raises ValueError for anything else.
    """
    if not all(isinstance(v, (izvod.Tensor, Number)) for v in values):
        raise ValueError("Input arguments must all be instances of Number or torch.Tensor.")
    tensors = [v for v in values if isinstance(v, izvod.Tensor)]
    dtype = tensors[0].dtype if tensors else izvod.get_default_dtype()
    return izvod.broadcast_tensors(
        *(v if isinstance(v, izvod.Tensor) else izvod.tensor(v, dtype=dtype) for v in values)
    )


def clamp_probs(probs):
    """The probabilities kept away from 0 and 1 by the dtype's rounding unit."""
    eps = izvod.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs, is_binary=False):
    """log(p), or log(p / (1 - p)) for the probabilities of one of two outcomes."""
    p = clamp_probs(probs)
    return p.log() - (-p).log1p() if is_binary else p.log()


def logits_to_probs(logits, is_binary=False):
    """The inverse of probs_to_logits; logits over several outcomes need not be normalised."""
    return logits.sigmoid() if is_binary else F.softmax(logits, -1)


def only_one(probs, logits):
    """Raises ValueError unless exactly one of the two is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


class lazy_property:
    """Computed when first asked for, with gradients, and kept in the object."""

    def __init__(self, function):
        self.function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        with izvod.enable_grad():
            value = self.function(instance)
        instance.__dict__[self.name] = value
        return value
