"""Optimizers: trajectories against plain formulas in Python and against torch, state, errors."""

import copy
import importlib
import math
import pickle
import subprocess
import sys
import textwrap
from functools import partial

import izvod
import pytest
from scenarios import error, gives, scenario_test

SCENARIOS = []
gives = partial(gives, SCENARIOS)

START = [1.0, -2.0, 0.5]


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch, whose results this compares with, is absent")


def gradient(p, step):
    """The gradient of a bowl that moves a little, so that every term of the formulas counts."""
    return [2 * (i + 1) * (x - math.sin(step + i)) for i, x in enumerate(p)]


def train(lib, make, steps, dtype=None):
    """The values after each step of the optimizer that `make(lib.optim, params)` returns."""
    p = lib.nn.Parameter(lib.tensor(START, dtype=dtype or lib.float64))
    q = lib.nn.Parameter(lib.tensor([[3.0]], dtype=dtype or lib.float64))
    optimizer, values = make(lib.optim, [p, q]), []
    for step in range(steps):
        optimizer.zero_grad()
        p.grad = lib.tensor(gradient(p.tolist(), step), dtype=p.dtype)
        if step != 1:  # once one of them has no gradient
            q.grad = lib.tensor([gradient([q.item()], step)], dtype=q.dtype)
        optimizer.step()
        values.append([*p.tolist(), q.item()])
    return values, optimizer


# -- plain formulas


def sgd_formula(steps, lr, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False):
    p, buffer, values = list(START), None, []
    for step in range(steps):
        g = [-x if maximize else x for x in gradient(p, step)]
        g = [x + weight_decay * y for x, y in zip(g, p, strict=True)]
        if momentum:
            if buffer is None:
                buffer = list(g)
            else:
                buffer = [
                    momentum * b + (1 - dampening) * x for b, x in zip(buffer, g, strict=True)
                ]
            g = [x + momentum * b for x, b in zip(g, buffer, strict=True)] if nesterov else buffer
        p = [x - lr * d for x, d in zip(p, g, strict=True)]
        values.append(p)
    return values


def adam_formula(
    steps,
    lr=1e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0,
    amsgrad=False,
    maximize=False,
    decoupled=False,
):
    p, values = list(START), []
    m, v, top = [0.0] * 3, [0.0] * 3, [0.0] * 3
    for t in range(1, steps + 1):
        g = [-x if maximize else x for x in gradient(p, t - 1)]
        if decoupled:
            p = [x * (1 - lr * weight_decay) for x in p]
        else:
            g = [x + weight_decay * y for x, y in zip(g, p, strict=True)]
        m = [betas[0] * a + (1 - betas[0]) * x for a, x in zip(m, g, strict=True)]
        v = [betas[1] * a + (1 - betas[1]) * x * x for a, x in zip(v, g, strict=True)]
        top = [max(a, b) for a, b in zip(top, v, strict=True)]
        for i in range(3):
            mean = m[i] / (1 - betas[0] ** t)
            square = (top if amsgrad else v)[i] / (1 - betas[1] ** t)
            p[i] -= lr * mean / (math.sqrt(square) + eps)
        values.append(list(p))
    return values


SGD = [
    {"lr": 0.1},
    {"lr": 0.05, "momentum": 0.9},
    {"lr": 0.05, "momentum": 0.9, "dampening": 0.3},
    {"lr": 0.05, "momentum": 0.8, "nesterov": True},
    {"lr": 0.1, "weight_decay": 0.2},
    {"lr": 0.02, "momentum": 0.5, "weight_decay": 0.1, "maximize": True},
]
ADAM = [
    {},
    {"lr": 0.1},
    {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-3},
    {"lr": 0.05, "weight_decay": 0.1},
    {"lr": 0.1, "betas": (0.8, 0.7), "amsgrad": True},
    {"lr": 0.05, "maximize": True, "weight_decay": 0.01},
]


def first_three(values):
    return [x for row in values for x in row[:3]]


@pytest.mark.parametrize("settings", SGD, ids=str)
def test_sgd_follows_the_formula(settings):
    values, _ = train(izvod, lambda optim, p: optim.SGD(p, **settings), 20)
    expected = [x for row in sgd_formula(20, **settings) for x in row]
    assert first_three(values) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("settings", ADAM, ids=str)
