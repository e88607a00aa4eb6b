"""Every row of the sample table: values, dtypes, strides, derivatives, in-place forms, errors; and
that every public op has a row.
"""

import math
import warnings
from types import BuiltinFunctionType

import izvod
import pytest
from comparing import differences, dtype_name, is_tensor, numbers, outcome, parts
from elsewhere import ELSEWHERE
from izvod.autograd import gradcheck, gradgradcheck
from op_samples import ROWS
from op_samples.recipes import DTYPES, LAYOUTS, T, V, leaves, replaced

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch, whose results this compares with, is absent")


def over(condition):
    """The rows for which the condition holds, under names that stay when rows are added."""
    seen, cases = {}, []
    for row in ROWS:
        count = seen[row.name] = seen.get(row.name, 0) + 1
        if condition(row):
            name = row.name if count == 1 else f"{row.name}-{count}"
            cases.append(pytest.param(row, id=name))
    return pytest.mark.parametrize("op", cases)


def run(lib, op, sample, dtype="float32", layout="contiguous", name=None):
    args, kwargs = sample.make(lib, op, dtype, layout)
    return op.function(lib, name)(*args, **kwargs)


def report(problems):
    assert not problems, "\n".join(problems)


# ---- Values


@over(lambda op: True)
def test_values(op, torch):
    """In float32 and float64, for all layouts in memory: values, dtypes, shapes, strides."""
    problems = []
    for sample in op.samples:
        for layout in LAYOUTS:
            for dtype in ("float32", "float64") if layout == "contiguous" else ("float32",):
                theirs = outcome(run, torch, op, sample, dtype, layout)
                if isinstance(theirs, Exception):
                    # A view that this layout rules out is an error for both.
                    ours = outcome(run, izvod, op, sample, dtype, layout)
                    right = layout != "contiguous" and (type(ours) is type(theirs) or not op.view)
                    found = [] if right else [f"{ours!r}, torch raises {theirs!r}"]
                else:
                    ours = run(izvod, op, sample, dtype, layout)
                    strides = op.strides in (layout, "all")
                    found = differences(ours, theirs, op.ulps, op.scale, strides)
                problems += [f"{op.name}{sample} {layout}: {text}" for text in found]
    report(problems)


@over(lambda op: op.reference)
def test_values_by_numpy(op):
    """In float64 against numpy, which is always there."""
    numpy = pytest.importorskip("numpy")
    problems = []
    for sample in op.samples:
        args, kwargs = sample.make(izvod, op, "float64")
        ours = parts(op.function(izvod)(*args, **kwargs))[0]

        def array(x):
            if isinstance(x, (list, tuple)):
                return type(x)(array(e) for e in x)
            return x.numpy() if is_tensor(x) else x

        kwargs = {k: array(x) for k, x in kwargs.items() if k != "dtype"}
        with numpy.errstate(all="ignore"):
            expected = numpy.asarray(op.reference(numpy, *map(array, args), **kwargs))
        got = ours.double().numpy()
        if got.shape != expected.shape or not numpy.allclose(
            got, expected.astype(float), rtol=1e-12, atol=1e-13, equal_nan=True
        ):
            problems.append(f"{op.name}{sample}: {got.tolist()}, not {expected.tolist()}")
    report(problems)


@over(lambda op: len(op.names(izvod)) > 1)
def test_names(op):
    """Methods and other names of a function do the same."""
    names = op.names(izvod)
    problems = []
    for sample in op.samples:
        expected = run(izvod, op, sample)
        for name in names:
            if name.endswith("_"):
                continue  # in place: another test
            if name.startswith("Tensor.") and not isinstance(sample.args[0], (T, V)):
                continue
            got = outcome(run, izvod, op, sample, name=name)
            if isinstance(got, Exception):
                problems.append(f"{name}{sample}: {got!r}")
            else:
                found = differences(got, expected, 0, 0)
                problems += [f"{name}{sample}: {text}" for text in found]
    report(problems)


@over(lambda op: True)
def test_dtypes(op, torch):
    """Every dtype that torch computes in gives the same; what it refuses by rule, izvod refuses.

    "Not implemented" is no rule: there izvod may compute.
    """
    problems = []
    for dtype in DTYPES:
        if dtype not in op.dtypes or dtype in ("float32", "float64"):
            continue
        for sample in op.samples:
            theirs = outcome(run, torch, op, sample, dtype)
            ours = outcome(run, izvod, op, sample, dtype)
            found = disagreement(ours, theirs, op)
            problems += [f"{op.name}{sample} in {dtype}: {text}" for text in found]
    report(problems)


