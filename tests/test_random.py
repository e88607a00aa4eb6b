"""Random functions: every one against torch, bit for bit, with the generator's state afterwards."""

import izvod
import pytest
from random_calls import (
    FLOATS,
    INTEGERS,
    SEEDS,
    compare,
    names,
    needs_torch,
    state,
    torch,
)

SIZES = [0, 1, 2, 15, 16, 17, 31, 40, 100, 623, 624, 625, 1000, 3000, 100003]

# ---- Against torch

IN_PLACE = [
    ("uniform_()", FLOATS),
    ("uniform_(-0.37, 1.91)", FLOATS),
    ("uniform_(1, 1.0009)", FLOATS),
    ("uniform_(2, 2)", FLOATS),
    ("normal_()", FLOATS),
    ("normal_(0.7, 0.013)", FLOATS),
    ("normal_(-3, 0)", FLOATS),
    ("log_normal_()", FLOATS),
    ("log_normal_(0.1, 0.5)", FLOATS),
    ("cauchy_()", FLOATS),
    ("cauchy_(1.5, 0.2)", FLOATS),
    ("exponential_()", FLOATS),
    ("exponential_(2.3)", FLOATS),
    ("geometric_(0.3)", FLOATS + INTEGERS),
    ("bernoulli_()", FLOATS + INTEGERS + ["bool"]),
    ("bernoulli_(0.3)", FLOATS + INTEGERS + ["bool"]),
    ("random_()", FLOATS + INTEGERS + ["bool"]),
    ("random_(10)", FLOATS + INTEGERS),
    ("random_(3, 100)", FLOATS + INTEGERS),
    ("random_(5, None)", FLOATS + INTEGERS),
    ("random_(0, 2**28 - 1)", ["int32", "int64", "float64"]),
    ("random_(5, 2**28 + 5)", ["int32", "int64", "float64"]),
    ("random_(-2**62, 2**62 + 12345)", ["int64", "float64"]),
    ("random_(-2**63, 2**63 - 1)", ["int64"]),
    ("random_(-2**63, None)", ["int64", "float64", "float32", "bfloat16"]),
    ("random_(-2**24 - 9, 2**24 + 5)", ["float32"]),
    ("random_(0, 2**63 - 1)", ["float32", "float64", "int64"]),
    ("random_(2047, 2051)", ["float16"]),
    ("random_(0, 65504)", ["float16"]),
    ("random_(-1000, 1023)", ["bfloat16"]),
]


@needs_torch
@pytest.mark.parametrize("call, dtypes", IN_PLACE, ids=[c for c, _ in IN_PLACE])
def test_in_place(call, dtypes):
    for dtype in dtypes:
        for n in SIZES:
            compare(f"torch.zeros({n}, dtype=torch.{dtype}).{call}")
        for seed in SEEDS:
            compare(f"torch.zeros(50, dtype=torch.{dtype}).{call}", seed, warm=3)


@needs_torch
@pytest.mark.parametrize(
    "call",
    [
        "torch.rand(1000000)",
        "torch.randn(1000000)",
        "torch.randn(1000003, dtype=torch.bfloat16)",
        "torch.randint(10, (1000000,))",
        "torch.randperm(1000000)",
        "torch.zeros(1000000).bernoulli_(0.3)",
        "torch.bernoulli(chance(1000000))",
        "F.dropout(num(1000000), 0.1)",
        "torch.zeros(1000000).exponential_()",
        "torch.zeros(1000, 1000).t().normal_()",
    ],
)
def test_a_million(call):
    compare(call)


LAYOUTS = [
    "torch.zeros(40, 30, dtype={}).t()",
    "torch.zeros(5, 6, 4, dtype={}).permute(2, 0, 1)",
    "torch.zeros(30, 80, dtype={}).as_strided((30, 40), (80, 2))",
    "torch.zeros(30, 40, dtype={}).as_strided((40, 15), (1, 80))",
    "torch.zeros(300, dtype={}).as_strided((2, 3, 4, 5), (60, 1, 15, 3))",
    "torch.zeros(300, dtype={}).as_strided((1, 3, 4, 5), (60, 1, 15, 3))",
    "torch.zeros(300, dtype={}).as_strided((4, 1, 3, 1), (3, 1, 1, 7))",
    "torch.zeros(40000, dtype={}).as_strided((200, 190), (1, 200))",
    "torch.zeros(4, 8, 6, dtype={})[:, ::2].permute(2, 0, 1)",
    "torch.zeros(1, 8, 6, 1, dtype={})[:, :, ::3].permute(3, 2, 0, 1)",
    "torch.zeros(900, dtype={})[7:]",
    "torch.zeros((), dtype={})",
    "torch.zeros(3, 0, 2, dtype={})",
]


