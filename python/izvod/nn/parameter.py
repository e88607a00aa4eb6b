"""Tensors that a Module takes as its own when they are assigned to an attribute."""

import izvod
from izvod import _C
from izvod._C import Tensor


class Parameter(Tensor):
    """A tensor to be trained: assigned to a Module's attribute it appears in `module.parameters()`.

    It shares the memory of `data` and is a leaf of the graph. What is computed from it is a plain
    Tensor.
    """

    def __new__(cls, data=None, requires_grad=True):
        if data is None:
            data = izvod.empty(0)
        elif type(data) is not Tensor and type(data) is not Parameter:
            data = data.detach()
        return _C._make_subclass(cls, data, requires_grad)

    def __deepcopy__(self, memo):  # unlike a plain tensor's, the copy has no gradient
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]


class _BufferType(type(Tensor)):
    def __instancecheck__(cls, instance):
        return isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(Tensor, metaclass=_BufferType):
    """Marks a tensor as state of a module; `persistent` puts it in the state_dict.

    What it makes is a plain Tensor that shares the memory of `data` and has two attributes more.
    """

    def __new__(cls, data=None, *, persistent=True):
        data = izvod.empty(0) if data is None else data
        buffer = data.detach().requires_grad_(data.requires_grad)
        buffer.persistent = persistent
        buffer._is_buffer = True
        return buffer


def zero_grad_of(param):
    """Zeroes the gradient, if there is one, in place, and takes it out of the graph."""
    grad = param.grad
    if grad is None:
        return
    if grad.grad_fn is not None:
        grad.detach_()
    else:
        grad.requires_grad_(False)
    grad.zero_()
