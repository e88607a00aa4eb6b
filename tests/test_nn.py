"""The layers, losses, initial values and clipping: stored results, and comparisons with torch."""

import math
import random
import warnings
from functools import partial

import izvod
import izvod.nn.functional as F
import pytest
from izvod import nn
from scenarios import error, gives, scenario_test

SCENARIOS = []
gives = partial(gives, SCENARIOS)


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch, whose results this compares with, is absent")


def numbers(*shape):
    """The same numbers in [-1, 1) for the same shape, as nested lists."""
    rng = random.Random(repr(shape))

    def fill(sizes):
        if not sizes:
            return rng.uniform(-1, 1)
        return [fill(sizes[1:]) for _ in range(sizes[0])]

    return fill(shape)


def close(ours, theirs, tolerance=1e-6):
    assert list(ours.shape) == list(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype)
    mine, other = ours.detach().double().flatten(), theirs.detach().double().flatten()
    assert mine.tolist() == pytest.approx(other.tolist(), rel=tolerance, abs=tolerance)


# -- layers

LAYERS = {
    "Identity": (lambda nn: nn.Identity(), (2, 3)),
    "Linear": (lambda nn: nn.Linear(3, 4), (2, 3)),
    "Linear without bias": (lambda nn: nn.Linear(3, 4, bias=False), (5, 2, 3)),
    "Linear in float64": (lambda nn: nn.Linear(3, 4).double(), (2, 3)),
    "LayerNorm": (lambda nn: nn.LayerNorm(3), (4, 3)),
    "LayerNorm over two dimensions": (lambda nn: nn.LayerNorm((2, 3), eps=1e-3), (4, 2, 3)),
    "LayerNorm without affine": (lambda nn: nn.LayerNorm(3, elementwise_affine=False), (4, 3)),
    "LayerNorm without bias": (lambda nn: nn.LayerNorm(3, bias=False), (4, 3)),
    "Dropout in evaluation": (lambda nn: nn.Dropout(0.5).eval(), (4, 3)),
    "ReLU": (lambda nn: nn.ReLU(), (4, 3)),
    "GELU": (lambda nn: nn.GELU(), (4, 3)),
    "GELU by tanh": (lambda nn: nn.GELU(approximate="tanh"), (4, 3)),
    "SiLU": (lambda nn: nn.SiLU(), (4, 3)),
    "Tanh": (lambda nn: nn.Tanh(), (4, 3)),
    "Sigmoid": (lambda nn: nn.Sigmoid(), (4, 3)),
    "Softmax": (lambda nn: nn.Softmax(dim=-1), (4, 3)),
    "LogSoftmax": (lambda nn: nn.LogSoftmax(dim=0), (4, 3)),
    "Flatten": (lambda nn: nn.Flatten(), (4, 3, 2)),
    "Flatten the first two": (lambda nn: nn.Flatten(0, 1), (4, 3, 2)),
    "Unflatten": (lambda nn: nn.Unflatten(1, (2, 3)), (4, 6)),
    "Sequential": (lambda nn: nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)), (4, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(torch, name):
    make, shape = LAYERS[name]
    results = []
    for lib in (izvod, torch):
        layer = make(lib.nn)
        for i, param in enumerate(layer.parameters()):
            values = lib.tensor(numbers(*param.shape, i + 1), dtype=param.dtype)
            with lib.no_grad():
                param.copy_(values[..., i])
        dtype = next((p.dtype for p in layer.parameters()), lib.float32)
        x = lib.tensor(numbers(*shape), dtype=dtype, requires_grad=True)
        y = layer(x)
        (y * lib.tensor(numbers(*y.shape), dtype=dtype)).sum().backward()
        results.append([y, x.grad, *[p.grad for p in layer.parameters()]])
    for ours, theirs in zip(*results, strict=True):
        close(ours, theirs)


@gives([[[-0.0, 1.0], [3.0, 0.0]], [[0.25, 0.75], [0.0, 1.0]], [[1.0, 2.0]], [[3.0], [4.0]]])
def layers_on_small_numbers(lib):
    nn = lib.nn
    linear = nn.Linear(2, 2)
    with lib.no_grad():
        linear.weight.copy_(lib.tensor([[1.0, 0.0], [0.0, 2.0]]))
        linear.bias.copy_(lib.tensor([-1.0, 0.0]))
    shares = nn.Softmax(1)(lib.tensor([[0.0, math.log(3.0)], [-math.inf, 0.0]]))
    return [
        (nn.ReLU()(linear(lib.tensor([[1.0, 0.5], [4.0, -1.0]]))) + -0.0).tolist(),
        [[round(value, 5) for value in row] for row in shares.tolist()],
        nn.Flatten()(lib.tensor([[[1.0], [2.0]]])).tolist(),
        nn.Unflatten(0, (2, 1))(lib.tensor([3.0, 4.0])).tolist(),
    ]


@gives(
    [
        [[2.0, 3.0], [0.0, 0.0]],
        [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]],
        True,
        False,
        [1.0, 1.0],
        "AssertionError: Padding_idx must be within num_embeddings",
        "AssertionError: Shape of weight does not match num_embeddings and embedding_dim",
        "AssertionError: Embeddings parameter is expected to be 2-dimensional",
        2,
    ]
)
def embedding(lib):
    nn = lib.nn
    table = lib.tensor([[0.0, 0.0], [2.0, 3.0], [0.0, 1.0]])
    e = nn.Embedding.from_pretrained(table, freeze=False, padding_idx=0)
    rows = e(lib.tensor([1, 0]))
    e(lib.tensor([2, 0])).sum().backward()
    frozen = nn.Embedding.from_pretrained(table)
    capped = nn.Embedding(3, 2, max_norm=1.0)
    lengths = capped(lib.tensor([0, 1])).norm(2, 1).clamp_min(1.0)
    return [
        rows.tolist(),
        e.weight.grad.tolist(),
        nn.Embedding(3, 2, padding_idx=-1).weight[2].abs().sum().item() == 0,
        frozen.weight.requires_grad,
        [round(value, 3) for value in lengths.tolist()],
        error(nn.Embedding, 3, 2, padding_idx=3),
        error(nn.Embedding, 3, 2, _weight=table[:2]),
        error(nn.Embedding.from_pretrained, table[0]),
        nn.Embedding(3, 2, padding_idx=-1).padding_idx,
    ]


