"""nn.Module: copies, and what it saves and loads."""

import copy
import gc
import pickle
import warnings
import weakref
from collections import OrderedDict
from functools import partial

import izvod
from scenarios import error, gives, net, scenario_test

SCENARIOS = []
gives = partial(gives, SCENARIOS)


@gives([True, False, True, True, True, ["fc1", "act", "fc2"]])
def deepcopy(lib):
    n = net(lib)
    c = copy.deepcopy(n)
    c.fc1.weight = lib.nn.Parameter(lib.zeros(4, 3))
    return [
        (c.scale == n.scale).all().item(),
        c.scale is n.scale,
        c.fc1._parameters["weight"] is c.fc1.weight,
        isinstance(c.fc2.weight, lib.nn.Parameter) and c.fc2.weight.requires_grad,
        n.fc1.weight.abs().sum().item() > 0,
        [name for name, _ in c.named_children()],
    ]


@gives([True, True, ["weight", "bias"], False, True])
def pickled(lib):
    n = lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.Dropout())
    n[0].bias.requires_grad_(False)
    n.eval()
    c = pickle.loads(pickle.dumps(n))
    same = (c[0].weight == n[0].weight).all().item()
    c[0]._parameters["weight"] = new = lib.nn.Parameter(lib.zeros(3, 2))
    names = [name for name, _ in c[0].named_parameters()]
    return [same, c[0].weight is new, names, c.training, not c[0].bias.requires_grad]


@gives([True, True])
def a_copy_with_its_own_setstate(lib):
    class Own(lib.nn.Linear):
        def __setstate__(self, state):
            self.__dict__.update(state)

    c = copy.deepcopy(Own(2, 2))
    c.weight = new = lib.nn.Parameter(lib.zeros(2, 2))
    return [c._parameters["weight"] is new, c.weight is new]


@gives([True, False, True])
def parameter_copies(lib):
    p = lib.nn.Parameter(lib.ones(2), requires_grad=False)
    q = copy.deepcopy(p)
    r = pickle.loads(pickle.dumps(p))
    return [isinstance(q, lib.nn.Parameter), q.requires_grad, isinstance(r, lib.nn.Parameter)]


@gives([True, True, False, [0], True])
def parameters(lib):
    data = lib.zeros(2)
    p = lib.nn.Parameter(data)
    with lib.no_grad():
        p += 1
    return [
        data.sum().item() == 2,
        p.is_leaf and p.requires_grad,
        isinstance(p * 1, lib.nn.Parameter),
        list(lib.nn.Parameter().shape),
        isinstance(lib.nn.Parameter(p), lib.nn.Parameter),
    ]


@gives(
    [
        "<All keys matched successfully>",
        True,
        True,
        [("", 1), ("fc1", 1), ("act", 1), ("fc2", 1)],
        True,
    ]
)
def state_dict_round_trip(lib):
    a, b = net(lib), net(lib)
    state = a.state_dict()
    text = str(b.load_state_dict(state))
    return [
        text,
        all((x == y).all().item() for x, y in zip(a.parameters(), b.parameters(), strict=True)),
        not any(value.requires_grad for value in state.values()),
        [(name, entry["version"]) for name, entry in state._metadata.items()],
        a.state_dict(keep_vars=True)["scale"] is a.scale,
    ]


@gives(["outer.scale", "x.scale", True])
def state_dict_prefix(lib):
    n = net(lib)
    mine = OrderedDict()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        n.state_dict(mine, "x.")
    same = n.state_dict(destination=mine) is mine
    return [list(n.state_dict(prefix="outer."))[0], list(mine)[0], same]


