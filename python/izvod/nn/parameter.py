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

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]

    def __repr__(self):
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, protocol):
        return _rebuild, (type(self), self.data, {"requires_grad": self.requires_grad})


class Buffer(Tensor):
    """A tensor that belongs to a Module's state but is not trained; `persistent` puts it in the
    state_dict.
    """

    def __new__(cls, data=None, *, persistent=True):
        data = izvod.empty(0) if data is None else data
        buffer = _C._make_subclass(cls, data, data.requires_grad)
        buffer.persistent = persistent
        return buffer

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), persistent=self.persistent)
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        return _rebuild, (type(self), self.data, {"persistent": self.persistent})


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


def _rebuild(cls, data, options):
    """Unpickles: a function, since pickle calls constructors without keyword arguments."""
    return cls(data, **options)
