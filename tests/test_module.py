"""nn.Module: what it registers, finds, prints and converts."""

from collections import OrderedDict
from functools import partial

from scenarios import error, gives, net, scenario_test

SCENARIOS = []
gives = partial(gives, SCENARIOS)


@gives(["scale", "fc1.weight", "fc1.bias", "fc2.weight"])
def named_parameters(lib):
    return [name for name, _ in net(lib).named_parameters()]


@gives([["", "fc1", "act", "fc2"], ["fc1", "act", "fc2"], ["net", "net.fc1", "net.act", "net.fc2"]])
def named_modules(lib):
    n = net(lib)
    return [
        [name for name, _ in n.named_modules()],
        [name for name, _ in n.named_children()],
        [name for name, _ in n.named_modules(prefix="net")],
    ]


@gives(
    [
        ["Pair", "Linear", "Sequential", "ReLU", "Linear"],
        [5, True, 5, True],
        [["first"], 1],
        [["Sequential", "Tanh", "Linear"], 2],
    ]
)
def walks_without_names(lib):
    """modules() and parameters() keep the order of named_*, and ask a class that has its own."""
    nn = lib.nn

    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(2, 2)
            self.none = None
            self.register_module("empty", None)
            self.body = nn.Sequential(nn.ReLU(), nn.Linear(1, 1), self.first)
            self.body.own = nn.Parameter(lib.ones(1))
            self.body.shared = self.first.weight

    class FirstOnly(Pair):
        def named_parameters(self, *args, **kwargs):
            yield "first", self.first.weight

    class WithoutFirst(nn.Sequential):
        def named_modules(self, memo=None, prefix="", remove_duplicate=True):
            memo = set() if memo is None else memo
            yield from self[1].named_modules(memo, prefix)

    def classes(m):
        return [type(x).__name__ for x in m.modules()]

    def same_order(m):
        found = [id(p) for p in m.parameters()]
        return len(found), found == [id(p) for _, p in m.named_parameters()]

    pair, first = Pair(), FirstOnly()
    outer = nn.Sequential(WithoutFirst(nn.ReLU(), nn.Tanh()), nn.Linear(1, 1))
    return [
        classes(pair),
        [*same_order(pair), *same_order(pair.body)],
        [[n for n, _ in first.named_parameters()], len(list(first.parameters()))],
        [classes(outer), len(list(outer.parameters()))],
    ]


@gives([["steps", "cache"], ["scale", "steps", "fc1.weight", "fc1.bias", "fc2.weight"]])
def buffers(lib):
    n = net(lib)
    return [[name for name, _ in n.named_buffers()], list(n.state_dict())]


@gives([["a.weight", "a.bias"], ["a.weight", "a.bias", "b.weight", "b.bias"], 2, 3])
def shared_modules_appear_once(lib):
    m = lib.nn.Module()
    m.a = lib.nn.Linear(2, 2)
    m.b = m.a
    return [
        [name for name, _ in m.named_parameters()],
        [name for name, _ in m.named_parameters(remove_duplicate=False)],
        len(list(m.modules())),
        len(list(m.modules(remove_duplicate=False))),
    ]


@gives([True, True, True, ["weight"], None, True])
def attributes_are_the_registered_objects(lib):
    layer = lib.nn.Linear(2, 2, bias=False)
    weight = layer._parameters["weight"]
    first = layer.weight is weight
    layer._parameters["weight"] = other = lib.nn.Parameter(lib.ones(2, 2))
    second = layer.weight is other
    layer.weight = third = lib.nn.Parameter(lib.zeros(2, 2))
    return [
        first,
        second,
        layer._parameters["weight"] is third,
        [name for name, _ in layer.named_parameters()],
        layer.bias,
        "bias" in layer._parameters,
    ]


