"""Automatic differentiation: passes backward through what was computed, modes, custom functions.

``Function``, ``functional``, ``gradcheck``, ``graph`` and the search for anomalies are imported
when first asked for.
"""

from izvod import _C
from izvod.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    no_grad,
    set_grad_enabled,
)

is_grad_enabled = _C.is_grad_enabled

__all__ = [
    "Function",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "grad_mode",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    "variable",
]


def backward(
    tensors,
    grad_tensors=None,
    retain_graph=None,
    create_graph=False,
    grad_variables=None,
    inputs=None,
):
    """Adds the gradients of ``tensors`` to ``.grad`` of the leaves they depend on.

    ``grad_tensors`` weights the tensors (of their shapes; None for tensors of one element).
    ``retain_graph`` keeps what was saved for another pass, ``create_graph`` records the pass
    itself. With ``inputs`` only these tensors get their gradient.

    RuntimeError: a tensor has no history, shapes do not fit, the graph was freed, or a saved tensor
    was changed in place.
    """
    if grad_variables is not None:
        import warnings

        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.",
            FutureWarning,
            stacklevel=2,
        )
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                "`backward()`. Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    _C._backward(tensors, grad_tensors, retain_graph, create_graph, inputs)


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    only_inputs=True,
    allow_unused=None,
    is_grads_batched=False,
    materialize_grads=False,
):
    """The gradients of the sum of ``outputs`` with respect to ``inputs``, a tuple.

    ``grad_outputs`` weights the outputs. An input that the outputs do not depend on is an error,
    None with ``allow_unused``, zeros with ``materialize_grads``.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    if is_grads_batched:
        raise NotImplementedError("grad: is_grads_batched is not supported")
    inputs = (inputs,) if isinstance(inputs, _C.Tensor) else tuple(inputs)
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    grads = _C._grad(outputs, inputs, grad_outputs, retain_graph, create_graph)
    if materialize_grads:
        return tuple(
            _C.zeros_like(x) if g is None else g for x, g in zip(inputs, grads, strict=True)
        )
    if not allow_unused:
        for i, g in enumerate(grads):
            if g is None:
                raise RuntimeError(
                    f"The differentiated Tensor at index {i} appears to not have been used in the "
                    "graph. Set allow_unused=True if this is the desired behavior."
                )
    return grads


def _register_hook(self, hook):
    """Calls ``hook(grad)`` whenever the gradient of this tensor is computed.

    A tensor that it returns replaces the gradient (same shape and dtype). Returns a handle whose
    ``remove()`` takes the hook away. RuntimeError if the tensor requires no gradient.
    """
    from izvod.utils.hooks import register

    return register(self._grad_hooks(), hook)


def _register_post_accumulate_grad_hook(self, hook):
    """Calls ``hook(tensor)`` whenever a gradient was added to ``tensor.grad`` of this leaf.

    Returns a handle whose ``remove()`` takes the hook away. RuntimeError for tensors that are no
    leaves or require no gradient.
    """
    from izvod.utils.hooks import register

    return register(self._accumulated_hooks(), hook)


_C.Tensor.register_hook = _register_hook
_C.Tensor.register_post_accumulate_grad_hook = _register_post_accumulate_grad_hook

# Where the names that are imported late come from.
_LATE = {
    "Function": "function",
    "Variable": "variable",
    "detect_anomaly": "anomaly_mode",
    "set_detect_anomaly": "anomaly_mode",
    "gradgradcheck": "gradcheck",
}


def __getattr__(name):
    import importlib

    if name in _LATE:
        found = getattr(importlib.import_module(f"izvod.autograd.{_LATE[name]}"), name)
    elif name in ("anomaly_mode", "function", "functional", "gradcheck", "graph", "variable"):
        found = importlib.import_module(f"izvod.autograd.{name}")
    else:
        raise AttributeError(f"module 'izvod.autograd' has no attribute '{name}'")
    globals()[name] = found
    return found
