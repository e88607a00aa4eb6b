"""Distributions against torch: samples and the generator's state bit for bit, densities, entropies,
divergences and derivatives closely; golden values for seed 123 that need no torch.
"""

import math
import subprocess
import sys

import izvod
import pytest
from comparing import dtype_name, equal_within, vector_units
from izvod import distributions as D
from izvod.autograd import gradcheck
from izvod.distributions import constraints


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch, whose results this compares with, is absent")


def make(lib, text, dtype="float64"):
    """The value of an expression in which t([...]) is a tensor of the dtype and D the package."""
    if lib is izvod:
        package = D
    else:
        import torch.distributions as package
    names = {k: getattr(package, k) for k in D.__all__ if hasattr(package, k)}

    def t(values):
        return lib.tensor(values, dtype=getattr(lib, dtype))

    return eval(text, {**names, "D": package, "t": t, "lib": lib, "inf": math.inf})


NORMAL = "Normal(t([[0.3], [-2.0]]), t([0.5, 1.0, 2.5]))"
UNIFORM = "Uniform(t([-1.0, 0.25]), t([2.0, 0.75]))"
BERNOULLI = "Bernoulli(t([0.1, 0.5, 0.85]))"
BERNOULLI_LOGITS = "Bernoulli(logits=t([-1.0, 0.0, 2.5]))"
CATEGORICAL = "Categorical(t([[0.1, 0.2, 0.7], [3.0, 0.0, 1.0]]))"
CATEGORICAL_LOGITS = "Categorical(logits=t([[0.5, -1.0, 2.0], [0.0, 0.0, 0.25]]))"
BETA = "Beta(t([0.4, 1.0, 3.0, 30.0]), t([2.0, 0.3, 5.0, 11.0]))"
GAMMA = "Gamma(t([0.2, 1.0, 4.5, 60.0]), t([1.0, 0.5, 3.0, 10.0]))"
EXPONENTIAL = "Exponential(t([0.3, 2.0]))"
DIRICHLET = "Dirichlet(t([[0.3, 1.0, 2.5], [4.0, 0.6, 20.0]]))"
MULTINOMIAL = "Multinomial(5, t([[0.2, 0.3, 0.5], [2.0, 1.0, 0.0]]))"
MULTINOMIAL_LOGITS = "Multinomial(3, logits=t([0.5, -1.0, 2.0]))"
POISSON = "Poisson(t([0.0, 0.5, 8.0, 40.0]))"
POISSON_MATRIX = "Poisson(t([[0.5, 8.0], [3.0, 0.1]]))"
LAPLACE = "Laplace(t([0.5, -1.0]), t([2.0, 0.3]))"
LOG_NORMAL = "LogNormal(t([0.5, -1.0]), t([0.7, 1.3]))"
ALL = [
    NORMAL, UNIFORM, BERNOULLI, BERNOULLI_LOGITS, CATEGORICAL, CATEGORICAL_LOGITS, BETA, GAMMA,
    EXPONENTIAL, DIRICHLET, MULTINOMIAL, MULTINOMIAL_LOGITS, POISSON, LAPLACE, LOG_NORMAL,
    "Exponential(t([[0.3, 2.0, 1.0], [0.5, 0.1, 4.0]]))", POISSON_MATRIX,
    "Bernoulli(t([[0.1, 0.5, 0.85], [0.2, 0.3, 0.4]]))", "Bernoulli(logits=t([[-1.0], [2.5]]))",
]  # fmt: skip
NUMBERS = [
    "Normal(0, 1)", "Uniform(0.0, 3)", "Bernoulli(0.3)", "Bernoulli(logits=-0.5)", "Beta(0.5, 2)",
    "Gamma(2, 0.5)", "Exponential(2.0)", "Poisson(3)", "Laplace(0.5, 2)", "LogNormal(0, 0.5)",
]  # fmt: skip
REPARAMETERIZED = [
    NORMAL, UNIFORM, BETA, GAMMA, EXPONENTIAL, DIRICHLET, LAPLACE, LOG_NORMAL,
]  # fmt: skip


def over(texts):
    names = [text.replace(" ", "") for text in texts]
    return pytest.mark.parametrize("text", texts, ids=names)


def bits(x):
    if isinstance(x, izvod.Tensor):
        return x.detach()._to_bytes()
    return x.detach().contiguous().numpy().tobytes()


def state(lib):
    return lib.get_rng_state().tolist()


def close(ours, theirs, ulps=4, scale=1.0, bound64=1e-12):
    """Equal but for rounding: in float64 to 1e-12, in float32 to 4 units of the last place, of the
    value or of `scale` if that is larger.
    """
    assert str(ours.dtype) == str(theirs.dtype)
    assert tuple(ours.shape) == tuple(theirs.shape)
    bound = bound64 if str(ours.dtype) == "torch.float64" else 2.0**-23 * ulps
    pairs = zip(ours.flatten().tolist(), theirs.flatten().tolist(), strict=True)
    for a, b in pairs:
        same = a == b or (math.isnan(a) and math.isnan(b))
        assert same or abs(a - b) <= bound * max(abs(b), scale), (ours, theirs)


# ---- Functions for samples


