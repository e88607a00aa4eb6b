"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

from collections import OrderedDict
from functools import partial

from scenarios import double, error, gives, scenario_test

SCENARIOS = []
gives = partial(gives, SCENARIOS)


@gives([3, "ReLU()", ["0", "1"], "Tanh()", [2.0], ["ReLU()", "Tanh()"], True, ["0", "1", "2", "3"]])
def sequential(lib):
    nn = lib.nn
    s = nn.Sequential(nn.Identity(), nn.ReLU(), nn.Tanh())
    size, second, part, last = len(s), repr(s[1]), list(s[:2]._modules), repr(s[-1])
    out = nn.Sequential(nn.Identity(), double(lib))(lib.ones(1)).tolist()
    del s[0]
    rest = [repr(m) for m in s]
    both = s + nn.Sequential(nn.GELU())
    s *= 2
    return [size, second, part, last, out, rest, both[0] is s[0], list(s._modules)]


@gives(
    [
        "IndexError: index 1 is out of range",
        "ValueError: add operator supports only objects of Sequential class, but <class 'int'> "
        "is given.",
        "ValueError: Non-positive multiplication factor 0 for <class "
        "'torch.nn.modules.container.Sequential'>",
        "IndexError: Index out of range: 5",
        ["Tanh()", "GELU(approximate='none')", "SiLU()"],
        "GELU(approximate='none')",
        ["Tanh()", "SiLU()"],
        ["first"],
    ]
)
def sequential_changes(lib):
    nn = lib.nn
    s = nn.Sequential(nn.Tanh())
    errors = [
        error(lambda: s[1]),
        error(lambda: s + 3),
        error(lambda: s * 0),
        error(s.insert, 5, nn.Tanh()),
    ]
    s.append(nn.SiLU()).insert(1, nn.GELU())
    inserted = [repr(m) for m in s]
    popped = repr(s.pop(1))
    named = nn.Sequential(OrderedDict(first=nn.ReLU()))
    named[0] = nn.Tanh()
    return [*errors, inserted, popped, [repr(m) for m in s], list(named._modules)]


@gives(
    [
        ["0", "1", "2"],
        ["Tanh()", "SiLU()"],
        ["GELU(approximate='none')", "Tanh()", "SiLU()"],
        2,
        "TypeError: ModuleList.extend should be called with an iterable, but got int",
        'NotImplementedError: Module [ModuleList] is missing the required "forward" function',
        "IndexError: index 9 is out of range",
        4,
    ]
)
def module_list(lib):
    nn = lib.nn
    m = nn.ModuleList([nn.ReLU(), nn.Tanh()])
    m.append(nn.SiLU())
    keys = list(m._modules)
    m.pop(0)
    rest = [repr(x) for x in m]
    m.insert(0, nn.GELU())
    inserted = [repr(x) for x in m]
    part = len(m[1:])
    m[0] = nn.Tanh()
    m += [nn.ReLU()]
    return [
        keys,
        rest,
        inserted,
        part,
        error(m.extend, 3),
        error(m, 3),
        error(lambda: m[9]),
        len(m),
    ]


@gives(
    [
        ["a", "b"],
        "Tanh()",
        True,
        ["a"],
        "TypeError: ModuleDict update sequence element #0 should be Iterable; isint",
        "ValueError: ModuleDict update sequence element #0 has length 3; 2 is required",
        "KeyError: 'nothing'",
        0,
    ]
)
def module_dict(lib):
    nn = lib.nn
    d = nn.ModuleDict([["a", nn.ReLU()], ["b", nn.Tanh()]])
    keys, second, inside = list(d.keys()), repr(d["b"]), "a" in d
    d.pop("b")
    rest = [key for key, _ in d.items()]
    errors = [
        error(d.update, [3]),
        error(d.update, [[1, 2, 3]]),
        error(lambda: d["nothing"]),
    ]
    d.clear()
    return [keys, second, inside, rest, *errors, len(d)]


@gives(
    [
        3,
        True,
        ["0", "2"],
        1,
        "RuntimeError: ParameterList should not be called.",
        "TypeError: ParameterList.extend should be called with an iterable, but got Tensor",
        2,
    ]
)
def parameter_list(lib):
    nn = lib.nn
    p = nn.ParameterList([lib.zeros(2), "text", nn.Parameter(lib.ones(1))])
    return [
        len(p),
        isinstance(p[0], nn.Parameter),
        [name for name, _ in p.named_parameters()],
        p[-1].numel(),
        error(p, 1),
        error(p.extend, lib.zeros(2)),
        len(p[:2]),
    ]


@gives(
    [
        ["a", "b"],
        True,
        ["a", "b"],
        ["a", "b", "c"],
        "c",
        ["b"],
        7,
        "RuntimeError: ParameterDict should not be called.",
    ]
)
def parameter_dict(lib):
    nn = lib.nn
    d = nn.ParameterDict({"b": lib.zeros(1), "a": nn.Parameter(lib.zeros(2))})
    keys = list(d)
    merged = d | nn.ParameterDict({"c": lib.zeros(3)})
    last = merged.popitem()[0]
    names = [name for name, _ in d.named_parameters()]
    all_keys = [*merged.keys(), last]
    d.pop("a")
    return [
        keys,
        isinstance(d["b"], nn.Parameter),
        names,
        all_keys,
        last,
        list(d),
        d.get("nothing", 7),
        error(d, 1),
    ]


test_scenario = scenario_test(SCENARIOS)
