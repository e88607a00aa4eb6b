"""Functions whose forward and backward are written in Python."""

from izvod import _C

FunctionCtx = _C._FunctionContext


class Function:
    """The base of custom differentiable functions; subclasses are called as ``F.apply(*args)``.

    A subclass defines static methods: ``forward(ctx, *args)``, which returns a tensor or a tuple,
    and ``backward(ctx, *grads)``, which gets a gradient for each result and returns one (or None)
    for each argument. Or ``forward(*args)`` and ``setup_context(ctx, inputs, output)``, which keeps
    what backward needs. Both run without recording; backward is recorded under
    ``create_graph=True``, so it can be differentiated again. ``ctx`` has ``save_for_backward``,
    ``saved_tensors``, ``needs_input_grad``, ``mark_dirty``, ``mark_non_differentiable``,
    ``set_materialize_grads`` and room for attributes.
    """

    def __init__(self, *args, **kwargs):
        import warnings

        warnings.warn(
            f"{self.__class__} should not be instantiated. Methods on autograd functions are all "
            "static, so you should invoke them on the class itself. Instantiating an autograd "
            "function will raise an error in a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args, **kwargs):
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use "
            "new-style autograd function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args, **kwargs):
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grads):
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    @classmethod
    def apply(cls, *args, **kwargs):
        if kwargs:
            args = _positional(cls, args, kwargs)
        return _C._apply_function(cls, *args)


_C._set_function_base(Function)


def _positional(cls, args, kwargs):
    """The arguments in the order of forward's parameters."""
    import inspect

    has_context = cls.setup_context is Function.setup_context
    bound = inspect.signature(cls.forward).bind(*((None,) if has_context else ()), *args, **kwargs)
    if bound.kwargs:  # one in between was left out
        bound.apply_defaults()
    return bound.args[1:] if has_context else bound.args


class _Undifferentiable(Function):
    """The identity, whose derivative is an error."""

    @staticmethod
    def forward(ctx, message, *tensors):
        ctx.message = message
        return tuple(t.detach() for t in tensors)

    @staticmethod
    def backward(ctx, *grads):
        raise RuntimeError(ctx.message)


def once_differentiable(backward):
    """For a ``backward`` that is not differentiable itself: it runs without recording, and a second
    derivative raises RuntimeError.
    """

    def wrapper(ctx, *grads):
        recording = _C.is_grad_enabled()
        previous = _C._set_grad_enabled(False)
        try:
            results = backward(ctx, *grads)
        finally:
            _C._set_grad_enabled(previous)
        if not recording or not any(_needs_grad(g) for g in grads):
            return results
        many = isinstance(results, tuple)
        results = results if many else (results,)
        at = [i for i, r in enumerate(results) if isinstance(r, _C.Tensor)]
        marked = list(results)
        guarded = _Undifferentiable.apply(
            "trying to differentiate twice a function that was marked with @once_differentiable",
            *[results[i].detach().requires_grad_() for i in at],
        )
        for i, r in zip(at, guarded, strict=True):
            marked[i] = r
        return tuple(marked) if many else marked[0]

    wrapper.__name__ = getattr(backward, "__name__", "backward")
    wrapper.__doc__ = backward.__doc__
    return wrapper


def _needs_grad(value):
    return isinstance(value, _C.Tensor) and value.requires_grad
