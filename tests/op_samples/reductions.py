"""Rows of the ops that fold dimensions away, scan along one, or put it in order."""

import math

from op_samples.recipes import (
    DISTINCT,
    DTYPES,
    FLOATS,
    NONZERO,
    D,
    E,
    Op,
    S,
    T,
    V,
)

ONE_DIM = [
    S(T(2, 3), 0),
    S(T(2, 3), 1),
    S(T(2, 3), -1, True),
    S(T(4, 2, 3), 1),
    S(T(), 0),
    S(T(5), 0, keepdim=True),
    S(T(17, 2), 0),
]
WHOLE = [S(T(2, 3)), S(T(7)), S(T()), S(T(2, 3, 2))]
DIMS = [
    S(T(2, 3), dim=0),
    S(T(2, 3), dim=(0, 1)),
    S(T(2, 3, 4), dim=(0, -1), keepdim=True),
    S(T(2, 3, 4), dim=1),
    S(T(2, 3), dim=-1, keepdim=True),
]
EMPTY = [S(T(0, 3), dim=1), S(T(0, 3), dim=0)]
OUT_OF_RANGE = E(
    "IndexError",
    "Dimension out of range (expected to be in range of [-2, 1], but got 2)",
    T(2, 3),
    dim=2,
)
TWICE = E("RuntimeError", "appears multiple times", T(2, 3), dim=(0, 0))
NO_IDENTITY = E("IndexError", "", T(0, 3), dim=0)


def reduction(name, samples, errors=(OUT_OF_RANGE,), **options):
    options = {"ulps": 8, "scale": 1.0} | options
    return Op(name, samples, errors=list(errors), **options)


def axes(function):
    """The same with numpy's names of the arguments."""

    def reference(np, x, dim=None, keepdim=False, **kwargs):
        if x.ndim == 0 and dim in (0, -1):
            dim = None
        return getattr(np, function)(x, axis=dim, keepdims=keepdim, **kwargs)

    return reference


def numpy_sum(np, x, dim=None, axis=None, keepdim=False):
    dim = axis if dim is None else dim
    return np.sum(x, axis=None if dim == () else dim, keepdims=keepdim)


CORRECTIONS = [
    S(T(3, 4), dim=1, correction=0),
    S(T(3, 4), dim=0, correction=2),
    S(T(3, 4), dim=(0, 1), keepdim=True),
    S(T(3, 4), dim=1),
    S(T(17, 2), dim=0),
]
SUMS = [
    reduction(
        "sum",
        [
            *WHOLE,
            *DIMS,
            *EMPTY,
            S(T(0)),
            S(T(2, 3), dim=()),
            S(T(2, 3), dim=None),
            S(T(2, 3), axis=1),
            S(T(2, 3), dim=1, dtype=D("float64")),
            S(T(2, 3), dtype=D("float64")),
            S(T(300), dim=0),
        ],
        [OUT_OF_RANGE, TWICE],
        reference=numpy_sum,
    ),
    reduction(
        "mean",
        [*WHOLE, *DIMS, *EMPTY, S(T(0)), S(T(2, 3), dim=1, dtype=D("float64"))],
        [
            OUT_OF_RANGE,
            TWICE,
            E(
                "RuntimeError",
                "mean(): could not infer output dtype. Input dtype must be either "
                "a floating point or complex dtype. Got: Long",
                V([1, 2]),
            ),
        ],
    ),
    reduction(
        "prod",
        [
            *WHOLE,
            *[S(*s.args, **s.kwargs) for s in ONE_DIM],
            S(V([[0.0, 2.0], [3.0, 4.0]], None, grad=True), 1),
            S(V([0.0, 2.0, 0.0], None, grad=True)),
            S(T(0)),
            S(T(0, 2), 0),
        ],
        reference=axes("prod"),
        domain=NONZERO,
    ),
    reduction(
        "var",
        [*WHOLE[:2], *DIMS[:4], *CORRECTIONS, S(T(3, 4), False), S(T(3), unbiased=False)],
        [OUT_OF_RANGE],
    ),
    reduction("std", [*WHOLE[:2], *DIMS[:4], *CORRECTIONS, S(T(3, 4), False)], [OUT_OF_RANGE]),
    reduction("var_mean", [S(T(3, 4)), *CORRECTIONS], [OUT_OF_RANGE]),
    reduction("std_mean", [S(T(3, 4)), *CORRECTIONS], [OUT_OF_RANGE]),
    reduction(
        "logsumexp",
        [
            S(T(2, 3), 0),
            S(T(2, 3), -1, True),
            S(T(2, 3), (0, 1)),
            S(T(), 0),
            S(T(0, 3), 1),
            S(T(0, 3), 0),
            S(V([-math.inf, 1.0, 2.0], None, grad=True), 0),
        ],
        dtypes=FLOATS,
    ),
    reduction(
        "norm",
        [
            *WHOLE,
            *[S(T(3, 4), p) for p in (1, 2, 3, math.inf, -math.inf, 0.5, "fro")],
            S(T(3, 4), 2, 1),
            S(T(3, 4), p=2, dim=(0, 1), keepdim=True),
            S(T(3, 4), 1, -1, True),
        ],
        domain=NONZERO,
        ulps=16,
    ),
    reduction(
        "linalg.vector_norm",
        [*WHOLE, S(T(3, 4), 3), S(T(3, 4), 1, dim=1), S(T(3, 4), math.inf, dim=0, keepdim=True)],
        [OUT_OF_RANGE],
        domain=NONZERO,
        ulps=16,
        aliases=("vector_norm",),
        method=False,
    ),
    reduction(
        "count_nonzero",
        [S(T(2, 3)), S(T(2, 3), 0), S(T(2, 3), (0, 1)), S(V([0, 1, 2])), S(T(0, 2), 0)],
        grad=False,
    ),
]

