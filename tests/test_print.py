"""The text of tensors against torch's: stored cases everywhere, random ones where torch is.

A case is plain data: dtype, shape, options, autograd history, and bytes that are repeated to fill
the tensor. `python tests/test_print.py` writes tests/data/print_cases.json anew (needs torch).
"""

import json
import math
import random
import struct
from pathlib import Path

import izvod
import pytest

STORED = Path(__file__).parent / "data" / "print_cases.json"

ITEM = {  # how struct packs an element; bfloat16 is the upper half of a float32
    "bool": "?",
    "uint8": "B",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "float16": "e",
    "bfloat16": "f",
    "float32": "f",
    "float64": "d",
    "complex64": "f",
    "complex128": "d",
}
LARGEST = {"float16": 65504, "bfloat16": 3.38e38, "float32": 3.4e38, "complex64": 3.4e38}

HISTORY = {
    "leaf": lambda x, module: x.requires_grad_(),
    "parameter": lambda x, module: module.nn.Parameter(x),
    "frozen": lambda x, module: module.nn.Parameter(x, requires_grad=False),
    "mul": lambda x, module: x.requires_grad_() * 1,
    "clone": lambda x, module: x.requires_grad_().clone(),
    "select": lambda x, module: x.requires_grad_()[0],
    "transpose": lambda x, module: x.transpose(0, -1),
}


def pack(dtype, value):
    if math.isfinite(value) and abs(value) > LARGEST.get(dtype, math.inf):
        value = math.copysign(math.inf, value)
    data = struct.pack("<" + ITEM[dtype], value)
    return data[2:] if dtype == "bfloat16" else data


