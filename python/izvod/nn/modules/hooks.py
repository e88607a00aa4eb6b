"""Hooks of modules: functions called before and after forward, and with the gradients in backward.

Note [Calls without hooks]
`Module.__call__` makes one check, `self._hooked`, and calls forward.
Registering a hook on a module sets that flag on the module; registering a global hook sets it on
the class, so that every instance sees it. Removing a hook does not touch the flag: the next call
comes here, finds no hook, and clears it.
"""

import warnings
from collections import OrderedDict
from itertools import chain

from izvod.nn.modules.backward_hooks import BackwardHooks, register_on_node
from izvod.utils.hooks import register

_HOOK_TABLES = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
)

_global_backward_pre_hooks = OrderedDict()
_global_backward_hooks = OrderedDict()
_global_forward_pre_hooks = OrderedDict()
_global_forward_hooks = OrderedDict()
_global_forward_hooks_with_kwargs = OrderedDict()
_global_forward_hooks_always_called = OrderedDict()
# Whether the global backward hooks are full ones; None while there was none, of either kind.
_global_is_full_backward_hook = None

_MIXED = (
    "Cannot use both regular backward hooks and full backward hooks {}. Please use only one of "
    "them."
)


class Hooks:
    """The part of Module that registers and runs hooks."""

    _hooked = False

    def _init_hooks(self):
        """Makes the tables that are missing: all at first, some in a state from elsewhere."""
        for name in _HOOK_TABLES:
            if name not in self.__dict__:
                self.__dict__[name] = OrderedDict()
        self.__dict__.setdefault("_is_full_backward_hook", None)

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Calls `hook(module, args)` before forward; what it returns, a tuple or a single value,
        replaces args.

        With `with_kwargs` it is `hook(module, args, kwargs)`, and it returns None or (args,
        kwargs).
        """
        self._hooked = True
        extra = self._forward_pre_hooks_with_kwargs
        handle = register(self._forward_pre_hooks, hook, prepend=prepend, extra_dict=extra)
        if with_kwargs:
            extra[handle.id] = True
        return handle

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        """Calls `hook(module, args, output)` after forward; what it returns, if not None, replaces
        the output.

        With `with_kwargs` it is `hook(module, args, kwargs, output)`. With `always_call` the hook
        runs even if forward or another hook raised.
        """
        self._hooked = True
        extra = [self._forward_hooks_with_kwargs, self._forward_hooks_always_called]
        handle = register(self._forward_hooks, hook, prepend=prepend, extra_dict=extra)
        if with_kwargs:
            self._forward_hooks_with_kwargs[handle.id] = True
        if always_call:
            self._forward_hooks_always_called[handle.id] = True
        return handle

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Calls `hook(module, grad_output)` before the gradients of the module's inputs are
        computed.

        grad_output is a tuple; what the hook returns, if not None, replaces it.
        """
        self._hooked = True
        return register(self._backward_pre_hooks, hook, prepend=prepend)

    def register_full_backward_hook(self, hook, prepend=False):
        """Calls `hook(module, grad_input, grad_output)` when the gradients of the inputs are known.

        Both are tuples, with None for what is not a tensor; what the hook returns, if not None,
        replaces grad_input. Raises RuntimeError if the module has hooks from
        register_backward_hook.
        """
        if self._is_full_backward_hook is False:
            raise RuntimeError(_MIXED.format("on a single Module"))
        self._is_full_backward_hook = self._hooked = True
        return register(self._backward_hooks, hook, prepend=prepend)

    def register_backward_hook(self, hook):
        """The hook of old: it sees the gradients of the last operation in forward. Better: the full
        one.
        """
        if self._is_full_backward_hook is True:
            raise RuntimeError(_MIXED.format("on a single Module"))
        self._is_full_backward_hook = False
        self._hooked = True
        return register(self._backward_hooks, hook)

    def _has_hooks(self):
        return bool(
            self._forward_pre_hooks
            or self._forward_hooks
            or self._backward_pre_hooks
            or self._backward_hooks
            or _global_forward_pre_hooks
            or _global_forward_hooks
            or _global_backward_pre_hooks
            or _global_backward_hooks
        )

    def _call_hooked(self, args, kwargs):
        """What `self(*args, **kwargs)` does where `_hooked` is set."""
        if not self._has_hooks():
            _clear_flags(self)
            return self.forward(*args, **kwargs)
        result, called = None, set()
        try:
            args, kwargs = self._run_forward_pre_hooks(args, kwargs)
            backward, on_node = self._backward_hooks_to_run()
            if backward is not None:
                args = backward.watch_inputs(args)
            result = self.forward(*args, **kwargs)
            for key, hook in chain(_global_forward_hooks.items(), self._forward_hooks.items()):
                called.add(key)
                new = self._run_forward_hook(key, hook, args, kwargs, result)
                result = result if new is None else new
            if backward is not None:
                result = backward.watch_outputs(result)
            for hook in on_node:
                register_on_node(hook, self, result)
            return result
        except Exception:
            self._run_always_called(called, args, kwargs, result)
            raise

    def _run_forward_pre_hooks(self, args, kwargs):
        for key, hook in chain(_global_forward_pre_hooks.items(), self._forward_pre_hooks.items()):
            if key in self._forward_pre_hooks_with_kwargs:
                new = hook(self, args, kwargs)
                if isinstance(new, tuple) and len(new) == 2:
                    args, kwargs = new
                elif new is not None:
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {new}."
                    )
            else:
                new = hook(self, args)
                if new is not None:
                    args = new if isinstance(new, tuple) else (new,)
        return args, kwargs

    def _run_forward_hook(self, key, hook, args, kwargs, result):
        if key in self._forward_hooks_with_kwargs or key in _global_forward_hooks_with_kwargs:
            return hook(self, args, kwargs, result)
        return hook(self, args, result)

    def _run_always_called(self, called, args, kwargs, result):
        """After an error: runs the always_call hooks that had no turn; their own errors become
        warnings.
        """
        for key, hook in chain(_global_forward_hooks.items(), self._forward_hooks.items()):
            always = (
                key in self._forward_hooks_always_called
                or key in _global_forward_hooks_always_called
            )
            if always and key not in called:
                try:
                    new = self._run_forward_hook(key, hook, args, kwargs, result)
                    result = result if new is None else new
                except Exception as error:
                    warnings.warn(
                        "module forward hook with ``always_call=True`` raised an exception that "
                        f"was silenced as another error was raised in forward: {error}",
                        stacklevel=4,
                    )

    def _backward_hooks_to_run(self):
        """(BackwardHooks or None, list of the hooks of the old kind)."""
        full, on_node = [], []
        for is_full, hooks in (
            (_global_is_full_backward_hook, _global_backward_hooks),
            (self._is_full_backward_hook, self._backward_hooks),
        ):
            (full if is_full else on_node).extend(hooks.values())
        before = [*_global_backward_pre_hooks.values(), *self._backward_pre_hooks.values()]
        return (BackwardHooks(self, full, before) if full or before else None), on_node