EXTREMES = [
    reduction("max", WHOLE, [E("RuntimeError", "", T(0))], reference=axes("max"), domain=DISTINCT),
    reduction("min", WHOLE, [E("RuntimeError", "", T(0))], reference=axes("min"), domain=DISTINCT),
    reduction("max", [*ONE_DIM, S(T(0, 3), 1)], [OUT_OF_RANGE, NO_IDENTITY], domain=DISTINCT),
    reduction("min", [*ONE_DIM, S(T(0, 3), 1)], [OUT_OF_RANGE, NO_IDENTITY], domain=DISTINCT),
    reduction("max", [S(T(2, 3), T(3)), S(T(2), T(2))], [], domain=DISTINCT),
    reduction("min", [S(T(2, 3), T(3)), S(T(2), T(2))], [], domain=DISTINCT),
    reduction(
        "amax",
        [*WHOLE, *DIMS, *EMPTY[:1]],
        [OUT_OF_RANGE, NO_IDENTITY],
        reference=axes("amax"),
        domain=DISTINCT,
    ),
    reduction(
        "amin",
        [*WHOLE, *DIMS, *EMPTY[:1]],
        [OUT_OF_RANGE, NO_IDENTITY],
        reference=axes("amin"),
        domain=DISTINCT,
    ),
    reduction(
        "aminmax",
        [*WHOLE, S(T(2, 3), dim=0), S(T(2, 3), dim=-1, keepdim=True)],
        [OUT_OF_RANGE],
        domain=DISTINCT,
    ),
    reduction(
        "argmax",
        [*WHOLE, *ONE_DIM, S(V([3, 1, 3, 2])), S(T(2, 3), None, True)],
        [OUT_OF_RANGE, E("IndexError", "", T(0))],
        grad=False,
        domain=DISTINCT,
    ),
    reduction(
        "argmin",
        [*WHOLE, *ONE_DIM, S(V([3, 1, 1, 2]))],
        [OUT_OF_RANGE, E("IndexError", "", T(0))],
        grad=False,
        domain=DISTINCT,
    ),
    reduction(
        "any", [*WHOLE, *DIMS, *EMPTY, S(V([0, 0, 0])), S(V([False, True], "bool"))], grad=False
    ),
    reduction(
        "all", [*WHOLE, *DIMS, *EMPTY, S(V([0, 1, 2])), S(V([True, True], "bool"))], grad=False
    ),
    Op(
        "equal",
        [S(T(2, 3), T(2, 3)), S(V([1, 2]), V([1, 2])), S(T(2), T(3)), S(T(0), T(0))],
        grad=False,
    ),
    Op(
        "allclose",
        [
            S(T(2, 3), T(2, 3)),
            S(V([1.0, 2.0], None), V([1.0, 2.0], None)),
            S(T(2), T(2), atol=10.0),
            S(V([math.nan], None), V([math.nan], None)),
            S(V([math.nan], None), V([math.nan], None), equal_nan=True),
        ],
        grad=False,
        dtypes=FLOATS,
    ),
]