@needs_torch
@pytest.mark.parametrize(
    "call",
    [
        "uniform_()",
        "normal_()",
        "log_normal_()",
        "bernoulli_(0.3)",
        "exponential_()",
        "random_(10)",
        "geometric_(0.3)",
        "cauchy_()",
        "random_(generator=G)",
    ],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_the_order_of_memory(layout, call):
    whole = call.startswith(("bernoulli", "random", "geometric"))
    for dtype in FLOATS + INTEGERS * whole:
        compare(f"{layout.format('torch.' + dtype)}.{call}", warm=3)


@needs_torch
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "call",
    [
        "torch.rand_like({})",
        "torch.randn_like({}, generator=G)",
        "torch.randint_like({}, 3, 70)",
        "torch.rand_like({}, dtype=torch.float64)",
        "torch.randn_like({}, dtype=torch.bfloat16)",
        "torch.randn_like({}, memory_format=torch.contiguous_format)",
        "torch.rand_like({}, memory_format=torch.preserve_format)",
        "torch.bernoulli({} + 0.25)",
        "torch.normal({}, 0.5)",
        "torch.normal({}, {} + 2, generator=G)",
        "torch.normal(0.3, {} + 2)",
        "torch.poisson({} + 2)",
        "F.dropout({} + 1, 0.3)",
        "torch.zeros({}.shape).bernoulli_({} + 0.25)",
    ],
)
def test_results_of_layouts(layout, call):
    compare(call.replace("{}", layout.format("torch.float32")), warm=3)