@gives(
    [
        "ValueError: dropout probability has to be between 0 and 1, but got 1.5",
        True,
        True,
        "TypeError: unflattened_size must be a tuple of ints, but found type int",
        "TypeError: unflattened_size must be tuple of ints, but found element of type str at pos 1",
    ]
)
def dropout_and_unflatten(lib):
    nn = lib.nn
    lib.manual_seed(3)
    values = set(nn.Dropout(0.75)(lib.ones(1000)).tolist())
    return [
        error(nn.Dropout, 1.5),
        values == {0.0, 4.0},
        (nn.Dropout(0.75).eval()(lib.ones(10)) == 1).all().item(),
        error(nn.Unflatten, 1, 3),
        error(nn.Unflatten, 1, (3, "x")),
    ]


# -- losses

LOSSES = {
    "CrossEntropyLoss": lambda lib: lib.nn.CrossEntropyLoss(),
    "CrossEntropyLoss sum": lambda lib: lib.nn.CrossEntropyLoss(reduction="sum"),
    "CrossEntropyLoss none": lambda lib: lib.nn.CrossEntropyLoss(reduction="none"),
    "CrossEntropyLoss smoothed": lambda lib: lib.nn.CrossEntropyLoss(label_smoothing=0.1),
    "CrossEntropyLoss ignoring": lambda lib: lib.nn.CrossEntropyLoss(ignore_index=2),
    "CrossEntropyLoss weighted": lambda lib: lib.nn.CrossEntropyLoss(lib.tensor([1.0, 2.0, 0.5])),
    "NLLLoss": lambda lib: lib.nn.NLLLoss(),
    "NLLLoss weighted": lambda lib: lib.nn.NLLLoss(lib.tensor([1.0, 2.0, 0.5])),
    "MSELoss": lambda lib: lib.nn.MSELoss(),
    "MSELoss sum": lambda lib: lib.nn.MSELoss(reduction="sum"),
    "L1Loss": lambda lib: lib.nn.L1Loss(),
    "BCELoss": lambda lib: lib.nn.BCELoss(),
    "BCELoss weighted": lambda lib: lib.nn.BCELoss(lib.tensor([1.0, 2.0, 0.5])),
    "BCEWithLogitsLoss": lambda lib: lib.nn.BCEWithLogitsLoss(),
    "BCEWithLogitsLoss weighted": lambda lib: lib.nn.BCEWithLogitsLoss(
        lib.tensor([1.0, 2.0, 0.5]), pos_weight=lib.tensor([3.0, 1.0, 1.0])
    ),
}


