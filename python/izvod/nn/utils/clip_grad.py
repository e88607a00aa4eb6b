"""Clipping of gradients. `foreach` is taken, and changes nothing: there is one implementation."""

import types
import warnings

import izvod
from izvod import _C
from izvod._C import Tensor


def _as_list(tensors):
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _grads(parameters):
    return [grad for p in parameters if (grad := p.grad) is not None]


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scales all gradients by one factor, in place, so that their norm as one vector is at most
    max_norm.

    Returns the norm before, a tensor of shape (). The order of the norm may be math.inf. Raises
    RuntimeError, with error_if_nonfinite, if the norm is infinite or NaN. Source: Pascanu, Mikolov,
    Bengio, "On the difficulty of training recurrent neural networks", 2012.
    """
    found = _as_list(parameters)
    if not found and isinstance(parameters, types.GeneratorType):
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2
        )
    return _C._clip_grad_norm_(_grads(found), float(max_norm), float(norm_type), error_if_nonfinite)


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The name of clip_grad_norm_ before it had the underscore."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The norm of all tensors as one vector, shape (). Raises as clip_grad_norm_ does."""
    tensors, norm_type = _as_list(tensors), float(norm_type)
    if not tensors:
        return izvod.tensor(0.0)
    with izvod.no_grad():
        norms = [t.norm(norm_type) for t in tensors]
        total = izvod.stack([n.to(norms[0].dtype) for n in norms]).norm(norm_type)
    if error_if_nonfinite and not izvod.isfinite(total).item():
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None):
    """Scales the gradients, in place, by max_norm / total_norm, if that is below 1."""
    grads = _grads(_as_list(parameters))
    with izvod.no_grad():
        factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
        for grad in grads:
            grad.mul_(factor)


def clip_grad_value_(parameters, clip_value, foreach=None):
    """Clamps every gradient, in place, to [-clip_value, clip_value]."""
    clip_value = float(clip_value)
    with izvod.no_grad():
        for grad in _grads(_as_list(parameters)):
            grad.clamp_(-clip_value, clip_value)