@gives([False, False, True, ["x"], ["x"], [], "no error"])
def tables_may_be_changed_directly(lib):
    m = lib.nn.Module()
    m._modules["x"] = lib.nn.ReLU()
    m._buffers["y"] = lib.zeros(1)
    del m._buffers["y"]
    m._parameters["z"] = lib.nn.Parameter(lib.zeros(1))
    m._parameters.pop("z")
    seen = [hasattr(m, "y"), hasattr(m, "z"), hasattr(m, "x")]
    m._modules = OrderedDict(m._modules)
    children = [[name for name, _ in m.named_children()], list(m._modules)]
    m._modules.clear()
    return [*seen, *children, list(m.children()), error(setattr, m, "x", 3)]


@gives([["b"], ["a"], 1])
def a_parameter_takes_the_place_of_other_kinds(lib):
    m = lib.nn.Module()
    m.a = lib.nn.Linear(1, 1)
    m.b = lib.nn.ReLU()
    m.a = lib.nn.Parameter(lib.zeros(1))
    m.plain = 1
    m.plain = lib.nn.Linear(1, 1)
    del m.plain
    return [list(m._modules), list(m._parameters), m.a.numel()]


@gives([False, "AttributeError: 'Net' object has no attribute 'fc1'", True, False, {"cache"}])
def delete(lib):
    n = net(lib)
    del n.fc1
    text = error(lambda: n.fc1)
    n.extra = 3
    had = hasattr(n, "extra")
    del n.extra
    kept = set(n._non_persistent_buffers_set)
    del n.cache
    return [hasattr(n, "fc1"), text, had, hasattr(n, "extra"), kept]


@gives(
    [
        "TypeError: cannot assign 'int' as parameter 'scale' (torch.nn.Parameter or None expected)",
        "TypeError: cannot assign 'torch.nn.modules.linear.Linear' as parameter 'scale' "
        "(torch.nn.Parameter or None expected)",
        "TypeError: cannot assign 'str' as child module 'fc1' (torch.nn.Module or None expected)",
        "TypeError: cannot assign 'list' as buffer 'steps' (torch.nn.Buffer, torch.Tensor or "
        "None expected)",
        "KeyError: 'parameter name can\\'t contain \".\"'",
        "KeyError: 'parameter name can\\'t be empty string \"\"'",
        "KeyError: \"attribute 'fc1' already exists\"",
        "KeyError: \"attribute 'forward' already exists\"",
        "TypeError: parameter name should be a string. Got int",
        "TypeError: cannot assign 'int' object to parameter 'p' (torch.nn.Parameter or None "
        "required)",
        "TypeError: cannot assign 'int' object to buffer 'p' (torch Tensor or None required)",
        "TypeError: int is not a Module subclass",
        "KeyError: 'module name can\\'t contain \".\", got: a.b'",
        "KeyError: 'module name can\\'t be empty string \"\"'",
        "KeyError: \"attribute 'scale' already exists\"",
        "ValueError: Cannot assign non-leaf Tensor to parameter 'p'. Model parameters must be "
        "created explicitly. To express 'p' as a function of another Tensor, compute the value "
        "in the forward() method.",
    ]
)
def registration_errors(lib):
    n = net(lib)
    param, relu = lib.nn.Parameter(lib.zeros(1)), lib.nn.ReLU()

    class Computed(lib.nn.Parameter):
        grad_fn = "MulBackward0"

    return [
        error(setattr, n, "scale", 3),
        error(setattr, n, "scale", lib.nn.Linear(1, 1)),
        error(setattr, n, "fc1", "x"),
        error(setattr, n, "steps", [1]),
        error(n.register_parameter, "a.b", param),
        error(n.register_parameter, "", param),
        error(n.register_parameter, "fc1", param),
        error(n.register_parameter, "forward", param),
        error(n.register_parameter, 3, param),
        error(n.register_parameter, "p", 3),
        error(n.register_buffer, "p", 3),
        error(n.add_module, "p", 3),
        error(n.add_module, "a.b", relu),
        error(n.add_module, "", relu),
        error(n.add_module, "scale", relu),
        error(n.register_parameter, "p", Computed(lib.zeros(1))),
    ]


