"""Rows of torch.nn.functional, and of softmax, which is at the top level too."""

import math

from op_samples.recipes import (
    FLOATS,
    NONZERO,
    SHARE,
    D,
    E,
    Op,
    Places,
    S,
    T,
    V,
    mask,
)

WIDE = [S(T(700, 300), (300,), T(300), T(300))]
CHOICES = [S(T(2000, 80), Places(2000, high=80), reduction=kind) for kind in ("none", "mean")]
KINDS = ("none", "mean", "sum")
ACTIVATED = [S(T(2, 3)), S(T(17)), S(T()), S(T(0, 3))]


def layer(name, samples, errors=(), **options):
    return Op(
        f"nn.functional.{name}",
        samples,
        errors=list(errors),
        **{"ulps": 8, "scale": 1.0, "dtypes": FLOATS} | options,
    )


def seeded(name, samples, **options):
    """Random ops: the stream starts at the same place in every call, and is torch's."""

    def call(lib, *args, **kwargs):
        lib.manual_seed(7)
        return getattr(lib.nn.functional, name)(*args, **kwargs)

    return layer(name, samples, call=call, grad2=True, **options)


# Their exponentials are zero, or below the smallest normal float.
FAR_BELOW = (-90.0, -100.0, -103.5, -104.5, -110.0, -111.0, -175.0, -176.0, -1e9, -3e38)
SOFTMAX = [
    S(T(2, 3), 0),
    S(T(2, 3), -1),
    S(T(2, 3, 4), 1),
    S(T(17), 0),
    S(T(3, 67), 1),  # longer than the rows that are transposed
    S(T(69, 2), 0),  # several rows read as one
    S(T(), 0),
    S(T(0, 3), 1),
    S(T(0, 3), 0),
    S(T(2, 3), 1, dtype=D("float64")),
    S(V([-math.inf, 1.0, 2.0], None, grad=True), 0),
    S(V([0.0, *FAR_BELOW], "float32"), 0),
    S(V([0.0, *FAR_BELOW, -730.0, -745.0, -746.0, -753.0, -754.0, -1418.0], "float64"), 0),
]
OUT_OF_RANGE = E(
    "IndexError",
    "Dimension out of range (expected to be in range of [-2, 1], but got 2)",
    T(2, 3),
    dim=2,
)

LOGITS = [S(T(4, 3), V([0, 2, 1, 1]), reduction=kind) for kind in KINDS]
CLASSES = [
    *LOGITS,
    S(T(3), V(1)),
    S(T(2, 3, 4), V([[0, 1, 2, 0], [1, 1, 0, 2]])),
    S(T(4, 3), V([0, -100, 1, -100])),
    S(T(4, 3), V([0, 2, 1, 1]), ignore_index=1),
    S(T(4, 3), V([0, 2, 1, 1]), weight=T(3, domain=SHARE, grad=False)),
    S(T(4, 3), V([0, 2, 1, 1]), T(3, domain=SHARE, grad=False), reduction="sum"),
    S(T(0, 3), V([], "int64"), reduction="sum"),
]
CLASS_ERRORS = [
    E("IndexError", "Target 3 is out of bounds", T(2, 3), V([0, 3])),
    E(
        "ValueError",
        "Expected input batch_size (2) to match target batch_size (3)",
        T(2, 3),
        V([0, 1, 2]),
    ),
    E("RuntimeError", "weight tensor should be defined either for all", T(2, 3), V([0, 1]), T(2)),
    E("ValueError", "is not a valid value for reduction", T(2, 3), V([0, 1]), reduction="all"),
]
SMOOTH = [
    S(T(4, 3), V([0, 2, 1, 1]), label_smoothing=0.1),
    S(T(4, 3), V([0, -100, 1, 1]), label_smoothing=0.1, reduction="sum"),
    S(T(4, 3), V([0, 2, 1, 1]), T(3, domain=SHARE, grad=False), label_smoothing=0.1),
    S(T(4, 3), T(4, 3, domain=SHARE)),
    S(T(4, 3), T(4, 3, domain=SHARE), label_smoothing=0.2, reduction="none"),
    S(T(2, 3, 4), T(2, 3, 4, domain=SHARE, grad=False), weight=T(3, domain=SHARE, grad=False)),
]
PAIRED = [S(T(2, 3), T(2, 3), reduction=kind) for kind in KINDS] + [S(T(), T()), S(T(0), T(0))]
PROBABLE = [S(T(2, 3), T(2, 3), reduction=kind) for kind in KINDS] + [
    S(T(2, 3), T(2, 3), T(2, 3, grad=False)),
    S(T(2, 3), T(2, 3), T(3, grad=False)),
]

NORMED = [
    S(T(4, 3), (3,)),
    S(T(4, 3), (3,), T(3), T(3)),
    S(T(2, 2, 3), (2, 3), T(2, 3), T(2, 3)),
    S(T(4, 3), (3,), T(3)),
    S(T(4, 3), [3], T(3), T(3), 1e-2),
    S(T(0, 3), (3,), T(3), T(3)),
    S(T(3), (3,)),
    S(T(2, 17), (17,), T(17), T(17)),
    S(T(4, 3), (3,), None, T(3)),
]
NORM_ERRORS = [
    E(
        "RuntimeError",
        "Given normalized_shape=[4], expected input with shape [*, 4]",
        T(2, 3),
        (4,),
    ),
    E("RuntimeError", "", T(2, 3), (3,), T(4)),
]

