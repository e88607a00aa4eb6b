"""Autograd as a user sees it: passes, modes, hooks, custom functions, views, errors."""

import gc
import traceback
import warnings
import weakref
from functools import partial

import izvod
import pytest
from scenarios import error, gives, scenario_test

SCENARIOS = []
gives = partial(gives, SCENARIOS)

AGAIN = (
    "RuntimeError: Trying to backward through the graph a second time (or directly access saved "
    "tensors after they have already been freed). Saved intermediate values of the graph are freed "
    "when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to "
    "backward through the graph a second time or if you need to access saved tensors after calling "
    "backward."
)
NO_HISTORY = "RuntimeError: element {} of tensors does not require grad and does not have a grad_fn"
UNUSED = (
    "RuntimeError: The differentiated Tensor at index 1 appears to not have been used in the "
    "graph. Set allow_unused=True if this is the desired behavior."
)
SCALARS_ONLY = "RuntimeError: grad can be implicitly created only for scalar outputs"
MODIFIED = (
    "RuntimeError: one of the variables needed for gradient computation has been modified by an "
    "inplace operation: [torch.FloatTensor [2]]{} is at version 1; expected version 0 instead. "
    "Hint: enable anomaly detection to find the operation that failed to compute its gradient, "
    "with torch.autograd.set_detect_anomaly(True, check_nan=False)."
)
LEAF_IN_PLACE = (
    "RuntimeError: a leaf Variable that requires grad is being used in an in-place operation."
)


def leaf(lib, *values, **options):
    return lib.tensor(values, dtype=options.pop("dtype", lib.float32), requires_grad=True)


def custom(lib, forward, backward, **others):
    methods = {"forward": forward, "backward": backward, **others}
    return type(
        "Custom", (lib.autograd.Function,), {k: staticmethod(f) for k, f in methods.items()}
    )


# ---- Passes


@gives([[7.0, 9.0], [14.0, 18.0], None, [1.0, 1.0]])
def backward_accumulates(lib):
    x, other = leaf(lib, 2.0, 3.0), leaf(lib, 1.0, 1.0)
    (x * x + 3 * x).sum().backward()
    grad = x.grad
    result = [x.grad.tolist()]
    (x * x + 3 * x).sum().backward()
    assert x.grad is grad
    result += [x.grad.tolist(), other.grad]
    x.grad = None
    x.backward(lib.ones(2))
    return [*result, x.grad.tolist()]


@gives([[2.0, 20.0], AGAIN, [4.0, 40.0]])
def backward_with_gradient_and_retain_graph(lib):
    x = leaf(lib, 1.0, 1.0)
    y = x * x
    y.backward(lib.tensor([1.0, 10.0]))
    result = [x.grad.tolist(), error(y.backward, lib.ones(2))]
    y = x * x
    x.grad = None
    y.backward(lib.tensor([1.0, 10.0]), retain_graph=True)
    y.backward(lib.tensor([1.0, 10.0]))
    return [*result, x.grad.tolist()]


@gives(
    [
        SCALARS_ONLY,
        NO_HISTORY.format(0),
        "RuntimeError: Mismatch in shape: grad_output[0] has a shape of torch.Size([3]) and "
        "output[0] has a shape of torch.Size([2]).",
        NO_HISTORY.format(1),
        "RuntimeError: got 2 tensors and 1 gradients",
        "RuntimeError: `inputs` argument to `backward()` cannot be empty.",
        "RuntimeError: can't retain_grad on Tensor that has requires_grad=False",
    ]
)
def backward_errors(lib):
    x = leaf(lib, 1.0, 2.0)
    backward = lib.autograd.backward
    return [
        error((x * 2).backward),
        error(lib.ones(2).backward),
        error((x * 2).backward, lib.ones(3)),
        error(backward, [x.sum(), lib.ones(())]),
        error(backward, [x, x], [lib.ones(2)]),
        error(x.sum().backward, inputs=[]),
        error(x.sum().backward, inputs=[lib.ones(2)]),
    ]


@gives([[2.0], None, [3.0], True, None, [1.0]])
def backward_to_inputs(lib):
    x, w = leaf(lib, 3.0), leaf(lib, 2.0)
    y = x * w
    y.backward(inputs=[x], retain_graph=True)
    result = [x.grad.tolist(), w.grad]
    y.backward(inputs=w)
    result += [w.grad.tolist()]
    x.grad = None
    y = x * 2
    y.sum().backward(inputs=[y])
    return [*result, y.retains_grad, x.grad, y.grad.tolist()]


@gives(
    [
        [[4.0], [2.0]],
        [[1.0], None],
        [[1.0], [0.0, 0.0]],
        UNUSED,
        "RuntimeError: One of the differentiated Tensors does not require grad",
        "RuntimeError: `inputs` argument to `grad()` cannot be empty.",
        "TypeError: gradients can be either Tensors or None, but got str",
        "ValueError: Expected allow_unused to be True or not passed when materialize_grads=True, "
        "but got: allow_unused=False.",
        None,
    ]
)
def grad_of_inputs(lib):
    grad, x, y = lib.autograd.grad, leaf(lib, 2.0), leaf(lib, 1.0, 1.0)

    def values(grads):
        return [g if g is None else g.tolist() for g in grads]

    z = x * x
    return [
        values(grad(z * 2 / 2, (x, z), retain_graph=True)[:1] + grad(z * 2, z)),
        values(grad(x.sum(), (x, y), allow_unused=True)),
        values(grad(x.sum(), (x, y), materialize_grads=True)),
        error(grad, x.sum(), (x, y)),
        error(grad, x.sum(), lib.ones(2)),
        error(grad, x.sum(), []),
        error(grad, x, x, "a"),
        error(grad, x.sum(), x, materialize_grads=True, allow_unused=False),
        x.grad,
    ]