@gives(
    [
        "AttributeError: cannot assign parameters before Module.__init__() call",
        "AttributeError: cannot assign module before Module.__init__() call",
        "AttributeError: cannot assign buffer before Module.__init__() call",
        "no error",
        "TypeError: Bare.__init__() takes 1 positional argument but 2 were given",
        "TypeError: Bare.__init__() got an unexpected keyword argument 'x'",
        'NotImplementedError: Module [Bare] is missing the required "forward" function',
    ]
)
def before_init(lib):
    class Early(lib.nn.Module):
        def __init__(self, value):
            self.x = value

    class Bare(lib.nn.Module):
        pass

    return [
        error(Early, lib.nn.Parameter(lib.zeros(1))),
        error(Early, lib.nn.ReLU()),
        error(Early, lib.nn.Buffer(lib.zeros(1))),
        error(Early, 3),
        error(Bare, 3),
        error(Bare, x=3),
        error(Bare(), 3),
    ]


@gives([["b"], ["b"], [], True, 2])
def buffer_objects(lib):
    m = lib.nn.Module()
    m.b = lib.nn.Buffer(lib.zeros(2))
    m.c = lib.nn.Buffer(lib.zeros(2), persistent=False)
    names, kept = (
        list(m.state_dict()),
        [n for n in m._buffers if n not in m._non_persistent_buffers_set],
    )
    m.b = lib.ones(2)
    return [names, kept, list(m.parameters()), isinstance(m.c, lib.nn.Buffer), int(m.b.sum())]


