"""The ranges of the dtypes: finfo and iinfo."""

from izvod import _C

# bits of the significand's fraction, largest exponent
_FLOATS = {
    _C.float16: (10, 15),
    _C.bfloat16: (7, 127),
    _C.float32: (23, 127),
    _C.float64: (52, 1023),
}
_INTEGERS = (_C.uint8, _C.int8, _C.int16, _C.int32, _C.int64)


class finfo:  # noqa: N801  (torch's name)
    """``eps``, ``max``, ``min``, ``tiny`` and ``bits`` of a floating dtype, by default float32.

    TypeError for another dtype.
    """

    def __init__(self, type=None):
        dtype = _C.get_default_dtype() if type is None else type
        if dtype not in _FLOATS:
            raise TypeError(f"torch.finfo() requires a floating point input type, got {dtype}")
        fraction, exponent = _FLOATS[dtype]
        self.dtype = repr(dtype)[len("torch.") :]
        self.bits = 8 * dtype.itemsize
        self.eps = 2.0**-fraction
        self.resolution = 10.0 ** -int(fraction * 0.30103)
        self.max = (2.0 - 2.0**-fraction) * 2.0**exponent
        self.min = -self.max
        self.tiny = self.smallest_normal = 2.0 ** (1 - exponent)

    def __repr__(self):
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.tiny:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:  # noqa: N801  (torch's name)
    """``max``, ``min`` and ``bits`` of an integer dtype. TypeError for another dtype."""

    def __init__(self, type):
        if type not in _INTEGERS:
            raise TypeError(f"torch.iinfo() requires an integer input type, got {type}")
        self.dtype = repr(type)[len("torch.") :]
        self.bits = 8 * type.itemsize
        unsigned = type == _C.uint8
        self.max = 2 ** (self.bits - (not unsigned)) - 1
        self.min = 0 if unsigned else -self.max - 1

    def __repr__(self):
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