def build(module, case):
    dtype = getattr(module, case["dtype"])
    pattern = bytes.fromhex(case["data"])
    length = math.prod(case["shape"]) * dtype.itemsize
    data = (pattern * (length // max(1, len(pattern)) + 1))[:length]
    if module is izvod:
        x = izvod._C._from_bytes(data, dtype, case["shape"])
    elif data:
        x = module.frombuffer(bytearray(data), dtype=dtype).reshape(case["shape"])
    else:
        x = module.empty(case["shape"], dtype=dtype)
    return HISTORY[case["history"]](x, module) if case["history"] else x


def text(module, case):
    """What the case's tensor looks like under its options, which last no longer than this call."""
    default = module.get_default_dtype()
    try:
        module.set_default_dtype(getattr(module, case["default"]))
        options = {name: math.inf if v == "inf" else v for name, v in case["options"].items()}
        module.set_printoptions(**options)
        return repr(build(module, case))
    finally:
        module.set_default_dtype(default)
        module.set_printoptions(profile="default")


# --- cases --------------------------------------------------------------------------------------


def case(dtype, shape, values, history=None, default="float32", **options):
    return {
        "dtype": dtype,
        "shape": list(shape),
        "data": b"".join(pack(dtype, value) for value in values).hex(),
        "history": history,
        "default": default,
        "options": options,
    }


def chosen_cases():
    """Cases at the edges of every decision that the printer takes."""
    nan, inf = math.nan, math.inf
    values = [
        [1.0, 2.0, 3.0],
        [0.1, 22.25, -333.5],
        [1.0, 1000.0],
        [1.0, 1001.0],
        [1.0, 1000.5],
        [0.5, 500.0],
        [0.5, 501.0],
        [1e8],
        [1.1e8],
        [1e-4],
        [0.99e-4],
        [1e-30, 1e30],
        [0.0, -0.0],
        [nan, inf, -inf],
        [nan, 1.0, -inf],
        [nan, 1.5, -inf],
        [nan, 1e10, -inf, 0.0],
        [99999.0, -123456.0],
        [0.99995, 9.99995],
        [0.00005, 2.5],
    ]
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        for row in values:
            yield case(dtype, [len(row)], row)
        for number in (0.0, 1.0, 0.1, 1e-5, 3.0e4, nan, inf, -inf):
            yield case(dtype, [], [number])
        yield case(dtype, [2, 2], [1e-4, 3.0, nan], sci_mode=True)
        yield case(dtype, [2, 2], [1e-4, 3.0, nan], sci_mode=False)
        for default in ("float32", "float64", "float16"):
            yield case(dtype, [2], [0.5], default=default)
            yield case(dtype, [0], [], default=default)
    for dtype in ("bool", "uint8", "int8", "int16", "int32", "int64"):
        for shape in ([], [1], [3, 2], [2, 1, 3], [40], [0], [0, 3], [2, 0]):
            yield case(dtype, shape, [1, 0, 100 if dtype != "bool" else 1])
    for shape in ([1001], [1000], [50, 50], [7, 7, 30], [2, 600], [2, 2, 2, 130], [1, 1, 1, 1]):
        yield case("float32", shape, [0.5, -1.25, 7.0, 11.125, 0.0625])
        yield case("int64", shape, range(7))
        yield case("int64", shape, range(7), profile="short")
        yield case("int64", shape, range(7), threshold=5, edgeitems=1)
        yield case("int64", shape, range(7), threshold=5, edgeitems=0)
    for history in HISTORY:
        for width in (20, 30, 40, 80):
            yield case("float32", [2, 3], [0.5, 1.5, -2.0], history, linewidth=width)
            yield case("float64", [2, 3], [1.0, 2.0], history, linewidth=width)
    for precision in (0, 1, 8):
        yield case("float32", [2, 2], [0.123456789, 12.5], precision=precision)
        yield case("float64", [2, 2], [1e-9, 12.5], precision=precision)
    for row in ([1.0, -1.0], [0.5, nan, inf, -0.0], [1e9, 2.0, 3.0, 1e-3], [-1.5, -inf]):
        yield case("complex64", [2, 2], row)
        yield case("complex128", [5], row, default="float64")
        yield case("complex64", [], row)


def random_values(choose, dtype, count):
    item = ITEM[dtype]
    if item == "?":
        return [choose.random() < 0.5 for _ in range(count)]
    if item in "Bbhiq":
        bits = 8 * struct.calcsize("<" + item)
        low, high = (0, 2**bits - 1) if item == "B" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        reach = choose.choice([3, 100, high])
        return [choose.randint(max(low, -reach - 1), min(high, reach)) for _ in range(count)]
    spread = choose.choice([0, 0, 1, 3, 9, 40])
    scale = choose.choice([0, 0, 0, choose.uniform(-40, 38)])
    powers = [choose.uniform(scale - spread, min(38, scale + spread)) for _ in range(count)]
    values = [choose.gauss(0, 1) * 10**power for power in powers]
    whole = choose.choice([0, 0, 0.9, 1])
    values = [float(round(v)) if choose.random() < whole else v for v in values]
    if choose.random() < 0.3:
        odd = [math.nan, math.inf, -math.inf, 0.0, -0.0]
        values = [choose.choice(odd) if choose.random() < 0.2 else v for v in values]
    return values


def random_case(choose, dtypes):
    dtype = choose.choice(dtypes)
    longest = choose.choice([[1], [12, 1500], [6, 60], [4, 14], [3, 6]])
    shape = [choose.randint(1, choose.choice(longest)) for _ in range(choose.randint(0, 5))]
    if choose.random() < 0.05:
        shape.append(0)
    while math.prod(shape) > 4000:
        shape.pop()
    floating = ITEM[dtype] in "efd"
    ways = [way for way in HISTORY if floating or way == "transpose"]
    ways = [way for way in ways if shape and shape[0] or way not in ("select", "transpose")]
    options = {
        "precision": [0, 1, 2, 3, 6, 8],
        "threshold": [0, 5, 20, 100, 1000, "inf"],
        "edgeitems": [0, 1, 2, 3, 5],
        "linewidth": [1, 20, 40, 60, 100, 200],
        "sci_mode": [True, False],
        "profile": ["default", "short", "full"],
    }
    few = choose.choice([0, 0, 0.3, 0.6])
    return case(
        dtype,
        shape,
        random_values(choose, dtype, choose.randint(2, 24) * 2),
        history=choose.choice(ways) if ways and choose.random() < 0.4 else None,
        default=choose.choice(["float32"] * 4 + ["float64", "float16", "bfloat16"]),
        **{name: choose.choice(these) for name, these in options.items() if choose.random() < few},
    )


# --- tests --------------------------------------------------------------------------------------


def stored_cases():
    cases = json.loads(STORED.read_text(encoding="utf-8"))
    return [case for case in cases if hasattr(izvod, case["dtype"])]


@pytest.mark.parametrize("group", range(10))
def test_stored_cases(group):
    cases = stored_cases()[group::10]
    assert len(cases) > 20
    for case in cases:
        assert text(izvod, case) == case["text"], case


@pytest.mark.parametrize("seed", range(5))
def test_random_cases(seed):
    torch = pytest.importorskip("torch", reason="compares with torch's text")
    choose = random.Random(seed)
    dtypes = [dtype for dtype in ITEM if hasattr(izvod, dtype)]
    for _ in range(500):
        case = random_case(choose, dtypes)
        assert text(izvod, case) == text(torch, case), case


def test_str_and_print_are_repr():
    x = izvod.tensor([[1.0, 2.5], [3.0, 4.0]], requires_grad=True)
    expected = "tensor([[1.0000, 2.5000],\n        [3.0000, 4.0000]], requires_grad=True)"
    assert repr(x) == str(x) == f"{x}" == expected


def test_format_of_a_single_element():
    assert f"{izvod.tensor(2.5):.3f}" == "2.500"
    assert f"{izvod.tensor(7):>4}" == "   7"
    assert f"{izvod.tensor(True)}" == "True"
    assert f"{(izvod.tensor(2.0, requires_grad=True) * 2):.1e}" == "4.0e+00"
    assert f"{izvod.tensor([2.5])}" == "tensor([2.5000])"
    with pytest.raises(TypeError, match="unsupported format string"):
        format(izvod.tensor([2.5]), ".1f")
    parameter = izvod.nn.Parameter(izvod.tensor(2.0))
    assert f"{parameter}" == "Parameter containing:\ntensor(2., requires_grad=True)"


def test_subclasses_show_their_name():
    class Weight(izvod.nn.Parameter):
        pass

    weight = Weight(izvod.ones(2))
    inner = "Weight([1., 1.], requires_grad=True)"
    assert repr(weight) == f"Parameter containing:\nParameter({inner})"


def test_custom_functions_show_their_name():
    class Double(izvod.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    y = Double.apply(izvod.ones(1, requires_grad=True))
    assert repr(y) == "tensor([2.], grad_fn=<DoubleBackward>)"


def test_printing_leaves_the_graph_alone():
    x = izvod.ones(3, 4, requires_grad=True)
    y = (x * 2).sum()
    repr(x), repr(y), f"{y:.2f}"
    y.backward()
    assert x.grad.tolist() == [[2.0] * 4] * 3


def test_printoptions_end_with_their_block():
    x = izvod.tensor([0.123456])
    izvod.set_printoptions(precision=2)
    before = izvod._tensor_str.get_printoptions()
    with pytest.raises(KeyError), izvod._tensor_str.printoptions(precision=6, sci_mode=True):
        assert repr(x) == "tensor([1.234560e-01])"
        raise KeyError
    assert izvod._tensor_str.get_printoptions() == before
    assert repr(x) == "tensor([0.12])"
    izvod.set_printoptions(profile="default")
    assert repr(x) == "tensor([0.1235])"


def test_unknown_profile_changes_nothing():
    before = izvod._tensor_str.get_printoptions()
    with pytest.raises(ValueError, match="'default', 'short', 'full', got 'long'"):
        izvod.set_printoptions(precision=9, profile="long")
    assert izvod._tensor_str.get_printoptions() == before


if __name__ == "__main__":
    import torch

    choose = random.Random(2026)
    cases = list(chosen_cases()) + [random_case(choose, list(ITEM)) for _ in range(200)]
    cases = [{**case, "text": text(torch, case)} for case in cases]
    rows = ",\n".join(
        json.dumps(case, ensure_ascii=False) for case in cases if len(case["text"]) < 1500
    )
    STORED.write_text(f"[\n{rows}\n]\n", encoding="utf-8")
