"""``Variable``, from the time when a tensor had to be wrapped to have a gradient."""

from izvod._C import Tensor


class _AnyTensor(type):
    def __instancecheck__(cls, other):
        return isinstance(other, Tensor)


class Variable(metaclass=_AnyTensor):
    """``Variable(tensor, requires_grad)`` is a tensor; every tensor is a Variable."""

    def __new__(cls, data, requires_grad=False):
        return data.detach().requires_grad_(requires_grad)