@gives([[12.0, 27.0], [12.0, 18.0], [6.0, 6.0], "PowBackward0"])
def higher_derivatives(lib):
    x = leaf(lib, 2.0, 3.0)
    y = x**3
    result, g = [], y.sum()
    for _ in range(3):
        (g,) = lib.autograd.grad(g.sum(), x, create_graph=True)
        result.append(g.tolist())
    return [*result, y.grad_fn.name()]


@gives([[0.0, 0.0], [1.0, 0.0]])
def grad_of_part_and_of_mean_of_squares(lib):
    x = leaf(lib, 1.0, 2.0)
    (x * 0).sum().backward()
    result = [x.grad.tolist()]
    x.grad = None
    x[0].backward()
    return [*result, x.grad.tolist()]


@gives(["torch.float16", "torch.float64", "torch.float32", [6.0, 4.0]])
def gradients_have_the_dtype_and_shape_of_the_leaf(lib):
    h, d, f = leaf(lib, 1.0, dtype=lib.float16), leaf(lib, 1.0, dtype=lib.float64), leaf(lib, 1.0)
    (h.double() * d * f).sum().backward()
    row = leaf(lib, 1.0, 1.0)
    (lib.tensor([[1.0, 2.0], [2.0, 2.0], [3.0, 0.0]]) * row).sum().backward()
    dtypes = [str(x.grad.dtype).replace("izvod", "torch") for x in (h, d, f)]
    return [*dtypes, row.grad.tolist()]


# ---- Modes


@gives([True, False, True, False, True, True, False, True, False, True])
def recording_modes(lib):
    x = leaf(lib, 1.0)
    seen = [lib.is_grad_enabled()]
    with lib.no_grad():
        seen.append((x * 2).requires_grad)
        with lib.enable_grad():
            seen.append((x * 2).requires_grad)
        seen.append(lib.is_grad_enabled())
        with lib.set_grad_enabled(True):
            seen.append(lib.is_grad_enabled())
    seen.append(lib.is_grad_enabled())
    lib.set_grad_enabled(False)
    seen.append(lib.is_grad_enabled())
    lib.set_grad_enabled(True)
    seen.append(lib.is_grad_enabled())
    try:
        with lib.no_grad():
            seen.append(lib.is_grad_enabled())
            raise ValueError
    except ValueError:
        pass
    return [*seen, lib.is_grad_enabled()]


@gives([[False, "f", "says"], False, [True, True], [False, True], [True, False], True])
def modes_as_decorators(lib):
    @lib.no_grad()
    def f(depth=0):
        "says"
        return f(depth - 1) if depth else lib.is_grad_enabled()

    @lib.no_grad
    def g():
        return lib.is_grad_enabled()

    @lib.set_grad_enabled(False)
    def h():
        return lib.is_grad_enabled()

    @lib.inference_mode
    def i():
        return lib.is_grad_enabled(), lib.is_inference_mode_enabled()

    @lib.inference_mode(False)
    def j():
        return lib.is_grad_enabled(), lib.is_inference_mode_enabled()

    decorated = lib.is_grad_enabled()
    return [
        [f(2), f.__name__, f.__doc__],
        g(),
        [decorated, not h()],
        list(i()),
        list(j()),
        lib.is_grad_enabled(),
    ]


@gives([[False, True, False, 5, True, False], [True, True], "ValueError: mine", ["closed False"]])
def modes_of_generators(lib):
    seen, closed = [], []

    @lib.no_grad()
    def count():
        got = yield lib.is_grad_enabled()
        seen.append(got)
        yield lib.is_grad_enabled()
        return "end"

    @lib.no_grad()
    def fails():
        try:
            yield 1
        except KeyError:
            raise ValueError("mine") from None

    @lib.no_grad()
    def closes():
        try:
            yield 1
        finally:
            closed.append(f"closed {lib.is_grad_enabled()}")

    generator = count()
    values = [next(generator), lib.is_grad_enabled(), generator.send(5), seen[0]]
    try:
        next(generator)
    except StopIteration as stop:
        values.append(stop.value == "end")
    bad = fails()
    next(bad)
    text = error(bad.throw, KeyError())
    with lib.no_grad():
        values.append(lib.is_grad_enabled())
        other = list(count())
    gen = closes()
    next(gen)
    gen.close()
    return [values, [lib.is_grad_enabled(), other == [False, False]], text, closed]


# ---- Hooks


@gives([["a", "b", "leaf"], [60.0], [4.0], "done"])
def tensor_hooks(lib):
    x, order = leaf(lib, 1.0), []
    x.register_hook(lambda g: order.append("leaf"))
    y = x * 2
    y.register_hook(lambda g: order.append("a") or g * 3)
    removed = y.register_hook(lambda g: order.append("removed"))
    y.register_hook(lambda g: order.append("b") or g * 10)
    removed.remove()
    y.sum().backward()
    result = [list(order), x.grad.tolist()]
    x.grad = None
    with x.register_hook(lambda g: g * 2):
        (x * 2).sum().backward()
    return [*result, x.grad.tolist(), "done"]


