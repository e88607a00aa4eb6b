"""Rows of views, and of ops that bring elements to other places."""

from op_samples.recipes import E, Op, S, T, V

OUT_OF_RANGE = "Dimension out of range (expected to be in range of [-2, 1], but got 2)"
INDEX_ERROR = E("IndexError", OUT_OF_RANGE, T(2, 3), 2)


def view(name, samples, errors=(), **options):
    return Op(name, samples, view=True, errors=list(errors), blocks=False, **options)


def moved(name, samples, errors=(), **options):
    return Op(name, samples, errors=list(errors), **options)


VIEWS = [
    view(
        "as_strided",
        [
            S(T(12), (3, 2), (2, 1)),
            S(T(12), (2, 2), (1, 1), 3),
            S(T(4), (), ()),
            S(T(3, 4), (4, 3), (1, 4)),
            S(T(3), (2, 3), (0, 1)),
        ],
        [
            E("RuntimeError", "", T(4), (3, 2), (2, 1)),
            E("RuntimeError", "", T(4), (3,), (2, 1)),
            E("RuntimeError", "", T(4), (2,), (-1,)),
        ],
    ),
    view(
        "Tensor.view",
        [
            S(T(2, 6), 3, 4),
            S(T(2, 6), -1),
            S(T(2, 6), (4, -1)),
            S(T(1), ()),
            S(T(), 1, 1),
            S(T(0, 3), 3, 0),
            S(T(2, 3), [3, 2]),
        ],
        [
            E("RuntimeError", "shape '[5]' is invalid for input of size 6", T(2, 3), 5),
            E("RuntimeError", "only one dimension can be inferred", T(2, 3), -1, -1),
            E("RuntimeError", "invalid shape dimension -2", T(2, 3), -2, 3),
            E("RuntimeError", "", T(0), -1, 0),
        ],
    ),
    view(
        "reshape",
        nodes=False,
        samples=[S(T(2, 6), (3, 4)), S(T(2, 6), (-1,)), S(T(), (1,)), S(T(0, 2), (2, 0))],
        errors=[E("RuntimeError", "shape '[4]' is invalid for input of size 6", T(2, 3), (4,))],
        reference=lambda np, x, s: x.reshape(s),
    ),
    view("Tensor.view_as", [S(T(2, 6), T(3, 4, grad=False))]),
    view("Tensor.reshape_as", [S(T(2, 6), T(3, 4, grad=False))], nodes=False),
    view(
        "flatten",
        [
            S(T(2, 3, 4)),
            S(T(2, 3, 4), 1),
            S(T(2, 3, 4), 0, 1),
            S(T(2, 3, 4), -2),
            S(T()),
            S(T(3)),
            S(T(2, 0)),
        ],
        [
            E("RuntimeError", "flatten() has invalid args", T(2, 3), 1, 0),
            E("IndexError", "Dimension out of range", T(2, 3), 2),
        ],
        nodes=False,
    ),
    view("ravel", [S(T(2, 3)), S(T()), S(T(0, 2))], reference=lambda np, x: x.ravel()),
    view(
        "unflatten",
        [S(T(6), 0, (2, 3)), S(T(2, 6), -1, (3, -1)), S(T(2, 6), 1, (2, 1, 3))],
        [E("RuntimeError", "", T(6), 0, (4, 2)), E("RuntimeError", "", T(6), 0, ())],
    ),
    view(
        "transpose",
        [S(T(2, 3), 0, 1), S(T(2, 3, 4), -1, 0), S(T(2, 3), 1, 1), S(T(), 0, -1)],
        [E("IndexError", OUT_OF_RANGE, T(2, 3), 0, 2)],
        aliases=("swapaxes", "swapdims"),
        reference=lambda np, x, a, b: np.swapaxes(x, a, b) if x.ndim else x,
    ),
    view(
        "t",
        [S(T(2, 3)), S(T(3)), S(T())],
        [
            E(
                "RuntimeError",
                "t() expects a tensor with <= 2 dimensions, but self is 3D",
                T(2, 3, 4),
            )
        ],
        reference=lambda np, x: x.T,
    ),
    view(
        "permute",
        [S(T(2, 3, 4), (2, 0, 1)), S(T(2, 3), (0, 1)), S(T(2, 3, 4), (-1, 0, -2)), S(T(), ())],
        [
            E("RuntimeError", "", T(2, 3), (0,)),
            E("RuntimeError", "", T(2, 3), (0, 0)),
            E("IndexError", "Dimension out of range", T(2, 3), (0, 2)),
        ],
        reference=lambda np, x, d: np.transpose(x, d),
    ),
    view(
        "movedim",
        [S(T(2, 3, 4), 0, -1), S(T(2, 3, 4), (0, 1), (1, 2)), S(T(2, 3), 1, 1)],
        [
            E("RuntimeError", "", T(2, 3), (0, 1), (0,)),
            E("RuntimeError", "", T(2, 3), (0, 0), (0, 1)),
        ],
        aliases=("moveaxis",),
        reference=lambda np, x, a, b: np.moveaxis(x, a, b),
    ),
    view(
        "Tensor.expand",
        [
            S(T(3), 2, 3),
            S(T(2, 1), 2, 4),
            S(T(2, 1), -1, 4),
            S(T(), 2, 2),
            S(T(1, 3), 0, 3),
            S(T(2, 1), (5, 2, 3)),
        ],
        [
            E(
                "RuntimeError",
                "The expanded size of the tensor (4) must match the existing size (3)",
                T(3),
                4,
            ),
            E("RuntimeError", "", T(2, 3), 3),
            E("RuntimeError", "", T(3), -1, 3),
        ],
    ),
    view("Tensor.expand_as", [S(T(3), T(2, 3, grad=False))]),
    view(
        "broadcast_to",
        [S(T(3), (2, 3)), S(T(2, 1), (2, 4))],
        [E("RuntimeError", "", T(3), (4,))],
        reference=lambda np, x, s: np.broadcast_to(x, s),
    ),
    view(
        "squeeze",
        [
            S(T(1, 3, 1)),
            S(T(1, 3, 1), 0),
            S(T(2, 3), 0),
            S(T(1, 3, 1), (0, 2)),
            S(T()),
            S(T(), 0),
            S(T(1, 3, 1), -1),
            S(T(1, 0)),
        ],
        [INDEX_ERROR],
    ),
    view(
        "unsqueeze",
        [S(T(2, 3), 0), S(T(2, 3), -1), S(T(2, 3), 1), S(T(), 0), S(T(0), 1)],
        [
            E(
                "IndexError",
                "Dimension out of range (expected to be in range of [-3, 2], but got 3)",
                T(2, 3),
                3,
            )
        ],
        reference=lambda np, x, d: np.expand_dims(x, d),
    ),
    view(
        "select",
        [S(T(2, 3), 0, 1), S(T(2, 3), 1, -1), S(T(2, 3), -1, 0), S(T(2), 0, 0)],
        [
            E("IndexError", "", T(), 0, 0),
            E("IndexError", "", T(2, 3), 0, 2),
            E("IndexError", OUT_OF_RANGE, T(2, 3), 2, 0),
        ],
    ),
    view(
        "narrow",
        [S(T(2, 5), 1, 1, 3), S(T(4), 0, -3, 2), S(T(4), 0, 4, 0), S(T(3, 2), -2, 0, 3)],
        [
            E("RuntimeError", "start (3) + length (2) exceeds dimension size (4)", T(4), 0, 3, 2),
            E("RuntimeError", "", T(), 0, 0, 1),
            E("RuntimeError", "", T(4), 0, 0, -1),
            E("IndexError", "", T(4), 0, 5, 0),
        ],
    ),
    view(
        "diagonal",
        [
            S(T(3, 3)),
            S(T(3, 4), 1),
            S(T(3, 4), -2),
            S(T(2, 3, 3), 0, 1, 2),
            S(T(2, 3, 3), 0, -2, -1),
            S(T(2, 2), 5),
            S(T(0, 3)),
        ],
        [E("RuntimeError", "", T(3, 3), 0, 1, 1), E("IndexError", "", T(3), 0, 0, 1)],
    ),
    view(
        "Tensor.unfold",
        [
            S(T(7), 0, 3, 2),
            S(T(7), 0, 3, 1),
            S(T(2, 6), 1, 2, 2),
            S(T(2, 6), 0, 2, 1),
            S(T(), 0, 1, 1),
        ],
        [
            E("RuntimeError", "", T(4), 0, 5, 1),
            E("RuntimeError", "", T(4), 0, 2, 0),
            E("IndexError", "", T(4), 1, 2, 1),
        ],
    ),
    view(
        "split",
        [
            S(T(5, 2), 2),
            S(T(5, 2), 5),
            S(T(2, 5), (1, 4), 1),
            S(T(2, 5), 3, dim=-1),
            S(T(0, 2), 2),
            S(T(4), [2, 0, 2]),
        ],
        [
            E(
                "RuntimeError",
                "split expects split_size be non-negative, but got split_size=-1",
                T(4),
                -1,
            ),
            E("RuntimeError", "", T(4), (1, 2)),
            E("RuntimeError", "", T(4), 0),
        ],
    ),
    view(
        "split_with_sizes",
        [S(T(5, 2), (2, 3)), S(T(2, 5), (1, 4), 1)],
        [E("RuntimeError", "", T(4), (1, 2)), E("RuntimeError", "", T(4), (-1, 5))],
    ),
    view(
        "chunk",
        [S(T(5, 2), 2), S(T(5, 2), 3), S(T(2, 5), 2, 1), S(T(4), 6), S(T(0), 2)],
        [E("RuntimeError", "chunk expects `chunks` to be greater than 0", T(4), 0)],
    ),
    view(
        "unbind", [S(T(2, 3)), S(T(2, 3), 1), S(T(3), -1), S(T(0, 2))], [E("IndexError", "", T())]
    ),
    view("Tensor.T", [S(T(2, 3)), S(T(3)), S(T())], call=lambda lib, x: x.T),
    view("Tensor.mT", [S(T(2, 3)), S(T(2, 3, 4))], call=lambda lib, x: x.mT),
]

