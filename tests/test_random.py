"""Random streams: every function against torch, bit for bit, with the generator's state afterwards;
and golden vectors for seed 123 that need no torch.
"""

import copy
import pickle
import threading

import izvod
import pytest

try:
    import torch
except ImportError:
    torch = None
needs_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")

FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
SIZES = [0, 1, 2, 15, 16, 17, 31, 40, 100, 623, 624, 625, 1000, 5000, 100003]
SEEDS = [0, 123, 2**63 + 5, -1]


def bits(x):
    if isinstance(x, izvod.Tensor):
        return x.detach()._to_bytes()
    if x.numel() == 0:
        return b""
    return x.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes()


def state(module):
    return bits(module.get_rng_state())


def run(module, text, seed, warm):
    module.manual_seed(seed)
    if warm:
        module.randn(warm)  # an odd number of normals leaves one behind
    try:
        return eval(
            text,
            {"torch": module, "F": functional(module), "nan": float("nan"), "inf": float("inf")},
        )
    except Exception as error:
        return error


def functional(module):
    if module is torch:
        return torch.nn.functional
    return izvod._C._nn


def compare(text, seed=123, warm=0):
    mine, theirs = run(izvod, text, seed, warm), run(torch, text, seed, warm)
    for x in (mine, theirs):
        if isinstance(x, Exception):
            raise AssertionError(f"{text}: {x!r}")
    assert tuple(mine.shape) == tuple(theirs.shape), text
    assert str(mine.dtype) == str(theirs.dtype), text
    assert bits(mine) == bits(theirs), text
    assert state(izvod) == state(torch), f"{text}: the state differs"
    if mine.numel() > 1:
        assert mine.stride() == theirs.stride(), text
    assert mine.requires_grad == theirs.requires_grad, text


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


LAYOUTS = [
    "torch.zeros(40, 30, dtype={}).t()",
    "torch.zeros(5, 6, 4, dtype={}).permute(2, 0, 1)",
    "torch.zeros(30, 80, dtype={}).as_strided((30, 40), (80, 2))",
    "torch.zeros(30, 40, dtype={}).as_strided((40, 15), (1, 80))",
    "torch.zeros(300, dtype={}).as_strided((2, 3, 4, 5), (60, 1, 15, 3))",
    "torch.zeros(300, dtype={}).as_strided((1, 3, 4, 5), (60, 1, 15, 3))",
    "torch.zeros(300, dtype={}).as_strided((4, 1, 3, 1), (3, 1, 1, 7))",
    "torch.zeros(40000, dtype={}).as_strided((200, 190), (1, 200))",
    "torch.zeros((), dtype={})",
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
    ],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_the_order_of_memory(layout, call):
    for dtype in FLOATS:
        compare(f"{layout.format('torch.' + dtype)}.{call}", warm=3)


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
    "torch.normal(torch.zeros(30, dtype=torch.bfloat16), 0.3)",
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
    f"torch.multinomial({WEIGHTS}.to(torch.float16), 50, True)",
    "torch.multinomial(torch.ones(0, 3), 2)",
    "torch.ones(9).multinomial(9, generator=torch.Generator())",
]


@needs_torch
@pytest.mark.parametrize("text", FUNCTIONS)
def test_functions(text):
    for seed in SEEDS:
        compare(text, seed)
        compare(text, seed, warm=3)