HEADS = [
    S(T(1, 2, 5, 4), T(1, 2, 5, 4), T(1, 2, 5, 4)),
    S(T(1, 2, 5, 4), T(1, 2, 5, 4), T(1, 2, 5, 4), is_causal=True),
    S(T(2, 3, 4), T(2, 5, 4), T(2, 5, 2)),
    S(T(2, 1, 3, 4), T(2, 1, 5, 4), T(2, 1, 5, 4), mask(3, 5)),
    S(T(2, 1, 3, 4), T(2, 1, 5, 4), T(2, 1, 5, 4), T(3, 5)),
    S(T(1, 2, 5, 4), T(1, 2, 5, 4), T(1, 2, 5, 4), scale=0.3),
    S(T(1, 4, 3, 2), T(1, 2, 3, 2), T(1, 2, 3, 2), enable_gqa=True),
]

ROWS = [
    layer("relu", ACTIVATED, domain=NONZERO),
    layer("silu", ACTIVATED, aliases=("silu", "silu_", "Tensor.silu", "Tensor.silu_")),
    layer(
        "gelu",
        [*ACTIVATED, *[S(*s.args, approximate="tanh") for s in ACTIVATED]],
        [
            E(
                "RuntimeError",
                "approximate argument must be either none or tanh",
                T(2),
                approximate="cubic",
            )
        ],
    ),
    Op(
        "softmax",
        SOFTMAX,
        aliases=("nn.functional.softmax",),
        errors=[OUT_OF_RANGE],
        ulps=8,
        dtypes=FLOATS,
    ),
    Op(
        "log_softmax",
        SOFTMAX,
        aliases=("nn.functional.log_softmax",),
        errors=[OUT_OF_RANGE],
        ulps=8,
        scale=1.0,
        dtypes=FLOATS,
    ),
    layer(
        "layer_norm",
        NORMED,
        NORM_ERRORS,
        blocks=WIDE,
        aliases=("layer_norm",),
        ulps=16,
        method=False,
    ),
    layer(
        "rms_norm",
        [s for s in NORMED if len(s.args) < 4] + [S(T(4, 3), (3,), T(3), 1e-2)],
        [E("RuntimeError", "", T(2, 3), (4,))],
        blocks=[S(T(700, 300), (300,), T(300))],
        aliases=("rms_norm",),
        ulps=16,
        method=False,
    ),
    layer(
        "mse_loss",
        [*PAIRED, S(T(2, 3), T(2, 3), weight=T(2, 3, grad=False))],
        [
            E("RuntimeError", "", T(2), T(3)),
            E("ValueError", "is not a valid value for reduction", T(2), T(2), reduction="all"),
        ],
        nodes=False,
    ),
    layer(
        "l1_loss",
        [*PAIRED, S(T(2, 3), T(2, 3), weight=T(2, 3, grad=False))],
        [E("RuntimeError", "", T(2), T(3))],
        nodes=False,
    ),
    layer(
        "binary_cross_entropy",
        PROBABLE,
        [
            E(
                "RuntimeError",
                "all elements of input should be between 0 and 1",
                V([2.0], "float32"),
                V([1.0], "float32"),
            )
        ],
        domain=SHARE,
    ),
    layer(
        "binary_cross_entropy_with_logits",
        [*PROBABLE, S(T(2, 3), T(2, 3), pos_weight=T(3, domain=SHARE, grad=False))],
        [
            E(
                "ValueError",
                "Target size (torch.Size([3])) must be the same as input size",
                T(2),
                T(3),
            )
        ],
        nodes=False,
    ),
    layer(
        "cross_entropy",
        [*CLASSES, *SMOOTH],
        CLASS_ERRORS,
        ulps=16,
        nodes=False,
        blocks=CHOICES,
    ),
    layer("nll_loss", CLASSES, CLASS_ERRORS, ulps=16, blocks=CHOICES),
    layer(
        "scaled_dot_product_attention",
        HEADS,
        [E("RuntimeError", "", T(2, 3, 4), T(2, 3, 5), T(2, 3, 4))],
        ulps=32,
        strides="none",
        nodes=False,
    ),
    seeded(
        "dropout",
        [S(T(4, 5), 0.3), S(T(4, 5), 0.5, False), S(T(4, 5), 0.0), S(T(40)), S(T(3), 1.0)],
    ),
    *[
        seeded(name, [S(T(*shape), 0.4, True), S(T(*shape), 0.4, False)])
        for name, shape in (
            ("dropout1d", (3, 4, 2)),
            ("dropout2d", (2, 3, 2, 2)),
            ("dropout3d", (2, 3, 1, 2, 2)),
            ("alpha_dropout", (4, 5)),
            ("feature_alpha_dropout", (3, 4, 2)),
        )
    ],
    seeded("rrelu", [S(T(4, 5)), S(T(4, 5), training=True), S(T(4, 5), 0.1, 0.2)], domain=NONZERO),
]