TRIANGLES = [
    S(T(3, 3)),
    S(T(3, 4), 1),
    S(T(4, 3), -1),
    S(T(2, 3, 3)),
    S(T(0, 3)),
    S(T(3, 3), -5),
    S(T(3, 3), 5),
]
JOINED = [
    S([T(2, 3), T(1, 3)]),
    S([T(2, 3), T(2, 1)], 1),
    S([T(2), T(0)]),
    S([T(2, 3)] * 3, -1),
    S([T(3)]),
    S([T(2, 2), T(0), T(1, 2)]),
    S([T(2), T(3, dtype="float64")]),
    S((T(2, 0, 3), T(2, 2, 3)), dim=1),
]

COPIES = [
    moved(
        "cat",
        JOINED,
        [
            E(
                "RuntimeError",
                "Sizes of tensors must match except in dimension 0. Expected size 3 "
                "but got size 4 for tensor number 1 in the list",
                [T(2, 3), T(2, 4)],
            ),
            E("ValueError", "torch.cat(): expected a non-empty list of Tensors", []),
            E("RuntimeError", "zero-dimensional tensor (at position 0)", [T(), T()]),
            E("IndexError", OUT_OF_RANGE, [T(2, 3), T(2, 3)], 2),
            E("RuntimeError", "", [T(2, 3), T(2)]),
        ],
        aliases=("concat", "concatenate"),
    ),
    moved(
        "stack",
        [
            S([T(2, 3), T(2, 3)]),
            S([T(2), T(2)], 1),
            S([T(), T(), T()]),
            S([T(2, 3), T(2, 3)], -1),
            S([T(0)] * 2),
        ],
        [
            E(
                "RuntimeError",
                "stack expects each tensor to be equal size, but got [2] at entry 0 "
                "and [3] at entry 1",
                [T(2), T(3)],
            ),
            E("RuntimeError", "", []),
            E("IndexError", "", [T(2)], 3),
        ],
        reference=lambda np, xs, d=0: np.stack(xs, d),
    ),
    moved(
        "tril", TRIANGLES, [E("RuntimeError", "", T(3))], reference=lambda np, x, k=0: np.tril(x, k)
    ),
    moved(
        "triu", TRIANGLES, [E("RuntimeError", "", T(3))], reference=lambda np, x, k=0: np.triu(x, k)
    ),
    moved(
        "flip",
        [S(T(2, 3), (0,)), S(T(2, 3), (0, 1)), S(T(2, 3, 2), (-1,)), S(T(0, 2), (0,)), S(T(3), ())],
        [E("IndexError", "", T(2, 3), (2,)), E("RuntimeError", "", T(2, 3), (0, 0))],
        reference=lambda np, x, d: np.flip(x, d),
    ),
    moved(
        "roll",
        [
            S(T(5), 2),
            S(T(2, 3), 1),
            S(T(2, 3), 1, 0),
            S(T(2, 3), (1, -1), (0, 1)),
            S(T(2, 3), 7, 1),
            S(T(0, 3), 1, 0),
        ],
        [E("RuntimeError", "", T(2, 3), (1, 2), 0), E("IndexError", "", T(2, 3), 1, 2)],
        nodes=False,
        reference=lambda np, x, s, d=None: np.roll(x, s, d),
    ),
    moved(
        "nn.functional.pad",
        [
            S(T(2, 3), (1, 2)),
            S(T(2, 3), (1, -1, 0, 2)),
            S(T(2, 3), (-1, -1), "constant"),
            S(T(2, 3), (2, 0, -1, 1), "constant", 1.5),
            S(T(0, 3), (1, 1, 1, 1)),
            S(T(2, 3), ()),
            S(T(4, 5), (3, 2), "reflect"),
            S(T(1, 4, 5), (1, 2, 3, 0), "reflect"),
            S(T(4, 5), (7, -2), "replicate"),
            S(T(2, 2, 3, 2), (1, 0, 2, 2, 0, 3), "replicate"),
            S(T(4, 5), (3, 5), "circular"),
            S(T(1, 4, 5), (-1, 2, 1, 1), "circular"),
        ],
        [
            E("RuntimeError", "Padding length must be divisible by 2", T(2, 3), (1, 2, 3)),
            E(
                "RuntimeError",
                "Padding length should be less than or equal to two times the input dimension "
                "but got padding length 4 and input of dimension 1",
                T(3),
                (1, 1, 1, 1),
            ),
            E("RuntimeError", "narrow(): length must be non-negative.", T(2, 3), (-2, -2)),
            E(
                "RuntimeError",
                "Argument #4: Padding size should be less than the corresponding input dimension, "
                "but got: padding (3, 0) at dimension 1 of input [2, 3]",
                T(2, 3),
                (3, 0),
                "reflect",
            ),
            E("RuntimeError", "wrapping around more than once", T(2, 3), (4, 0), "circular"),
            E("RuntimeError", "", T(2, 0), (1, 0), "replicate"),
            E("NotImplementedError", "Unrecognised padding mode foo", T(2, 3), (1, 1), "foo"),
            E("NotImplementedError", "", T(3), (1, 1), "reflect"),
        ],
    ),
    moved(
        "constant_pad_nd",
        [S(T(2, 3), (1, 2)), S(T(2, 3), (1, 0, -1, 2), 7), S(T(3), ())],
        [
            E(
                "RuntimeError",
                "Length of pad must be even but instead it equals 1",
                T(3),
                (1,),
            ),
            E("RuntimeError", "", T(3), (1, 1, 1, 1)),
        ],
    ),
    moved(
        "Tensor.repeat",
        [
            S(T(2, 3), 2, 1),
            S(T(3), 2, 2),
            S(T(2, 3), (1, 2, 2)),
            S(T(), 3),
            S(T(2), 0),
            S(T(2, 1), 1, 3),
        ],
        [
            E("RuntimeError", "Number of dimensions of repeat dims can not be smaller", T(2, 3), 2),
            E("RuntimeError", "", T(3), -1),
        ],
        nodes=False,
    ),
    moved(
        "tile",
        [S(T(2, 3), (2,)), S(T(3), (2, 2)), S(T(2, 3), (1, 2)), S(T(), (2,))],
        nodes=False,
        reference=lambda np, x, t: np.tile(x, t),
    ),
    moved(
        "repeat_interleave",
        [
            S(T(2, 3), 2),
            S(T(2, 3), 2, 0),
            S(T(2, 3), 3, -1),
            S(T(3), 0),
            S(T(3), V([1, 0, 2])),
            S(T(2, 3), V([2, 1]), 0),
            S(T(2, 3), V([2]), 1),
        ],
        [
            E("RuntimeError", "", T(3), -1),
            E("RuntimeError", "", T(3), V([1, 2])),
            E("RuntimeError", "", T(2), V([-1, 2])),
        ],
        nodes=False,
    ),
    moved(
        "diag",
        [S(T(3)), S(T(3), 1), S(T(2), -1), S(T(3, 3)), S(T(3, 4), 1), S(T(3, 4), -1)],
        [E("RuntimeError", "", T(2, 2, 2))],
        reference=lambda np, x, k=0: np.diag(x, k),
        strides="none",
        nodes=False,
    ),
    moved(
        "diag_embed",
        [S(T(3)), S(T(2, 3)), S(T(2, 3), 1), S(T(2, 3), -1), S(T(2, 3), 0, 0, 2)],
        [E("RuntimeError", "", T(3), 0, 1, 1)],
        blocks=[S(T(4, 300))],
    ),
]

ROWS = [*VIEWS, *COPIES]
