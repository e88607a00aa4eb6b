"""Comparing results of izvod and torch."""

import math

EPS = {"float16": 2**-10, "bfloat16": 2**-7, "float32": 2**-23, "float64": 2**-52}
ERRORS = (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError)


def vector_units(torch):
    """How far torch's exp and log may be from izvod's for samples, in units in the last place.

    Both are MKL's on AVX2. With AVX-512 MKL takes other formulas, whose results are the same or one
    unit off (see Note [Functions for samples] in cpp/kernels/vec_math_samples.h for how often).
    """
    return 1 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 0


def equal_within(numpy, found, want, units, dtype):
    """Arrays that are equal, nan and the sign of zero included, or `units` of the dtype apart."""
    sign = numpy.signbit(found) == numpy.signbit(want)
    same = (found == want) & sign
    same |= numpy.isnan(found) & numpy.isnan(want)
    if units:
        _, exponent = numpy.frexp(want)
        unit = numpy.maximum(numpy.ldexp(EPS[dtype], exponent - 1), numpy.spacing(abs(want)))
        with numpy.errstate(invalid="ignore"):
            same |= (abs(found - want) <= units * unit) & sign
    return same.all()


def parts(result):
    """The tensors and numbers of a result, in order."""
    if isinstance(result, (tuple, list)):
        return [p for r in result for p in parts(r)]
    return [result]


def is_tensor(x):
    return hasattr(x, "stride")


def dtype_name(x):
    return str(x.dtype).split(".")[-1]


def numbers(x):
    """The elements as Python numbers, in row-major order."""
    x = x.detach()
    return (x.double() if x.is_floating_point() else x).reshape(-1).tolist()


def steps(x):
    """The strides that matter: of dimensions with more than one element."""
    return [n for n, size in zip(x.stride(), x.shape, strict=True) if size > 1]


def far(ours, theirs, tolerance, scale):
    if isinstance(theirs, float) and math.isnan(theirs):
        return not math.isnan(ours)
    if ours == theirs:
        return False
    return not abs(ours - theirs) <= tolerance * max(abs(theirs), scale)


def differences(ours, theirs, ulps, scale, strides=True):
    """What differs between two results, as texts."""
    if len(parts(ours)) != len(parts(theirs)):
        return [f"{len(parts(ours))} results, torch gives {len(parts(theirs))}"]
    return [
        text
        for mine, other in zip(parts(ours), parts(theirs), strict=True)
        for text in _differences(mine, other, ulps, scale, strides)
    ]


def _differences(ours, theirs, ulps, scale, strides):
    if not is_tensor(theirs):
        return [] if ours == theirs else [f"{ours!r}, torch gives {theirs!r}"]
    if dtype_name(ours) != dtype_name(theirs):
        return [f"dtype {ours.dtype}, torch gives {theirs.dtype}"]
    if tuple(ours.shape) != tuple(theirs.shape):
        return [f"shape {tuple(ours.shape)}, torch gives {tuple(theirs.shape)}"]
    # Where torch rounds after every step in half precision izvod may round once, or at other steps.
    name = dtype_name(theirs)
    tolerance = EPS.get(name, 0) * (min(ulps, 8) if name in ("float16", "bfloat16") else ulps)
    found = []
    mine, other = numbers(ours), numbers(theirs)
    if any(far(a, b, tolerance, scale) for a, b in zip(mine, other, strict=True)):
        found.append(f"{mine} in {name}, torch gives {other}")
    if strides and theirs.numel() and steps(ours) != steps(theirs):
        found.append(f"strides {ours.stride()}, torch gives {theirs.stride()}")
    return found


def outcome(function, *args, **kwargs):
    """The result, or the error raised."""
    try:
        return function(*args, **kwargs)
    except ERRORS as error:
        return error
