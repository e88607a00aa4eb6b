"""How a module's backward hooks see gradients: its inputs and outputs pass through identities in
the graph.

The identity around the outputs is the first to run in backward: it calls the pre-hooks and keeps
grad_output. The one around the inputs runs last, when the module's own derivatives are done: it
calls the hooks.
"""

import warnings
from functools import cache

import izvod
from izvod._C import Tensor


@cache
def _watch_function():
    """The identity, as a function of the graph (a class made on first use: few programs have
    backward hooks).
    """

    class Watch(izvod.autograd.Function):
        @staticmethod
        def forward(ctx, callback, *tensors):
            ctx.callback = callback
            ctx.set_materialize_grads(False)
            ctx.mark_non_differentiable(*[t for t in tensors if not t.requires_grad])
            return tuple(t.view_as(t) for t in tensors)

        @staticmethod
        def backward(ctx, *grads):
            return None, *ctx.callback(grads)

    return Watch


class BackwardHooks:
    """The backward hooks of one call of a module: `hooks` are the full ones, `pre_hooks` run before
    them.
    """

    def __init__(self, module, hooks, pre_hooks):
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_output = None
        self.inputs = self.outputs = (
            None  # indices of the tensors; None if none of them needs a gradient
        )
        self.n_inputs = self.n_outputs = 0

    def watch_inputs(self, args):
        self.n_inputs = len(args)
        args, self.inputs = _watch(args, self._on_input_grads)
        return args

    def watch_outputs(self, result):
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of "
                f"Tensors but received {type(result)}",
                stacklevel=4,
            )
        outputs = result if isinstance(result, tuple) else (result,)
        self.n_outputs = len(outputs)
        outputs, self.outputs = _watch(outputs, self._on_output_grads)
        return outputs if isinstance(result, tuple) else outputs[0]

    def _on_output_grads(self, grads):
        grad_output = _spread(self.outputs, grads, self.n_outputs)
        for hook in self.pre_hooks:
            new = hook(self.module, grad_output)
            if new is not None:
                new = new if isinstance(new, (tuple, list)) else (new,)
                _check_length("Backward pre hook", "grad_output", new, grad_output)
                grad_output = tuple(new)
        if self.inputs is None:
            self._run_without_input_grads(grad_output)
        else:
            self.grad_output = grad_output
        return [grad_output[i] for i in self.outputs]

    def _on_input_grads(self, grads):
        if self.grad_output is None:  # backward came by another way than through the outputs
            return grads
        grad_input = _spread(self.inputs, grads, self.n_inputs)
        for hook in self.hooks:
            new = hook(self.module, grad_input, self.grad_output)
            if new is not None:
                new = new if isinstance(new, (tuple, list)) else (new,)
                _check_length("Backward hook", "grad_input", new, grad_input)
                grad_input = tuple(new)
        self.grad_output = None
        return [grad_input[i] for i in self.inputs]

    def _run_without_input_grads(self, grad_output):
        if self.hooks:
            warnings.warn(
                "Full backward hook is firing when gradients are computed with respect to module "
                "outputs since no inputs require gradients.",
                stacklevel=5,
            )
        for hook in self.hooks:
            new = hook(self.module, (None,) * self.n_inputs, grad_output)
            if new is not None and not (
                isinstance(new, tuple) and all(grad is None for grad in new)
            ):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )


def _watch(values, callback):
    """(values with the tensors passed through the identity, their indices); (values, None) without
    gradients.
    """
    at = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    if not (izvod.is_grad_enabled() and any(values[i].requires_grad for i in at)):
        return values, None
    watched = list(values)
    for i, tensor in zip(
        at, _watch_function().apply(callback, *[values[i] for i in at]), strict=True
    ):
        watched[i] = tensor
    return (tuple(watched) if type(values) is tuple else type(values)(*watched)), at


def _spread(indices, grads, size):
    spread = [None] * size
    for i, grad in zip(indices, grads, strict=True):
        spread[i] = grad
    return tuple(spread)


def _check_length(what, name, new, old):
    if len(new) != len(old):
        raise RuntimeError(
            f"{what} returned an invalid number of {name}, got {len(new)}, but expected {len(old)}"
        )


def register_on_node(hook, module, result):
    """Hangs a hook of the old kind on the graph node of `result`, or of the first tensor in it."""
    while not isinstance(result, Tensor):
        if isinstance(result, dict):
            result = next(value for value in result.values() if isinstance(value, Tensor))
        else:
            result = result[0]
    if result.grad_fn is not None:
        result.grad_fn.register_hook(
            lambda grad_input, grad_output: hook(module, grad_input, grad_output)
        )
