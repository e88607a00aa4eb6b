"""Functions of neural networks. Those made in C++ are the C++ functions themselves; the rest is
composed here.
"""

import warnings

import izvod
from izvod._C._nn import *  # noqa: F403  (every function that is there, so that no list of names lags behind)


def one_hot(tensor, num_classes=-1):
    """(*) of class indices, int64 -> (*, num_classes) of zeros and a one; -1 stands for the largest
    index + 1.

    Raises RuntimeError if an index is negative or too large, or the number of classes cannot be
    known.
    """
    if tensor.dtype != izvod.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return izvod.zeros((*tensor.shape, num_classes), dtype=izvod.int64)
    if tensor.min().item() < 0:
        raise RuntimeError("Class values must be non-negative.")
    largest = tensor.max().item()
    if num_classes == -1:
        num_classes = largest + 1
    elif num_classes < 1:
        raise RuntimeError("num_classes should be positive")
    elif largest >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    result = izvod.zeros((*tensor.shape, num_classes), dtype=izvod.int64)
    return result.scatter_(-1, tensor.unsqueeze(-1), 1)


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """input / max(norm of order p along dim, eps); the shape stays."""
    result = input / input.norm(p, dim, keepdim=True).clamp_min(eps)
    return result if out is None else out.copy_(result)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """Sum of x1 * x2 along dim, over the product of their lengths, each at least eps."""
    return (normalize(x1, 2.0, dim, eps) * normalize(x2, 2.0, dim, eps)).sum(dim)


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A sample of the categories along `dim`, differentiable in the unnormalised log probabilities:
    softmax((logits + gumbel noise) / tau). `hard` gives the largest as one-hot, with the gradient
    of the soft sample. `eps` is ignored.

    Source: Jang et al., "Categorical Reparameterization with Gumbel-Softmax", 2016.
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    waits = izvod.empty_like(logits, memory_format=izvod.contiguous_format).exponential_()
    soft = ((logits - izvod._C._sample_log(waits)) / tau).softmax(dim)
    if not hard:
        return soft
    largest = soft.max(dim, keepdim=True)[1]
    one_hot = izvod.zeros_like(logits, memory_format=izvod.contiguous_format)
    return one_hot.scatter_(dim, largest, 1.0) - soft.detach() + soft
