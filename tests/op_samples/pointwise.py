"""Rows of the ops that work element by element."""

import math

from op_samples.recipes import (
    DISTINCT,
    FLOATS,
    FRACTION,
    NONZERO,
    POSITIVE,
    REAL,
    UNIT,
    D,
    E,
    Op,
    S,
    T,
    V,
    mask,
)

SPREAD = ((-3.8, -3.2), (-0.8, -0.2), (0.2, 9.0))  # away from the poles
LARGE = ((30.0, 60.0),)  # torch's trigamma is good to nine digits below
SHAPES = [S(T(2, 3)), S(T(17)), S(T()), S(T(0, 3)), S(T(2, 1, 4))]
NOT_A_TENSOR = E("TypeError", "must be Tensor", 1.5)


def elementwise(function):
    return lambda np, x: np.vectorize(function, otypes=[float])(x)


def unary(name, reference=None, domain=REAL, **options):
    errors = options.pop("errors", [NOT_A_TENSOR])
    reference = reference or (lambda np, x: getattr(np, name)(x))
    options = {"strides": "all"} | options
    return Op(name, SHAPES, domain=domain, reference=reference, errors=errors, **options)


UNARY = [
    unary("exp"),
    unary("exp2"),
    unary("expm1"),
    unary("log", domain=POSITIVE),
    unary("log2", domain=POSITIVE),
    unary("log10", domain=POSITIVE),
    unary("log1p", domain=UNIT),
    unary("sqrt", domain=POSITIVE),
    unary("rsqrt", lambda np, x: 1 / np.sqrt(x), domain=POSITIVE),
    unary("square"),
    unary("reciprocal", domain=NONZERO),
    unary("neg", lambda np, x: -x, aliases=("negative",)),
    unary("abs", domain=NONZERO, aliases=("absolute",)),
    unary("sign", domain=NONZERO),
    unary("floor", domain=FRACTION),
    unary("ceil", domain=FRACTION),
    unary("round", domain=FRACTION),
    unary("trunc", domain=FRACTION, aliases=("fix",)),
    unary("frac", lambda np, x: x - np.trunc(x), domain=FRACTION),
    unary("sin"),
    unary("cos"),
    unary("tan", domain=UNIT),
    unary("asin", lambda np, x: np.arcsin(x), domain=UNIT, aliases=("arcsin",)),
    unary("acos", lambda np, x: np.arccos(x), domain=UNIT, aliases=("arccos",)),
    unary("atan", lambda np, x: np.arctan(x), aliases=("arctan",)),
    unary("sinh"),
    unary("cosh"),
    unary("tanh", aliases=("nn.functional.tanh",)),
    unary("sigmoid", lambda np, x: 1 / (1 + np.exp(-x)), aliases=("nn.functional.sigmoid",)),
    unary("relu", lambda np, x: np.maximum(x, 0), domain=NONZERO),
    unary("erf", elementwise(math.erf)),
    unary("erfc", elementwise(math.erfc)),
    Op("erfinv", SHAPES, domain=UNIT, errors=[NOT_A_TENSOR]),  # numpy has none
    unary("lgamma", elementwise(math.lgamma), domain=SPREAD, scale=1.0),
    Op("digamma", SHAPES, domain=SPREAD, errors=[NOT_A_TENSOR], scale=1.0, grad=False),
    Op("digamma", SHAPES, domain=LARGE),
    unary("isnan", grad=False),
    unary("isinf", grad=False),
    unary("isfinite", grad=False),
    unary("logical_not", grad=False),
    unary("positive", lambda np, x: +x, view=True),
    Op(
        "bitwise_not",
        [S(T(5, dtype=t, grad=False)) for t in ("bool", "uint8", "int32", "int64")],
        grad=False,
        errors=[E("NotImplementedError", "not implemented for 'Float'", T(2))],
    ),
]

POLYGAMMA = [
    Op(
        "polygamma",
        [S(n, T(2, 3)) for n in range(4)] + [S(1, T()), S(2, T(0, 3)), S(1, T(17))],
        domain=LARGE,
        method=False,
        in_place=False,
        ulps=32,
        errors=[
            E("RuntimeError", "polygamma(n, x) does not support negative n.", -1, T(2)),
            E("TypeError", "must be int, not float", 1.5, T(2)),
        ],
    ),
    Op("Tensor.polygamma", [S(T(2, 3), n) for n in range(4)], domain=LARGE, ulps=32),
    Op(
        "Tensor.polygamma_",
        [S(T(2, 3), n) for n in range(3)],
        call=lambda lib, x, n: x.clone().polygamma_(n),
        domain=LARGE,
        ulps=32,
        nodes=False,
    ),
]

