"""Methods of Tensor that are better said in Python: numpy, copying, pickling, hooks."""

from izvod import _C
from izvod._C import Tensor

# numpy leaves `array * tensor` to the tensor.
Tensor.__array_priority__ = 1000


def _method(f):
    setattr(Tensor, f.__name__, f)
    return f


@_method
def __format__(self, spec):
    from izvod._tensor_str import _format

    return _format(self, spec)


@_method
def numpy(self, *, force=False):
    """The tensor's memory as a numpy array, shared, of the same shape.

    RuntimeError if the tensor requires a gradient (unless ``force``), TypeError for bfloat16.
    """
    import numpy

    if self.requires_grad and not force:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    return numpy.asarray(_C._buffer(self.detach()))


@_method
def __array__(self, dtype=None, copy=None):
    array = self.numpy()
    if dtype is not None:
        array = array.astype(dtype, copy=False)
    return array.copy() if copy else array


@_method
def __array_wrap__(self, array, context=None, return_scalar=False):
    """What numpy's functions make of tensors are tensors."""
    return _C.from_numpy(array.astype("uint8") if array.dtype == bool else array)


@_method
def __deepcopy__(self, memo):
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment.  If you were attempting to deepcopy a module, this may be "
            "because of a torch.nn.utils.weight_norm usage, see "
            "https://github.com/pytorch/pytorch/pull/103001"
        )
    if id(self) in memo:
        return memo[id(self)]
    from copy import deepcopy

    copy = _C._make_subclass(self.__class__, self.detach().clone(), self.requires_grad)
    memo[id(self)] = copy
    if self.grad is not None:
        copy.grad = deepcopy(self.grad, memo)
    if self.__dict__:
        copy.__dict__ = deepcopy(self.__dict__, memo)
    return copy


def _rebuild(cls, data, dtype, shape, requires_grad, attributes):
    tensor = _C._make_subclass(cls, _C._from_bytes(data, dtype, shape), requires_grad)
    if attributes:
        tensor.__dict__ = attributes
    return tensor


@_method
def __reduce_ex__(self, protocol):
    shape = list(self.shape)
    return _rebuild, (
        self.__class__, self._to_bytes(), self.dtype, shape, self.requires_grad, self.__dict__,
    )  # fmt: skip


@_method
def __dir__(self):
    return sorted(set(dir(self.__class__)) | set(self.__dict__))


@_method
def __contains__(self, element):
    return bool((self == element).any())


@_method
def __reversed__(self):
    return self.flip(tuple(range(self.dim())))


@_method
def clip_(self, min=None, max=None):  # noqa: A002  (torch's names)
    return self.clamp_(min, max)


@_method
def negative_(self):
    return self.neg_()


@_method
def subtract_(self, other, *, alpha=1):
    return self.sub_(other, alpha=alpha)


@_method
def multiply_(self, other):
    return self.mul_(other)


@_method
def divide_(self, other):
    return self.div_(other)


@_method
def get_device(self):
    """The number of the tensor's device; -1 for the CPU."""
    return -1


Tensor.is_cpu = True


@_method
def type(self, dtype=None):  # noqa: A001  (torch's name)
    """Without argument: the name of the tensor's type, else the tensor converted."""
    if dtype is None:
        return f"torch.{_NOUNS[self.dtype]}Tensor"
    if isinstance(dtype, str):
        dtype = _NAMED[dtype.split(".")[-1]]
    return self.to(dtype)


_NOUNS = {
    _C.bool: "Bool", _C.uint8: "Byte", _C.int8: "Char", _C.int16: "Short", _C.int32: "Int",
    _C.int64: "Long", _C.float16: "Half", _C.bfloat16: "BFloat16", _C.float32: "Float",
    _C.float64: "Double",
}  # fmt: skip
_NAMED = {f"{noun}Tensor": dtype for dtype, noun in _NOUNS.items()}