RATES = "torch.tensor([0, 0.1, 1, 5, 9.9, 10, 11, 50, 300, 12345.6] * 30)"
WEIGHTS = "torch.rand(11, 37, generator=torch.Generator().manual_seed(4))"
COUNTS = "torch.tensor([0.0, 3, 17, 40, 1000, 1e6] * 30)"
CHANCES = "torch.tensor([0.4, 0.3, 0.9, 0.25, 0.5, 0.013] * 30)"
ALPHAS = "torch.tensor([0, 0.01, 0.3, 0.999, 1, 1.5, 3, 20, 1e4] * 20)"
FUNCTIONS = [
    "torch.rand(3001)",
    "torch.rand(2, 3, dtype=torch.float64)",
    "torch.rand((2, 3))",
    "torch.rand(())",
    "torch.rand(0, 3)",
    "torch.randn(3001)",
    "torch.randn(4, 4, dtype=torch.bfloat16)",
    "torch.randn(3, requires_grad=True)",
    "torch.randint(10, (1000,))",
    "torch.randint(-7, 9, (1000,))",
    "torch.randint(0, 2**28, (1000,))",
    "torch.randint(0, 255, (1000,), dtype=torch.uint8)",
    "torch.randint(0, 1000, (1000,), dtype=torch.float32)",
    "torch.randint(low=2, high=5, size=(7, 7))",
    "torch.rand_like(torch.zeros(5, 6).t())",
    "torch.randn_like(torch.zeros(5, 6).t())",
    "torch.rand_like(torch.zeros(5, 6), dtype=torch.float64)",
    "torch.randint_like(torch.zeros(5, 6), 3)",
    "torch.randint_like(torch.zeros(5, 6).t(), 3, 9)",
    "torch.rand_like(torch.zeros(10, 24).as_strided((10, 12), (24, 2)))",
    "torch.randn_like(torch.zeros(2, 3, 4, 5), memory_format=torch.channels_last)",
    "torch.rand_like(torch.zeros(3, 1).expand(3, 4))",
    "torch.rand(3001, generator=G)",
    "torch.randint(5, (7,), generator=G, dtype=torch.int16)",
    "torch.randint(2, (40,), dtype=torch.bool)",
    "torch.randperm(100, generator=G)",
    "torch.rand(2, 30, out=torch.zeros(2, 30))",
    "torch.randn(2, 30, out=torch.zeros(30, 2).t())",
    "torch.randint(9, (2, 30), out=torch.zeros(30, 2, dtype=torch.int32).t())",
    "torch.randperm(30, out=torch.zeros(30, dtype=torch.int64))",
    "torch.normal(0.5, 2.0, (20,), out=torch.zeros(20))",
    "torch.normal(num(20), chance(20), out=torch.zeros(20))",
    "torch.bernoulli(chance(4, 5), out=torch.zeros(5, 4).t())",
    "torch.multinomial(chance(9), 4, out=torch.zeros(4, dtype=torch.int64))",
    *[f"torch.randperm({n})" for n in (0, 1, 2, 3, 10, 1000, 40000)],
    *[f"torch.randperm(50, dtype=torch.{t})" for t in FLOATS + INTEGERS],
    "torch.normal(2.0, 3.0, (20,))",
    "torch.normal(2, 3, (7,))",
    "torch.normal((torch.arange(100) * 0.0625 - 2), (torch.arange(1, 101) * 0.0625))",
    "torch.normal((torch.arange(100) * 0.0625 - 2), 0.3)",
    "torch.normal(0.3, (torch.arange(1, 101) * 0.0625))",
    "torch.normal(torch.zeros(7))",
    "torch.normal(torch.zeros(2, 1), torch.ones(3))",
    "torch.normal(torch.zeros(5, 4).t(), torch.ones(5, 4).t())",
    "torch.normal(torch.zeros(3, dtype=torch.float64), torch.ones(3))",
    *[
        f"torch.normal({mean}, {std})".replace("torch.x", f"torch.{t}")
        for t in FLOATS
        for mean, std in (
            ("num(100, dtype=torch.x)", "0.3"),
            ("-0.37", "chance(100, dtype=torch.x)"),
            ("num(100, dtype=torch.x)", "chance(100, dtype=torch.x)"),
        )
    ],
    "torch.bernoulli(torch.rand(500))",
    "torch.bernoulli(torch.rand(500, dtype=torch.float64))",
    "torch.bernoulli(torch.rand(30, 40).t())",
    "torch.bernoulli(torch.rand(500).to(torch.bfloat16))",
    "torch.bernoulli(torch.zeros(30, 40).t(), 0.3)",
    "torch.zeros(500, dtype=torch.float64).bernoulli_(torch.rand(500))",
    "torch.zeros(30, 40).t().bernoulli_(torch.rand(30))",
    f"torch.poisson({RATES})",
    f"torch.poisson({RATES}.to(torch.float64))",
    "torch.poisson(torch.rand(4, 5).t())",
    "torch.poisson(rate(100, dtype=torch.bfloat16), generator=G)",
    "torch._standard_gamma(rate(8, 6)[:, ::2].t())",
    f"torch.binomial({COUNTS}, {CHANCES})",
    f"torch.binomial({COUNTS}.to(torch.float64), {CHANCES}.to(torch.float64))",
    f"torch._standard_gamma({ALPHAS})",
    f"torch._standard_gamma({ALPHAS}.to(torch.float64))",
    *[
        f"torch._sample_dirichlet((torch.arange(1, {n + 1}) * 0.0625).to(torch.{t}).expand(5, {n}))"
        for n in (1, 3, 8, 17, 100, 1000)
        for t in ("float32", "float64")
    ],
    *[
        f"torch.multinomial({WEIGHTS}{to}, {k}, {replace})"
        for to in ("", ".to(torch.float64)", ".t()")
        for k, replace in ((1, False), (1, True), (5, False), (5, True), (200, True))
        if k <= 11 or replace
    ],
    "torch.multinomial(torch.tensor([1., 2, 3, 4]), 4)",
    "torch.multinomial(torch.tensor([1., 2, 3]), 2, out=torch.zeros(0, dtype=torch.int64))",
    "torch.rand(6, 5, out=torch.zeros(0))",
    "torch.normal(torch.ones(6, 5), 2.0, out=torch.zeros(5, 6).t())",
    "torch.normal(torch.ones(6, 5), torch.ones(5) * 3, out=torch.zeros(5, 6).t())",
    "torch.normal(0.5, torch.ones(6, 5) * 3, out=torch.zeros(6, 10)[:, ::2])",
    "torch.randint(3, (2, 20), out=torch.zeros(0, 7))",
    "torch.randperm(9, out=torch.zeros(0, dtype=torch.int64))",
    f"torch.multinomial({WEIGHTS}.to(torch.float16), 50, True)",
    "torch.multinomial(torch.ones(0, 3), 2)",
    "torch.ones(9).multinomial(9, generator=torch.Generator())",
    "chance(7, 12)[:, ::2].t().multinomial(3)",
    "chance(7, 12).multinomial(20, replacement=True, generator=G)",
]