@gives(
    [
        "RuntimeError: cannot register a hook on a tensor that doesn't require gradient",
        "TypeError: expected Variable, but hook returned 'int'",
        "RuntimeError: hook '<lambda>' has changed the size of value",
        "RuntimeError: hook '<lambda>' has changed the type of value (was torch.FloatTensor got "
        "torch.DoubleTensor)",
        "ZeroDivisionError: division by zero",
        "RuntimeError: post accumulate grad hooks cannot be registered on non-leaf tensors",
    ]
)
def hook_errors(lib):
    def run(hook):
        x = leaf(lib, 1.0)
        y = x * 2
        y.register_hook(hook)
        return error(y.sum().backward)

    return [
        error(lib.ones(1).register_hook, print),
        run(lambda g: 3),
        run(lambda g: lib.ones(3)),
        run(lambda g: g.double()),
        run(lambda g: 1 / 0),
        error((leaf(lib, 1.0) * 2).register_post_accumulate_grad_hook, print),
    ]


@gives([[[2.0], [4.0]], [None, [2.0]]])
def hooks_after_accumulation(lib):
    x, seen = leaf(lib, 1.0), []
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    handle.remove()

    def step(p):
        p.grad = None

    x.grad = None
    with x.register_post_accumulate_grad_hook(step):
        (x * 2).sum().backward()
    result = [x.grad]
    (x * 2).sum().backward()
    return [seen, [*result, x.grad.tolist()]]


@gives([[10.0], [2.0], [1.0], True, False, "no error"])
def retained_gradients(lib):
    x = leaf(lib, 1.0)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    result = [y.grad.tolist()]
    y = x * 2
    y.retain_grad()
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    result.append(y.grad.tolist())
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    y.sum().backward()
    result.append(y.grad.tolist())
    gone = x * 2
    gone.retain_grad()
    z = gone.sum()
    del gone
    return [*result, y.retains_grad, x.retains_grad, error(z.backward)]


@gives(
    [
        [[[3.0], None], [[1.0]]],
        ["pre", "acc pre", "acc post"],
        [12.0],
        "TypeError: expected tuple, but hook returned 'int'",
        "RuntimeError: hook '<lambda>' has returned an incorrect number of values (got 0, but "
        "expected 2)",
        {"note": 1},
        ["AccumulateGrad", "torch::autograd::AccumulateGrad", 0],
    ]
)
def node_hooks(lib):
    x, seen, order = leaf(lib, 1.0), [], []

    def values(grads):
        return [g if g is None else g.tolist() for g in grads]

    y = x * 3
    y.grad_fn.register_hook(lambda dxs, gs: seen.extend([values(dxs), values(gs)]))
    y.grad_fn.metadata["note"] = 1
    y.sum().backward()
    y = x * 3
    y.grad_fn.register_prehook(lambda gs: order.append("pre") or (gs[0] * 3,))
    (node, number) = y.grad_fn.next_functions[0]
    node.register_prehook(lambda gs: order.append("acc pre"))
    node.register_hook(lambda dxs, gs: order.append("acc post"))
    y.sum().backward()
    errors = []
    for answer in (3, ()):
        z = x * 3
        z.grad_fn.register_hook(lambda dxs, gs, answer=answer: answer)
        errors.append(error(z.sum().backward))
    y = x * 3
    y.grad_fn.metadata["note"] = 1
    gc.collect()
    names = [type(node).__name__, node.name(), number]
    return [seen, order, x.grad.tolist(), *errors, y.grad_fn.metadata, names]


# ---- Changes in place


@gives(
    [
        LEAF_IN_PLACE,
        LEAF_IN_PLACE.replace("a leaf", "a view of a leaf"),
        MODIFIED.format(", which is output 0 of Add,"),
        MODIFIED.format(", which is output 0 of Exp,"),
        MODIFIED.format(""),
        "no error",
        "no error",
        MODIFIED.format(", which is output 0 of torch::autograd::CopySlices,"),
        MODIFIED.format(", which is output 0 of torch::autograd::CopyBackwards,"),
    ]
)
def versions(lib):
    x, w = leaf(lib, 1.0, 2.0), leaf(lib, 1.0, 2.0)

    def changed(make, change):
        y = make()
        z = change(y)
        return error(z.sum().backward)

    def then_add(y):
        z = y * w
        y.add_(1)
        return z

    def then_add_to_data(y):
        z = y * w
        y.data.add_(1)
        return z

    def then_set(y):
        z = y * w
        y[0] = x[0]
        return z

    def then_copy(y):
        z = y * w
        y.copy_(x)
        return z

    y = (x * 1).exp()
    result = y * 1
    y.add_(1)
    out = error(result.sum().backward)
    z = x * w
    with lib.no_grad():
        w.add_(1)
    return [
        error(x.add_, 1),
        error(x[0].add_, 1),
        changed(lambda: x + 1, then_add),
        out,
        error(z.sum().backward),
        changed(lambda: x + 1, then_add_to_data),
        changed(lambda: x + 1, lambda y: y.add_(1) * 2),
        changed(lambda: x + 1, then_set),
        changed(lambda: x + 1, then_copy),
    ]