SAMPLE_FUNCTIONS = {
    "exp": izvod._C._sample_exp,
    "log": izvod._C._sample_log,
    "log1p": izvod._C._sample_log1p,
}


def equal_or_nan(ours, theirs):
    """Equal bits; nan equals nan."""
    return all(
        (a == b and math.copysign(1, a) == math.copysign(1, b)) or (a != a and b != b)
        for a, b in zip(ours, theirs, strict=True)
    )


GOLDEN_FUNCTIONS = {
    "exp": [
        ("0x1.8000000000000p+0", "0x1.1ed3fe64fc541p+2"),
        ("-0x1.91eb851eb851fp+1", "0x1.62929b2efc7c3p-5"),
        ("0x1.5bf0a8b145769p+1", "0x1.e4efb75e4527ap+3"),
        ("0x1.0000000000000p-30", "0x1.0000000400000p+0"),
        ("-0x1.0000000000000p-60", "0x1.0000000000000p+0"),
        ("0x0.0p+0", "0x1.0000000000000p+0"),
        ("-0x0.0p+0", "0x1.0000000000000p+0"),
        ("inf", "inf"),
        ("-inf", "0x0.0p+0"),
        ("nan", "nan"),
        ("0x1.6232bffffffffp+9", "0x1.000450b1b4fc1p+1022"),
        ("0x1.6232c00000000p+9", "0x1.000450b1b51c1p+1022"),
        ("0x1.62e42fefa39efp+9", "0x1.fffffffffff2ap+1023"),
        ("0x1.62e42fefa39f0p+9", "inf"),
        ("-0x1.6232c00000000p+9", "0x0.fffbaf60e990cp-1022"),
        ("-0x1.6200000000000p+9", "0x1.7c8ab2288c9abp-1022"),
        ("-0x1.6400000000000p+9", "0x0.06f84920bb2d4p-1022"),
        ("-0x1.6600000000000p+9", "0x0.0020ae2a389eap-1022"),
        ("-0x1.7400000000000p+9", "0x0.0000000000002p-1022"),
        ("-0x1.74910d52d3051p+9", "0x0.0000000000001p-1022"),
        ("-0x1.74910d52d3052p+9", "0x0.0p+0"),
        ("0x1.0000000000000p+1023", "inf"),
    ],
    "log": [
        ("0x1.8000000000000p+0", "0x1.9f323ecbf984cp-2"),
        ("0x1.91eb851eb851fp+1", "0x1.24ebc910fea13p+0"),
        ("0x1.0000100000000p+0", "0x1.fffff00000aabp-21"),
        ("0x1.ffff000000000p-1", "-0x1.0000400015556p-17"),
        ("0x1.23456789abcd0p-1", "-0x1.20cdcd192ab88p-1"),
        ("0x1.fedcba9876543p+3", "0x1.629b49d775167p+1"),
        ("0x1.0000000000000p+0", "0x0.0p+0"),
        ("0x1.0000000000000p-1022", "-0x1.6232bdd7abcd2p+9"),
        ("0x0.0000000000001p-1022", "-0x1.74385446d71c3p+9"),
        ("0x0.8000000000000p-1022", "-0x1.628b76e3a7b61p+9"),
        ("0x1.fffffffffffffp+1023", "0x1.62e42fefa39efp+9"),
        ("0x0.0p+0", "-inf"),
        ("-0x0.0p+0", "-inf"),
        ("inf", "inf"),
        ("-inf", "nan"),
        ("nan", "nan"),
        ("-0x1.0000000000000p+0", "nan"),
    ],
    "log1p": [
        ("0x1.8000000000000p+0", "0x1.d5240f0e0e078p-1"),
        ("-0x1.91eb851eb851fp-1", "-0x1.898084228992cp+0"),
        ("-0x1.8000000000000p-2", "-0x1.e148a1a2726cep-2"),
        ("0x1.23456789abcd0p-5", "0x1.1e36677f7202bp-5"),
        ("-0x1.fffff00000000p-1", "-0x1.d1cb7eea86c0ap+3"),
        ("-0x1.0000000000000p-20", "-0x1.0000080000555p-20"),
        ("0x1.0000000000000p-60", "0x1.0000000000000p-60"),
        ("0x1.8000000000000p+52", "0x1.2397cb704ce43p+5"),
        ("0x1.9000000000000p+1000", "0x1.5acbf6bf94fe7p+9"),
        ("0x1.fffffffffffffp+1023", "0x1.62e42fefa39efp+9"),
        ("0x0.0p+0", "0x0.0p+0"),
        ("-0x0.0p+0", "-0x0.0p+0"),
        ("0x0.0000000000001p-1022", "0x0.0p+0"),
        ("-0x0.0000000000001p-1022", "0x0.0p+0"),
        ("-0x0.0000000000002p-1022", "-0x0.0000000000002p-1022"),
        ("-0x1.0000000000000p+0", "-inf"),
        ("-0x1.8000000000000p+0", "nan"),
        ("inf", "inf"),
        ("-inf", "nan"),
        ("nan", "nan"),
    ],
}


