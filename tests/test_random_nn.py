"""What draws in nn: dropout and its relatives, attention, initial values; against torch."""

import izvod
import pytest
from comparing import equal_within, vector_units
from random_calls import FLOATS, SEEDS, bits, compare, names, needs_torch, state, torch

X = "(torch.arange(2000) * 0.00390625 - 3)"
DROPOUT = [
    *[
        f"F.dropout({X}.to(torch.{t}), {p})"
        for t in FLOATS
        for p in (0.0, 0.1, 0.3, 0.5, 0.75, 0.99999, 1.0)
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
    *[
        f"F.{f}({X}.reshape(40, 50).to(torch.{t}), {p}, True)"
        for f in ("alpha_dropout", "feature_alpha_dropout")
        for t in FLOATS
        for p in (0.3, 0.9)
    ],
    "F.dropout2d(num(8, 4, 8, dtype=torch.float64)[:, ::2].permute(2, 0, 1), 0.5)",
    "F.feature_alpha_dropout(num(3, 8, 4)[:, ::2].permute(0, 2, 1), 0.3, True)",
    "torch.feature_dropout(num(32, 16)[::2].t(), 0.9, True)",
    *[f"F.rrelu({X}.to(torch.{t}), training=True)" for t in ("bfloat16", "float32", "float64")],
    *[f"F.rrelu({X}.to(torch.{t}), 0.1, 0.25)" for t in FLOATS],
    f"F.rrelu_({X}.clone(), 0.1, 0.25, True)",
    f"F.rrelu({X}.clone(), 0.1, 0.25, True, inplace=True)",
    f"torch.rrelu({X}.reshape(40, 50).t(), 0.1, 0.25)",
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
        "F.feature_alpha_dropout(x, 0.3, True)",
        "F.dropout2d(x.reshape(5, 4, 5, 6), 0.3)",
        "F.dropout3d(x.reshape(5, 4, 5, 3, 2), 0.3)",
        "F.rrelu(x * 1, training=True, inplace=True)",
    ],
)
def test_dropout_gradients(call):
    grads = []
    for m in (izvod, torch):
        m.manual_seed(9)
        x = (m.arange(600) * 0.015625 - 3).reshape(20, 30).requires_grad_()
        y = eval(call, {"F": m.nn.functional, "x": x})
        y.backward((m.arange(600) * 0.0078125).reshape(tuple(y.shape)))
        grads.append(bits(x.grad))
    assert grads[0] == grads[1]


LAYERS = [
    "nn.Dropout()",
    "nn.Dropout1d(0.3, True)",
    "nn.Dropout2d(0.25)",
    "nn.Dropout3d(p=0.5)",
    "nn.AlphaDropout(0.2)",
    "nn.FeatureAlphaDropout()",
    "nn.RReLU()",
    "nn.RReLU(0.1, 0.2, inplace=True)",
]


@needs_torch
@pytest.mark.parametrize("layer", LAYERS)
def test_layers(layer):
    assert repr(eval(layer, names(izvod))) == repr(eval(layer, names(torch)))
    size = "(10, 20, 10)" if "1d" in layer else "(10, 4, 5, 10)"
    compare(f"{layer}(num(2000).reshape{size})")
    compare(f"{layer}.eval()(num(2000).reshape{size})")


@needs_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_softmax(hard, dtype):
    """The noise is torch's, see below; softmax rounds the last bits in its own way."""
    text = f"F.gumbel_softmax(num(20, 30, dtype=torch.{dtype}).t(), 0.7, {hard})"
    results = []
    for m in (izvod, torch):
        m.manual_seed(123)
        y = eval(text, names(m))
        results.append((y.reshape(-1).tolist(), state(m), y.stride(), tuple(y.shape)))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-5, abs=1e-9)
    assert results[0][1:] == results[1][1:]
    if hard:  # one-hot, but for the rounding of the straight-through sum
        assert sum(results[0][0]) == pytest.approx(30)


def gumbel_noise(m, size, dtype):
    """What gumbel_softmax subtracts from logits."""
    log = izvod._C._sample_log if m is izvod else m.log
    return log(m.empty(size, dtype=getattr(m, dtype)).exponential_())