@gives([True, "AttributeError", 5])
def a_subclass_may_define_getattr(lib):
    class Wrapper(lib.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                if name == "inner":
                    raise
                return getattr(self.inner, name)

    w = Wrapper(lib.nn.Linear(5, 2))
    missing = error(lambda: w.nothing).split(":")[0]
    return [w.inner.weight is w.weight, missing, w.in_features]


@gives([1, ["weight", "bias"]])
def a_property_and_a_class_attribute(lib):
    class Special(lib.nn.Linear):
        kind = 1

        @property
        def names(self):
            return [name for name, _ in self.named_parameters()]

    s = Special(2, 2)
    return [s.kind, s.names]


@gives([["hidden", "p"], [3.0, 3.0], ["hidden", "p"]])
def registration_hooks(lib):
    seen = []
    from_module = lib.nn.modules.module

    def hook(module, name, value):
        seen.append(name)
        if name == "p":
            return lib.nn.Parameter(value.data + 2)

    handles = [
        from_module.register_module_parameter_registration_hook(hook),
        from_module.register_module_module_registration_hook(hook),
    ]
    m = lib.nn.Module()
    m.hidden = lib.nn.ReLU()
    m.p = lib.nn.Parameter(lib.ones(2))
    before = list(seen)
    for handle in handles:
        handle.remove()
    m.q = lib.nn.Parameter(lib.ones(2))
    return [before, m.p.tolist(), seen]


PRINTED = """\
Net(
  (fc1): Linear(in_features=3, out_features=4, bias=True)
  (act): ReLU()
  (fc2): Linear(in_features=4, out_features=2, bias=False)
)"""

PRINTED_NESTED = """\
Sequential(
  (0): Linear(in_features=2, out_features=2, bias=True)
  (body): ModuleList(
    (0-1): 2 x Dropout(p=0.1, inplace=False)
    (2): Sequential(
      (0): GELU(approximate='none')
      (1): SiLU()
    )
  )
  (table): ModuleDict(
    (a): Tanh()
    (empty): Sequential()
    (list): ModuleList()
  )
)"""


@gives(PRINTED)
def printed(lib):
    return repr(net(lib))


@gives(PRINTED_NESTED)
def printed_nested(lib):
    nn = lib.nn
    inner = nn.Sequential(nn.GELU(), nn.SiLU())
    return repr(
        nn.Sequential(
            OrderedDict(
                [
                    ("0", nn.Linear(2, 2)),
                    ("body", nn.ModuleList([nn.Dropout(0.1), nn.Dropout(0.1), inner])),
                    (
                        "table",
                        nn.ModuleDict(
                            {"a": nn.Tanh(), "empty": nn.Sequential(), "list": nn.ModuleList()}
                        ),
                    ),
                ]
            )
        )
    )


@gives(
    [
        "Identity()",
        "Linear(in_features=2, out_features=3, bias=True)",
        "Embedding(5, 2)",
        "Embedding(5, 2, padding_idx=4, max_norm=1.0, norm_type=1, scale_grad_by_freq=True)",
        "LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)",
        "LayerNorm((2, 3), eps=1e-06, elementwise_affine=False, bias=False)",
        "LayerNorm((2,), eps=1e-05, elementwise_affine=True, bias=False)",
        "Dropout(p=0.5, inplace=False)",
        "ReLU(inplace=True)",
        "GELU(approximate='tanh')",
        "Sigmoid()",
        "Softmax(dim=1)",
        "LogSoftmax(dim=None)",
        "Flatten(start_dim=1, end_dim=-1)",
        "Unflatten(dim=1, unflattened_size=(2, 3))",
        "CrossEntropyLoss()",
        "BCEWithLogitsLoss()",
        "MSELoss()",
    ]
)
def printed_layers(lib):
    nn = lib.nn
    return [
        repr(layer)
        for layer in (
            nn.Identity(3, unused=4),
            nn.Linear(2, 3),
            nn.Embedding(5, 2),
            nn.Embedding(5, 2, padding_idx=-1, max_norm=1.0, norm_type=1, scale_grad_by_freq=True),
            nn.LayerNorm(4),
            nn.LayerNorm([2, 3], eps=1e-6, elementwise_affine=False),
            nn.LayerNorm(2, bias=False),
            nn.Dropout(),
            nn.ReLU(inplace=True),
            nn.GELU("tanh"),
            nn.Sigmoid(),
            nn.Softmax(1),
            nn.LogSoftmax(),
            nn.Flatten(),
            nn.Unflatten(1, (2, 3)),
            nn.CrossEntropyLoss(),
            nn.BCEWithLogitsLoss(),
            nn.MSELoss(),
        )
    ]


@gives("Lines(\n  first\n  second\n  (inner): ReLU()\n)")
def printed_extra_repr(lib):
    class Lines(lib.nn.Module):
        def extra_repr(self):
            return "first\nsecond"

    lines = Lines()
    lines.inner = lib.nn.ReLU()
    return repr(lines)


@gives("Parameter containing:\ntensor([1., 2.], requires_grad=True)")
def printed_parameter(lib):
    return repr(lib.nn.Parameter(lib.tensor([1.0, 2.0])))


@gives(
    [
        "ParameterList(\n"
        "    (0): Parameter containing: [torch.float32 of size 2x3]\n"
        "    (1): Object of type: int\n"
        ")",
        "ParameterDict(  (a): Parameter containing: [torch.FloatTensor of size 2])",
    ]
)
def printed_parameter_containers(lib):
    nn = lib.nn
    several = nn.ParameterList([lib.zeros(2, 3), 4])
    return [repr(several), repr(nn.ParameterDict({"a": lib.zeros(2)}))]


@gives([True, False, True, True])
def dir_of_a_module(lib):
    names = dir(lib.nn.Sequential(lib.nn.Linear(1, 1)))
    return [
        "training" in names,
        "0" in names,
        "weight" in dir(lib.nn.Linear(1, 1)),
        "forward" in names,
    ]


@gives(
    [
        True,
        True,
        True,
        "AttributeError: Net has no attribute `fc3`",
        "AttributeError: `scale` is not an nn.Module",
        "AttributeError: `fc1` is not an nn.Parameter",
        "AttributeError: Linear has no attribute `nothing`",
        "AttributeError: `scale` is not a buffer",
        True,
    ]
)
def get_by_path(lib):
    n = net(lib)
    return [
        n.get_submodule("") is n,
        n.get_submodule("fc1") is n.fc1,
        n.get_parameter("fc1.weight") is n.fc1.weight,
        error(n.get_submodule, "fc3"),
        error(n.get_submodule, "scale"),
        error(n.get_parameter, "fc1"),
        error(n.get_parameter, "fc1.nothing"),
        error(n.get_buffer, "scale"),
        n.get_buffer("steps") is n.steps,
    ]


@gives(
    [
        "Tanh()",
        "ValueError: Cannot set the submodule without a target name!",
        "AttributeError: Net has no attribute `new`",
        "AttributeError: `scale` is not an nn.Module",
        "GELU(approximate='none')",
    ]
)
def set_submodule(lib):
    n, tanh = net(lib), lib.nn.Tanh()
    n.set_submodule("act", tanh)
    before = repr(n.act)
    errors = [
        error(n.set_submodule, "", tanh),
        error(n.set_submodule, "new", tanh, strict=True),
        error(n.set_submodule, "scale", tanh),
    ]
    n.set_submodule("new", lib.nn.GELU())
    return [before, *errors, repr(n.new)]


@gives([[True] * 4, [False] * 4, "ValueError: training mode is expected to be boolean"])
def train_and_eval(lib):
    n = net(lib)
    before = [m.training for m in n.modules()]
    return [before, [m.training for m in n.eval().modules()], error(n.train, 1)]


@gives([["Linear", "ReLU", "Linear", "Net"], True])
def apply(lib):
    n, seen = net(lib), []
    same = n.apply(lambda m: seen.append(type(m).__name__)) is n
    return [seen, same]


@gives(
    ["torch.float64", "torch.float64", "torch.int64", True, True, "torch.float64", "torch.float32"]
)
def conversion(lib):
    n = net(lib)
    n.register_buffer("count", lib.zeros(1, dtype=lib.int64))
    weight = n.fc1.weight
    n.fc1.weight.grad = lib.ones(4, 3)
    same = n.double() is n
    result = [
        str(weight.dtype),
        str(n.steps.dtype),
        str(n.count.dtype),
        same,
        n.fc1.weight is weight and n.fc1._parameters["weight"] is weight,
        str(weight.grad.dtype),
    ]
    return [*result, str(n.float().fc2.weight.dtype)]


@gives(
    [
        "torch.float16",
        "torch.bfloat16",
        "torch.float64",
        "torch.float32",
        "torch.float32",
        "TypeError: nn.Module.to only accepts floating point or complex dtypes, but got desired "
        "dtype=torch.int64",
        "torch.float64",
    ]
)
def to(lib):
    n = net(lib)

    def dtype():
        return str(n.fc1.weight.dtype)

    n.half()
    result = [dtype()]
    n.bfloat16()
    result.append(dtype())
    n.to(lib.float64)
    result.append(dtype())
    n.to("cpu", lib.float32)
    result.append(dtype())
    n.to(lib.zeros(1))
    result.append(dtype())
    result.append(error(n.to, lib.int64))
    n.to(device="cpu", dtype=lib.float64)
    result.append(dtype())
    return result


@gives([False, True, True, [0.0, 0.0], True])
def gradients(lib):
    n = net(lib)
    n.requires_grad_(False)
    off = any(p.requires_grad for p in n.parameters())
    n.requires_grad_()
    n(lib.ones(1, 3)).sum().backward()
    had = n.scale.grad is not None
    n.zero_grad()
    gone = n.scale.grad is None
    n(lib.ones(1, 3)).sum().backward()
    n.zero_grad(set_to_none=False)
    return [off, had, gone, n.scale.grad.tolist(), n.fc1.weight.grad.abs().sum().item() == 0]


test_scenario = scenario_test(SCENARIOS)
