"""dtypes: promotion, casts, what dtype objects say, and the dtype of every kind of result."""

import itertools

import izvod
import pytest
from comparing import dtype_name, outcome

NAMES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
)  # fmt: skip
KINDS = [0] + [1] * 5 + [2] * 4
PAIRS = list(itertools.product(NAMES, NAMES))


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch, whose results this compares with, is absent")


def report(problems):
    assert not problems, "\n".join(map(str, problems))


def promoted(a, b):
    """torch's rule, written down once more."""
    if a == b:
        return a
    i, j = NAMES.index(a), NAMES.index(b)
    if KINDS[i] != KINDS[j]:
        return a if KINDS[i] > KINDS[j] else b
    if {a, b} == {"uint8", "int8"}:
        return "int16"
    if {a, b} == {"float16", "bfloat16"}:
        return "float32"
    return a if i > j else b


def test_promote_types():
    wrong = []
    for a, b in PAIRS:
        x, y = (izvod.zeros(1, dtype=getattr(izvod, name)) for name in (a, b))
        got = {dtype_name(x + y), str(izvod.promote_types(x.dtype, y.dtype)).split(".")[-1]}
        if got != {promoted(a, b)}:
            wrong.append((a, b, got))
    report(wrong)


def test_can_cast():
    """A kind may be cast to its own and to higher ones: bool, integers, floating."""
    for (a, i), (b, j) in itertools.product(zip(NAMES, KINDS, strict=True), repeat=2):
        assert izvod.can_cast(getattr(izvod, a), getattr(izvod, b)) == (i <= j), (a, b)


def arguments(lib, name):
    """Tensors with and without dimensions, and numbers."""
    dtype = getattr(lib, name)
    return [lib.ones(2, dtype=dtype), lib.ones((), dtype=dtype)]


BINARY = {
    "add": lambda lib, a, b: a + b,
    "mul": lambda lib, a, b: a * b,
    "div": lambda lib, a, b: a / b,
    "floor_divide": lambda lib, a, b: a // b,
    "remainder": lambda lib, a, b: a % b,
    "pow": lambda lib, a, b: a**b,
    "eq": lambda lib, a, b: a == b,
    "lt": lambda lib, a, b: a < b,
    "and": lambda lib, a, b: a & b,
    "maximum": lambda lib, a, b: lib.maximum(a, b),
    "where": lambda lib, a, b: lib.where(lib.ones(2, dtype=lib.bool), a, b),
    "result_type": lambda lib, a, b: lib.zeros((), dtype=lib.result_type(a, b)),
    "cat": lambda lib, a, b: lib.cat([a.reshape(-1), b.reshape(-1)]),
    "stack": lambda lib, a, b: lib.stack([a.reshape(-1)[:1], b.reshape(-1)[:1]]),
    "iadd": lambda lib, a, b: lib.clone(a).__iadd__(b),
    "itruediv": lambda lib, a, b: lib.clone(a).__itruediv__(b),
}
NUMBERS = (True, 1, 2.5)


def described(function, lib, a, b):
    result = outcome(function, lib, a, b)
    if isinstance(result, Exception):
        return "not implemented" if isinstance(result, NotImplementedError) else "error"
    return dtype_name(result), tuple(result.shape)


@pytest.mark.parametrize("name", BINARY)
def test_pairs(name, torch):
    """All pairs of dtypes, with and without dimensions: the result's dtype, or an error."""
    function, problems = BINARY[name], []
    for first, second in PAIRS:
        ours = itertools.product(arguments(izvod, first), arguments(izvod, second))
        theirs = itertools.product(arguments(torch, first), arguments(torch, second))
        for (a, b), (c, d) in zip(ours, theirs, strict=True):
            got, expected = described(function, izvod, a, b), described(function, torch, c, d)
            if got != expected and expected != "not implemented":
                problems.append((first, a.dim(), second, b.dim(), got, expected))
    report(problems)