MULTIPLE = (
    "RuntimeError: Output {} of {} is a view and {} modified inplace. This view is the output of a "
    "function that returns multiple views. Such functions do not allow the output views to be "
    "modified inplace. You should replace the inplace operation by an out-of-place one."
)
CUSTOM_VIEW = (
    "RuntimeError: Output 0 of {} is a view and is being modified inplace. This view was created "
    "inside a custom Function (or because an input was returned as-is) and the autograd logic to "
    "handle view+inplace would override the custom backward associated with the custom Function, "
    "leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the "
    "output of the custom Function."
)
NO_GRAD_VIEW = (
    "RuntimeError: A view was created in no_grad mode and is being modified inplace with grad mode "
    "enabled. Given that this use case is ambiguous and error-prone, it is forbidden. You can "
    "clarify your code by moving both the view and the inplace either both inside the no_grad "
    "block (if you don't want the inplace to be tracked) or both outside (if you want the inplace "
    "to be tracked)."
)


@gives(
    [
        MULTIPLE.format(0, "Unbind", "is being"),
        MULTIPLE.format(0, "Unbind", "its base or another view of its base has been"),
        MULTIPLE.format(1, "SplitWithSizes", "is being"),
        MULTIPLE.format(0, "Slice", "is being"),
        NO_GRAD_VIEW,
        NO_GRAD_VIEW,
        [True, True],
    ]
)
def views_that_may_not_be_changed(lib):
    x = leaf(lib, 1.0, 2.0, 3.0)
    z = x * 2
    a = z.unbind()[0]
    result = [error(a.mul_, 2)]
    z.mul_(2)
    result.append(error(lambda: a.grad_fn))
    b = (x * 2).split([1, 2])[1]
    result += [error(b.mul_, 2), error(b[0:1].mul_, 2)]
    with lib.no_grad():
        v, u = x[0], z[0]
    return [*result, error(v.mul_, 2), error(u.mul_, 2), [v.requires_grad, v.is_leaf]]


@gives(
    [
        ["CopySlices", "AsStridedBackward0"],
        [[0.0, 1.0, 1.0], [10.0]],
        [2.0, 4.0, 1.0],
        ["AsStridedBackward0", False],
        [[5.0, 5.0], [1.0, 1.0]],
    ]
)
def changes_of_views_and_bases(lib):
    x, w = leaf(lib, 1.0, 2.0, 3.0), leaf(lib, 10.0)
    y = x * 1
    v = y[:1]
    v.copy_(w * w)
    result = [[type(y.grad_fn).__name__, type(v.grad_fn).__name__]]
    (y.sum() - v.sum() / 2).backward()
    result.append([x.grad.tolist(), w.grad.tolist()])
    x.grad = None
    y = x * 1
    y[:2].mul_(2)
    y[1:2].mul_(2)
    y.sum().backward()
    result.append(x.grad.tolist())
    base = lib.zeros(2)
    view = base.view(2)
    base.mul_(x[:2])
    result.append([type(view.grad_fn).__name__, view.is_leaf])
    x, base = leaf(lib, 1.0, 1.0), lib.zeros(2, 2)
    base[0] = x
    rows = base.view(4)
    base.mul_(5)
    rows[2:].add_(x)
    (base[0].sum() + rows[2:].sum() * 0).backward()
    g = x.grad.tolist()
    x.grad = None
    base = lib.zeros(2, 2)
    base[1].add_(x)
    base.sum().backward()
    return [*result, [g, x.grad.tolist()]]


@gives([[1.0, 2.0, 3.0, 4.0], [1.0, 10.0, 0.0, 0.0], [2.0, 2.0, 5.0, 0.0], [0.0, 1.0, 2.0, 0.0]])
def gradients_of_views_made_together(lib):
    x, result = leaf(lib, 1.0, 1.0, 1.0, 1.0), []

    def take(y):
        x.grad = None
        y.backward()
        result.append(x.grad.tolist())

    a, b = x.chunk(2)
    take((a * lib.tensor([1.0, 2.0])).sum() + (b * lib.tensor([3.0, 4.0])).sum())
    first, second, *_ = x.unbind()
    take(first + second * 10)
    a, b, c = (x * 1).split([2, 1, 1])
    take(a.sum() * 2 + b.sum() * 5)
    take((x.view(2, 2).unbind(1)[1] * lib.tensor([1.0, 0.0])).sum() + x.view(2, 2)[1, 0] * 2)
    return result


@gives([[False, True, None], [True, [2.0]], "shared", 1, "TypeError"])
def detaching(lib):
    x = leaf(lib, 2.0)
    y = x * x
    d = y.detach()
    result = [[d.requires_grad, d.is_leaf, d.grad_fn]]
    d.add_(1)
    result.append([y._version == 1, x.data.tolist()])
    shared = "shared" if d.data_ptr() == y.data_ptr() else "not"
    z = x * 3
    z.detach_()
    kind = error(lambda: setattr(x, "grad", 3)).split(":")[0]
    return [*result, shared, int(z.is_leaf and not z.requires_grad), kind]


