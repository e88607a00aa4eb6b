"""Derivatives against differences of function values."""

import sys
from itertools import product
from types import ModuleType

import izvod
from izvod import _C
from izvod._C import Tensor
from izvod.autograd import grad


class GradcheckError(RuntimeError):
    """Raised by gradcheck and gradgradcheck where a derivative is wrong."""


def gradcheck(
    func,
    inputs,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    check_grad_dtypes=False,
    check_batched_grad=False,
    check_batched_forward_grad=False,
    check_forward_ad=False,
    check_backward_ad=True,
    fast_mode=False,
    masked=None,
):
    """Whether the derivatives of ``func`` at ``inputs`` agree with central differences of step
    ``eps``: ``|analytical - numerical| <= atol + rtol * |numerical|``, for every element of every
    output and of every input that requires a gradient (which should be float64).

    Two runs of backward may differ by ``nondet_tol``. Raises GradcheckError, or returns False
    without ``raise_exception``. The full Jacobian is always computed (``fast_mode`` is ignored).
    """
    inputs = _as_tuple(inputs)
    watched = _checked_inputs(inputs)
    try:
        _check(func, inputs, watched, eps, atol, rtol, nondet_tol, check_grad_dtypes)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func,
    inputs,
    grad_outputs=None,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    gen_non_contig_grad_outputs=False,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    check_grad_dtypes=False,
    check_batched_grad=False,
    check_fwd_over_rev=False,
    check_rev_over_rev=True,
    fast_mode=False,
    masked=False,
):
    """``gradcheck`` of the derivative of ``func``, as a function of its inputs and of the gradients
    of its outputs (``grad_outputs``, else drawn from the normal distribution).
    """
    inputs = _as_tuple(inputs)
    if grad_outputs is None:
        outputs = _differentiable(func(*inputs))
        grad_outputs = tuple(
            _random_like(y, gen_non_contig_grad_outputs).requires_grad_() for y in outputs
        )
    else:
        grad_outputs = _as_tuple(grad_outputs)
    count = len(grad_outputs)

    def derivative(*args):
        args, weights = args[:-count], args[-count:]
        outputs = _differentiable(func(*args))
        watched = [x for x in args if isinstance(x, Tensor) and x.requires_grad]
        grads = grad(outputs, watched, weights, create_graph=True, allow_unused=True)
        return tuple(g for g in grads if g is not None)

    return gradcheck(
        derivative,
        inputs + grad_outputs,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_grad_dtypes=check_grad_dtypes,
    )


def _as_tuple(xs):
    return (xs,) if isinstance(xs, Tensor) else tuple(xs)


def _differentiable(outputs):
    return tuple(y for y in _as_tuple(outputs) if isinstance(y, Tensor) and y.requires_grad)


def _random_like(y, with_gaps):
    if not with_gaps:
        return _C.randn(y.shape, dtype=y.dtype)
    return _C.randn((*y.shape, 2), dtype=y.dtype)[..., 0].detach()


def _checked_inputs(inputs):
    """The inputs that require a gradient."""
    watched = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    if not watched:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them "
            "have requires_grad=True."
        )
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor) or not x.requires_grad:
            continue
        if x.dtype != izvod.float64:
            import warnings

            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or "
                "complex. This check will likely fail if all the inputs are not of double "
                "precision floating point or complex. ",
                stacklevel=3,
            )
        if any(step == 0 and size > 1 for step, size in zip(x.stride(), x.shape, strict=True)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs "
                "that are non-overlapping to be able to compute the numerical gradients "
                "correctly. You should call .contiguous on the input before passing it to "
                "gradcheck."
            )
    return watched


def _check(func, inputs, watched, eps, atol, rtol, nondet_tol, check_dtypes):
    outputs = _differentiable(func(*inputs))
    numerical = [_numerical(func, inputs, x, eps, bool(outputs)) for x in watched]
    if not outputs:
        if any((jacobian != 0).any() for row in numerical for jacobian in row):
            raise GradcheckError("Numerical gradient for function expected to be zero")
        return
    for o, y in enumerate(outputs):
        analytical = _analytical(y, watched, check_dtypes)
        again = _analytical(y, watched, check_dtypes)
        for i, x in enumerate(watched):
            a, n = analytical[i], numerical[i][o].to(x.dtype)
            if not _all_close(a, n, atol, rtol):
                raise GradcheckError(
                    f"Jacobian mismatch for output {o} with respect to input {i},\n"
                    f"numerical:{n}\nanalytical:{a}\n"
                )
            if not _all_close(a, again[i], nondet_tol, 0.0):
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and "
                    "grad_output multiple times gives different values, although analytical "
                    "gradient matches numerical gradient.The tolerance for nondeterminism was "
                    f"{nondet_tol}."
                )


def _all_close(a, b, atol, rtol):
    return bool(((a - b).abs() <= atol + rtol * b.abs()).all())


def _numerical(func, inputs, x, eps, only_differentiable):
    """d outputs / d x by central differences: for each output a matrix (numel of x, of output)."""

    def values():
        outputs = func(*inputs)
        if only_differentiable:
            outputs = _differentiable(outputs)
        return [
            y.detach().clone().reshape(-1)
            for y in _as_tuple(outputs)
            if isinstance(y, Tensor) and y.is_floating_point()
        ]

    memory = x.data
    rows = []
    for at in product(*[range(n) for n in x.shape]):
        value = memory[at].item()
        memory[at] = value + eps
        above = values()
        memory[at] = value - eps
        below = values()
        memory[at] = value
        rows.append([(a - b) / (2 * eps) for a, b in zip(above, below, strict=True)])
    if not rows:
        return [_C.zeros((0, y.numel()), dtype=y.dtype) for y in values()]
    return [_C.stack([row[o] for row in rows]) for o in range(len(rows[0]))]


def _analytical(y, watched, check_dtypes):
    """d y / d x for each watched x, a matrix (numel of x, numel of y) each."""
    jacobians = [_C.zeros((x.numel(), y.numel()), dtype=x.dtype) for x in watched]
    for j, at in enumerate(product(*[range(n) for n in y.shape])):
        weight = _C.zeros(y.shape, dtype=y.dtype)
        weight[at] = 1
        grads = grad(y, watched, weight, retain_graph=True, allow_unused=True)
        for x, g, jacobian in zip(watched, grads, jacobians, strict=True):
            if g is None:
                continue
            if check_dtypes and g.dtype != x.dtype:
                raise GradcheckError("Gradient has dtype mismatch")
            jacobian[:, j] = g.detach().reshape(-1)
    return jacobians


class _CallableModule(ModuleType):
    """This module itself, since torch.autograd.gradcheck is a module's name and a function's."""

    def __call__(self, *args, **kwargs):
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
