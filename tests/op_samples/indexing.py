"""Rows of reading and writing at places that tensors name."""

from op_samples.recipes import DISTINCT, E, Op, Places, S, T, V, mask

PLACES = V([[0, 2, 1], [1, 0, 0]])
ONCE = V([[0, 2, 1], [1, 0, 2]])
OUT = V([[0, 3, 1]])
FLOAT_INDEX = V([0.0], "float32")


# For threads: many rows, of which several meet in one place.
WIDE = Places(400, 300, high=400)
SOME = Places(400, high=500)
WRITTEN = [S(T(500, 300), 0, WIDE, T(400, 300))]
SLICED = [S(T(500, 300), 0, SOME, T(400, 300))]
BLOCKS = {
    "gather": [S(T(500, 300), 0, WIDE)],
    "take_along_dim": [S(T(500, 300), WIDE, 0)],
    "scatter": WRITTEN,
    "scatter_add": WRITTEN,
    "index_select": [S(T(500, 300), 0, SOME)],
    "index_add": SLICED,
    "index_copy": [S(T(500, 300), 0, V([7 * i % 500 for i in range(400)]), T(400, 300))],
    "index_fill": [S(T(500, 300), 0, SOME, 0.5)],
    "index_put": [
        S(T(500, 300), [SOME], T(300), accumulate=True),
        S(T(500, 300), [SOME], T()),
    ],
    "nn.functional.embedding": [S(Places(2000, high=500), T(500, 96))],
}


def rows(name, samples, errors=(), **options):
    options = {"blocks": BLOCKS.get(name, True), "scale": 1.0} | options
    return Op(name, samples, errors=list(errors), **options)


SCATTERED = [
    S(T(3, 3), 0, ONCE, T(2, 3)),
    S(T(3, 3), 1, ONCE, T(2, 3)),
    S(T(3, 3), -1, V([[0], [2]]), T(3, 3)),
    S(T(), 0, V(0), T()),
    S(T(3), 0, V([], "int64"), T(0)),
]
SCATTER_ERRORS = [
    E("RuntimeError", "", T(3, 3), 0, OUT, T(2, 3)),
    E("RuntimeError", "", T(3), 0, ONCE, T(2, 3)),
    E("RuntimeError", "", T(3, 3), 0, T(2, 3), T(2, 3)),
    E("IndexError", "", T(3, 3), 2, ONCE, T(2, 3)),
    E("RuntimeError", "", T(3, 3), 0, ONCE, T(2, 3, dtype="float64")),
]
SLICES = [
    S(T(4, 3), 0, V([3, 1]), T(2, 3)),
    S(T(4, 3), 1, V([2]), T(4, 1)),
    S(T(4), 0, V([0, 2]), T(2)),
    S(T(4, 3), -1, V([], "int64"), T(4, 0)),
]

