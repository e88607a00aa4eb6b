"""Modes of recording: as context managers and as decorators, of generators, too."""

from izvod import _C

_IS_GENERATOR = 0x20  # in a code object's co_flags


class _Mode:
    """A mode that ``__enter__`` sets and ``__exit__`` sets back."""

    __slots__ = ("previous",)

    def _again(self):
        """A fresh one of the same kind: a decorated function may call itself."""
        return type(self)()

    def __call__(self, function):
        code = getattr(function, "__code__", None)
        wrap = _in_mode_stepwise if code and code.co_flags & _IS_GENERATOR else _in_mode
        return _named_as(function, wrap(self._again, function))


def _in_mode(mode, function):
    def wrapper(*args, **kwargs):
        with mode():
            return function(*args, **kwargs)

    return wrapper


def _in_mode_stepwise(mode, function):
    """The generator runs in the mode, its consumer between two values does not."""

    def wrapper(*args, **kwargs):
        generator = function(*args, **kwargs)
        step, value = generator.send, None
        while True:
            try:
                with mode():
                    result = step(value)
            except StopIteration as stop:
                return stop.value
            try:
                step, value = generator.send, (yield result)
            except GeneratorExit:
                with mode():
                    generator.close()
                raise
            except BaseException as error:
                step, value = generator.throw, error

    return wrapper


def _named_as(function, wrapper):
    # What functools.wraps does; importing that costs more than this module.
    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        if hasattr(function, name):
            setattr(wrapper, name, getattr(function, name))
    wrapper.__dict__.update(getattr(function, "__dict__", {}))
    wrapper.__wrapped__ = function
    return wrapper


class no_grad(_Mode):  # noqa: N801  (torch's name)
    """Inside, nothing is recorded: results require no gradient. ``@no_grad`` works, too."""

    __slots__ = ()

    def __new__(cls, function=None):
        self = object.__new__(cls)
        return self if function is None else self(function)

    def __init__(self, function=None):
        pass

    def __enter__(self):
        self.previous = _C._set_grad_enabled(False)

    def __exit__(self, *error):
        _C._set_grad_enabled(self.previous)


class enable_grad(no_grad):  # noqa: N801
    """Inside, ops are recorded, in a ``no_grad`` block, too."""

    __slots__ = ()

    def __enter__(self):
        self.previous = _C._set_grad_enabled(True)


class set_grad_enabled(_Mode):  # noqa: N801
    """Switches recording on or off: at once, or for a block or a function."""

    __slots__ = ("mode",)

    def __init__(self, mode):
        self.mode = mode
        self.previous = _C._set_grad_enabled(mode)

    def _again(self):
        return set_grad_enabled(self.mode)

    def __call__(self, function):
        _C._set_grad_enabled(self.previous)
        return super().__call__(function)

    def __enter__(self):
        _C._set_grad_enabled(self.mode)

    def __exit__(self, *error):
        _C._set_grad_enabled(self.previous)

    def __repr__(self):
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.mode})"


class inference_mode(_Mode):  # noqa: N801
    """As ``no_grad``; tensors made inside can never take part in a graph.

    ``inference_mode(False)`` is a block of ordinary mode inside. ``@inference_mode`` works, too.
    """

    __slots__ = ("mode",)

    def __new__(cls, mode=True):
        if callable(mode):
            return cls()(mode)
        return object.__new__(cls)

    def __init__(self, mode=True):
        self.mode = mode

    def _again(self):
        return inference_mode(self.mode)

    def __enter__(self):
        self.previous = _C._set_inference_mode(self.mode), _C._set_grad_enabled(not self.mode)

    def __exit__(self, *error):
        inference, grad = self.previous
        _C._set_inference_mode(inference)
        _C._set_grad_enabled(grad)
