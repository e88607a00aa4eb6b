"""Small helpers; `izvod.utils.data` (loaded on first use) and `izvod.utils.hooks` are modules of
their own.
"""

from izvod._C import Tensor


def __getattr__(name):
    if name == "data":
        import importlib

        return importlib.import_module("izvod.utils.data")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def typename(obj):
    """The name error messages give to the type of `obj`: "list", "package.module.Class", a tensor's
    type().
    """
    if isinstance(obj, Tensor):
        return obj.type()
    cls = obj if isinstance(obj, type) else type(obj)
    if cls.__module__ in ("builtins", "", None):
        return cls.__qualname__
    return f"{cls.__module__}.{cls.__qualname__}"