@pytest.mark.parametrize("name", SAMPLE_FUNCTIONS)
def test_golden_sample_functions(name):
    """Of doubles: common ones, special ones, and those at which the formula changes."""
    xs, ys = ([float.fromhex(pair[i]) for pair in GOLDEN_FUNCTIONS[name]] for i in (0, 1))
    for n in (1, 3, len(xs)):
        for i in range(0, len(xs), n):
            found = SAMPLE_FUNCTIONS[name](izvod.tensor(xs[i : i + n], dtype=izvod.float64))
            assert equal_or_nan(found.tolist(), ys[i : i + n])


def arguments(name, dtype):
    """Numbers of all exponents, then those near 0 and 1, and in float64 where exp ends."""
    numpy = pytest.importorskip("numpy")
    rng = numpy.random.default_rng(5)
    any_bits = rng.integers(0, 256, 2_400_000, dtype=numpy.uint8).view(dtype)
    spread = numpy.exp2(rng.uniform(-60, -1, 300_000)) * rng.choice([-1, 1], 300_000)
    given = [any_bits, spread, 1 + spread, rng.uniform(-1, 1, 300_000), 100 * spread]
    if name == "exp":
        given += [rng.uniform(708.3, 709.8, 100_000), rng.uniform(-746, -708.3, 100_000)]
    if name == "log1p":
        given += [spread - 1]
    return numpy.concatenate([x.astype(dtype) for x in given])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SAMPLE_FUNCTIONS)
