"""nn.Module: hooks around forward and in backward."""

import warnings
from functools import partial

import izvod
from scenarios import double, error, gives, scenario_test

SCENARIOS = []
gives = partial(gives, SCENARIOS)


@gives([[6.0], [8.0], [11.0], [2.0], ["first", "second"]])
def forward_hooks(lib):
    m, x, order = double(lib), lib.ones(1), []
    a = m.register_forward_pre_hook(lambda mod, args: args[0] + 2)
    result = [m(x).tolist()]
    b = m.register_forward_hook(lambda mod, args, out: out + 2)
    result.append(m(x).tolist())
    c = m.register_forward_pre_hook(
        lambda mod, args, kwargs: (args, {"plus": kwargs["plus"] + 1}), with_kwargs=True
    )
    result.append(m(x, plus=2).tolist())
    for handle in (a, b, c):
        handle.remove()
    result.append(m(x).tolist())
    m.register_forward_hook(lambda *args: order.append("second"))
    with m.register_forward_hook(lambda *args: order.append("first"), prepend=True):
        m(x)
    return [*result, order]


@gives(
    [
        [7.0],
        "RuntimeError: forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
        "but got 3.",
    ]
)
def forward_hooks_with_kwargs(lib):
    m = double(lib)
    m.register_forward_hook(lambda mod, args, kwargs, out: out + kwargs["plus"], with_kwargs=True)
    result = m(lib.ones(1), plus=2.5).tolist()
    m.register_forward_pre_hook(lambda *args: 3, with_kwargs=True)
    return [result, error(m, lib.ones(1), plus=1)]


@gives(["ZeroDivisionError: division by zero", ["always None"], ["sometimes", "always"]])
def hooks_always_called(lib):
    class Fails(lib.nn.Module):
        def forward(self, x):
            return 1 / x

    m, seen = Fails(), []
    m.register_forward_hook(lambda *args: seen.append("sometimes"))
    m.register_forward_hook(lambda mod, args, out: seen.append(f"always {out}"), always_call=True)
    text = error(m, 0)
    before = list(seen)
    m(1)
    return [text, before, [entry.split()[0] for entry in seen[1:]]]


@gives([["pre", "post", "own"], ["own"], 4.0])
def global_forward_hooks(lib):
    module, seen = lib.nn.modules.module, []
    m = double(lib)
    m(lib.ones(1))
    own = m.register_forward_hook(lambda *args: seen.append("own"))
    with (
        module.register_module_forward_pre_hook(lambda *args: seen.append("pre")),
        module.register_module_forward_hook(lambda *args: seen.append("post")),
    ):
        m(lib.ones(1))
    first = list(seen)
    m(lib.ones(1))
    own.remove()
    return [first, seen[3:], m(lib.ones(1) * 2).item()]


@gives([[[[2.0]], [[1.0]]], [20.0], [6.0], "pre", [[3.0]]])
def full_backward_hooks(lib):
    m, seen = double(lib), []

    def lists(grads):
        return [None if g is None else g.tolist() for g in grads]

    def hook(mod, grad_input, grad_output):
        seen.append([lists(grad_input), lists(grad_output)])

    m.register_full_backward_hook(hook)
    x = lib.ones(1, requires_grad=True)
    m(x).sum().backward()
    first = seen[0]
    h = m.register_full_backward_hook(lambda mod, gi, go: (gi[0] * 10,))
    x = lib.ones(1, requires_grad=True)
    m(x).sum().backward()
    changed = x.grad.tolist()
    h.remove()
    m.register_full_backward_pre_hook(lambda mod, go: (go[0] * 3,))
    x = lib.ones(1, requires_grad=True)
    m(x).sum().backward()
    return [first, changed, x.grad.tolist(), "pre", seen[2][1]]


@gives([[[None, [2.0]], [[1.0]]], 1, [5.0]])
def backward_hooks_of_several_inputs(lib):
    class Pick(lib.nn.Module):
        def forward(self, text, x):
            return x * 2, text

    m, seen = Pick(), []
    m.register_full_backward_hook(
        lambda mod, gi, go: seen.append(
            [
                [g if g is None else g.tolist() for g in gi],
                [g.tolist() for g in go if g is not None],
            ]
        )
    )
    x = lib.ones(1, requires_grad=True)
    m("text", x)[0].sum().backward()
    (m("text", x)[0] * 0 + x * 3).sum().backward()
    return [seen[0], len(seen) - 1, x.grad.tolist()]


@gives([[[None], [1.0]], True])
def backward_hooks_without_input_gradients(lib):
    m, seen = lib.nn.Linear(1, 1), []
    m.register_full_backward_hook(lambda mod, gi, go: seen.append([list(gi), go[0][0].tolist()]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        m(lib.ones(1, 1)).sum().backward()
    return [seen[0], any("Full backward hook is firing" in str(w.message) for w in caught)]


@gives(
    [
        "RuntimeError: Cannot use both regular backward hooks and full backward hooks on a "
        "single Module. Please use only one of them."
    ]
)
def mixed_backward_hooks(lib):
    m = double(lib)
    m.register_full_backward_hook(lambda *args: None)
    return [error(m.register_backward_hook, lambda *args: None)]


@gives([["Double", "Double"], [40.0]])
def global_backward_hooks(lib):
    module, seen = lib.nn.modules.module, []

    def hook(mod, grad_input, grad_output):
        seen.append(type(mod).__name__)
        return (grad_input[0] * 10,)

    x = lib.ones(1, requires_grad=True)
    with module.register_module_full_backward_hook(hook):
        inner = double(lib)
        inner(x).sum().backward()
        inner(x.detach().requires_grad_()).sum().backward()
        x2 = lib.ones(1, requires_grad=True)
    inner(x2).sum().backward()
    return [seen, (x.grad * 2).tolist()]


test_scenario = scenario_test(SCENARIOS)


def test_a_call_without_hooks_clears_the_flag():
    m = double(izvod)
    m.register_forward_hook(lambda *args: None).remove()
    assert m._hooked
    m(1)
    assert not m._hooked
