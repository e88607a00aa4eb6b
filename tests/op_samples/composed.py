"""Rows of the functions that izvod/functional.py composes of others."""

from op_samples.recipes import FLOATS, INTEGERS, SHARE, E, Op, S, T, V


def composed(name, samples, errors=(), **options):
    options = {"method": False, "nodes": False, "blocks": False, "ulps": 8, "scale": 1.0} | options
    return Op(name, samples, errors=list(errors), **options)


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
    composed("isin", [S(COUNTED, V([1, 2])), S(TABLE, V([[3]]), invert=True), S(COUNTED, V([]))]),
    composed(
        "bincount",
        [S(COUNTED), S(COUNTED, minlength=6), S(COUNTED, T(6, grad=False)), S(V([]))],
        [
            E("RuntimeError", "1-d non-negative integral inputs", V([-1])),
            E("RuntimeError", "weights should be 1-d and have the same length", COUNTED, T(2)),
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