ROWS = [
    rows(
        "gather",
        [
            S(T(3, 3), 0, PLACES),
            S(T(3, 4), 1, PLACES),
            S(T(3, 4), -1, V([[3]])),
            S(T(3), 0, V([2, 2, 0, 1])),
            S(T(), 0, V(0)),
            S(T(3), 0, V([], "int64")),
        ],
        [
            E(
                "RuntimeError",
                "index 3 is out of bounds for dimension 0 with size 3",
                T(3, 3),
                0,
                OUT,
            ),
            E(
                "RuntimeError",
                "Index tensor must have the same number of dimensions as input tensor",
                T(3),
                0,
                PLACES,
            ),
            E("RuntimeError", "", T(3), 0, FLOAT_INDEX),
            E("IndexError", "", T(3), 1, V([0])),
        ],
    ),
    rows(
        "take_along_dim",
        [
            S(T(2, 4), PLACES, 1),
            S(T(3, 4), V([[3], [0], [1]]), 1),
            S(T(2, 3), V([5, 0])),
            S(T(3, 4), V([[0, 1, 2, 0]]), 0),
        ],
        [E("RuntimeError", "", T(3), T(3), 0)],
    ),
    rows(
        "scatter", [*SCATTERED, S(T(3, 3), 0, ONCE, 0.5), S(T(3, 3), 1, PLACES, 2)], SCATTER_ERRORS
    ),
    rows(
        "scatter_add",
        [*SCATTERED, S(T(3, 3), 0, PLACES, T(2, 3)), S(T(3), 0, V([1, 1, 1, 0]), T(4))],
        SCATTER_ERRORS,
    ),
    *[
        rows(
            "scatter_reduce",
            [
                S(T(3, 3), 0, PLACES, T(2, 3), how),
                S(T(3, 3), 0, PLACES, T(2, 3), reduce=how, include_self=False),
                S(T(4), 0, V([1, 1, 1, 0]), T(4), how),
            ],
            [E("RuntimeError", "", T(3), 0, V([0]), T(1), "best")],
            domain=DISTINCT,
            grad2=how != "prod",
            blocks=[S(T(500, 300), 0, WIDE, T(400, 300), how)],
            dtypes=("float32", "float64", "int64"),
        )
        for how in ("sum", "prod", "mean", "amax", "amin")
    ],
    rows(
        "index_select",
        [
            S(T(4, 3), 0, V([3, 1, 1])),
            S(T(4, 3), 1, V([0])),
            S(T(4), 0, V(2)),
            S(T(4, 3), -1, V([2, 0], "int32")),
            S(T(4, 3), 0, V([], "int64")),
            S(T(), 0, V([0])),
        ],
        [
            E("IndexError", "", T(4, 3), 2, V([0])),
            E("IndexError", "", T(4, 3), 0, V([[0]])),
            E("IndexError", "", T(4, 3), 0, V([4])),
            E("RuntimeError", "", T(4, 3), 0, FLOAT_INDEX),
        ],
        reference=lambda np, x, d, i: np.take(x, i.reshape(-1), d) if x.ndim else x,
    ),
    rows(
        "index_add",
        [*SLICES, S(T(4, 3), 0, V([1, 1]), T(2, 3)), S(T(4, 3), 0, V([1, 1]), T(2, 3), alpha=2)],
        [
            E("RuntimeError", "", T(4, 3), 0, V([0]), T(2, 3)),
            E("IndexError", "", T(4), 0, V([4]), T(1)),
        ],
    ),
    rows(
        "index_copy",
        SLICES,
        [
            E("IndexError", "", T(4, 3), 0, V([0]), T(2, 3)),
            E("IndexError", "", T(4), 0, V([4]), T(1)),
        ],
    ),
    rows(
        "index_fill",
        [
            S(T(4, 3), 0, V([3, 1]), 0.5),
            S(T(4, 3), 1, V([2]), T()),
            S(T(4), 0, V([0, 0]), 2),
            S(T(), 0, V([0]), 1.0),
        ],
        [E("IndexError", "", T(4), 0, V([4]), 1.0), E("RuntimeError", "", T(4), 0, V([0]), T(2))],
    ),
    rows(
        "masked_select",
        [
            S(T(2, 3), mask(2, 3)),
            S(T(2, 3), mask(3)),
            S(T(3), mask(2, 3)),
            S(T(), V(True, "bool")),
            S(T(0), mask(0)),
            S(T(2, 3), mask(2, 1)),
        ],
        [
            E("RuntimeError", "masked_select: expected BoolTensor for mask", T(2), V([0, 1])),
            E("RuntimeError", "must match", T(2, 3), mask(2)),
        ],
        reference=lambda np, x, m: np.broadcast_arrays(x, m)[0][np.broadcast_arrays(x, m)[1]],
    ),
    rows(
        "masked_scatter",
        [S(T(2, 3), mask(2, 3), T(2, 3)), S(T(2, 3), mask(3), T(7)), S(T(0), mask(0), T(1))],
        [
            E("RuntimeError", "", T(2), V([True, True], "bool"), T(1)),
            E("RuntimeError", "", T(2), V([0, 1]), T(2)),
        ],
    ),
    rows(
        "nonzero",
        [
            S(V([0, 1, 2])),
            S(mask(2, 3)),
            S(T(2, 3)),
            S(V(0)),
            S(V(3)),
            S(T(0, 2)),
            S(mask(2, 3), as_tuple=True),
            S(V([0, 0])),
        ],
        grad=False,
        strides="none",
    ),
    rows(
        "argwhere",
        [S(V([0, 1, 2])), S(mask(2, 3)), S(V(3)), S(T(0, 2))],
        grad=False,
        strides="none",
    ),
    rows(
        "index_put",
        [
            S(T(4, 3), [V([3, 1])], T(2, 3)),
            S(T(4, 3), (V([3, 1]), V([0, 2])), T(2)),
            S(T(4, 3), [V([1, 1])], T(3), accumulate=True),
            S(T(4, 3), [V([0, 2])], T()),
            S(T(2, 3), [V([[True, False, True], [False] * 3], "bool")], T(2)),
            S(T(4), [V([-1, 0])], T(2)),
        ],
        [
            E("IndexError", "", T(4), [V([4])], T(1)),
            E("IndexError", "", T(4), [T(2)], T(2)),
            E("RuntimeError", "", T(4, 3), [V([0, 1])], T(2, 2)),
        ],
    ),
    rows(
        "nn.functional.embedding",
        [
            S(V([[0, 2], [1, 1]]), T(3, 4)),
            S(V(1), T(3, 2)),
            S(V([1, 1, 0], "int32"), T(3, 2)),
            S(V([], "int64"), T(3, 2)),
        ],
        [
            E("IndexError", "index out of range in self", V([3]), T(3, 2)),
            E(
                "RuntimeError",
                "Expected tensor for argument #1 'indices' to have one of the",
                T(2),
                T(3, 2),
            ),
            E("RuntimeError", "'weight' must be 2-D", V([0]), T(3)),
        ],
    ),
    rows(
        "nn.functional.embedding",
        [
            S(V([2, 0]), T(3, 4), padding_idx=0),
            S(V([2, 0, 1]), T(3, 4), padding_idx=-1),
            S(V([2, 2, 0]), T(3, 2), scale_grad_by_freq=True),
        ],
        numeric=False,
    ),
]