BOUNDS = [
    S(T(2, 3), -1.0, 1.0),
    S(T(2, 3), min=-1.0),
    S(T(2, 3), max=0.75),
    S(T(2, 3), -1, 1),
    S(T(2, 3), min=-1),
    S(T(2, 3), max=0),
    S(V([2**62 + 1, -(2**62) - 1, 5]), min=0),
    S(V([2**62 + 1, -(2**62) - 1, 5]), max=2**62),
    S(T(), 0.0, 1.0),
    S(T(0, 2), 0.0, 1.0),
]
NOT_NUMBERS = V([float("nan"), float("inf"), -float("inf"), 1.0], dtype=None)
CLAMP = [
    Op(
        "nan_to_num",
        [S(T(2, 3)), S(T()), S(NOT_NUMBERS), S(NOT_NUMBERS, 1.0, 2.0, 3.0), S(V([1, 2]))],
        reference=lambda np, x, nan=0.0, *a: np.nan_to_num(x, True, nan, *a),
    ),
    Op(
        "clamp",
        BOUNDS,
        domain=NONZERO,
        aliases=("clip",),
        reference=lambda np, x, *a, **k: np.clip(
            x, *(a or (k.get("min", -math.inf), k.get("max", math.inf)))
        ),
        errors=[E("RuntimeError", "At least one of 'min' or 'max'", T(2))],
    ),
    Op(
        "clamp",
        [
            S(T(2, 3), T(3, domain=((-1.5, -0.5),)), T(2, 1, domain=((0.5, 1.5),))),
            S(T(2, 3), min=T(3)),
            S(T(2, 3), max=T(2, 3)),
        ],
        domain=DISTINCT,
        aliases=("clip",),
        in_place=False,
    ),
    Op("clamp_min", [S(T(2, 3), 0.25), S(T(), -1), S(T(4), 1)], domain=NONZERO, nodes=False),
    Op("clamp_max", [S(T(2, 3), 0.25), S(T(), -1), S(T(4), 1)], domain=NONZERO, nodes=False),
]

PAIRS = [
    S(T(2, 3), T(2, 3)),
    S(T(2, 3), T(3)),
    S(T(2, 1, 3), T(4, 1)),
    S(T(2, 3), T()),
    S(T(), T(2)),
    S(T(17), T(1)),
    S(T(0, 3), T(3)),
    S(T(2, 0), T(2, 1)),
]
NUMBERS = [S(T(2, 3), 2), S(T(2, 3), 1.5), S(T(), -2), S(T(2), -2), S(T(0), 1.5)]
SIZES_DIFFER = "The size of tensor a (3) must match the size of tensor b (4) at non-singleton"
BROADCAST = E("RuntimeError", SIZES_DIFFER, T(2, 3), T(2, 4))


def binary(name, reference=None, samples=(), **options):
    reference = reference or (lambda np, a, b: getattr(np, name)(a, b))
    errors = options.pop("errors", [BROADCAST, E("TypeError", "", T(2), "text")])
    numbers = NUMBERS if options.pop("numbers", True) else []
    samples = [*PAIRS, *numbers, *samples]
    return Op(name, samples, reference=reference, errors=errors, **options)


def comparison(name, reference, *aliases):
    samples = [S(V([1, 2, 3]), V([1, 3, 2])), S(V([1.0, 2.0], "float32"), V([1, 3]))]
    return binary(name, reference, samples, grad=False, aliases=aliases)


ROUNDED = [S(T(3, 4), T(4), rounding_mode=mode) for mode in ("floor", "trunc", None)] + [
    S(T(3), 0.7, rounding_mode="floor"),
    S(T(3), 2, rounding_mode="trunc"),
]