def disagreement(ours, theirs, op):
    if isinstance(theirs, Exception):
        if isinstance(ours, Exception) or not_implemented(theirs):
            return []
        return [f"computes, torch raises {theirs!r}"]
    if isinstance(ours, Exception):
        return [f"raises {ours!r}, torch computes"]
    return differences(ours, theirs, op.ulps, op.scale, op.strides != "none")


def not_implemented(error):
    return isinstance(error, NotImplementedError) or "not implemented for" in str(error)


# ---- Derivatives


def with_gradients(lib, op, sample, layout="contiguous", dtype="float64"):
    args, kwargs = sample.make(lib, op, dtype, layout)
    xs = [x.requires_grad_() for x in leaves(sample.args, args) + leaves(sample.kwargs, kwargs)]
    return xs, args, kwargs


def differentiable(result):
    return [y for y in parts(result) if is_tensor(y) and y.requires_grad]


def gradients(lib, op, sample, layout, dtype):
    """Weighted gradients of all results to all arguments, and the names of the nodes."""
    xs, args, kwargs = with_gradients(lib, op, sample, layout, dtype)
    ys = differentiable(op.function(lib)(*args, **kwargs))
    weights = [weights_like(lib, y) for y in ys]
    grads = lib.autograd.grad(ys, xs, weights, allow_unused=True) if ys else []
    return [y.grad_fn.name() if y.grad_fn else "leaf" for y in ys], list(grads)


def weights_like(lib, y):
    n = y.numel()
    values = [math.sin(i + 1.0) for i in range(n)]
    return lib.tensor(values, dtype=lib.float64).reshape(y.shape).to(y.dtype)


@over(lambda op: op.grad)
def test_gradients(op, torch):
    """Gradients, and names of nodes, against torch: in float64, with gaps in memory, in float32."""
    problems = []
    for sample in op.samples:
        for layout, dtype in (
            ("contiguous", "float64"),
            ("step", "float64"),
            ("contiguous", "float32"),
        ):
            theirs = outcome(gradients, torch, op, sample, layout, dtype)
            if isinstance(theirs, Exception):
                continue
            ours = outcome(gradients, izvod, op, sample, layout, dtype)
            found = gradients_unlike(ours, theirs, op)
            problems += [f"{op.name}{sample} {layout} {dtype}: {text}" for text in found]
    report(problems)


def gradients_unlike(ours, theirs, op):
    if isinstance(ours, Exception):
        return [f"raises {ours!r}"]
    (nodes, grads), (their_nodes, their_grads) = ours, theirs
    if len(nodes) != len(their_nodes) or op.nodes and nodes != their_nodes:
        return [f"nodes {nodes}, torch's {their_nodes}"]
    found = []
    for mine, other in zip(grads, their_grads, strict=True):
        if mine is not None and other is not None:
            # layer_norm of three numbers close to one another enlarges their rounding this much.
            found += differences(mine, other, 200, 1.0, strides=False)
        elif mine is not None or (other is not None and other.any()):
            # Where torch gives zeros izvod may say that there is no gradient.
            found.append(f"gradient {mine}, torch's {other}")
    return found


def checked_by_differences(check, op, samples):
    problems = []
    for sample in samples:
        xs, args, kwargs = with_gradients(izvod, op, sample)

        def function(*fresh, sample=sample, args=args, kwargs=kwargs):
            fresh = iter(fresh)
            args = replaced(sample.args, args, fresh)
            kwargs = replaced(sample.kwargs, kwargs, fresh)
            ys = parts(op.function(izvod)(*args, **kwargs))
            return tuple(y for y in ys if is_tensor(y) and y.requires_grad)

        if not xs or not function(*xs):
            continue
        try:
            check(function, xs)
        except RuntimeError as error:
            problems.append(f"{op.name}{sample}: {str(error).splitlines()[0]}")
    report(problems)


def finite(op):
    """The samples without infinities, where differences say nothing."""
    return [s for s in op.samples if "inf" not in repr(s)]


@over(lambda op: op.grad and op.numeric)
def test_gradcheck(op):
    checked_by_differences(gradcheck, op, finite(op))


@over(lambda op: op.grad and op.numeric and op.grad2)
def test_gradgradcheck(op):
    def check(function, xs):
        izvod.manual_seed(3)
        gradgradcheck(function, xs)

    checked_by_differences(check, op, [s for s in finite(op) if small(s)])


def small(sample):
    return all(math.prod(a.shape) <= 64 for a in sample.args if isinstance(a, T))


# ---- In place