X = "(torch.arange(2000) * 0.00390625 - 3)"
DROPOUT = [
    *[
        f"F.dropout({X}.to(torch.{t}), {p})"
        for t in FLOATS
        for p in (0.0, 0.1, 0.3, 0.5, 0.75, 1.0)
    ],
    f"F.dropout({X}.reshape(40, 50).t(), 0.25)",
    f"F.dropout({X}.as_strided((40, 20), (50, 2)), 0.25)",
    f"F.dropout({X}, 0.5, False)",
    f"F.dropout({X}.clone(), 0.3, True, True)",
    f"F.dropout({X}.reshape(40, 50).t(), 0.3, inplace=True)",
    f"torch.dropout({X}, 0.4, True)",
    f"F.dropout({X}.requires_grad_(), 0.3)",
    "F.dropout(torch.zeros(0), 0.3)",
    "F.dropout(torch.tensor([inf, -0.0] * 40), 0.5)",
    f"F.alpha_dropout({X}, 0.3, True)",
    f"F.alpha_dropout({X}, 1.0, True)",
    f"F.alpha_dropout({X}.to(torch.float64), 0.3, True)",
    f"F.feature_alpha_dropout({X}.reshape(10, 20, 10), 0.3, True)",
    f"torch.feature_dropout({X}.reshape(10, 20, 10), 0.3, True)",
    f"F.dropout1d({X}.reshape(10, 20, 10), 0.3)",
    f"F.dropout1d({X}.reshape(20, 100), 0.3)",
    f"F.dropout2d({X}.reshape(10, 8, 5, 5), 0.3)",
    f"F.dropout2d({X}.reshape(10, 8, 25), 0.3)",
    f"F.dropout3d({X}.reshape(10, 2, 4, 5, 5), 0.3)",
    f"F.dropout3d({X}.reshape(8, 10, 5, 5), 0.3)",
    f"F.dropout2d({X}.to(torch.bfloat16).reshape(10, 8, 5, 5), 0.3)",
    f"F.dropout2d({X}.reshape(10, 8, 5, 5), 1.0)",
    *[f"F.rrelu({X}.to(torch.{t}), training=True)" for t in ("bfloat16", "float32", "float64")],
    f"F.rrelu({X}, 0.1, 0.5)",
    f"F.rrelu({X}.reshape(40, 50).t(), 0.1, 0.5, True)",
]


@needs_torch
@pytest.mark.parametrize("text", DROPOUT)
def test_dropout(text):
    for seed in SEEDS:
        compare(text, seed)


@needs_torch
@pytest.mark.parametrize(
    "call",
    [
        "F.dropout(x, 0.3)",
        "F.dropout(x * 1, 0.3, inplace=True)",
        "F.dropout(x.t(), 0.3)",
        "F.alpha_dropout(x, 0.3, True)",
        "F.dropout1d(x, 0.3)",
        "F.rrelu(x, training=True)",
        "F.rrelu(x)",
    ],
)
def test_dropout_gradients(call):
    grads = []
    for m in (izvod, torch):
        m.manual_seed(9)
        x = (m.arange(600) * 0.015625 - 3).reshape(20, 30).requires_grad_()
        y = eval(call, {"F": functional(m), "x": x})
        y.backward((m.arange(600) * 0.0078125).reshape(tuple(y.shape)))
        grads.append(bits(x.grad))
    assert grads[0] == grads[1]


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


@needs_torch
def test_states_pass_between_izvod_and_torch():
    torch.manual_seed(7)
    torch.randn(700), torch.randn(3)
    izvod.set_rng_state(izvod.tensor(torch.get_rng_state().tolist(), dtype=izvod.uint8))
    assert bits(izvod.randn(4)) == bits(torch.randn(4))
    izvod.rand(1000)
    torch.set_rng_state(torch.tensor(izvod.get_rng_state().tolist(), dtype=torch.uint8))
    assert bits(izvod.rand(700)) == bits(torch.rand(700))


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
    "x.expand(2, 3).uniform_()",
    "torch.Generator().manual_seed(3.7)",
    "torch.Generator().manual_seed(True)",
    "torch.Generator().manual_seed('3')",
    "torch.manual_seed(2**64)",
    "torch.manual_seed(-2**63 - 1)",
    "torch.manual_seed('a')",
    "torch.set_rng_state(x)",
    "torch.set_rng_state(u)",
    "torch.set_rng_state(5)",
    "torch.Generator().set_state(torch.zeros(5056, dtype=torch.uint8))",
]


@needs_torch
@pytest.mark.parametrize("text", ERRORS)
def test_errors(text):
    raised = []
    for m in (izvod, torch):
        names = {
            "x": m.ones(3),
            "i": m.ones(3, dtype=m.int64),
            "b": m.ones(3, dtype=m.bool),
            "u": m.ones(3, dtype=m.uint8),
        }
        m.manual_seed(5)
        before = state(m)
        with pytest.raises(Exception) as info:
            eval(
                text,
                {**names, "torch": m, "F": functional(m), "nan": float("nan"), "inf": float("inf")},
            )
        raised.append(info)
        if m is izvod:
            assert state(m) == before
            assert all(x.tolist() == [1, 1, 1] for x in names.values())
    mine, theirs = raised
    assert issubclass(mine.type, theirs.type), f"{mine.value!r} instead of {theirs.value!r}"
    first_line = str(theirs.value).split("\n")[0]
    assert str(mine.value).split("\n")[0] == first_line