def test_adam_follows_the_formula(settings):
    values, _ = train(izvod, lambda optim, p: optim.Adam(p, **settings), 20)
    expected = [x for row in adam_formula(20, **settings) for x in row]
    assert first_three(values) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("settings", ADAM, ids=str)
def test_adamw_follows_the_formula(settings):
    settings = {"weight_decay": 0.01, **settings}
    values, _ = train(izvod, lambda optim, p: optim.AdamW(p, **settings), 20)
    expected = [x for row in adam_formula(20, decoupled=True, **settings) for x in row]
    assert first_three(values) == pytest.approx(expected, rel=1e-9)


# -- torch

OPTIMIZERS = [("SGD", s) for s in SGD] + [(name, s) for name in ("Adam", "AdamW") for s in ADAM]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name, settings", OPTIMIZERS, ids=str)
def test_values_and_state_are_those_of_torch(torch, name, settings, dtype):
    results = []
    for lib in (izvod, torch):
        dtype_ = getattr(lib, dtype)
        values, optimizer = train(lib, lambda o, p: getattr(o, name)(p, **settings), 20, dtype_)
        state = optimizer.state_dict()["state"]
        for entry in state.values():
            for key, value in entry.items():
                entry[key] = (str(value.dtype), list(value.shape), value.flatten().tolist())
        results.append((values, state))
    (ours, our_state), (theirs, their_state) = results
    tolerance = 1e-6 if dtype == "float32" else 1e-12
    for row, expected in zip(ours, theirs, strict=True):
        assert row == pytest.approx(expected, rel=tolerance, abs=tolerance)
    assert list(our_state) == list(their_state)
    for number, entry in our_state.items():
        assert list(entry) == list(their_state[number])
        for key, (kind, shape, values) in entry.items():
            assert [kind, shape] == list(their_state[number][key][:2])
            assert values == pytest.approx(their_state[number][key][2], rel=1e-5, abs=1e-7)


# -- stored trajectories


def rounded(values):
    return [[round(x, 6) for x in row] for row in values]


@gives(
    [
        [0.8, -0.863412, 0.745578, 2.4],
        [0.808294, -0.154328, 0.382903, 2.4],
        [0.828495, -0.036149, -0.30092, 2.101859],
    ]
)
def sgd_trajectory(lib):
    return rounded(train(lib, lambda optim, p: optim.SGD(p, lr=0.1), 3)[0])


@gives([[0.542794, 0.901076, -1.017088, 1.22237], [0.206507, 0.486137, -1.081207, 0.396325]])
def sgd_momentum_trajectory(lib):
    settings = {"lr": 0.05, "momentum": 0.9, "nesterov": True}
    return rounded(train(lib, lambda optim, p: optim.SGD(p, **settings), 5)[0][-2:])


@gives([[0.713412, -1.612433, 0.450613, 2.704757], [0.636144, -1.529218, 0.371366, 2.605536]])
def adam_trajectory(lib):
    return rounded(train(lib, lambda optim, p: optim.Adam(p, lr=0.1, amsgrad=True), 5)[0][-2:])


@gives([[0.683098, -1.540329, 0.429608, 2.618959], [0.599889, -1.442829, 0.346346, 2.493639]])
def adamw_trajectory(lib):
    return rounded(train(lib, lambda optim, p: optim.AdamW(p, lr=0.1, weight_decay=0.1), 5)[0][-2:])


@gives([True, True, True])
def a_learning_rate_may_be_a_tensor(lib):
    def same(make_tensor, make_number):
        a = train(lib, make_tensor, 5, lib.float32)[0]
        b = train(lib, make_number, 5, lib.float32)[0]
        return a[-1] == pytest.approx(b[-1], rel=1e-5)

    lr = lib.tensor(0.125)
    return [
        same(lambda o, p: o.SGD(p, lr=lr), lambda o, p: o.SGD(p, lr=0.125)),
        same(lambda o, p: o.Adam(p, lr=lr), lambda o, p: o.Adam(p, lr=0.125)),
        same(lambda o, p: o.AdamW(p, lr=lr.view(1)), lambda o, p: o.AdamW(p, lr=0.125)),
    ]


@gives([25.0, 20.25, [4.5]])
def closures(lib):
    p = lib.nn.Parameter(lib.tensor([5.0]))
    optimizer = lib.optim.SGD([p], lr=0.05)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with lib.no_grad():
        first = optimizer.step(closure).item()
    values = p.tolist()
    return [first, round(optimizer.step(closure).item(), 4), values]


