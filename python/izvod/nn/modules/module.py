"""Module, the base of everything that has parameters and a forward."""

import izvod
from izvod._C import Tensor
from izvod.nn.modules.attributes import (
    TABLES,
    Attributes,
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from izvod.nn.modules.hooks import (
    Hooks,
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from izvod.nn.modules.state import State
from izvod.nn.parameter import Parameter, zero_grad_of

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]


class Module(Attributes, Hooks, State):
    """A piece of a model: parameters, buffers and submodules, and `forward`, which computes with
    them.

    Assigning a Parameter or a Module to an attribute registers it. `module(...)` calls
    `forward(...)` and the hooks around it. Subclasses call `super().__init__()` before they assign
    the first one.
    """

    dump_patches = False
    call_super_init = False
    training: bool
    _own_walk = False  # the class has a named_modules of its own

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls._own_walk = cls.named_modules is not Module.named_modules

    def __init__(self, *args, **kwargs):
        if not self.call_super_init and (args or kwargs):
            init = f"{type(self).__name__}.__init__()"
            if kwargs:
                raise TypeError(f"{init} got an unexpected keyword argument '{next(iter(kwargs))}'")
            raise TypeError(f"{init} takes 1 positional argument but {len(args) + 1} were given")
        self.__dict__["training"] = True
        self.__dict__["_non_persistent_buffers_set"] = set()
        self._adopt_tables()
        self._init_hooks()
        self._init_state_hooks()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __call__(self, *args, **kwargs):
        if self._hooked:  # see Note [Calls without hooks]
            return self._call_hooked(args, kwargs)
        return self.forward(*args, **kwargs)

    def forward(self, *input):
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    # -- looking around

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """(dotted name, module) of this module, whose name is `prefix`, and of all below it, each
        once.
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                below = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, below, remove_duplicate)

    def modules(self, remove_duplicate=True):
        """This module and all below it."""
        if remove_duplicate:
            return self._walk()
        return (module for _, module in self.named_modules(remove_duplicate=False))

    def _walk(self):
        """named_modules without the names, whose making would take most of the time."""
        seen, ahead = {None}, [self]
        while ahead:
            module = ahead.pop()
            if module in seen:
                continue
            if module._own_walk:
                yield from (below for _, below in module.named_modules(seen))
                continue
            seen.add(module)
            yield module
            if module._modules:
                ahead.extend(reversed(module._modules.values()))

    def named_children(self):
        """(name, module) of the modules directly below."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self):
        """The modules directly below."""
        return (module for _, module in self.named_children())

    def _named_members(self, get_members_fn, prefix="", recurse=True, remove_duplicate=True):
        seen = set()
        here = [(prefix, self)]
        for path, module in self.named_modules(None, prefix, remove_duplicate) if recurse else here:
            for name, member in get_members_fn(module):
                if member is not None and id(member) not in seen:
                    if remove_duplicate:
                        seen.add(id(member))
                    yield (f"{path}.{name}" if path else name), member

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """(dotted name, parameter); a shared one appears once, under its first name, unless
        remove_duplicate=False.
        """
        return self._named_members(
            lambda m: m._parameters.items(), prefix, recurse, remove_duplicate
        )

    def parameters(self, recurse=True):
        """The parameters of this module and, with `recurse`, of all below it."""
        if type(self).named_parameters is not Module.named_parameters:
            return (param for _, param in self.named_parameters(recurse=recurse))
        return _parameters_of(self._walk() if recurse else (self,))

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """(dotted name, buffer), as named_parameters."""
        return self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        """The buffers of this module and, with `recurse`, of all below it."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target):
        """The module of the dotted name `target`; "" is this module. Raises AttributeError."""
        module = self
        for name in target.split(".") if target else ():
            module = _get_module(module, name)
        return module

    def set_submodule(self, target, module, strict=False):
        """Puts `module` at the dotted name `target`; with `strict` there must be one already.

        Raises ValueError for an empty name or if `module` is no Module, AttributeError for a wrong
        name.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            _get_module(parent, name)
        setattr(parent, name, module)

    def get_parameter(self, target):
        """The parameter of the dotted name `target`. Raises AttributeError."""
        module, name = self._find(target)
        if not isinstance(getattr(module, name), Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return getattr(module, name)

    def get_buffer(self, target):
        """The buffer of the dotted name `target`. Raises AttributeError."""
        module, name = self._find(target)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return getattr(module, name)

    def _find(self, target):
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        return module, name

    # -- changing all of it

    def apply(self, fn):
        """Calls `fn(module)` for every module, the deepest first; returns self."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode=True):
        """Sets `training` here and below; it decides what Dropout and its like do. Returns self."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """train(False)."""
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Sets requires_grad of every parameter; returns self."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Forgets the gradients of all parameters, or zeroes them if not `set_to_none`."""
        for param in self.parameters():
            if set_to_none:
                param.grad = None
            else:
                zero_grad_of(param)

    def _apply(self, fn, recurse=True):
        """Replaces the values of parameters, their gradients and buffers by `fn(value)`. Parameters
        stay the same objects.
        """
        if recurse:
            for module in self.children():
                module._apply(fn)
        for param in self._parameters.values():
            if param is not None:
                _set_data(param, fn)
                if param.grad is not None:
                    _set_data(param.grad, fn)
        buffers = self._table("_buffers")
        for name, buffer in list(buffers.items()):
            if buffer is not None:
                buffers[name] = fn(buffer)
        return self

    def to(self, *args, **kwargs):
        """Converts floating point parameters and buffers: `to(dtype)`, `to(device, dtype)`,
        `to(tensor)`.

        The module changes in place and is returned. Raises TypeError for a dtype that is not
        floating point.
        """
        device, dtype = _parse_to(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )

        def convert(t):
            wanted = {} if device is None else {"device": device}
            if dtype is not None and t.is_floating_point():
                wanted["dtype"] = dtype
            return t.to(**wanted) if wanted else t

        return self._apply(convert)

    def to_empty(self, *, device, recurse=True):
        """Gives every parameter and buffer new memory, with no values in it."""
        return self._apply(lambda t: izvod.empty_like(t, device=device), recurse=recurse)

    def cpu(self):
        """to("cpu")."""
        return self.to("cpu")

    def cuda(self, device=None):
        """to("cuda"), which is an error: there is only the CPU."""
        return self._apply(lambda t: t.to("cuda" if device is None else device))

    def type(self, dst_type):
        """Converts all parameters and buffers, integers too, to `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self):
        """to(float32)."""
        return self.to(izvod.float32)

    def double(self):
        """to(float64)."""
        return self.to(izvod.float64)

    def half(self):
        """to(float16)."""
        return self.to(izvod.float16)

    def bfloat16(self):
        """to(bfloat16)."""
        return self.to(izvod.bfloat16)

    # -- as an object

    def __getstate__(self):
        return self.__dict__.copy()

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.__dict__.setdefault("_non_persistent_buffers_set", set())
        self._adopt_tables()
        self._init_hooks()
        self._init_state_hooks()

    def __dir__(self):
        names = {*dir(type(self)), *self.__dict__}
        for kind in TABLES:
            names.update(self.__dict__[kind])
        return sorted(name for name in names if not name[0].isdigit())

    def _get_name(self):
        return type(self).__name__

    def extra_repr(self):
        """What the printed module says about its settings; override it."""
        return ""

    def __repr__(self):
        extra = self.extra_repr()
        extra = extra.split("\n") if extra else []
        children = [f"({name}): {_indent(repr(module))}" for name, module in self._modules.items()]
        if len(extra) == 1 and not children:
            return f"{self._get_name()}({extra[0]})"
        return _block(self._get_name(), extra + children)


def _block(name, lines):
    body = "\n  ".join(lines)
    return f"{name}(\n  {body}\n)" if lines else f"{name}()"


def _indent(text):
    """All lines but the first move two columns to the right."""
    first, *rest = text.split("\n")
    return "\n".join([first, *(f"  {line}" if line.strip() else "" for line in rest)])


def _parameters_of(modules):
    """Their parameters, each once."""
    seen = {id(None)}
    for module in modules:
        for param in module._parameters.values():
            if id(param) not in seen:
                seen.add(id(param))
                yield param


def _get_module(parent, name):
    if not hasattr(parent, name):
        raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
    module = getattr(parent, name)
    if not isinstance(module, Module):
        raise AttributeError(f"`{name}` is not an nn.Module")
    return module


def _set_data(tensor, fn):
    with izvod.no_grad():
        new = fn(tensor)
    if new is not tensor:
        tensor.data = new


def _parse_to(*args, device=None, dtype=None, non_blocking=False, memory_format=None, tensor=None):
    """(device, dtype) from the arguments of `to`, either may be None."""
    for arg in args:
        if isinstance(arg, Tensor):
            tensor = arg
        elif isinstance(arg, izvod.dtype):
            dtype = arg
        elif arg is not None and not isinstance(arg, bool):
            device = arg
    if tensor is not None:
        return tensor.device, tensor.dtype
    return device, dtype