@pytest.mark.parametrize(
    "text",
    [
        "torch.rand(3, generator=5)",
        "torch.zeros(3).normal_(generator='x')",
        "torch.randint(1.5, 3, (2,))",
    ],
)
def test_wrong_types(text):
    with pytest.raises(TypeError):
        eval(text, {"torch": izvod})


# ---- Generators


def test_golden_vectors():
    izvod.manual_seed(123)
    assert izvod.rand(4).tolist() == [
        0.29611194133758545,
        0.516562283039093,
        0.2516707181930542,
        0.6885567903518677,
    ]
    izvod.manual_seed(123)
    assert izvod.randn(3)._to_bytes().hex() == "df48e4bdd980f63dbc40bdbe"
    izvod.manual_seed(123)
    assert izvod.randn(16)._to_bytes()[:16].hex() == "c9bbac3e3b0b36bef8679bbef28716bf"
    izvod.manual_seed(123)
    assert izvod.randperm(10).tolist() == [2, 0, 8, 1, 3, 7, 4, 9, 5, 6]
    izvod.manual_seed(123)
    assert izvod.randint(0, 10, (10,)).tolist() == [2, 9, 2, 0, 0, 2, 6, 7, 9, 4]
    izvod.manual_seed(123)
    assert izvod.zeros(10).bernoulli_(0.5).tolist() == [1, 1, 0, 1, 1, 0, 0, 0, 0, 1]
    izvod.manual_seed(123)
    assert izvod.multinomial(izvod.tensor([1.0, 2, 3, 4]), 6, True).tolist() == [2, 0, 2, 0, 2, 2]


def test_seeds():
    assert izvod.manual_seed(5) is izvod.default_generator
    assert izvod.initial_seed() == 5
    assert izvod.manual_seed(-1).initial_seed() == 2**64 - 1
    assert izvod.manual_seed(3.7).initial_seed() == 3
    assert izvod.manual_seed("12").initial_seed() == 12
    assert izvod.Generator().initial_seed() == 67280421310721
    assert izvod.seed() == izvod.initial_seed() != izvod.seed()
    assert str(izvod.Generator("cpu").device) == "cpu"


def test_a_generator_keeps_to_itself():
    izvod.manual_seed(5)
    before = izvod.get_rng_state().tolist()
    g = izvod.Generator().manual_seed(8)
    first = [
        izvod.rand(5, generator=g).tolist(),
        izvod.zeros(3).normal_(generator=g).tolist(),
        izvod.randperm(9, generator=g).tolist(),
    ]
    assert izvod.get_rng_state().tolist() == before
    g.manual_seed(8)
    assert first == [
        izvod.rand(5, generator=g).tolist(),
        izvod.zeros(3).normal_(generator=g).tolist(),
        izvod.randperm(9, generator=g).tolist(),
    ]


@pytest.mark.parametrize(
    "make",
    [
        copy.copy,
        copy.deepcopy,
        lambda g: pickle.loads(pickle.dumps(g)),
        lambda g: g.clone_state(),
        lambda g: izvod.Generator().set_state(g.get_state()),
    ],
)
def test_copies_go_on_alike(make):
    g = izvod.Generator().manual_seed(8)
    izvod.randn(701, generator=g), izvod.randn(3, generator=g)
    h = make(g)
    assert izvod.randn(5, generator=g).tolist() == izvod.randn(5, generator=h).tolist()


def test_fork_rng():
    izvod.manual_seed(5)
    with izvod.random.fork_rng():
        inside = izvod.rand(3).tolist()
    assert izvod.rand(3).tolist() == inside


def test_threads_change_nothing():
    before, results = izvod.get_num_threads(), []
    for threads in (1, 2, 5):
        izvod.set_num_threads(threads)
        izvod.manual_seed(3)
        results.append(
            b"".join(
                x._to_bytes()
                for x in (
                    izvod.rand(300000),
                    izvod.randn(300001),
                    izvod.zeros(300000).exponential_(),
                    izvod._C._nn.dropout(izvod.ones(300000), 0.3),
                )
            )
        )
    izvod.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_a_generator_may_be_shared_by_threads():
    """Every value of the stream goes to exactly one thread."""
    g = izvod.Generator().manual_seed(1)
    drawn = []

    def draw():
        for n in (1000, 100000, 3, 40000):
            drawn.extend(izvod.rand(n, generator=g).tolist())

    threads = [threading.Thread(target=draw) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(drawn) == sorted(izvod.rand(len(drawn), generator=g.manual_seed(1)).tolist())