# -- groups, state, printing

PRINTED = """\
SGD (
Parameter Group 0
    dampening: 0
    differentiable: False
    foreach: None
    fused: None
    lr: 0.1
    maximize: False
    momentum: 0.9
    nesterov: False
    weight_decay: 0

Parameter Group 1
    dampening: 0
    differentiable: False
    foreach: None
    fused: None
    lr: 0.01
    maximize: False
    momentum: 0.9
    nesterov: False
    weight_decay: 0
)"""


def two_groups(lib):
    a, b = (lib.nn.Parameter(lib.ones(2)) for _ in range(2))
    groups = [{"params": a}, {"params": [b], "lr": 0.01}]
    return lib.optim.SGD(groups, lr=0.1, momentum=0.9)


@gives(PRINTED)
def printed(lib):
    return repr(two_groups(lib))


@gives(
    {
        "state": {},
        "param_groups": [
            {
                "lr": 0.001,
                "betas": (0.9, 0.999),
                "eps": 1e-08,
                "weight_decay": 0.01,
                "amsgrad": False,
                "maximize": False,
                "foreach": None,
                "capturable": False,
                "differentiable": False,
                "fused": None,
                "decoupled_weight_decay": True,
                "params": [0, 1],
            }
        ],
    }
)
def state_dict_before_a_step(lib):
    return lib.optim.AdamW([lib.nn.Parameter(lib.ones(1)) for _ in range(2)]).state_dict()


@gives([["step", "exp_avg", "exp_avg_sq"], "torch.float32", [], 1.0, [[0], [1]], 0.01, {}])
def state_dict_after_a_step(lib):
    optimizer = two_groups(lib)
    adam = lib.optim.Adam([lib.nn.Parameter(lib.ones(2, dtype=lib.float64))])
    p = adam.param_groups[0]["params"][0]
    p.grad = lib.ones(2, dtype=lib.float64)
    adam.step()
    entry = adam.state_dict()["state"][0]
    groups = optimizer.state_dict()["param_groups"]
    plain = lib.optim.SGD([p], lr=0.1)
    plain.step()
    return [
        list(entry),
        str(entry["step"].dtype),
        list(entry["step"].shape),
        entry["step"].item(),
        [group["params"] for group in groups],
        groups[1]["lr"],
        plain.state_dict()["state"],
    ]


@gives([True, 0.05, "torch.float64", "torch.float32", True])
def load_state_dict(lib):
    values, optimizer = train(lib, lambda optim, p: optim.Adam(p, lr=0.05), 3, lib.float32)
    saved = copy.deepcopy(optimizer.state_dict())
    p = lib.nn.Parameter(lib.tensor(values[-1][:3]))
    q = lib.nn.Parameter(lib.tensor([[values[-1][3]]]))
    again = lib.optim.Adam([p, q])
    again.load_state_dict(saved)
    for o in (again, optimizer):
        for param in o.param_groups[0]["params"]:
            param.grad = lib.ones_like(param)
        o.step()
    wide = lib.optim.Adam([lib.nn.Parameter(t.double()) for t in (p.detach(), q.detach())])
    wide.load_state_dict(saved)
    kept = wide.state[wide.param_groups[0]["params"][0]]
    return [
        p.tolist() == optimizer.param_groups[0]["params"][0].tolist(),
        again.param_groups[0]["lr"],
        str(kept["exp_avg"].dtype),
        str(kept["step"].dtype),
        saved["param_groups"][0]["params"] == [0, 1],
    ]


@gives([True, True, {"state", "param_groups", "defaults"}])
def pickled(lib):
    _, optimizer = train(lib, lambda optim, p: optim.AdamW(p, lr=0.1), 2)
    again = pickle.loads(pickle.dumps(optimizer))
    p, q = again.param_groups[0]["params"]
    p.grad = lib.ones_like(p)
    again.step()
    return [p in again.state, again.state[p]["step"].item() == 3, set(optimizer.__getstate__())]