@pytest.mark.parametrize("name", [n for n in BINARY if n not in ("cat", "stack", "maximum")])
def test_numbers(name, torch):
    """Every dtype with Python numbers on either side."""
    function, problems = BINARY[name], []
    for dtype, number in itertools.product(NAMES, NUMBERS):
        for a, c in zip(arguments(izvod, dtype), arguments(torch, dtype), strict=True):
            pairs = [((a, number), (c, number))]
            if name[0] != "i":
                pairs.append(((number, a), (number, c)))
            for mine, other in pairs:
                got, expected = (
                    described(function, izvod, *mine),
                    described(function, torch, *other),
                )
                if got != expected and expected != "not implemented":
                    problems.append((dtype, a.dim(), number, mine[0] is a, got, expected))
    report(problems)


BOOLS_REFUSED = {
    **dict.fromkeys(("abs", "floor", "ceil", "round", "trunc", "frac"), 1),
    **dict.fromkeys(("floor_divide", "remainder", "fmod", "pow"), 2),
}


@pytest.mark.parametrize("name", BOOLS_REFUSED)
def test_refused_bools(name, torch):
    def call(lib):
        return getattr(lib, name)(*[lib.tensor([True, False])] * BOOLS_REFUSED[name])

    with pytest.raises(NotImplementedError) as theirs:
        call(torch)
    with pytest.raises(NotImplementedError) as ours:
        call(izvod)
    assert str(ours.value) == str(theirs.value)


VALUES = [0.0, -0.0, 0.5, 1.0, 1.5, 2.5, 3.999, -0.99, -2.5, 100.4, 65504.0, 1e-5, 3.1415926535]
SPECIAL = [float("inf"), float("-inf"), float("nan"), 70000.0, 1e39, 1e-40, 6e-8]


def test_casts(torch):
    """Values through every pair of dtypes that can hold them."""
    problems = []
    for source, target in PAIRS:
        floating = KINDS[NAMES.index(source)] == 2 and KINDS[NAMES.index(target)] == 2
        values = VALUES + SPECIAL if floating else VALUES[:-3]
        values = [abs(v) for v in values] if "uint8" in (source, target) else values
        results = []
        for lib in (izvod, torch):
            x = lib.tensor(values, dtype=lib.float64).to(getattr(lib, source))
            results.append(repr(x.to(getattr(lib, target)).tolist()))
        if results[0] != results[1]:
            problems.append((source, target, *results))
    report(problems)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_halves_round_to_even(name, torch):
    """All 65536 values there and back, and midpoints between neighbours."""
    bits = range(-32768, 32768, 7)
    theirs = torch.tensor(list(bits), dtype=torch.int16).view(getattr(torch, name)).double()
    exact = theirs[theirs.isfinite()]
    between = exact + (exact.roll(1) - exact).abs().clamp(max=1) * 0.31
    for values in (exact.tolist(), between.tolist()):
        for start in ("float32", "float64"):
            mine = izvod.tensor(values, dtype=getattr(izvod, start)).to(getattr(izvod, name))
            other = torch.tensor(values, dtype=getattr(torch, start)).to(getattr(torch, name))
            assert mine.double().tolist() == other.double().tolist(), start


def test_objects():
    """dtype objects: text, identity, what they say about themselves."""
    for name, kind in zip(NAMES, KINDS, strict=True):
        dtype = getattr(izvod, name)
        assert repr(dtype) == f"torch.{name}" and dtype is getattr(izvod, name)
        assert dtype.is_floating_point == (kind == 2) and not dtype.is_complex
        assert dtype.is_signed == (name not in ("bool", "uint8"))
        assert dtype.itemsize == izvod.zeros(1, dtype=dtype).element_size()
        x = izvod.zeros(2, dtype=dtype)
        assert izvod.is_floating_point(x) == x.is_floating_point() == (kind == 2)
        assert x.is_signed() == dtype.is_signed and not x.is_complex() and not izvod.is_complex(x)
    assert (
        izvod.float is izvod.float32 and izvod.long is izvod.int64 and izvod.half is izvod.float16
    )


def test_default_dtype():
    assert izvod.get_default_dtype() is izvod.float32
    try:
        izvod.set_default_dtype(izvod.float64)
        assert izvod.tensor(1.5).dtype is izvod.zeros(1).dtype is izvod.float64
        assert (izvod.ones(2, dtype=izvod.int64) / 2).dtype is izvod.float64
    finally:
        izvod.set_default_dtype(izvod.float32)
    with pytest.raises(TypeError, match="only floating-point types are supported as the default"):
        izvod.set_default_dtype(izvod.int64)