BINARY = [
    binary(
        "add",
        lambda np, a, b, alpha=1: a + alpha * b,
        [S(T(2, 3), T(3), alpha=2), S(T(2, 3), T(3), alpha=-0.5), S(2, T(3)), S(1.5, T(2, 2))],
    ),
    binary(
        "sub",
        lambda np, a, b, alpha=1: a - alpha * b,
        [S(T(2, 3), T(3), alpha=2), S(2, T(3)), S(T(2), 3, alpha=2)],
        aliases=("subtract",),
        nodes=False,
    ),
    binary(
        "rsub",
        lambda np, a, b, alpha=1: b - alpha * a,
        [S(T(2, 3), T(3), alpha=2)],
        nodes=False,
        errors=[E("RuntimeError", "must match the size of tensor", T(2, 3), T(2, 4))],
    ),
    binary("mul", lambda np, a, b: a * b, aliases=("multiply",)),
    binary(
        "div",
        lambda np, a, b: a / b,
        domain=NONZERO,
        aliases=("divide", "true_divide"),
        errors=[
            BROADCAST,
            E(
                "RuntimeError",
                "div expected rounding_mode to be one of",
                T(2),
                T(2),
                rounding_mode="up",
            ),
        ],
    ),
    Op(
        "div",
        ROUNDED,
        aliases=("divide",),
        domain=FRACTION,
        in_place=False,
        nodes=False,
    ),
    binary(
        "xlogy",
        lambda np, a, b: a * np.log(b),
        [S(T(2, 3), 2), S(T(2, 3), 1.5), S(2, T(3))],
        domain=POSITIVE,
        numbers=False,
        nodes=False,
    ),
    Op(
        "xlogy",
        [
            S(V([0, 0, 0, 0, 1], None), V([0.0, -1.0, math.inf, math.nan, 0.0], None)),
            S(V([0.0, 1.0], None, grad=True), V([0.0, 2.0], None, grad=True)),
            S(V([0.0, 1.0], None, grad=True), 0.0),
        ],
        dtypes=FLOATS,
        nodes=False,
        numeric=False,
        blocks=False,  # the row before this one grows
    ),
    binary("maximum", domain=DISTINCT, numbers=False),
    binary("minimum", domain=DISTINCT, numbers=False),
    binary("atan2", lambda np, a, b: np.arctan2(a, b), domain=NONZERO, numbers=False),
    binary("remainder", lambda np, a, b: np.mod(a, b), domain=FRACTION, nodes=False),
    binary("fmod", domain=FRACTION, nodes=False),
    binary("floor_divide", domain=FRACTION, grad=False),
    binary(
        "pow",
        lambda np, a, b: np.power(a, b),
        [S(T(2, 3), n) for n in (0, 1, 2, 3, 0.5, -1, -2, -0.5)] + [S(2, T(3)), S(0.5, T(2, 2))],
        domain=POSITIVE,
    ),
    comparison("eq", lambda np, a, b: a == b),
    comparison("ne", lambda np, a, b: a != b, "not_equal"),
    comparison("lt", lambda np, a, b: a < b, "less"),
    comparison("le", lambda np, a, b: a <= b, "less_equal"),
    comparison("gt", lambda np, a, b: a > b, "greater"),
    comparison("ge", lambda np, a, b: a >= b, "greater_equal"),
    binary("logical_and", grad=False, numbers=False),
    binary("logical_or", grad=False, numbers=False),
    binary("logical_xor", grad=False, numbers=False),
]


def bitwise(name):
    kinds = [("int64", "int64"), ("bool", "bool"), ("uint8", "int32"), ("bool", "int64")]
    return Op(
        name,
        [S(T(2, 3, dtype=a, grad=False), T(3, dtype=b, grad=False)) for a, b in kinds]
        + [S(T(4, dtype="int32", grad=False), 3), S(T(0, dtype="int64", grad=False), 1)],
        grad=False,
        errors=[E("NotImplementedError", "not implemented for 'Float'", T(2), T(2))],
    )