def in_place_samples(op):
    return [s for s in op.samples if isinstance(s.args[0], T)]


@over(lambda op: op.in_place_function(izvod) and in_place_samples(op))
def test_in_place(op):
    """x.op_() gives op(x) in x's memory and dtype, with the same gradient, and says it wrote."""
    problems = []
    for sample in in_place_samples(op):
        xs, args, kwargs = with_gradients(izvod, op, sample)
        plain = op.function(izvod)(*args, **kwargs)
        first = args[0].clone()
        if plain.shape != first.shape or plain.dtype != first.dtype:
            continue
        version, memory = first._version, first.data_ptr()
        got = op.in_place_function(izvod)(first, *args[1:], **kwargs)
        where = f"{op.name}_{sample}"
        if got is not first or first.data_ptr() != memory or first._version <= version:
            problems.append(f"{where}: another tensor, or the same version")
        problems += [f"{where}: {t}" for t in differences(got, plain.to(got.dtype), 1, 0)]
        if op.grad and plain.requires_grad:
            problems += [f"{where}, gradient: {t}" for t in gradients_differ(plain, got, xs)]
    report(problems)


def gradients_differ(plain, got, xs):
    weights = weights_like(izvod, plain)
    expected = izvod.autograd.grad(plain, xs, weights, allow_unused=True)
    grads = izvod.autograd.grad(got, xs, weights, allow_unused=True)
    return [
        text
        for ours, other in zip(grads, expected, strict=True)
        if other is not None
        for text in differences(ours, other, 8, 1.0, strides=False)
    ]


@over(lambda op: op.in_place_function(izvod) and in_place_samples(op))
def test_in_place_dtypes(op, torch):
    """What torch refuses to write back into the first argument's dtype or shape, izvod refuses."""
    problems = []
    for dtype in DTYPES:
        if dtype not in op.dtypes:
            continue
        for sample in in_place_samples(op):
            results = []
            for lib in (izvod, torch):
                args, kwargs = sample.make(lib, op, dtype)
                results.append(outcome(op.in_place_function(lib), *args, **kwargs))
            found = disagreement(*results, op)
            problems += [f"{op.name}_{sample} in {dtype}: {text}" for text in found]
    report(problems)


# ---- Errors


@over(lambda op: op.errors)
def test_errors(op):
    problems = []
    for call in op.errors:
        error = outcome(run, izvod, op, call)
        if type(error).__name__ != call.error or call.text not in str(error):
            problems.append(f"{op.name}{call}: {error!r}, not {call.error} with {call.text!r}")
    report(problems)


@over(lambda op: op.errors)
def test_errors_are_those_of_torch(op, torch):
    problems = []
    for call in op.errors:
        error = outcome(run, torch, op, call)
        if type(error).__name__ != call.error or call.text not in str(error):
            problems.append(f"{op.name}{call}: torch gives {error!r}, the row says {call.error}")
    report(problems)


# ---- The table itself


def public_ops():
    spaces = [("", izvod, BuiltinFunctionType), ("nn.functional.", izvod._C._nn, None)]
    spaces.append(("Tensor.", izvod.Tensor, type(izvod.Tensor.add)))
    for prefix, space, kind in spaces:
        for name in dir(space):
            if not name.startswith("_") and (kind is None or type(getattr(space, name)) is kind):
                yield prefix + name


def test_every_op_has_a_row():
    named = {name for row in ROWS for name in (row.name, *row.aliases, *row.names(izvod))}
    for row in ROWS:
        if row.in_place_function(izvod):
            method = row.in_place or row.name + "_"
            named |= {method, "Tensor." + method}
    missing = [name for name in public_ops() if name not in named | ELSEWHERE.keys()]
    assert not missing, f"no sample row (tests/op_samples) for: {missing}"


def test_no_row_is_left_out():
    stale = [name for name in ELSEWHERE if name not in set(public_ops())]
    assert not stale, f"tests/elsewhere.py names what is not there: {stale}"


@over(lambda op: True)
def test_arguments_are_left_alone(op):
    """An op that is not in place changes none of its arguments."""
    problems = []
    for sample in op.samples:
        args, kwargs = sample.make(izvod, op)
        tensors = [x for x in parts(list(args) + list(kwargs.values())) if is_tensor(x)]
        before = [(x._version, numbers(x)) for x in tensors]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            op.function(izvod)(*args, **kwargs)
        after = [(x._version, numbers(x)) for x in tensors]
        if repr(before) != repr(after):
            problems.append(f"{op.name}{sample} changed an argument of {dtype_name(tensors[0])}")
    report(problems)