def _clear_flags(module):
    module.__dict__.pop("_hooked", None)
    if not (
        _global_forward_pre_hooks
        or _global_forward_hooks
        or _global_backward_pre_hooks
        or _global_backward_hooks
    ):
        Hooks._hooked = False


def register_module_forward_pre_hook(hook):
    """As Module.register_forward_pre_hook, for every module; global hooks run before a module's
    own.
    """
    Hooks._hooked = True
    return register(_global_forward_pre_hooks, hook)


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """As Module.register_forward_hook, for every module; global hooks run before a module's own."""
    Hooks._hooked = True
    extra = [_global_forward_hooks_with_kwargs, _global_forward_hooks_always_called]
    handle = register(_global_forward_hooks, hook, extra_dict=extra)
    if with_kwargs:
        _global_forward_hooks_with_kwargs[handle.id] = True
    if always_call:
        _global_forward_hooks_always_called[handle.id] = True
    return handle


def register_module_full_backward_pre_hook(hook):
    """As Module.register_full_backward_pre_hook, for every module."""
    Hooks._hooked = True
    return register(_global_backward_pre_hooks, hook)


def register_module_full_backward_hook(hook):
    """As Module.register_full_backward_hook, for every module."""
    return _register_global_backward_hook(hook, True)


def register_module_backward_hook(hook):
    """As Module.register_backward_hook, for every module."""
    return _register_global_backward_hook(hook, False)


def _register_global_backward_hook(hook, is_full):
    global _global_is_full_backward_hook
    if _global_is_full_backward_hook is (not is_full):
        raise RuntimeError(_MIXED.format("as a global Module hook"))
    _global_is_full_backward_hook = is_full
    Hooks._hooked = True
    return register(_global_backward_hooks, hook)