@gives([[4.0], [6.0, 6.0, 6.0]])
def data_of_another_shape(lib):
    x = leaf(lib, 2.0)
    (x * x).sum().backward()
    result = [x.grad.tolist()]
    x.grad = None
    x.data = lib.full((3,), 3.0)
    (x * x).sum().backward()
    return [*result, x.grad.tolist()]


# ---- Custom functions


@gives(
    [
        [6.0, 12.0],
        "CustomBackward",
        [False, (True, False), False],
        [6.0, 6.0],
        AGAIN,
        [3.0, [[1.0, 2.0]]],
    ]
)
def custom_function(lib):
    seen = []

    def forward(ctx, x, k):
        ctx.save_for_backward(x)
        ctx.k = k
        seen.append(lib.is_grad_enabled())
        return x * x * k

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        seen.extend([ctx.needs_input_grad, lib.is_grad_enabled()])
        return 2 * ctx.k * x * g, None

    square = custom(lib, forward, backward)
    x = leaf(lib, 1.0, 2.0)
    y = square.apply(x, 3.0)
    attributes = [y.grad_fn.k, [t.tolist() for t in y.grad_fn.saved_tensors]]
    name = y.grad_fn.name()
    y.sum().backward()
    first = list(seen)
    again = error(y.sum().backward)
    (g,) = lib.autograd.grad(square.apply(x, 3.0).sum(), x, create_graph=True)
    (second,) = lib.autograd.grad(g.sum(), x)
    return [
        x.grad.tolist(),
        name,
        first,
        second.tolist(),
        again,
        attributes,
    ]


@gives([[9.0], [[2.0], [8.0]], [True, True], None, "no error"])
def custom_function_with_setup(lib):
    seen = []

    def forward(x, k):
        return x**k

    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0], output, None)
        ctx.k = inputs[1]

    def backward(ctx, g):
        x, y, nothing = ctx.saved_tensors
        seen.append(nothing)
        return g * ctx.k * x ** (ctx.k - 1) * (y / y.detach()), None

    cube = custom(lib, forward, backward, setup_context=setup_context)
    x = leaf(lib, 2.0)
    y = cube.apply(x, 3)
    saved = [t.tolist() for t in y.grad_fn.saved_tensors[:2]]
    back = [y.grad_fn.saved_tensors[0] is x, y.grad_fn.saved_tensors[1].grad_fn is not None]
    (g,) = lib.autograd.grad(y, x, create_graph=True)
    text = error(g.backward)
    return [[g.item() - 3], saved, back, seen[0], text]


@gives(
    [
        "RuntimeError: function CustomBackward returned an incorrect number of gradients "
        "(expected 1, got 2)",
        "no error",
        "RuntimeError: function CustomBackward returned an incorrect number of gradients "
        "(expected 2, got 1)",
        "RuntimeError: expected Variable or None (got int)",
        "RuntimeError: function CustomBackward returned a gradient different than None at position "
        "2, but the corresponding forward input was not a Variable",
        "RuntimeError: Function CustomBackward returned an invalid gradient at index 0 - got [5] "
        "but expected shape compatible with [2]",
        "RuntimeError: Function CustomBackward returned an invalid gradient at index 0 - got [] "
        "but expected shape compatible with [2]",
        "no error",
        "TypeError: save_for_backward can only save variables, but argument 0 is of type int",
        "NotImplementedError: You must implement either the backward or vjp method for your custom "
        "autograd.Function to use it with backward mode AD.",
        "NotImplementedError: You must implement the forward function for custom "
        "autograd.Function.",
        "KeyError: 'mine'",
    ]
)
def custom_function_errors(lib):
    x = leaf(lib, 1.0, 2.0)

    def run(backward, *more, forward=lambda ctx, x, *more: x * 1):
        f = custom(lib, forward, backward)
        return error(lambda: f.apply(x, *more).sum().backward())

    def raises(ctx, g):
        raise KeyError("mine")

    base = lib.autograd.Function
    no_backward = type("Custom", (base,), {"forward": staticmethod(lambda ctx, x: x * 1)})
    return [
        run(lambda ctx, g: (g, g)),
        run(lambda ctx, g: (g, None)),
        run(lambda ctx, g: (g,), x),
        run(lambda ctx, g: 3),
        run(lambda ctx, g: (g, g), 3),
        run(lambda ctx, g: lib.ones(5)),
        run(lambda ctx, g: lib.ones(())),
        run(lambda ctx, g: lib.ones(5, 2)),
        run(lambda ctx, g: g, forward=lambda ctx, x: ctx.save_for_backward(3)),
        error(lambda: no_backward.apply(x).sum().backward()),
        error(lambda: type("Custom", (base,), {}).apply(x)),
        run(raises),
    ]