@gives(
    [
        ["a", "b"],
        ["a", "b"],
        "ValueError: all optimizer params should be with/without names. Some param names are "
        "missing",
        "ValueError: all optimizer param groups should be with/without names. cannot add param "
        "group without names to the optimizer",
    ]
)
def named_parameters(lib):
    a, b, c = (lib.nn.Parameter(lib.ones(1)) for _ in range(3))
    optimizer = lib.optim.SGD([("a", a), ("b", b)], lr=0.1)
    saved = optimizer.state_dict()
    optimizer.load_state_dict(saved)
    return [
        saved["param_groups"][0]["param_names"],
        optimizer.param_groups[0]["param_names"],
        error(lib.optim.SGD, [("a", a), b], lr=0.1),
        error(optimizer.add_param_group, {"params": [c]}),
    ]


@gives(
    [
        "ValueError: optimizer got an empty parameter list",
        "TypeError: params argument given to the optimizer should be an iterable of Tensors or "
        "dicts, but got torch.FloatTensor",
        "TypeError: optimizer can only optimize Tensors, but one of the params is int",
        "ValueError: can't optimize a non-leaf Tensor",
        "ValueError: some parameters appear in more than one parameter group",
        "TypeError: optimizer parameters need to be organized in ordered collections, but the "
        "ordering of tensors in sets will change between runs. Please use a list instead.",
        "TypeError: param_group must be a dict, but got <class 'list'>",
        "ValueError: loaded state dict has a different number of parameter groups",
        "ValueError: loaded state dict contains a parameter group that doesn't match the size of "
        "optimizer's group",
        "NotImplementedError: ",
    ]
)
def group_errors(lib):
    optim, p = lib.optim, lib.nn.Parameter(lib.ones(1))
    sgd = optim.SGD([p], lr=0.1)
    two = optim.SGD([lib.nn.Parameter(lib.ones(1)) for _ in range(2)], lr=0.1)
    return [
        error(optim.SGD, [], lr=0.1),
        error(optim.SGD, lib.ones(1), lr=0.1),
        error(optim.SGD, [3], lr=0.1),
        error(optim.SGD, [p * 2], lr=0.1),
        error(sgd.add_param_group, {"params": [p]}),
        error(sgd.add_param_group, {"params": {p}}),
        error(sgd.add_param_group, [p]),
        error(sgd.load_state_dict, two_groups(lib).state_dict()),
        error(sgd.load_state_dict, two.state_dict()),
        error(optim.Optimizer([p], {}).step),
    ]


@gives(
    [
        "ValueError: Invalid learning rate: -1",
        "ValueError: Invalid momentum value: -1",
        "ValueError: Invalid weight_decay value: -1",
        "ValueError: Nesterov momentum requires a momentum and zero dampening",
        "ValueError: Tensor lr must be 1-element",
        "ValueError: Invalid learning rate: -1",
        "ValueError: Invalid epsilon value: -1",
        "ValueError: Invalid beta parameter at index 0: 1.0",
        "ValueError: Invalid beta parameter at index 1: -0.5",
        "ValueError: Invalid weight_decay value: -1",
        "ValueError: betas must be either both floats or both Tensors",
        "ValueError: lr as a Tensor is not supported for capturable=False and foreach=True",
        "RuntimeError: `fused` and `foreach` cannot be `True` together.",
        "RuntimeError: `fused` does not support `differentiable`",
        "no error",
    ]
)
def setting_errors(lib):
    optim, p = lib.optim, [lib.nn.Parameter(lib.ones(1))]
    return [
        error(optim.SGD, p, lr=-1),
        error(optim.SGD, p, momentum=-1),
        error(optim.SGD, p, weight_decay=-1),
        error(optim.SGD, p, nesterov=True),
        error(optim.SGD, p, lr=lib.ones(2)),
        error(optim.Adam, p, lr=-1),
        error(optim.Adam, p, eps=-1),
        error(optim.Adam, p, betas=(1.0, 0.9)),
        error(optim.AdamW, p, betas=(0.9, -0.5)),
        error(optim.AdamW, p, weight_decay=-1),
        error(optim.AdamW, p, betas=(0.9, lib.tensor(0.5))),
        error(optim.Adam, p, lr=lib.tensor(0.1), foreach=True),
        error(optim.Adam, p, foreach=True, fused=True),
        error(optim.SGD, p, fused=True, differentiable=True),
        error(optim.SGD, p, foreach=True),
    ]