@gives(
    [
        "RuntimeError: Error(s) in loading state_dict for Net:\n"
        '\tMissing key(s) in state_dict: "scale", "fc2.weight". \n'
        '\tUnexpected key(s) in state_dict: "more", "fc3.weight", "fc2.nothing". \n'
        "\tsize mismatch for fc1.weight: copying a param with shape torch.Size([3, 4]) from "
        "checkpoint, the shape in current model is torch.Size([4, 3]).",
        "TypeError: Expected state_dict to be dict-like, got <class 'list'>.",
        "IncompatibleKeys(missing_keys=['scale', 'fc2.weight'], unexpected_keys=['more', "
        "'fc3.weight', 'fc2.nothing'])",
        "RuntimeError: Error(s) in loading state_dict for Net:\n"
        '\tWhile copying the parameter named "scale", expected torch.Tensor or Tensor-like object '
        "from checkpoint but received <class 'int'>",
    ]
)
def load_state_dict_errors(lib):
    n = net(lib)
    state = n.state_dict()
    del state["scale"], state["fc2.weight"]
    state["more"] = state["fc2.nothing"] = state["fc3.weight"] = lib.zeros(1)
    fits = OrderedDict(state)
    state["fc1.weight"] = lib.zeros(3, 4)
    return [
        error(n.load_state_dict, state),
        error(n.load_state_dict, []),
        # torch's class of the result has an underscore, too
        repr(n.load_state_dict(fits, strict=False)).lstrip("_"),
        error(n.load_state_dict, {"scale": 3}, strict=False),
    ]


@gives(["torch.float64", True, True, "torch.float32"])
def load_state_dict_assign(lib):
    n = net(lib)
    state = {"scale": lib.zeros(2, dtype=lib.float64)}
    n.load_state_dict(state, strict=False)
    copied = str(n.scale.dtype)
    n.load_state_dict(state, strict=False, assign=True)
    return [
        str(n.scale.dtype),
        isinstance(n.scale, lib.nn.Parameter) and n.scale.requires_grad,
        n._parameters["scale"] is n.scale,
        copied,
    ]


@gives([3.0, []])
def a_scalar_saved_with_one_dimension(lib):
    m = lib.nn.Module()
    m.s = lib.nn.Parameter(lib.tensor(1.0))
    m.load_state_dict({"s": lib.tensor([3.0])})
    return [m.s.item(), list(m.s.shape)]


@gives(
    [
        ["weight", "bias", "_extra_state"],
        {"epoch": 3},
        "RuntimeError: Error(s) in loading state_dict for Extra:\n\tMissing key(s) in state_dict: "
        '"_extra_state". ',
        "RuntimeError: Error(s) in loading state_dict for Linear:\n"
        '\tUnexpected key(s) in state_dict: "_extra_state". ',
    ]
)
def extra_state(lib):
    class Extra(lib.nn.Linear):
        loaded = None

        def get_extra_state(self):
            return {"epoch": 3}

        def set_extra_state(self, state):
            self.loaded = state

    e, plain = Extra(1, 1), lib.nn.Linear(1, 1)
    e.load_state_dict(e.state_dict())
    return [
        list(e.state_dict()),
        e.loaded,
        error(e.load_state_dict, plain.state_dict()),
        error(plain.load_state_dict, e.state_dict()),
    ]


@gives(
    [
        ["pre outer.", "post outer. 2", "load 2", "bound True", "loaded 0 0"],
        "RuntimeError: state_dict post-hook must return None",
        ["replaced"],
    ]
)
def state_hooks(lib):
    m, seen = lib.nn.Linear(1, 1), []
    m.register_state_dict_pre_hook(lambda mod, prefix, keep: seen.append(f"pre {prefix}"))
    m.register_state_dict_post_hook(
        lambda mod, state, prefix, meta: seen.append(f"post {prefix} {len(state)}")
    )
    m._register_load_state_dict_pre_hook(lambda state, *rest: seen.append(f"load {len(state)}"))
    m.register_load_state_dict_pre_hook(lambda mod, *rest: seen.append(f"bound {mod is m}"))
    m.register_load_state_dict_post_hook(
        lambda mod, keys: seen.append(f"loaded {len(keys[0])} {len(keys[1])}")
    )
    m.state_dict(prefix="outer.")
    before, state = list(seen), lib.nn.Linear(1, 1).state_dict()
    m.load_state_dict(state)
    bad = lib.nn.Linear(1, 1)
    bad.register_state_dict_post_hook(lambda *args: {})
    other = lib.nn.Linear(1, 1)
    other._register_state_dict_hook(lambda mod, state, prefix, meta: {"replaced": 1})
    return [before + seen[len(before) :], error(bad.state_dict), list(other.state_dict())]


test_scenario = scenario_test(SCENARIOS)


def test_modules_are_freed_without_the_cycle_collector():
    gc.disable()
    try:
        m = net(izvod)
        m.register_load_state_dict_pre_hook(lambda *args: None)
        ref = weakref.ref(m)
        del m
        assert ref() is None
    finally:
        gc.enable()