OTHERS = [
    *map(bitwise, ("bitwise_and", "bitwise_or", "bitwise_xor")),
    Op(
        "isclose",
        [
            S(T(3), T(3)),
            S(V([1.0, math.nan, math.inf], None), V([1.0, math.nan, math.inf], None)),
            S(V([1.0, math.nan], None), V([1.00001, math.nan], None), equal_nan=True),
            S(T(2, 3), T(3), rtol=1.0, atol=0.5),
        ],
        grad=False,
        dtypes=FLOATS,
    ),
    Op(
        "where",
        [
            S(mask(2, 3), T(2, 3), T(2, 3)),
            S(mask(3), T(2, 3), T(2, 1)),
            S(mask(2, 3), T(), T(3)),
            S(mask(2, 3), T(2, 3), 0.5),
            S(mask(2, 3), 1.0, T(3)),
            S(mask(0, 3), T(3), T(1, 3)),
            S(mask(2), 1.0, 0.0),
            S(mask(2), 1, 0),
        ],
        method=False,
        reference=lambda np, c, a, b: np.where(c, a, b),
        errors=[E("RuntimeError", "must match", mask(2), T(3), T(3))],
    ),
    Op(
        "Tensor.where",
        [S(T(2, 3), mask(3), T(2, 1)), S(T(2), mask(2), 0.5)],
    ),
    Op(
        "masked_fill",
        [
            S(T(2, 3), mask(2, 3), 0.5),
            S(T(2, 3), mask(3), -math.inf),
            S(T(2, 3), mask(2, 1), T()),
            S(T(3), mask(2, 3), 2),
            S(T(0, 3), mask(3), 1.0),
            S(T(), mask(), 1.0),
        ],
        reference=lambda np, x, m, v: np.where(m, v, x),
        in_place=False,
        nodes=False,
        errors=[
            E("RuntimeError", "masked_fill_ only supports boolean masks", T(2), V([0, 1]), 1.0)
        ],
    ),
    Op(
        "Tensor.masked_fill_",
        [S(T(2, 3), mask(2, 3), 0.5), S(T(2, 3), mask(3), 3), S(T(2, 3), mask(2, 1), T())],
        call=lambda lib, x, m, v: x.clone().masked_fill_(m, v),
        nodes=False,
    ),
    Op(
        "lerp",
        [
            S(T(2, 3), T(2, 3), 0.3),
            S(T(2, 3), T(3), 0.7),
            S(T(2, 3), T(3), T(2, 1)),
            S(T(0), T(0), 0.5),
            S(T(), T(), 0.25),
        ],
        reference=lambda np, a, b, w: a + w * (b - a),
        dtypes=FLOATS,
        scale=1.0,
    ),
    Op(
        "addcmul",
        [
            S(T(2, 3), T(2, 3), T(2, 3)),
            S(T(2, 3), T(3), T(2, 1), value=0.5),
            S(T(0), T(0), T(0)),
            S(T(2, 3), T(2, 3), T(3), value=2),
        ],
        reference=lambda np, x, a, b, value=1: x + value * a * b,
    ),
    Op(
        "addcdiv",
        [S(T(2, 3), T(2, 3), T(2, 3)), S(T(2, 3), T(3), T(2, 1), value=0.5), S(T(0), T(0), T(0))],
        domain=NONZERO,
        reference=lambda np, x, a, b, value=1: x + value * a / b,
        dtypes=FLOATS,
    ),
    Op(
        "clone",
        [S(T(2, 3)), S(T()), S(T(0, 2))],
        reference=lambda np, x: x,
    ),
    Op("Tensor.contiguous", [S(T(2, 3)), S(T()), S(T(0, 2))]),
    Op(
        "Tensor.to",
        [
            S(T(2, 3), D("float64")),
            S(T(3), D("float32"), copy=True),
            S(T(2), "cpu"),
            S(T(2), T(2, dtype="float64", grad=False)),
        ],
        numeric=False,
    ),
    Op("Tensor.type_as", [S(T(2, 3), T(1, dtype="float64", grad=False))]),
    *[
        Op(f"Tensor.{name}", [S(T(2, 3)), S(T()), S(T(0, 2))], domain=((0.0, 2.0),), numeric=False)
        for name in ("float", "double")
    ],
    *[
        Op(f"Tensor.{name}", [S(T(2, 3)), S(T())], domain=((0.0, 2.0),), grad=False)
        for name in ("half", "bfloat16", "int", "long", "short", "char", "byte", "bool", "cpu")
    ],
    Op(
        "Tensor.copy_",
        [S(T(2, 3), T(3)), S(T(2, 3), T(2, 3)), S(T(2, 3), T()), S(T(0), T(0))],
        call=lambda lib, x, y: x.clone().copy_(y),
        nodes=False,
        errors=[E("RuntimeError", "", T(2), T(3))],
    ),
    Op(
        "Tensor.fill_",
        [S(T(2, 3), 2), S(T(2, 3), T()), S(T(), 0.5)],
        call=lambda lib, x, v: x.clone().fill_(v),
        nodes=False,
        errors=[
            E("RuntimeError", "without overflow", T(2, dtype="uint8"), 300),
            E("RuntimeError", "only supports 0-dimension value tensor", T(2), T(2)),
        ],
    ),
    Op("Tensor.zero_", [S(T(2, 3)), S(T())], call=lambda lib, x: x.clone().zero_(), nodes=False),
    Op("detach", [S(T(2, 3)), S(T())], grad=False, view=True, in_place=False),
]

ROWS = [*UNARY, *POLYGAMMA, *CLAMP, *BINARY, *OTHERS]