@needs_torch
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [0, 1, 17, 1000, 10**6])
def test_gumbel_noise(size, dtype):
    numpy = pytest.importorskip("numpy")
    for seed in SEEDS:
        noise = []
        for m in (izvod, torch):
            m.manual_seed(seed)
            noise.append(gumbel_noise(m, size, dtype))
        units = vector_units(torch)
        if units:
            arrays = [x.double().numpy() for x in noise]
            assert equal_within(numpy, *arrays, units, dtype)
        else:
            assert bits(noise[0]) == bits(noise[1])


def test_golden_gumbel_noise():
    for dtype, expected in (
        ("float32", "15a246bfcbdd89c06304e1bd"),
        ("float64", "e60225af42d4e8bf055a0162b93b11c09769454f8c20bcbf"),
    ):
        izvod.manual_seed(123)
        assert bits(gumbel_noise(izvod, 3, dtype)).hex() == expected


@needs_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gumbel_choices(dtype):
    chosen = []
    for m in (izvod, torch):
        m.manual_seed(5)
        logits = m.linspace(-2, 2, 100000, dtype=getattr(m, dtype)).reshape(2500, 40)
        chosen.append(m.nn.functional.gumbel_softmax(logits, hard=True).argmax(1).tolist())
    assert chosen[0] == chosen[1]


@needs_torch
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("size", [(1, 1, 3, 3), (2, 3, 5, 5), (1, 2, 64, 64), (0, 2, 3, 3)])
def test_dropout_of_attention(size, p):
    """With a unit matrix for values the result is the dropped-out weights."""
    n, h, length, _ = size
    results = []
    for m in (izvod, torch):
        q = names(m)["num"](n, h, length, 8)
        v = m.eye(length).expand(size)
        m.manual_seed(7)
        y = m.nn.functional.scaled_dot_product_attention(q, q, v, dropout_p=p, is_causal=True)
        results.append((y.reshape(-1).tolist(), state(m)))
    (mine, my_state), (theirs, their_state) = results
    assert [x == 0 for x in mine] == [x == 0 for x in theirs]
    assert mine == pytest.approx(theirs, rel=1e-5)
    assert my_state == their_state


# ---- Initial values

INITS = [
    "uniform_({}, -0.5, 2, generator=G)",
    "normal_({}, 1.0, 0.1)",
    "trunc_normal_({}, std=0.02)",
    "trunc_normal_({}, 0.3, 1.5, 0.2, 0.4, generator=G)",
    "trunc_normal_({}, -0.2, 0.5, 0.25, 1.25)",
    "trunc_normal_({}, 0, 1, -0.75, 2)",
    "xavier_uniform_({}, 2.0)",
    "xavier_normal_({}, generator=G)",
    "kaiming_uniform_({}, 5**0.5)",
    "kaiming_uniform_({}, mode='fan_out', nonlinearity='relu', generator=G)",
    "kaiming_normal_({}, nonlinearity='tanh')",
]
WEIGHTS = [
    "torch.zeros(7, 5, dtype={})",
    "torch.zeros(40, 31, dtype={}).t()",
    "torch.zeros(8, 4, 6, dtype={})[:, ::2].permute(2, 0, 1)",
    "torch.zeros(4, 3, 5, 5, dtype={})",
]


@needs_torch
@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("weight", WEIGHTS)
def test_init(weight, init):
    for dtype in FLOATS[1:]:
        for seed in SEEDS:
            tensor = weight.format(f"torch.{dtype}")
            compare(f"nn.init.{init.format(tensor)}", seed, warm=3)


@needs_torch
@pytest.mark.parametrize(
    "layer",
    [
        "nn.Linear(30, 50)",
        "nn.Linear(3, 5, bias=False)",
        "nn.Linear(5, 6, dtype=torch.float64)",
        "nn.Linear(5, 6, dtype=torch.bfloat16)",
        "nn.Embedding(10, 4)",
        "nn.Embedding(10, 4, padding_idx=2)",
        "nn.LayerNorm(5)",
        "nn.Sequential(nn.Linear(3, 3), nn.Embedding(4, 4), nn.Linear(17, 31))",
    ],
)
def test_initial_values_of_layers(layer):
    made = []
    for m in (izvod, torch):
        m.manual_seed(3)
        made.append(([bits(p) for p in eval(layer, names(m)).parameters()], state(m)))
    assert made[0] == made[1]
