"""Rows of the functions that izvod/functional.py and izvod/counting.py compose of others."""

import math

from op_samples.recipes import FLOATS, INTEGERS, SHARE, E, Op, S, T, V


def composed(name, samples, errors=(), **options):
    options = {"method": False, "nodes": False, "blocks": False, "ulps": 8, "scale": 1.0} | options
    return Op(name, samples, errors=list(errors), **options)


def floats(values):
    return V(values, "float32")


PAIRS = [S([T(2, 3), T(2, 3)]), S([T(3), T(3)]), S([T(), T()]), S([T(2, 3, 2), T(2, 3, 2)])]
COUNTED = V([3, 1, 1, 2, 3, 3])
TABLE = V([[3, 1], [0, 2], [3, 1], [3, 0]])

ROWS = [
    composed("atleast_1d", [S(T()), S(T(3)), S(T(2, 3))], view=True),
    composed("atleast_2d", [S(T()), S(T(3)), S(T(2, 3))], view=True),
    composed("atleast_3d", [S(T()), S(T(3)), S(T(2, 3)), S(T(2, 1, 2))], view=True),
    composed("vstack", PAIRS, reference=lambda np, x: np.vstack(x), aliases=("row_stack",)),
    composed("hstack", PAIRS, reference=lambda np, x: np.hstack(x)),
    composed("dstack", PAIRS, reference=lambda np, x: np.dstack(x)),
    composed("column_stack", PAIRS[:2], reference=lambda np, x: np.column_stack(x)),
    composed("flipud", [S(T(2, 3)), S(T(3))], [E("RuntimeError", "Input must be >= 1-d.", T())]),
    composed("fliplr", [S(T(2, 3))], [E("RuntimeError", "Input must be >= 2-d.", T(3))]),
    composed("cartesian_prod", [S(T(2), T(3)), S(T(2), T(1), T(2)), S(T(4))]),
    composed(
        "trace",
        [S(T(3, 3)), S(T(2, 3)), S(T(0, 2))],
        [E("RuntimeError", "trace: expected a matrix, but got tensor with dim 1", T(3))],
        reference=lambda np, x: np.trace(x),
    ),
    composed(
        "tensordot",
        [
            S(T(2, 3), T(2, 3)),
            S(T(2, 3), T(3, 4), 1),
            S(T(2), T(3), dims=0),
            S(T(2, 3, 4), T(4, 2), dims=([0, 2], [1, 0])),
            S(T(2, 0), T(0, 3), 1),
        ],
        [E("RuntimeError", "contracted dimensions need to match", T(2, 3), T(4, 2), 1)],
        dtypes=("float32", "float64", "int64"),
        reference=lambda np, a, b, dims=2: np.tensordot(a, b, dims),
    ),
    composed(
        "diff",
        [S(T(4)), S(T(2, 3)), S(T(3, 2), dim=0), S(T(4), n=2), S(T(3), n=5), S(T(3), append=T(2))],
        [E("RuntimeError", "diff expects input to be at least one-dimensional", T())],
    ),
    composed("logit", [S(T(2, 3)), S(T(4), 0.2)], domain=SHARE, dtypes=FLOATS),
    composed(
        "isin",
        [
            S(COUNTED, V([1, 2])),
            S(TABLE, V([[3]]), invert=True),
            S(COUNTED, V([])),
            S(COUNTED, V([0, 2**62, -(2**62), 3])),  # too far apart for a table
            S(T(3, 4, grad=False), floats([0.5, math.nan, -1.0])),
            S(floats([1.0, math.nan, 0.5]), floats([0.5, math.nan])),
        ],
        [E("RuntimeError", "isin(): Bool", V([True], "bool"), V([True], "bool"))],
    ),
    composed(
        "searchsorted",
        [
            S(floats([1.0, 3.0, 3.0, 5.0]), floats([[0.0, 1.0, 3.0], [4.0, 5.0, math.nan]])),
            S(floats([1.0, 3.0, 3.0, 5.0]), floats([[0.0, 1.0, 3.0], [4.0, 5.0, 6.0]]), right=True),
            S(V([[1, 2, 4], [0, 5, 9]]), V([[2, 3, 4, 5], [5, 6, 7, -1]]), side="right"),
            S(V([3, 1, 2]), V([2, 0]), sorter=V([1, 2, 0]), out_int32=True),
            S(V([1, 2, 3]), 1.5),
            S(floats([1.0, math.nan]), floats([0.5, 1.5])),
            S(V([], None), floats([1.0, 2.0])),
        ],
        [
            E("RuntimeError", "should have positive dimension", floats(1.0), floats([1.0])),
            E("RuntimeError", "scalar only when boundaries", floats([[1.0]]), 1.0),
            E("RuntimeError", "first N-1 dimensions", floats([[1.0]]), floats([1.0])),
            E("RuntimeError", "side can only be", floats([1.0]), floats([1.0]), side="up"),
            E("RuntimeError", "opposites", floats([1.0]), floats([1.0]), side="left", right=True),
            E("RuntimeError", "same size", floats([1.0]), floats([1.0]), sorter=V([0, 1])),
            E("RuntimeError", "long dtype", floats([1.0]), floats([1.0]), sorter=floats([0.0])),
            E("RuntimeError", "out of range", floats([1.0]), floats([1.0]), sorter=V([1])),
            E("NotImplementedError", "for 'Bool'", V([True], "bool"), V([True], "bool")),
        ],
        grad=False,
    ),
    composed(
        "bucketize",
        [
            S(T(3, 4, grad=False), floats([-1.0, 0.0, 0.5])),
            S(COUNTED, V([1, 3]), right=True, out_int32=True),
            S(1.5, V([1, 2])),
        ],
        [E("RuntimeError", "must be 1 dimension", floats([1.0]), floats([[1.0]]))],
        grad=False,
    ),
    composed(
        "bincount",
        [S(COUNTED), S(COUNTED, minlength=6), S(COUNTED, T(6, grad=False)), S(V([]))],
        [
            E("RuntimeError", "1-d non-negative integral inputs", V([-1])),
            E("RuntimeError", "weights should be 1-d and have the same length", COUNTED, T(2)),
            E("NotImplementedError", "not implemented for 'Bool'", V([True], "bool")),
            E("RuntimeError", "maximum value of input overflowed", V([2**63 - 1])),
            E("RuntimeError", "Storage size calculation overflowed", V([2**60])),
        ],
        dtypes=("float32", "float64"),
    ),
    composed(
        "unique",
        [
            S(COUNTED),
            S(COUNTED, return_inverse=True, return_counts=True),
            S(TABLE, return_inverse=True),
            S(TABLE, dim=0, return_inverse=True, return_counts=True),
            S(TABLE, dim=1),
            S(V([2**62, 0, -(2**62), 0]), return_inverse=True, return_counts=True),
            S(T(7, grad=False)),
            S(V([]), return_inverse=True, return_counts=True),
        ],
        dtypes=(*INTEGERS, "float32", "bool"),
        grad=False,
        strides="none",
    ),
    composed(
        "unique_consecutive",
        [S(COUNTED, return_inverse=True, return_counts=True), S(TABLE, dim=0), S(TABLE)],
        dtypes=("int64", "float32"),
    ),
    composed("tril_indices", [S(3, 3), S(2, 4, 1), S(3, 2, -1), S(0, 2)], dtypes=("int64",)),
    composed("triu_indices", [S(3, 3), S(2, 4, 1), S(3, 2, -1), S(0, 2)], dtypes=("int64",)),
    composed("is_nonzero", [S(T()), S(V([0])), S(T(1, 1))], grad=False),
]  # fmt: skip