def loss_of(lib, name):
    loss = LOSSES[name](lib)
    x = lib.tensor(numbers(4, 3), requires_grad=True)
    if name.startswith(("CrossEntropy", "NLL")):
        target = lib.tensor([0, 2, 1, 1])
    else:
        target = (lib.tensor(numbers(3, 4)).t() > 0).float()
    y = loss(lib.sigmoid(x) if name.startswith("BCELoss") else x, target)
    y.sum().backward()
    return y, x.grad


@pytest.mark.parametrize("name", LOSSES)
def test_loss(torch, name):
    for ours, theirs in zip(loss_of(izvod, name), loss_of(torch, name), strict=True):
        close(ours, theirs)


@gives([0.693147, 0.5, 2.0, 0.693147, 0.693147, "sum", "none", ["weight", "pos_weight"]])
def losses_on_small_numbers(lib):
    nn = lib.nn
    zeros, ones = lib.zeros(1, 2), lib.ones(1, 2)
    half = lib.tensor([[0.5, 0.5]])
    values = [
        nn.CrossEntropyLoss()(zeros, lib.tensor([0])),
        nn.MSELoss()(zeros, lib.tensor([[1.0, 0.0]])),
        nn.MSELoss(reduction="sum")(zeros, ones),
        nn.BCELoss()(half, ones),
        nn.BCEWithLogitsLoss()(zeros, ones),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        legacy = [nn.MSELoss(size_average=False).reduction, nn.MSELoss(reduce=False).reduction]
    weighted = nn.BCEWithLogitsLoss(lib.ones(2), pos_weight=lib.ones(2))
    return [*[round(v.item(), 6) for v in values], *legacy, list(weighted.state_dict())]


# -- functions composed in Python


@gives(
    [
        [[1, 0, 0], [0, 0, 1]],
        [2, 1, 4],
        "torch.int64",
        "RuntimeError: Class values must be smaller than num_classes.",
        "RuntimeError: Class values must be non-negative.",
        "RuntimeError: Can not infer total number of classes from empty tensor.",
    ]
)
def one_hot(lib):
    F = lib.nn.functional
    index = lib.tensor([0, 2])
    return [
        F.one_hot(index).tolist(),
        list(F.one_hot(index.unsqueeze(1), num_classes=4).shape),
        str(F.one_hot(index).dtype),
        error(F.one_hot, index, 2),
        error(F.one_hot, lib.tensor([-1])),
        error(F.one_hot, lib.zeros(0, dtype=lib.int64)),
    ]


@gives([[[0.6, 0.8], [0.0, 0.0]], [0.96, -1.0]])
def normalize_and_cosine(lib):
    F = lib.nn.functional
    unit = F.normalize(lib.tensor([[3.0, 4.0], [0.0, 0.0]]))
    cosine = F.cosine_similarity(
        lib.tensor([[3.0, 4.0], [1.0, 1.0]]), lib.tensor([[4.0, 3.0], [-2.0, -2.0]])
    )
    return [
        [[round(v, 5) for v in row] for row in unit.tolist()],
        [round(v, 5) for v in cosine.tolist()],
    ]


def test_functions_made_in_cpp_are_not_wrapped():
    assert F.linear is izvod._C._nn.linear
    assert F.cross_entropy is izvod._C._nn.cross_entropy


# -- initial values

INITS = {
    "uniform_": lambda init, t: init.uniform_(t, -0.5, 2.0),
    "normal_": lambda init, t: init.normal_(t, 1.0, 0.1),
    "trunc_normal_": lambda init, t: init.trunc_normal_(t, std=0.02),
    "trunc_normal_ narrow": lambda init, t: init.trunc_normal_(t, a=-0.2, b=0.2),
    "trunc_normal_ cut": lambda init, t: init.trunc_normal_(t, a=-0.5, b=0.5),
    "trunc_normal_ to one side": lambda init, t: init.trunc_normal_(t, a=1.0, b=1.5),
    "constant_": lambda init, t: init.constant_(t, 0.3),
    "ones_": lambda init, t: init.ones_(t),
    "zeros_": lambda init, t: init.zeros_(t),
    "eye_": lambda init, t: init.eye_(t),
    "xavier_uniform_": lambda init, t: init.xavier_uniform_(t, gain=2.0),
    "xavier_normal_": lambda init, t: init.xavier_normal_(t),
    "kaiming_uniform_": lambda init, t: init.kaiming_uniform_(t, a=math.sqrt(5)),
    "kaiming_uniform_ of relu": lambda init, t: init.kaiming_uniform_(t, nonlinearity="relu"),
    "kaiming_normal_": lambda init, t: init.kaiming_normal_(t, mode="fan_out", nonlinearity="tanh"),
    "sparse_": lambda init, t: init.sparse_(t, 0.3),
}


@pytest.mark.parametrize("shape", [(3, 2), (17, 5)])
@pytest.mark.parametrize("name", INITS)
def test_init_draws_what_torch_draws(torch, name, shape):
    values = []
    for lib in (izvod, torch):
        lib.manual_seed(123)
        t = lib.empty(*shape)
        assert INITS[name](lib.nn.init, t) is t
        values.append([t.tolist(), lib.rand(2).tolist()])
    assert values[0] == values[1]


@pytest.mark.parametrize("shape", [(3, 2), (2, 5), (4, 2, 3), (1, 1), (40, 70), (0, 3)])
def test_orthogonal(torch, shape):
    values = []
    for lib in (izvod, torch):
        lib.manual_seed(5)
        values.append(lib.nn.init.orthogonal_(lib.empty(*shape), gain=2.0))
    close(*values, tolerance=1e-5)


@pytest.mark.parametrize("shape, groups", [((4, 2, 3), 1), ((4, 2, 3, 3), 2), ((2, 2, 1, 3, 3), 1)])
def test_dirac(torch, shape, groups):
    ours, theirs = (lib.nn.init.dirac_(lib.empty(*shape), groups) for lib in (izvod, torch))
    assert ours.tolist() == theirs.tolist()


LAYERS_WITH_DRAWS = {
    "Linear": lambda nn: nn.Linear(7, 5),
    "Linear in float64": lambda nn: nn.Linear(3, 2).double(),
    "Embedding": lambda nn: nn.Embedding(5, 4, padding_idx=1),
    "Sequential": lambda nn: nn.Sequential(nn.Embedding(5, 3), nn.LayerNorm(3), nn.Linear(3, 2)),
}


@pytest.mark.parametrize("name", LAYERS_WITH_DRAWS)
def test_layers_start_with_the_values_of_torch(torch, name):
    values = []
    for lib in (izvod, torch):
        lib.manual_seed(2)
        values.append([p.tolist() for p in LAYERS_WITH_DRAWS[name](lib.nn).parameters()])
    assert values[0] == values[1]


@gives(
    [
        ["be711478", "3c9caaef", "be92d05d"],
        ["bed6db3d", "beeb045d"],
    ]
)
def linear_after_seed_123(lib):
    """The bits of the first row of the weight, and of the bias."""
    import struct

    def bits(row):
        return [struct.pack(">f", value).hex() for value in row]

    lib.manual_seed(123)
    layer = lib.nn.Linear(3, 2)
    return [bits(layer.weight.tolist()[0]), bits(layer.bias.tolist())]


@gives(
    [
        [1, 1, 5 / 3, math.sqrt(2), math.sqrt(2 / 1.0001), math.sqrt(2 / 26), 0.75],
        "ValueError: Unsupported nonlinearity none",
        "ValueError: negative_slope True not a valid number",
        "ValueError: Fan in and fan out can not be computed for tensor with fewer than 2 "
        "dimensions",
        "ValueError: Mode up not supported, please use one of ['fan_in', 'fan_out']",
        "ValueError: Only tensors with 2 dimensions are supported",
        "ValueError: Only tensors with 3, 4, or 5 dimensions are supported",
        "ValueError: dim 0 must be divisible by groups",
        "ValueError: Only tensors with 2 or more dimensions are supported",
        "ValueError: Only tensors with 2 dimensions are supported",
        (6, 12),
    ]
)
def init_settings_and_errors(lib):
    init, row = lib.nn.init, lib.zeros(3)
    gains = [("linear", None), ("sigmoid", None), ("tanh", None), ("relu", None)]
    gains += [("leaky_relu", None), ("leaky_relu", 5), ("selu", None)]
    return [
        [init.calculate_gain(*gain) for gain in gains],
        error(init.calculate_gain, "none"),
        error(init.calculate_gain, "leaky_relu", True),
        error(init.xavier_uniform_, row),
        error(init.kaiming_normal_, lib.zeros(2, 2), mode="up"),
        error(init.eye_, row),
        error(init.dirac_, row),
        error(init.dirac_, lib.zeros(3, 2, 1), 2),
        error(init.orthogonal_, row),
        error(init.sparse_, row, 0.1),
        tuple(init._calculate_fan_in_and_fan_out(lib.zeros(4, 2, 3))),
    ]


# -- gradients and vectors


def with_grads(lib, *grads):
    params = [lib.nn.Parameter(lib.zeros(len(g))) for g in grads]
    for param, grad in zip(params, grads, strict=True):
        param.grad = lib.tensor(grad)
    return params


@gives(
    [
        5.0,
        [[0.6], [0.8, 0.0]],
        [[3.0], [4.0, 0.0]],
        4.0,
        [[1.5], [2.0, 0.0]],
        7.0,
        0.0,
        "RuntimeError: The total norm of order 2.0 for gradients from `parameters` is "
        "non-finite, so it cannot be clipped. To disable this error and scale the gradients by "
        "the non-finite norm anyway, set `error_if_nonfinite=False`",
        [[1.0], [-2.0, 0.5]],
    ]
)
def clipping(lib):
    utils = lib.nn.utils

    def clip(limit, *order):
        params = with_grads(lib, [3.0], [4.0, 0.0])
        norm = utils.clip_grad_norm_(params, limit, *order).item()
        return round(norm, 5), [[round(v, 4) for v in p.grad.tolist()] for p in params]

    wild = with_grads(lib, [math.inf])
    clamped = with_grads(lib, [1.0], [-3.0, 0.5])
    utils.clip_grad_value_(clamped, 2.0)
    unused = lib.nn.Parameter(lib.zeros(1))
    return [
        *clip(1.0),
        clip(9.0)[1],
        *clip(2.0, math.inf),
        clip(1.0, 1)[0],
        utils.clip_grad_norm_(unused, 1.0).item(),
        error(utils.clip_grad_norm_, wild, 1.0, error_if_nonfinite=True),
        [p.grad.tolist() for p in clamped],
    ]


@gives([5.0, [1.5, 2.0], [0.0, 0.0, 1.0], [[7.0, 8.0], [9.0]], True])
def norms_and_vectors(lib):
    utils = lib.nn.utils
    params = with_grads(lib, [3.0, 4.0])
    total = utils.get_total_norm([p.grad for p in params])
    utils.clip_grads_with_norm_(params, 2.5, total)
    a, b = lib.nn.Parameter(lib.zeros(2)), lib.nn.Parameter(lib.ones(1))
    vector = utils.parameters_to_vector([a, b])
    utils.vector_to_parameters(lib.tensor([7.0, 8.0, 9.0]), [a, b])
    halved = [round(v, 4) for v in params[0].grad.tolist()]
    return [total.item(), halved, vector.tolist(), [a.tolist(), b.tolist()], a.requires_grad]


def test_clip_grad_norm_as_torch(torch):
    norms, grads = [], []
    for lib in (izvod, torch):
        params = with_grads(lib, numbers(40), numbers(7), numbers(100))
        norms.append(lib.nn.utils.clip_grad_norm_(params, 1.0, 3))
        grads.append([p.grad for p in params])
    close(*norms)
    for ours, theirs in zip(*grads, strict=True):
        close(ours, theirs)


def test_a_call_of_a_module_is_the_call_of_forward():
    calls = []

    class Recorder(nn.Module):
        def forward(self, *args, **kwargs):
            calls.append((args, kwargs))
            return len(calls)

    recorder = Recorder()
    assert recorder(1, 2, x=3) == 1
    assert calls == [((1, 2), {"x": 3})]


test_scenario = scenario_test(SCENARIOS)