SCANS = [
    reduction(
        "cumsum",
        [
            S(T(2, 3), 0),
            S(T(2, 3), -1),
            S(T(), 0),
            S(T(0, 2), 0),
            S(T(17), 0),
            S(T(3), 0, dtype=D("float64")),
        ],
        reference=lambda np, x, d, dtype=None: np.cumsum(x, d).reshape(x.shape),
    ),
    reduction(
        "cumprod",
        [
            S(T(2, 3), 0),
            S(T(2, 3), -1),
            S(T(), 0),
            S(T(0, 2), 0),
            S(V([2.0, 0.0, 3.0, 0.0, 4.0], None, grad=True), 0),
        ],
        domain=NONZERO,
        reference=lambda np, x, d: np.cumprod(x, d).reshape(x.shape),
    ),
    reduction(
        "cummax",
        [S(T(2, 5), 1), S(T(5, 2), 0), S(T(), 0), S(T(0, 2), 0), S(V([1, 3, 3, 2]), 0)],
        domain=DISTINCT,
    ),
    reduction(
        "cummin",
        [S(T(2, 5), 1), S(T(5, 2), 0), S(T(), 0), S(T(0, 2), 0), S(V([3, 1, 1, 2]), 0)],
        domain=DISTINCT,
    ),
]

ORDER = [
    reduction(
        "sort",
        [
            S(T(7)),
            S(T(3, 4), 0),
            S(T(3, 4), -1, True),
            S(T(3, 4), descending=True),
            S(T()),
            S(T(0, 2), 0),
            S(V([2, 1, 2, 1]), stable=True),
            S(V([1.0, math.nan, -math.inf], "float32")),
        ],
        domain=DISTINCT,
    ),
    reduction("msort", [S(T(7)), S(T(3, 4)), S(T(0, 2))], [], domain=DISTINCT, nodes=False),
    reduction(
        "argsort",
        [S(T(7)), S(T(3, 4), 0), S(T(3, 4), -1, True), S(T())],
        grad=False,
        domain=DISTINCT,
    ),
    reduction(
        "topk",
        [
            S(T(7), 3),
            S(T(3, 4), 2),
            S(T(3, 4), 2, 0),
            S(T(7), 3, largest=False),
            S(T(7), 0),
            S(T(7), 7),
            S(T(), 1),
        ],
        [
            E("RuntimeError", "selected index k out of range", T(3), 4),
            E("RuntimeError", "selected index k out of range", T(3), -1),
            E("IndexError", "", T(3), 1, 1),
        ],
        domain=DISTINCT,
    ),
    reduction(
        "kthvalue",
        [S(T(7), 3), S(T(3, 4), 2, 0), S(T(3, 4), 1, 1, True), S(T(), 1)],
        [E("RuntimeError", "", T(3), 4), E("RuntimeError", "", T(3), 0)],
        domain=DISTINCT,
        dtypes=tuple(t for t in DTYPES if t != "bool"),
    ),
    reduction(
        "median",
        [
            S(T(7)),
            S(T(2, 4)),
            S(T(3, 4), 1),
            S(T(3, 4), 0, True),
            S(T()),
            S(V([1.0, math.nan, 2.0], "float32")),
        ],
        [OUT_OF_RANGE],
        domain=DISTINCT,
    ),
]

ROWS = [*SUMS, *EXTREMES, *SCANS, *ORDER]