@gives([[True, True], [[0.0], [0.0]], [None, None]])
def zero_grad(lib):
    params = [lib.nn.Parameter(lib.ones(1)) for _ in range(2)]
    optimizer = lib.optim.SGD(params, lr=0.1)
    for p in params:
        p.grad = lib.ones(1)
    kept = [p.grad for p in params]
    optimizer.zero_grad(set_to_none=False)
    same = [p.grad is g for p, g in zip(params, kept, strict=True)]
    zeros = [p.grad.tolist() for p in params]
    optimizer.zero_grad()
    return [same, zeros, [p.grad for p in params]]


@gives(
    [
        ["pre", "post"],
        ["saved", "loading", "loaded"],
        ["replaced"],
        ["any pre", "pre", "post", "any post"],
    ]
)
def hooks(lib):
    optimizer, seen = two_groups(lib), []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("pre"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("post"))
    optimizer.step()
    steps = list(seen)
    seen.clear()
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("saved"))
    optimizer.register_load_state_dict_pre_hook(lambda o, state: seen.append("loading"))
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.load_state_dict(optimizer.state_dict())
    loads = list(seen)
    optimizer.register_state_dict_post_hook(lambda o, state: {"replaced": 1})
    seen.clear()
    replaced = list(optimizer.state_dict())
    seen.clear()
    module = importlib.import_module(f"{lib.__name__}.optim.optimizer")
    with (
        module.register_optimizer_step_pre_hook(lambda *args: seen.append("any pre")),
        module.register_optimizer_step_post_hook(lambda *args: seen.append("any post")),
    ):
        optimizer.step()
    return [steps, loads, replaced, seen]


@gives([["pre"], [0.5]])
def an_optimizer_of_ones_own(lib):
    class Own(lib.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @lib.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p -= group["lr"] * p.grad

    p, seen = lib.nn.Parameter(lib.ones(1)), []
    optimizer = Own([p], lr=0.25)
    optimizer.register_step_pre_hook(lambda *args: seen.append("pre"))
    (p * 2).sum().backward()
    optimizer.step()
    return [seen, p.tolist()]


test_scenario = scenario_test(SCENARIOS)


def large_embedding(make, dense, clip):
    """The weight and its optimizer's state after steps that use few of its rows."""
    izvod.manual_seed(0)
    weight = izvod.nn.Parameter(izvod.randn(40_000, 256))
    optimizer = make(izvod.optim, [weight])
    for _ in range(3):
        optimizer.zero_grad()
        rows = izvod.randint(0, 40_000, (50,))
        (izvod.nn.functional.embedding(rows, weight) * izvod.randn(50, 256)).sum().backward()
        if dense:  # a copy has all of its memory
            weight.grad = weight.grad.clone()
        if clip:
            izvod.nn.utils.clip_grad_norm_([weight], 1.0)
        optimizer.step()
    return [weight, weight.grad, *optimizer.state[weight].values()]


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        lambda optim, params: optim.SGD(params, lr=0.1, momentum=0.9),
        lambda optim, params: optim.Adam(params, lr=0.1, amsgrad=True),
        lambda optim, params: optim.Adam(params, lr=0.1, weight_decay=0.1),
        lambda optim, params: optim.AdamW(params, lr=0.1, maximize=True),
    ],
)
def test_lazy_zeros_are_as_good_as_others(make, clip):
    lazy, dense = (large_embedding(make, dense, clip) for dense in (False, True))
    assert all(izvod.equal(a, b) for a, b in zip(lazy, dense, strict=True))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_rows_that_no_token_has_used_take_no_memory_beside_their_weights():
    steps = """
        import izvod

        def peak_megabytes():
            status = open("/proc/self/status").read()
            return int(status.split("VmHWM:")[1].split()[0]) / 1024

        weight = izvod.nn.Parameter(izvod.randn(60_000, 256))  # 61 MB
        optimizer = izvod.optim.AdamW([weight])
        before = peak_megabytes()
        for step in range(3):
            optimizer.zero_grad()
            izvod.nn.functional.embedding(izvod.arange(100), weight).sum().backward()
            izvod.nn.utils.clip_grad_norm_([weight], 1.0)
            optimizer.step()
        print(peak_megabytes() - before)
    """
    command = [sys.executable, "-c", textwrap.dedent(steps)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert float(run.stdout) < 20  # a gradient and two moments of all rows would be 184