@gives(
    [
        [[0.0, 0.0], None, [0, 0]],
        [None],
        [True, False, [3.0, 6.0]],
        [[1.0, 2.0], 3, None],
        [5.0, 5.0],
    ]
)
def custom_function_outputs(lib):
    x, seen = leaf(lib, 1.0, 2.0), []

    def keep(ctx, *grads):
        seen.append([g if g is None else g.tolist() for g in grads[1:]])
        return grads[0]

    f = custom(lib, lambda ctx, x: (x * 1, x * 2, 3, x.long()), keep)
    f.apply(x)[0].sum().backward()

    def sparse(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 1, x * 2

    custom(lib, sparse, keep).apply(x)[0].sum().backward()

    def half(ctx, x):
        y = x * 3
        ctx.mark_non_differentiable(y)
        return x * 1, y

    a, b = custom(lib, half, lambda ctx, g, _: g).apply(x)
    mixed = custom(lib, lambda ctx, x: (x * 1, 3, None), lambda ctx, *g: g[0]).apply(x)
    x.grad = None
    same = custom(lib, lambda ctx, x: x, lambda ctx, g: g * 5).apply(x)
    assert same is not x
    same.sum().backward()
    return [
        *seen,
        [a.requires_grad, b.requires_grad, b.tolist()],
        [mixed[0].tolist(), *mixed[1:]],
        x.grad.tolist(),
    ]


@gives(
    [
        [True, "CustomBackward", [4.0, 4.0]],
        "RuntimeError: a leaf Variable that requires grad has been used in an in-place operation.",
        "RuntimeError: Some elements marked as dirty during the forward method were not returned "
        "as output. The inputs that are modified inplace must all be outputs of the Function.",
        ["CopySlices", [2.0, 1.0]],
        CUSTOM_VIEW.format("Custom"),
        CUSTOM_VIEW.format("Select"),
        MULTIPLE.format(0, "Custom", "is being"),
        "no error",
    ]
)
def custom_function_in_place(lib):
    x = leaf(lib, 1.0, 1.0)

    def double_(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    def elsewhere(ctx, x):
        ctx.mark_dirty(x)
        return x * 1

    f = custom(lib, double_, lambda ctx, g: g * 2)
    y = x * 2
    z = f.apply(y)
    z.sum().backward()
    result = [[z is y, type(y.grad_fn).__name__, x.grad.tolist()], error(f.apply, x)]
    result.append(error(custom(lib, elsewhere, lambda ctx, g: g).apply, x * 1))
    x.grad = None
    y = x * 1
    f.apply(y[:1])
    y.sum().backward()
    result.append([type(y.grad_fn).__name__, x.grad.tolist()])
    part = custom(lib, lambda ctx, x: x[:1], lambda ctx, g: g).apply(x * 1)
    result += [error(part.mul_, 2), error(part[0].mul_, 2)]
    f = custom(lib, lambda ctx, x: (x[:1], x * 1), lambda ctx, g, h: g)
    part, copy = f.apply(x * 1)
    return [*result, error(part.mul_, 2), error(copy[0].mul_, 2)]


@gives([False, [4.0], "RuntimeError: trying to differentiate twice a function that was marked with "
        "@once_differentiable"])  # fmt: skip
def once_differentiable(lib):
    import importlib

    once = importlib.import_module(f"{lib.__name__}.autograd.function").once_differentiable
    seen = []

    @once
    def backward(ctx, g):
        seen.append(lib.is_grad_enabled())
        return g * 2

    f = custom(lib, lambda ctx, x: x * 2, backward)
    x = leaf(lib, 2.0)
    (g,) = lib.autograd.grad((f.apply(x) ** 2 / 4).sum(), x, create_graph=True)
    return [seen[0], g.tolist(), error(g.sum().backward)]


@gives([[3.0], [3.0], "backward"])
def keyword_arguments_and_tracebacks(lib):
    def forward(ctx, x, k, more=None):
        ctx.k = k
        return x * k

    f = custom(lib, forward, lambda ctx, g: (g * ctx.k, None, None))
    x = leaf(lib, 1.0)
    f.apply(x, k=3).backward()
    result = [x.grad.tolist()]
    x.grad = None
    f.apply(x, 3).backward()

    def backward(ctx, g):
        raise KeyError

    try:
        custom(lib, lambda ctx, x: x * 1, backward).apply(x).backward()
    except KeyError as raised:
        where = traceback.extract_tb(raised.__traceback__)[-1].name
    return [*result, x.grad.tolist(), where]


# ---- Saved tensors, anomalies, checkpoints


@gives([[12.0], 1, [2, 2], "TypeError"])
def saved_tensors_hooks(lib):
    graph = __import__(f"{lib.__name__}.autograd.graph", fromlist=["graph"])
    seen = []

    def pack(x):
        seen.append(lib.is_grad_enabled())
        return (x * 2).tolist()

    x = leaf(lib, 2.0)
    with graph.saved_tensors_hooks(pack, lambda values: lib.tensor(values)):
        y = (x * 3) ** 2
    y.sum().backward()
    result = [[x.grad.item() / 6], len(seen)]
    counts = [0, 0]

    def count(i):
        def hook(x):
            counts[i] += 1
            return x

        return hook

    with graph.saved_tensors_hooks(count(0), count(1)):
        z = x.exp() * x.exp()
    del z
    with graph.saved_tensors_hooks(lambda x: x, lambda x: 3):
        bad = x.exp()
    kind = error(bad.backward).split(":")[0]
    return [result[0], result[1], [counts[0] // 2, 2], kind]


@gives(
    [
        "RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output.",
        ["Error detected in SqrtBackward0. Traceback of forward call that caused the error:", True],
        [False, True],
        "no error",
    ]
)
def anomalies(lib):
    x = leaf(lib, -1.0)

    def root(x):
        return x.sqrt()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with lib.autograd.set_detect_anomaly(True):
            text = error(root(x).backward)
    message = str(caught[-1].message)
    described = [message.split("\n")[0], "return x.sqrt()" in message and "in root" in message]
    with lib.autograd.set_detect_anomaly(True, check_nan=False):
        quiet = error(root(x).backward)
    return [text, described, [lib.is_anomaly_enabled(), True], quiet]


@gives([[[4.0], [1.0], 2], [[4.0], [1.0], 2], True])
def checkpoints(lib):
    checkpoint = __import__(f"{lib.__name__}.utils.checkpoint", fromlist=["x"]).checkpoint
    result = []
    for reentrant in (True, False):
        x, b, calls = leaf(lib, 1.0), leaf(lib, 0.0), []

        def part(x, b=b, calls=calls):
            calls.append(1)
            return (x * x * 2) * (x / x.detach()) ** 0 + b

        y = checkpoint(part, x, use_reentrant=reentrant)
        y.sum().backward()
        result.append([x.grad.tolist(), b.grad.tolist(), len(calls)])
    lib.manual_seed(3)
    x = lib.ones(8, requires_grad=True)
    y = checkpoint(lambda x: x * lib.rand(8) * x, x, use_reentrant=False)
    y.sum().backward()
    return [*result, bool(((x.grad - 2 * y).abs() < 1e-6).all())]


@gives([["0.0", "0.0", "nan"], ["nan", "nan", "nan"], ["0.0", "0.5", "0.5"]])
def logsumexp_of_infinite_rows(lib):
    inf = float("inf")
    x = lib.tensor([[1.0, 2.0, inf], [-inf, -inf, -inf], [-inf, 7.0, 7.0]], requires_grad=True)
    x.logsumexp(1).sum().backward()
    return [[str(g) for g in row] for row in x.grad.tolist()]


test_scenarios = scenario_test(SCENARIOS)


# ---- Checks of derivatives


def test_gradcheck_accepts_right_and_rejects_wrong_derivatives():
    x = izvod.tensor([[0.5, -1.0], [2.0, 1.5]], dtype=izvod.float64, requires_grad=True)
    w = izvod.tensor([1.0, 3.0], dtype=izvod.float64, requires_grad=True)
    assert izvod.autograd.gradcheck(lambda x, w: (x * w).exp() + w, (x, w))
    assert izvod.autograd.gradgradcheck(lambda x, w: (x * w).exp() * x, (x, w))
    wrong = custom(izvod, lambda ctx, x: x * 2, lambda ctx, g: g * 3)
    with pytest.raises(izvod.autograd.gradcheck.GradcheckError, match="Jacobian mismatch for ou"):
        izvod.autograd.gradcheck(wrong.apply, x)
    assert not izvod.autograd.gradcheck(wrong.apply, x, raise_exception=False)
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        izvod.autograd.gradcheck(lambda x: x, x.detach())


@pytest.mark.parametrize("name", ["izvod", "torch"])
def test_functional(name):
    lib = izvod if name == "izvod" else pytest.importorskip("torch", reason="torch is absent")
    functional = __import__(f"{name}.autograd.functional", fromlist=["x"])
    x, y = lib.tensor([1.0, 2.0]), lib.tensor([3.0, 4.0])
    one = lib.tensor([1.0, 10.0])
    assert functional.jacobian(lambda x: x**2, x).tolist() == [[2.0, 0.0], [0.0, 4.0]]
    blocks = functional.jacobian(lambda x, y: (x * y, x.sum()), (x, y))
    assert [[b.tolist() for b in row] for row in blocks] == [
        [[[3.0, 0.0], [0.0, 4.0]], [[1.0, 0.0], [0.0, 2.0]]],
        [[1.0, 1.0], [0.0, 0.0]],
    ]
    assert functional.hessian(lambda x: (x**3).sum(), x).tolist() == [[6.0, 0.0], [0.0, 12.0]]
    cross = functional.hessian(lambda x, y: (x * y).sum(), (x, y))
    assert cross[0][1].tolist() == [[1.0, 0.0], [0.0, 1.0]] == cross[1][0].tolist()
    value, product = functional.vjp(lambda x: x**2, x, one)
    assert (value.tolist(), product.tolist()) == ([1.0, 4.0], [2.0, 40.0])
    value, product = functional.jvp(lambda x: x**2, x, one)
    assert (value.tolist(), product.tolist()) == ([1.0, 4.0], [2.0, 40.0])
    for f in (functional.vhp, functional.hvp):
        assert f(lambda x: (x**3).sum(), x, one)[1].tolist() == [6.0, 120.0]
    with pytest.raises(RuntimeError, match="The vector v can only be None if the user-provided"):
        functional.vjp(lambda x: x, x)


# ---- Memory


def test_nothing_stays_alive():
    class Mark:
        pass

    marks = []

    def forward(ctx, x):
        ctx.mark, y = Mark(), x * 2
        marks.append(weakref.ref(ctx.mark))
        ctx.save_for_backward(x, y)
        return y

    f = custom(izvod, forward, lambda ctx, g: g * ctx.saved_tensors[1])
    x = izvod.ones(3, requires_grad=True)
    y = f.apply(x)
    y.retain_grad()
    hook = Mark()
    marks.append(weakref.ref(hook))
    y.register_hook(lambda g, hook=hook: None)
    y.sum().backward()
    del y, hook
    gc.collect()
    assert [mark() for mark in marks] == [None, None]


@pytest.mark.parametrize("change", ["exp_", "tanh_", "sigmoid_", "sqrt_", "softmax"])
def test_second_derivative_through_a_view_changed_in_place(change):
    """The derivative of the change uses its result: a view of the base as it is afterwards."""

    def f(x):
        base = x * 1
        view = base[0]
        getattr(view, change)() if change != "softmax" else view.copy_(view.softmax(0))
        return (view**2).sum() + (base**3).sum()

    x = izvod.rand(2, 3, dtype=izvod.float64, requires_grad=True)
    assert izvod.autograd.gradcheck(f, x) and izvod.autograd.gradgradcheck(f, x)
    (g,) = izvod.autograd.grad(f(x), x, create_graph=True)
    g.sum().backward()  # frees the graph as it goes: every node runs once
    assert x.grad is not None


@pytest.mark.parametrize("which", ["leaf", "parameter", "accumulated", "result", "node"])
def test_hooks_that_hold_their_tensor_are_collected(which):
    """A hook whose closure holds the tensor it is set on is a cycle that the collector can see."""

    class Witness:
        pass

    witness = Witness()
    seen = weakref.ref(witness)
    x = izvod.ones(3, requires_grad=True)
    if which == "parameter":
        x = izvod.nn.Parameter(x.detach())
    y = x * 2 if which in ("result", "node") else x

    def hook(*args, y=y, witness=witness):
        assert y is not None and witness is not None

    if which == "accumulated":
        y.register_post_accumulate_grad_hook(hook)
    elif which == "node":
        y.grad_fn.register_hook(hook)
        y.mark = (
            1  # nodes do not know their tensors: the collector looks at objects with attributes
        )
    else:
        y.register_hook(hook)
    gc.collect()
    assert seen() is witness
    y.sum().backward()
    gc.collect()
    y.grad = None
    del hook, witness
    gc.collect()
    assert seen() is not None
    del x, y
    gc.collect()
    assert seen() is None


NAMES = {
    "x.roll(1)": "Roll",
    "x.roll((1, 1), (0, 1))": "Roll",
    "x.repeat(2, 1)": "Repeat",
    "x.tile(2)": "Repeat",
    "x.fill_(2)": "Fill",
    "x.zero_()": "Zero",
    "x.tril_()": "Tril",
    "x.triu_(1)": "Triu",
    "x.masked_fill(x > 0, 0)": "MaskedFill",
    "x.masked_fill(x > 0, lib.tensor(0.0))": "MaskedFill",
    "x.__setitem__(x > 0, 0)": "IndexPut",
    "lib.lerp(x, x, 0.5)": "Lerp",
    "lib.addcmul(x, x, x)": "Addcmul",
    "lib.addcdiv(x, x, x)": "Addcdiv",
    "lib.baddbmm(x[None], x[None], x[None])": "Baddbmm",
    "lib.einsum('ij->i', x)": "Sum",
    "lib.einsum('i,i->i', x[0], x[0])": "Mul",
    "lib.einsum('i,j->ij', x[0], x[0])": "Mul",
    "lib.einsum('ij,jk->ik', x, x)": "View",
    "F.l1_loss(x, x + 1)": "Mean",
    "F.l1_loss(x, x + 1, reduction='sum')": "Sum",
    "F.l1_loss(x, x + 1, reduction='none')": "Abs",
    "F.binary_cross_entropy_with_logits(x, x, pos_weight=lib.ones(3))": "BinaryCrossEntropyWith",
}


@pytest.mark.parametrize("expression", NAMES)
def test_names_of_nodes(expression):
    """print shows them; with torch beside it, its names are compared to the last digit."""

    def name(lib):
        x = lib.arange(9.0).reshape(3, 3).requires_grad_() * 1
        y = eval(expression, {"x": x, "lib": lib, "F": lib.nn.functional})
        return (x if y is None else y).grad_fn.name()

    assert name(izvod).startswith(NAMES[expression])
    try:
        import torch
    except ImportError:
        return
    assert name(izvod) == name(torch)


def test_repeat_is_no_view():
    x = izvod.ones(2, 2, requires_grad=True)
    assert x.repeat(2, 1)._base is None and x.roll(1)._base is None
    y = x.repeat(2, 1)
    y.mul_(2).detach_()
    assert y.is_leaf


BY_ITS_OWN_VIEW = {
    "base": (lambda base, view: base, lambda x: 2 * x),
    "view": (lambda base, view: view, lambda x: 2 * x),
    "minus": (lambda base, view: view.sub_(view, alpha=2), lambda x: -2 * x),
    "times": (lambda base, view: base.mul_(view.clone()), lambda x: 4 * x * x),
}


@pytest.mark.parametrize("which", BY_ITS_OWN_VIEW)
def test_base_changed_by_its_own_view(which):
    """A view that takes part in the change of its base is a view of the changed base afterwards."""
    then, expected = BY_ITS_OWN_VIEW[which]

    def changed(x):
        base = x * 1
        view = base.view_as(base)
        return then(base.add_(view), view)

    x = izvod.rand(2, 3, dtype=izvod.float64, requires_grad=True)
    grads = [izvod.autograd.grad((f(x) ** 2).sum(), x)[0] for f in (changed, expected)]
    assert izvod.allclose(*grads)
