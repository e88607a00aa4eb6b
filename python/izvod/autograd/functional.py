"""Jacobians, Hessians and their products with vectors.

Each function takes ``func`` (tensors to a tensor or a tuple of tensors) and ``inputs`` (a tensor
or a tuple), and returns tensors, or tuples where func has several inputs or outputs. The results
can be differentiated with ``create_graph=True``; with ``strict=True`` an output that does not
depend on an input is a RuntimeError instead of zeros.
"""

from izvod import _C
from izvod._C import Tensor
from izvod.autograd import enable_grad, grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """(outputs, v^T J): ``v`` has the outputs' shapes, None for a single output of one element."""
    with enable_grad():
        xs, one_in = _prepared(inputs, create_graph)
        ys, one_out = _outputs(func(*xs), "vjp")
        _require_history(ys, strict)
        if v is None:
            if len(ys) != 1 or ys[0].numel() != 1:
                raise RuntimeError(
                    "The vector v can only be None if the user-provided function returns a single "
                    "Tensor with a single element."
                )
        v = _vector(v, ys)
        products = _products(ys, xs, v, create_graph, strict)
    return _packed(_finished(ys, create_graph), one_out), _packed(products, one_in)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """(outputs, J v): ``v`` has the inputs' shapes, None for a single input of one element.

    J v is the derivative of u^T J with respect to u: two passes backward.
    """
    with enable_grad():
        xs, _ = _prepared(inputs, create_graph)
        if v is None and (len(xs) != 1 or xs[0].numel() != 1):
            raise RuntimeError(
                "The vector v can only be None if the input to the user-provided function is a "
                "single Tensor with a single element."
            )
        v = _vector(v, xs)
        ys, one_out = _outputs(func(*xs), "jvp")
        _require_history(ys, strict)
        us = tuple(_C.zeros_like(y).requires_grad_() for y in ys)
        back = _products(ys, xs, us, True, strict)
        products = _products(back, us, v, create_graph, strict)
    return _packed(_finished(ys, create_graph), one_out), _packed(products, one_out)


def jacobian(
    func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"
):
    """d outputs / d inputs: of shape (output's shape, input's shape), nested in tuples as the
    outputs and then the inputs are.
    """
    with enable_grad():
        xs, one_in = _prepared(inputs, create_graph)
        ys, one_out = _outputs(func(*xs), "jacobian")
        _require_history(ys, strict)
        blocks = tuple(_packed(_rows(y, xs, create_graph, strict), one_in) for y in ys)
    return _packed(blocks, one_out)


def hessian(
    func,
    inputs,
    create_graph=False,
    strict=False,
    vectorize=False,
    outer_jacobian_strategy="reverse-mode",
):
    """Second derivatives of a function with a single output of one element."""
    xs = inputs if isinstance(inputs, tuple) else (inputs,)

    def gradient(*xs):
        return _gradient(func, xs, "hessian", strict)

    block = jacobian(gradient, xs, create_graph=create_graph, strict=strict)
    return block if isinstance(inputs, tuple) else block[0][0]


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """(output, v^T H) for a function with a single output of one element."""
    with enable_grad():
        xs, one_in = _prepared(inputs, create_graph)
        v = _vector(v, xs)
        (y,), _ = _outputs(func(*xs), "vhp")
        gradient = _products((y,), xs, _vector(None, (y,)), True, strict)
        products = _products(gradient, xs, v, create_graph, strict)
    return _finished((y,), create_graph)[0], _packed(products, one_in)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """(output, H v), which is v^T H, since second derivatives commute."""
    return vhp(func, inputs, v, create_graph, strict)


def _prepared(inputs, create_graph):
    """Inputs of a graph of their own, which only create_graph links to the caller's."""
    one = isinstance(inputs, Tensor)
    xs = (inputs,) if one else tuple(inputs)
    for i, x in enumerate(xs):
        if not isinstance(x, Tensor):
            raise TypeError(
                "The inputs given must be either a Tensor or a tuple of Tensors but the value at "
                f"index {i} has type {type(x)}."
            )
    if create_graph:
        return tuple(
            x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in xs
        ), one
    return tuple(x.detach().requires_grad_() for x in xs), one


def _outputs(ys, name):
    one = isinstance(ys, Tensor)
    if not one and not (isinstance(ys, tuple) and all(isinstance(y, Tensor) for y in ys)):
        raise TypeError(
            f"The outputs of the user-provided function given to {name} must be either a Tensor or "
            "a tuple of Tensors but the given outputs of the user-provided function has type "
            f"{type(ys)}."
        )
    return ((ys,) if one else ys), one


def _require_history(ys, strict):
    for i, y in enumerate(ys if strict else ()):
        if not y.requires_grad:
            raise RuntimeError(
                f"Output {i} of the user-provided function does not require gradients. The outputs "
                "must be computed in a differentiable manner from the input when running in strict "
                "mode."
            )


def _vector(v, like):
    if v is None:
        return tuple(_C.ones_like(x) for x in like)
    v = (v,) if isinstance(v, Tensor) else tuple(v)
    if len(v) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}."
        )
    for i, (a, x) in enumerate(zip(v, like, strict=True)):
        if a.shape != x.shape:
            entry = f"Entry {i} in " if len(v) > 1 else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {x.shape} but got {a.shape}.")
    return v


def _products(ys, xs, v, create_graph, strict):
    """The gradients of the ys, weighted by v, with respect to the xs, or zeros."""
    pairs = [(y, a) for y, a in zip(ys, v, strict=True) if y.requires_grad]
    if pairs:
        ys, v = zip(*pairs, strict=True)
        grads = grad(ys, xs, v, retain_graph=True, create_graph=create_graph, allow_unused=True)
    else:
        grads = (None,) * len(xs)
    if strict and any(g is None for g in grads):
        i = next(i for i, g in enumerate(grads) if g is None)
        raise RuntimeError(
            f"The output of the user-provided function is independent of input {i}. This is not "
            "allowed in strict mode."
        )
    return tuple(_C.zeros_like(x) if g is None else g for g, x in zip(grads, xs, strict=True))


def _gradient(func, xs, name, strict):
    ys, one = _outputs(func(*xs), name)
    if not one:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if ys[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element"
        )
    return _products((ys[0].reshape(()),), xs, (_C.ones((), dtype=ys[0].dtype),), True, strict)


def _rows(y, xs, create_graph, strict):
    """d y / d x for each x: one pass backward for each element of y."""
    flat = y.reshape(-1)
    one = _C.ones((), dtype=y.dtype)
    rows = [_products((flat[i],), xs, (one,), create_graph, strict) for i in range(flat.numel())]
    return tuple(
        _C.stack([row[k] for row in rows]).reshape((*y.shape, *x.shape))
        if rows
        else _C.zeros((*y.shape, *x.shape), dtype=x.dtype)
        for k, x in enumerate(xs)
    )


def _finished(ys, create_graph):
    return ys if create_graph else tuple(y.detach() for y in ys)


def _packed(values, one):
    return values[0] if one else tuple(values)