@needs_torch
@pytest.mark.parametrize("text", FUNCTIONS)
def test_functions(text):
    for seed in SEEDS:
        compare(text, seed)
        compare(text, seed, warm=3)


@needs_torch
@pytest.mark.parametrize(
    "call",
    [
        "uniform_()",
        "normal_()",
        "bernoulli_(0.5)",
        "bernoulli_(torch.full((6,), 0.5))",
        "random_()",
        "exponential_()",
        "geometric_(0.5)",
        "cauchy_()",
        "log_normal_()",
    ],
)
def test_in_place_gradients_are_zero(call):
    x = izvod.ones(6, requires_grad=True)
    y = eval(f"(x * 2).{call}", {"x": x, "torch": izvod})
    y.backward(izvod.ones(6))
    assert y.requires_grad and x.grad.tolist() == [0] * 6
    with pytest.raises(
        RuntimeError,
        match="a leaf Variable that requires grad is being used in an in-place operation",
    ):
        eval(f"x.{call}", {"x": x, "torch": izvod})


# ---- Errors: torch's class and text; generator and tensor stay as they were

ERRORS = [
    "x.uniform_(1, 0)",
    "x.uniform_(nan, 1)",
    "x.uniform_(0, inf)",
    "x.uniform_(-3e38, 3e38)",
    "x.to(torch.float16).uniform_(0, 70000)",
    "i.uniform_()",
    "b.uniform_()",
    "x.normal_(0, -1)",
    "x.normal_(0, nan)",
    "i.normal_()",
    "torch.rand(3, dtype=torch.int64)",
    "torch.randn(3, dtype=torch.int32)",
    "torch.rand(-1)",
    "x.random_(5, 5)",
    "x.random_(5, 2)",
    "x.random_(0)",
    "x.random_(-1)",
    "u.random_(0, 257)",
    "u.random_(-1, 5)",
    "u.random_(300, None)",
    "b.random_(0, 3)",
    "x.to(torch.float16).random_(0, 65506)",
    "x.to(torch.float16).random_(4097, 4098)",
    "x.random_(2**25, None)",
    "u.random_(-2**63, None)",
    "torch.randint(5, 5, (3,))",
    "torch.randint(0, 300, (3,), dtype=torch.uint8)",
    "torch.randperm(-1)",
    "torch.randperm(3, dtype=torch.bool)",
    "torch.randperm(257, dtype=torch.uint8)",
    "torch.randperm(2050, dtype=torch.float16)",
    "x.bernoulli_(2)",
    "x.bernoulli_(-0.1)",
    "x.bernoulli_(nan)",
    "x.bernoulli_(torch.tensor([0.1, 0.2, 2.0]))",
    "x.bernoulli_(torch.tensor([0.1, nan, 0.2]))",
    "x.bernoulli_(torch.tensor([1, 0, 1]))",
    "torch.bernoulli(i)",
    "torch.bernoulli(b)",
    "torch.bernoulli(x, 1.5)",
    "x.geometric_(0)",
    "x.geometric_(1)",
    "x.geometric_(nan)",
    "b.geometric_(0.5)",
    "x.exponential_(0)",
    "x.exponential_(nan)",
    "i.exponential_(1)",
    "i.cauchy_()",
    "x.cauchy_(0, 0)",
    "x.log_normal_(0, 0)",
    "i.log_normal_()",
    "torch.normal(0., -1., (3,))",
    "torch.normal(x, -1.)",
    "torch.normal(x, torch.tensor([1., -1, 1]))",
    "torch.normal(0., torch.tensor([1., nan, 1]))",
    "torch.normal(x, torch.ones(2))",
    "torch.normal(i, 1.)",
    "torch.poisson(torch.tensor([-1., 2]))",
    "torch.poisson(torch.tensor([nan, 2]))",
    "torch.poisson(i)",
    "torch._standard_gamma(i)",
    "torch._sample_dirichlet(i)",
    "torch.binomial(i, x)",
    "torch.binomial(x.to(torch.float64), x)",
    "torch.multinomial(x, 5)",
    "torch.multinomial(x, 0)",
    "torch.multinomial(i, 2)",
    "torch.multinomial(torch.zeros(3), 2)",
    "torch.multinomial(torch.zeros(3), 2, True)",
    "torch.multinomial(torch.tensor([1., -1, 0]), 2)",
    "torch.multinomial(torch.tensor([1., -1, 0]), 2, True)",
    "torch.multinomial(torch.tensor([1., inf, 0]), 2, True)",
    "torch.multinomial(torch.tensor([1., inf, 0]), 1)",
    "torch.multinomial(torch.ones(2, 3, 4), 1)",
    "F.dropout(x, 2)",
    "F.dropout(x, -0.1)",
    "F.dropout(x, nan)",
    "F.dropout(i, 0.5)",
    "torch.dropout(x, 2, True)",
    "F.dropout2d(x, 1.5)",
    "F.alpha_dropout(x, 1.5, True)",
    "torch.feature_dropout(x, 0.5, True)",
    "F.rrelu(x, 0.3, 0.1, True)",
    "F.rrelu(i, training=True)",
    "F.dropout1d(x, 0.5)",
    "F.scaled_dot_product_attention(x4, x4, x4, dropout_p=1.5)",
    "nn.Dropout(1.5)",
    "nn.Dropout2d(-0.1)",
    "nn.AlphaDropout(2)",
    "nn.init.normal_(x, 0, -1)",
    "nn.init.uniform_(x, 1, 0)",
    "nn.init.xavier_uniform_(x)",
    "nn.init.kaiming_normal_(x4, mode='up')",
    "nn.init.trunc_normal_(x, 0, 0)",
    "x.expand(2, 3).uniform_()",
    "torch.randint(3, (2,), requires_grad=True)",
    "torch.rand(3, out=torch.zeros(3, dtype=torch.float64), dtype=torch.float32)",
    "torch.multinomial(x, 2, out=x)",
    "torch.randn_like(x, memory_format=torch.channels_last)",
    "x.normal_(generator=5)",
    "x.bernoulli_(0.5, generator='x')",
    "torch.multinomial(x, 1, generator=5)",
    "torch.Generator().manual_seed(3.7)",
    "torch.Generator().manual_seed(True)",
    "torch.Generator().manual_seed('3')",
    "torch.manual_seed(2**64)",
    "torch.manual_seed(-2**63 - 1)",
    "torch.manual_seed('a')",
    "torch.randint(2**63 - 1, 2**63 + 1, (1,))",
    "torch.randint_like(x, 2**63)",
    "i.random_(0, 2**64)",
    "torch.set_rng_state(x)",
    "torch.set_rng_state(u)",
    "torch.set_rng_state(5)",
    "torch.Generator().set_state(torch.zeros(5056, dtype=torch.uint8))",
]