def test_sample_functions(name, dtype, torch):
    """Contiguous or not, torch's results, but for the sign of nan (see vector_units)."""
    numpy = pytest.importorskip("numpy")
    with numpy.errstate(all="ignore"):
        x = arguments(name, dtype)
    theirs = getattr(torch, name)(torch.from_numpy(x)).numpy()
    ours = izvod.from_numpy(x)
    for found in (
        SAMPLE_FUNCTIONS[name](ours),
        SAMPLE_FUNCTIONS[name](ours.as_strided((x.size // 2,), (2,))),
    ):
        found, want = found.numpy(), theirs[:: x.size // found.numel()][: found.numel()]
        units = 0 if name == "log1p" else vector_units(torch)
        assert equal_within(numpy, found, want, units, dtype)


# ---- Samples


@over(ALL + NUMBERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples(text, dtype, torch):
    for seed in (0, 123, 2**40 + 7):
        for shape in ((), (1,), (7,), (4, 5), (301,)):
            for method in ("sample", "rsample"):
                ours, theirs = (
                    drawn(lib, text, dtype, seed, method, shape) for lib in (izvod, torch)
                )
                assert state(izvod) == state(torch)
                if isinstance(theirs, Exception):
                    assert type(ours) is type(theirs) is NotImplementedError
                else:
                    assert (ours.shape, str(ours.dtype)) == (theirs.shape, str(theirs.dtype))
                    assert_same_draws(ours, theirs, text, dtype_name(ours), torch)


def assert_same_draws(ours, theirs, text, dtype, torch):
    """The same bits, or for samples that went through exp those that torch's vectors allow."""
    units = vector_units(torch) if "LogNormal" in text else 0
    if not units:
        assert bits(ours) == bits(theirs)
        return
    numpy = pytest.importorskip("numpy")
    assert equal_within(numpy, *(x.detach().double().numpy() for x in (ours, theirs)), units, dtype)


def drawn(lib, text, dtype, seed, method, shape):
    d = make(lib, text, dtype)
    lib.manual_seed(seed)
    lib.randn(3)  # leaves a normal behind
    try:
        return getattr(d, method)(shape)
    except NotImplementedError as error:
        return error


@over(
    [
        "LogNormal(t(0.5), t(1.5))",
        "LogNormal(t(0.0), t(40.0))",
        "LogNormal(t(0.0), t(400.0))",
        "Laplace(t(0.0), t(1.0))",
    ]
)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("size", [0, 1, 17, 1000, 10**6])
def test_many_samples(text, dtype, size, torch):
    """Also where exp overflows or its results are below the normal numbers."""
    for seed in (1, 123):
        results = []
        for lib in (izvod, torch):
            lib.manual_seed(seed)
            x = make(lib, text, dtype).sample((size,))
            results.append(x if dtype == "float64" else x.to(lib.float32))
        assert_same_draws(*results, text, dtype, torch)


EXPANDED = [
    "Normal(t([1.0]), t([2.0])).expand((3, 2))",
    "Beta(t(2.0), t(1.0)).expand((3, 2))",
    f"{CATEGORICAL}.expand((4, 2))",
    f"{MULTINOMIAL}.expand((4, 2))",
    f"{DIRICHLET}.expand((4, 2))",
    f"{LOG_NORMAL}.expand((4, 2))",
    f"{UNIFORM}.expand((4, 2))",
    f"{POISSON}.expand((2, 4))",
    f"{BERNOULLI_LOGITS}.expand((2, 3))",
]


@over(EXPANDED)
def test_expand(text, torch):
    ours, theirs = make(izvod, text), make(torch, text)
    assert tuple(ours.batch_shape) == tuple(theirs.batch_shape)
    assert repr(ours) == repr(theirs)
    izvod.manual_seed(5), torch.manual_seed(5)
    x, y = ours.sample((3,)), theirs.sample((3,))
    close(x, y)
    close(ours.log_prob(x), theirs.log_prob(y))


def test_a_subclass_expands_with_its_own_attributes():
    class Shifted(D.Normal):
        def __init__(self, by):
            self.by = by
            super().__init__(izvod.tensor(0.0), izvod.tensor(1.0))

    wide = Shifted(3).expand((2,))
    assert wide.by == 3 and wide.loc.shape == (2,) and wide.batch_shape == (2,)


GOLDEN = [
    ("Normal(0.0, 1.0)", "df48e4bdd980f63dbc40bdbe"),
    ("Uniform(1.0, 3.0)", "fecdcb3fb61e02407e6dc03f"),
    ("Bernoulli(0.3)", "0000803f000000000000803f"),
    ("Categorical(lib.tensor([0.2, 0.3, 0.5]))", [1, 0, 2]),
    ("Beta(0.5, 2.0)", "f74cd63e4cc4c23d7c5dc83c"),
    ("Gamma(2.0, 0.5)", "51704340f6d8694035bf8c3f"),
    ("Exponential(2.0)", "66aa6b3ee276dc3bec5ce53e"),
    (
        "Dirichlet(lib.tensor([0.5, 1.0, 2.0]))",
        "093e043fa64d9a3e8f6c3a3e98a8a33a9362d33ee2fc153f54340f3d08dfd63e379d0b3f",
    ),
    (
        "Multinomial(5, lib.tensor([0.2, 0.3, 0.5]))",
        "000040400000803f0000803f0000803f0000004000000040000000400000000000004040",
    ),
    ("Poisson(3.0)", "0000803f0000004000008040"),
    ("Laplace(0.5, 2.0)", "be380cbf3f3f113f247b5fbf"),
    ("LogNormal(0.0, 0.5)", "5e1f723f93f0873f34cd543f"),
    ("Laplace(t(0.5), t(2.0))", "686ab3f52ab2bbbf04e4ca7da5f91ac0a3400005b5faec3f"),
    ("LogNormal(t(0.0), t(0.5))", "3cd5c1b2eb43ee3f8beb106412fef03f622a948ea699ea3f"),
]


@pytest.mark.parametrize("text, expected", GOLDEN, ids=[t for t, _ in GOLDEN])
def test_golden_samples(text, expected):
    """The bytes (of whole numbers: the values) of three draws with seed 123."""
    izvod.manual_seed(123)
    x = make(izvod, text).sample((3,))
    assert (bits(x).hex() if x.is_floating_point() else x.tolist()) == expected


# ---- Densities, moments, entropies


@over(ALL)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_prob(text, dtype, torch):
    ours, theirs = make(izvod, text, dtype), make(torch, text, dtype)
    izvod.manual_seed(4), torch.manual_seed(4)
    x, y = ours.sample((50,)), theirs.sample((50,))
    # A density that is a difference of large numbers is off by their roundings.
    close(ours.log_prob(x), theirs.log_prob(y), ulps=8, scale=16.0)


@over(ALL + NUMBERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "name", ["mean", "variance", "stddev", "mode", "entropy", "perplexity", "probs", "logits"]
)
def test_moments(text, dtype, name, torch):
    def value(lib):
        found = getattr(make(lib, text, dtype), name)
        return found() if callable(found) else found

    try:
        theirs = value(torch)
    except (NotImplementedError, AttributeError) as error:
        with pytest.raises(type(error)):
            value(izvod)
        return
    if not theirs.is_floating_point():
        assert value(izvod).tolist() == theirs.tolist()
        return
    # Entropies are differences of lgamma's values; torch takes that of a Multinomial's count in
    # float32, whatever the dtype of its probabilities.
    rough = name in ("entropy", "perplexity") and text.startswith("Multinomial")
    scale = 64.0 if text.startswith(("Beta", "Gamma", "Dirichlet")) else 1.0
    close(value(izvod), theirs, ulps=8, scale=scale, bound64=1e-6 if rough else 1e-12)


@over([NORMAL, UNIFORM, EXPONENTIAL, LAPLACE, LOG_NORMAL])
def test_quantiles(text, torch):
    ours, theirs = make(izvod, text), make(torch, text)
    shape = (9,) + (1,) * len(ours.batch_shape)
    q = [i / 10 for i in range(1, 10)]
    x = ours.icdf(make(izvod, f"t({q})").reshape(shape))
    close(x, theirs.icdf(make(torch, f"t({q})").reshape(shape)))
    close(ours.cdf(x), theirs.cdf(torch.tensor(x.tolist(), dtype=torch.float64)))


@over(ALL + NUMBERS)
def test_shapes_supports_and_printing(text, torch):
    ours, theirs = make(izvod, text), make(torch, text)
    assert repr(ours) == repr(theirs)
    assert repr(ours.support) == repr(theirs.support)
    assert repr(ours.arg_constraints) == repr(theirs.arg_constraints)
    for name in ("batch_shape", "event_shape"):
        assert repr(getattr(ours, name)) == repr(getattr(theirs, name))
    assert ours.has_rsample == theirs.has_rsample
    assert ours.has_enumerate_support == theirs.has_enumerate_support
    for shown in ("probs", "logits"):  # computed when asked for, and printed from then on
        if hasattr(theirs, shown):
            getattr(ours, shown), getattr(theirs, shown)
    assert repr(ours) == repr(theirs)


@over([BERNOULLI, BERNOULLI_LOGITS, CATEGORICAL])
def test_enumerate_support(text, torch):
    for expand in (True, False):
        values = [make(lib, text).enumerate_support(expand) for lib in (izvod, torch)]
        assert values[0].tolist() == values[1].tolist()
        assert str(values[0].dtype) == str(values[1].dtype)
    total = make(izvod, text).log_prob(make(izvod, text).enumerate_support()).exp().sum(0)
    assert izvod.allclose(total, izvod.ones_like(total))


def test_probability_zero():
    d = D.Categorical(izvod.tensor([0.0, 1.0]))
    assert abs(d.entropy().item()) < 1e-5
    d = D.Categorical(logits=izvod.tensor([-izvod.inf, 0.0]))
    assert d.entropy().item() == 0
    counts = izvod.tensor([0.0, 2.0])
    assert D.Multinomial(2, logits=izvod.tensor([-izvod.inf, 0.0])).log_prob(counts).item() == 0


# ---- Derivatives


def parameters(lib, text, dtype="float64"):
    """The distribution with leaves that require gradients as parameters."""
    d = make(lib, text, dtype)
    names = [n for n in d.arg_constraints if n in vars(d)] or list(d.arg_constraints)[:2]
    if type(d).__name__ == "Multinomial":
        names = ["logits"]
    values = {n: getattr(d, n).detach().clone().requires_grad_() for n in names}
    more = {"total_count": d.total_count} if hasattr(d, "total_count") else {}
    return type(d)(**more, **values), list(values.values())


def weights(lib, x):
    values = [math.sin(i + 1.0) for i in range(x.numel())]
    return lib.tensor(values, dtype=x.dtype).reshape(tuple(x.shape))


def sampled_gradients(lib, text, dtype):
    d, leaves = parameters(lib, text, dtype)
    lib.manual_seed(11)
    x = d.rsample((20,))
    return x, lib.autograd.grad(x, leaves, weights(lib, x))


@over(REPARAMETERIZED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_of_samples(text, dtype, torch):
    """torch's own derivatives of gamma and beta samples are good to three digits."""
    (x, ours), (y, theirs) = (sampled_gradients(lib, text, dtype) for lib in (izvod, torch))
    assert x.grad_fn.name() == y.grad_fn.name()
    for a, b in zip(ours, theirs, strict=True):
        if text in (BETA, GAMMA, DIRICHLET):
            assert izvod.allclose(a, izvod.tensor(b.tolist(), dtype=a.dtype), 3e-3, 3e-3)
        else:
            close(a, b, ulps=16, scale=8.0)


@over(ALL)
def test_gradients_of_log_prob(text, torch):
    results = []
    for lib in (izvod, torch):
        d, leaves = parameters(lib, text)
        lib.manual_seed(11)
        x = d.sample((5,))
        value = d.log_prob(x)
        results.append(lib.autograd.grad(value, leaves, weights(lib, value)))
    for a, b in zip(*results, strict=True):
        close(a, b)


@over([t for t in ALL if t not in (CATEGORICAL, MULTINOMIAL, POISSON, POISSON_MATRIX)])
def test_log_prob_and_entropy_pass_gradcheck(text):
    d, leaves = parameters(izvod, text)
    kind, names = type(d), [n for n in d.arg_constraints if n in vars(d)]
    names = names or (["logits"] if hasattr(d, "logits") else list(d.arg_constraints))
    more = {"total_count": d.total_count} if hasattr(d, "total_count") else {}
    izvod.manual_seed(2)
    x = d.sample((3,))

    def function(*values):
        made = kind(**more, **dict(zip(names, values, strict=True)), validate_args=False)
        return made.log_prob(x), made.entropy()

    assert gradcheck(function, leaves)


# dx/da of samples x of Gamma(a, 1), and of Beta(a, b) divided by 1 - x, from 60-digit arithmetic.
GAMMA_GRADIENTS = [
    (0.001, 1e-200, 4.599414466669988e-195),
    (0.05, 0.3, 7.684733401293825),
    (0.5, 0.01, 0.09354403370539151),
    (0.5, 2.5, 2.7304872835114304),
    (1.0, 1.0, 1.1735630272247268),
    (1.0, 30.0, 4.010702785322668),
    (4.0, 1.0, 0.48020147903035687),
    (4.0, 4.4, 1.0930637942763504),
    (4.0, 12.0, 1.716142185806718),
    (9.9, 10.3, 1.0372716713964931),
    (9.9, 10.5, 1.0472118603652203),
    (10.0, 3.0, 0.524211960601438),
    (10.0, 25.0, 1.5522439909006023),
    (150.0, 120.0, 0.8935648922106826),
    (150.0, 151.0, 1.004441498328402),
    (150.0, 200.0, 1.1520043231170694),
]
BETA_GRADIENTS = [
    (1e-05, 0.05, 0.3, 0.002797238323010817),
    (0.3, 0.05, 0.3, 23.35823520707819),
    (0.98, 0.05, 0.3, 57.550747956269596),
    (0.5, 1.0, 1.0, 0.6931471805599453),
    (0.999, 3.0, 0.2, 0.3800731725698973),
    (0.2, 2.0, 9.0, 0.10679993786577659),
    (0.6, 2.0, 9.0, 0.17590981056733157),
    (0.01, 0.5, 40.0, 0.02970411991276085),
    (0.1, 0.5, 40.0, 0.08053234828610926),
    (0.9, 40.0, 0.5, 0.023851634793488053),
    (0.999, 40.0, 0.5, 0.025143629118095617),
    (0.3, 30.0, 60.0, 0.010633054011330323),
    (0.34, 30.0, 60.0, 0.011326152036638736),
    (0.6, 12.0, 11.0, 0.04795692209768879),
]


@pytest.mark.parametrize("a, x, expected", GAMMA_GRADIENTS)
def test_gradient_of_gamma_samples(a, x, expected):
    a, x = (izvod.tensor(v, dtype=izvod.float64) for v in (a, x))
    assert izvod._standard_gamma_grad(a, x).item() == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("x, a, b, expected", BETA_GRADIENTS)
def test_gradient_of_beta_samples(x, a, b, expected):
    x, a, total = (izvod.tensor(v, dtype=izvod.float64) for v in (x, a, a + b))
    assert izvod._dirichlet_grad(x, a, total).item() == pytest.approx(expected, rel=2e-12)


def test_gradients_of_samples_where_there_is_nothing():
    f64 = izvod.float64
    alpha = izvod.tensor([0.0, 1.0, -1.0, izvod.nan], dtype=f64)
    x = izvod.tensor([1.0, 0.0, 1.0, 1.0], dtype=f64)
    assert str(izvod._standard_gamma_grad(alpha, x).tolist()) == "[nan, 0.0, nan, nan]"
    assert izvod._standard_gamma_grad(izvod.zeros(0, 3), izvod.zeros(3)).shape == (0, 3)
    assert izvod._dirichlet_grad(izvod.zeros(2, 1), izvod.ones(3), 2 * izvod.ones(3)).shape == (
        2,
        3,
    )


def test_samples_have_no_second_derivative():
    alpha = izvod.tensor([0.5, 2.0], requires_grad=True)
    for sample in (izvod._standard_gamma(alpha), izvod._sample_dirichlet(alpha)):
        (g,) = izvod.autograd.grad((sample * sample).sum(), alpha, create_graph=True)
        with pytest.raises(NotImplementedError, match="the derivative for .* is not implemented"):
            g.sum().backward()


def test_gradients_of_samples_do_not_depend_on_threads():
    before, results = izvod.get_num_threads(), []
    for threads in (1, 3):
        izvod.set_num_threads(threads)
        izvod.manual_seed(1)
        alpha = izvod.rand(40000, 2) * 20 + 0.01
        x, share = izvod._standard_gamma(alpha), izvod._sample_dirichlet(alpha)
        grads = izvod._standard_gamma_grad(alpha, x), izvod._dirichlet_grad(share, alpha, 2 * alpha)
        results.append([bits(g) for g in grads] + [bits(alpha.digamma()), bits(alpha.lgamma())])
    izvod.set_num_threads(before)
    assert results[0] == results[1]


# ---- Divergences

KINDS = {
    "Bernoulli": ["Bernoulli(t([0.1, 0.5, 0.0, 1.0]))", "Bernoulli(t([0.7, 0.5, 0.2, 0.0]))"],
    "Beta": ["Beta(t([0.4, 3.0]), t([2.0, 5.0]))", "Beta(t([1.5, 0.7]), t([1.0, 4.0]))"],
    "Categorical": ["Categorical(t([0.1, 0.9, 0.0]))", "Categorical(t([0.3, 0.3, 0.4]))"],
    "Dirichlet": ["Dirichlet(t([0.3, 1.0, 2.5]))", "Dirichlet(t([2.0, 0.6, 9.0]))"],
    "Exponential": ["Exponential(t([0.3, 2.0]))", "Exponential(t([1.1, 0.4]))"],
    "Gamma": ["Gamma(t([0.2, 4.5]), t([1.0, 3.0]))", "Gamma(t([1.0, 2.5]), t([0.5, 1.5]))"],
    "Laplace": ["Laplace(t([0.5, -1.0]), t([2.0, 0.3]))", "Laplace(t([0.1, 0.0]), t([1.0, 0.7]))"],
    "LogNormal": ["LogNormal(t([0.5]), t([0.7]))", "LogNormal(t([0.1]), t([1.7]))"],
    "Multinomial": ["Multinomial(2, t([0.5, 0.5]))", "Multinomial(2, t([0.1, 0.9]))"],
    "Normal": ["Normal(t([0.5, -1.0]), t([2.0, 0.3]))", "Normal(t([0.1, 0.0]), t([1.0, 0.7]))"],
    "Poisson": ["Poisson(t([0.5, 8.0]))", "Poisson(t([2.5, 6.0]))"],
    "Uniform": [
        "Uniform(t([0.25, -0.5]), t([0.75, 2.0]))",
        "Uniform(t([-1.0, 0.0]), t([1.0, 3.0]))",
    ],
}


@pytest.mark.parametrize("p_name", KINDS)
@pytest.mark.parametrize("q_name", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kl_divergence(p_name, q_name, dtype, torch):
    for p_text, q_text in zip(KINDS[p_name], reversed(KINDS[q_name]), strict=True):
        if {p_name, q_name} == {"Bernoulli", "Poisson"}:
            p_text, q_text = "Bernoulli(t([0.1, 0.5]))", "Poisson(t([2.5, 0.5]))"
            if p_name == "Poisson":
                p_text, q_text = q_text, p_text

        def divergence(lib, p_text=p_text, q_text=q_text):
            return make(lib, f"D.kl_divergence({p_text}, {q_text})", dtype)

        try:
            theirs = divergence(torch)
        except NotImplementedError:
            with pytest.raises(NotImplementedError):
                divergence(izvod)
        else:
            close(divergence(izvod), theirs, ulps=16, scale=4.0)


def test_divergence_is_the_mean_of_the_difference_of_logarithms():
    """By a sum over many quantiles or draws, without torch."""
    p = D.Normal(izvod.tensor(0.3, dtype=izvod.float64), 0.8)
    x = p.icdf((izvod.arange(20000, dtype=izvod.float64) + 0.5) / 20000)
    for q in (D.Normal(-0.5, 1.5), D.Laplace(0.7, 2.0)):
        mean = (p.log_prob(x) - q.log_prob(x)).mean().item()
        assert D.kl_divergence(p, q).item() == pytest.approx(mean, abs=2e-3)


def test_register_kl():
    class Mine(D.Normal):
        pass

    a, b = Mine(izvod.tensor(0.0), izvod.tensor(1.0)), D.Normal(izvod.tensor(1.0), 1.0)
    assert D.kl_divergence(a, b).item() == 0.5  # inherited

    @D.register_kl(Mine, D.Normal)
    def _(p, q):
        return "of the subclass"

    assert D.kl_divergence(a, b) == "of the subclass"
    assert D.kl_divergence(b, a).item() == 0.5

    @D.register_kl(D.Normal, Mine)
    def _(p, q):
        return "of the other"

    with pytest.warns(RuntimeWarning, match="Ambiguous"):
        assert D.kl_divergence(a, a) == "of the subclass"
    with pytest.raises(TypeError, match="Expected type_p to be a Distribution subclass"):
        D.register_kl(int, D.Normal)


# ---- Errors

ERRORS = [
    "Normal(0.0, -1.0)",
    "Normal(t([0.0, 1.0]), t([1.0, -2.0]))",
    "Normal(t([0.0, float('nan')]), 1.0)",
    "Normal('a', 1.0)",
    "Normal(t([1.0, 2.0]), t([1.0, 2.0, 3.0]))",
    "Uniform(1.0, 0.0)",
    "Uniform(t([0.0, 2.0]), 1.0)",
    "Bernoulli(1.5)",
    "Bernoulli(t([-0.1]))",
    "Bernoulli()",
    "Bernoulli(0.5, logits=0.2)",
    "Categorical()",
    "Categorical(t(1.0))",
    "Categorical(logits=t(1.0))",
    "Categorical(t([-1.0, 2.0]))",
    "Categorical(t([0.0, 0.0]))",
    "Categorical(logits=t([float('nan'), 2.0]))",
    "Beta(1.0, -1.0)",
    "Gamma(0.0, 1.0)",
    "Gamma(1.0, 0.0)",
    "Exponential(0.0)",
    "Dirichlet(t(1.0))",
    "Dirichlet(t([1.0, -1.0]))",
    "Multinomial(t(3.0), t([1.0, 2.0]))",
    "Multinomial(3, t(1.0))",
    "Poisson(-1.0)",
    "Laplace(0.0, 0.0)",
    "LogNormal(0.0, -1.0)",
    "Normal(0.0, 1.0).log_prob(3)",
    "Normal(0.0, 1.0).log_prob(t(float('nan')))",
    "Normal(t([0.0, 1.0, 2.0]), 1.0).log_prob(t([1.0, 2.0]))",
    "Uniform(0.0, 1.0).log_prob(t(2.0))",
    "Uniform(0.0, 1.0).cdf(t(2.0))",
    "Exponential(1.0).log_prob(t(-1.0))",
    "Gamma(1.0, 1.0).log_prob(t(-1.0))",
    "Beta(1.0, 1.0).log_prob(t(1.5))",
    "Bernoulli(0.5).log_prob(t(0.5))",
    "Categorical(t([0.5, 0.5])).log_prob(t(2.0))",
    "Categorical(t([0.5, 0.5])).log_prob(t(0.5))",
    "Dirichlet(t([1.0, 1.0])).log_prob(t([0.5, 0.6]))",
    "Dirichlet(t([1.0, 1.0])).log_prob(t([0.5, 0.2, 0.3]))",
    "Multinomial(3, t([1.0, 2.0])).log_prob(t([4.0, 1.0]))",
    "Poisson(2.0).log_prob(t(0.5))",
    "LogNormal(0.0, 1.0).log_prob(t(-1.0))",
    "Poisson(2.0).entropy()",
    "Poisson(2.0).rsample()",
    "Bernoulli(0.5).cdf(t(1.0))",
    "Multinomial(2, t([0.5, 0.5])).mode",
    "Normal(0.0, 1.0).enumerate_support()",
    "D.kl_divergence(LogNormal(0.0, 1.0), Normal(0.0, 1.0))",
    "Normal(0.0, 1.0).sample(3)",
    "Normal(t([0.0, 1.0]), 1.0).expand((3,))",
    "Normal.set_default_validate_args(3)",
]


@over(ERRORS)
def test_errors(text, torch):
    raised = []
    for lib in (izvod, torch):
        lib.manual_seed(8)
        before = state(lib)
        with pytest.raises(Exception) as info:
            make(lib, text, "float32")
        assert state(lib) == before
        raised.append(info.value)
    ours, theirs = raised
    assert type(ours) is type(theirs)
    if isinstance(ours, ValueError) and "\n" in str(theirs):
        assert str(ours).split("(")[0] == str(theirs).split("(")[0]
        assert str(ours).split("\n")[1:] == str(theirs).split("\n")[1:]


def test_negative_count():
    with pytest.raises(ValueError, match="Expected parameter total_count"):
        D.Multinomial(-3, izvod.ones(2))


def test_nothing_is_checked_without_validation():
    d = D.Normal(0.0, -1.0, validate_args=False)
    assert d.log_prob(izvod.tensor(0.5)).isnan().item()
    outside = D.Uniform(0.0, 1.0, validate_args=False).log_prob(izvod.tensor([2.0, 0.5, 0.0, 1.0]))
    assert outside.tolist() == [-izvod.inf, 0, 0, -izvod.inf]
    try:
        D.Distribution.set_default_validate_args(False)
        assert D.Gamma(-1.0, 2.0).concentration.item() == -1
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError):
        D.Gamma(-1.0, 2.0)


CHECKS = [
    ("boolean", "[0.0, 1.0, 0.5]"),
    ("real", "[0.0, float('nan'), inf]"),
    ("positive", "[0.0, 1.0, -1.0, float('nan')]"),
    ("nonnegative", "[0.0, 1.0, -1.0]"),
    ("nonnegative_integer", "[0.0, 1.0, -1.0, 1.5]"),
    ("positive_integer", "[0.0, 1.0, -1.0, 1.5]"),
    ("unit_interval", "[0.0, 1.0, -1.0, 1.5]"),
    ("interval(0.5, 1)", "[0.0, 1.0, 0.5, 1.5]"),
    ("half_open_interval(0.5, 1)", "[0.0, 1.0, 0.5, 1.5]"),
    ("integer_interval(0, 3)", "[0.0, 3.0, 4.0, 1.5]"),
    ("greater_than(1)", "[0.0, 1.0, 2.0]"),
    ("greater_than_eq(1)", "[0.0, 1.0, 2.0]"),
    ("less_than(1)", "[0.0, 1.0, 2.0]"),
    ("simplex", "[[0.5, 0.5], [0.5, 0.6], [1.5, -0.5]]"),
    ("real_vector", "[[0.5, 0.5], [0.5, float('nan')]]"),
    ("independent(D.constraints.positive, 1)", "[[0.5, 0.5], [0.5, -1.0]]"),
    ("multinomial(3)", "[[0.0, 3.0], [2.0, 2.0], [-1.0, 1.0]]"),
]


@pytest.mark.parametrize("constraint, values", CHECKS, ids=[c for c, _ in CHECKS])
def test_constraints(constraint, values, torch):
    results = []
    for lib in (izvod, torch):
        c = make(lib, f"D.constraints.{constraint}")
        results.append(
            (repr(c), c.event_dim, c.is_discrete, c.check(make(lib, f"t({values})")).tolist())
        )
    assert results[0] == results[1]
    assert len({str(r) for r in results[0][3]}) == 2, "a check that says one thing only"


def test_dependent_constraints():
    assert constraints.is_dependent(D.Uniform.support)
    assert not constraints.is_dependent(D.Normal.support)
    assert not constraints.is_dependent(D.Uniform(0.0, 1.0).support)
    with pytest.raises(ValueError, match="Cannot determine validity"):
        constraints.dependent.check(izvod.ones(2))


# ---- Transformed distributions, imports


def test_a_transform_of_ones_own(torch):
    class Twice(D.Transform):
        def __call__(self, x):
            return 2 * x

        def inv(self, y):
            return y / 2

        def log_abs_det_jacobian(self, x, y):
            return izvod.full_like(x, math.log(2))

    f64 = izvod.float64
    d = D.TransformedDistribution(D.Normal(izvod.tensor(1.0, dtype=f64), 0.5), [Twice()])
    same = D.Normal(izvod.tensor(2.0, dtype=f64), 1.0)
    x = izvod.tensor([0.0, 1.5], dtype=f64)
    assert izvod.allclose(d.log_prob(x), same.log_prob(x))
    assert izvod.allclose(d.cdf(x), same.cdf(x))
    assert izvod.allclose(d.icdf(d.cdf(x)), x)
    with pytest.raises(ValueError, match="transforms must be a Transform"):
        D.TransformedDistribution(same, [3])


def test_the_package_is_loaded_when_asked_for():
    program = """
import sys
import izvod as torch
assert not any("distributions" in name for name in sys.modules)
assert torch.distributions.Normal(0.0, 1.0).mean.item() == 0
"""
    subprocess.run([sys.executable, "-c", program], check=True)