# torch's texts for these list its signatures.
WRONG_TYPES = [
    "torch.rand(3, generator=5)",
    "torch.randn(3, generator='x')",
    "torch.randperm(3, generator=1.5)",
    "torch.randint(1.5, 3, (2,))",
    "torch.randint(0, 5)",
    "torch.randint(0, 5, 3)",
    "torch.rand('a')",
    "torch.rand()",
    "torch.zeros(3).normal_(0, 'a')",
    "torch.Generator().set_state([0] * 5056)",
]


def raised(module, text):
    """The error of a call, which leaves izvod's generator and tensors as they were."""
    tensors = {
        "x": module.ones(3),
        "x4": module.ones(1, 1, 2, 2),
        "i": module.ones(3, dtype=module.int64),
        "b": module.ones(3, dtype=module.bool),
        "u": module.ones(3, dtype=module.uint8),
    }
    module.manual_seed(5)
    before = state(module)
    with pytest.raises(Exception) as info:
        eval(text, names(module) | tensors)
    if module is izvod:
        assert state(module) == before
        assert all(t.eq(1).all() for t in tensors.values())
    return info


@needs_torch
@pytest.mark.parametrize("text", ERRORS)
def test_errors(text):
    mine, theirs = raised(izvod, text), raised(torch, text)
    assert issubclass(mine.type, theirs.type), f"{mine.value!r} instead of {theirs.value!r}"
    assert str(mine.value).split("\n")[0] == str(theirs.value).split("\n")[0]


@needs_torch
@pytest.mark.parametrize("text", WRONG_TYPES)
def test_wrong_types(text):
    assert raised(torch, text).type is TypeError
    assert raised(izvod, text).type is TypeError
