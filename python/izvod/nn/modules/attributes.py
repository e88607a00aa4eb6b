"""How a Module knows its parameters, buffers and submodules.

Note [Registered attributes]
Three tables (`_parameters`, `_buffers`, `_modules`) say what a module owns, in the order of
registration. Every entry is an ordinary attribute, too: a table writes each
change through to the module's `__dict__`. So `self.weight` and `self.fc1` cost what any attribute
costs (a lookup by `__getattr__` costs twenty times that, and a forward pass does many), and the
tables remain the one place to change. Nothing here needs a `__getattr__`: defining one would slow
down every attribute of every module.
"""

import weakref
from collections import OrderedDict
from collections.abc import MutableMapping

from izvod._C import Tensor
from izvod.nn.parameter import Buffer, Parameter
from izvod.utils import typename
from izvod.utils.hooks import register

TABLES = ("_parameters", "_buffers", "_modules")


class Table(dict):
    """One of a module's three tables: a dict that keeps the attributes equal to its entries."""

    __slots__ = ("_owner",)

    def __init__(self, owner, entries=None):
        self._owner = weakref.ref(owner)
        self.update(entries or {})

    def __setitem__(self, name, value):
        super().__setitem__(name, value)
        owner = self._owner()
        # What the class defines under this name comes first.
        if owner is not None and not any(name in vars(cls) for cls in type(owner).__mro__):
            owner.__dict__[name] = value

    def __delitem__(self, name):
        value = self[name]
        super().__delitem__(name)
        self._forget(name, value)

    def _forget(self, name, value):
        owner = self._owner()
        if owner is not None and owner.__dict__.get(name) is value:
            owner.__dict__.pop(name, None)

    def disown(self):
        """Takes the attributes away, but not the entries: another table takes this one's place."""
        for name, value in self.items():
            self._forget(name, value)

    def pop(self, name, *default):
        if name in self:
            self._forget(name, self[name])
        return super().pop(name, *default)

    def popitem(self):
        name, value = super().popitem()
        self._forget(name, value)
        return name, value

    def clear(self):
        self.disown()
        super().clear()

    def __ior__(self, other):
        self.update(other)
        return self

    update = MutableMapping.update
    setdefault = MutableMapping.setdefault

    def __reduce__(self):  # a plain dict; the copied module makes a table of it again
        return dict, (dict(self),)


class Attributes:
    """The part of Module that registers: `self.name = value`, `del self.name` and the
    `register_...` methods.
    """

    def _adopt_tables(self):
        for kind in TABLES:
            self.__dict__[kind] = Table(self, self.__dict__.get(kind))

    def _table(self, kind):
        """The table to write to. A state that was set by hand may hold a plain dict, or another
        module's table.
        """
        table = self.__dict__[kind]
        if type(table) is not Table or table._owner() is not self:
            table = self.__dict__[kind] = Table(self, table)
        return table

    def __setattr__(self, name, value):
        old = self.__dict__.get(name)
        if isinstance(value, _SPECIAL) or old is None or isinstance(old, _SPECIAL):
            if self._set_registered(name, value):
                return
        object.__setattr__(self, name, value)

    def _set_registered(self, name, value):
        """Does `self.name = value` if the tables have a say in it; returns whether they had."""
        tables = [self.__dict__.get(kind) for kind in TABLES]
        parameters, buffers, modules = tables
        if isinstance(value, Parameter):
            if parameters is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._release(name, buffers, modules)
            self.register_parameter(name, value)
        elif parameters is not None and name in parameters:
            _check_assigned(value, None, name, "parameter", "torch.nn.Parameter or None expected")
            self.register_parameter(name, value)
        elif isinstance(value, Attributes):
            if modules is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._release(name, parameters, buffers)
            self._put_module(name, value)
        elif modules is not None and name in modules:
            _check_assigned(value, None, name, "child module", "torch.nn.Module or None expected")
            self._put_module(name, value)
        elif isinstance(value, Buffer) or (buffers is not None and name in buffers):
            _check_assigned(
                value, Tensor, name, "buffer", "torch.nn.Buffer, torch.Tensor or None expected"
            )
            kept = name not in self.__dict__.get("_non_persistent_buffers_set", ())
            self.register_buffer(
                name, value, value.persistent if isinstance(value, Buffer) else kept
            )
        elif name in TABLES and isinstance(value, dict):
            if isinstance(self.__dict__.get(name), Table):
                self.__dict__[name].disown()
            self.__dict__[name] = Table(self, value)
        else:
            return False
        return True

    def _release(self, name, *tables):
        """Frees `name` for an entry of the table that is not among `tables`."""
        for table in tables:
            table.pop(name, None)
        self.__dict__.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name):
        for kind in TABLES:
            if name in self.__dict__[kind]:
                del self._table(kind)[name]
                self.__dict__.pop(name, None)
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def register_parameter(self, name, param):
        """Adds a parameter (or None, which holds the name free); it is reachable as `self.<name>`.

        Raises KeyError for a name that is empty, has a dot or is taken, TypeError for anything but
        a Parameter, ValueError for a tensor that was computed from others.
        """
        self._check_name(name, "parameter", "_parameters")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{typename(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
            param = _run_hooks(_parameter_hooks, self, name, param)
        self._table("_parameters")[name] = param

    def register_buffer(self, name, tensor, persistent=True):
        """Adds a tensor (or None) that is state, not a parameter; `persistent=False` leaves it out
        of state_dict.

        Raises KeyError for a name that is empty, has a dot or is taken, TypeError for anything but
        a Tensor.
        """
        self._check_name(name, "buffer", "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or "
                "None required)"
            )
        self._table("_buffers")[name] = _run_hooks(_buffer_hooks, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name, module):
        """Adds a submodule (or None). Raises as register_parameter does."""
        if module is not None and not isinstance(module, Attributes):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        if not isinstance(name, str):
            raise TypeError(f"module name should be a string. Got {typename(name)}")
        if hasattr(self, name) and name not in self._modules:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'module name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError('module name can\'t be empty string ""')
        self._put_module(name, module)

    def register_module(self, name, module):
        """The same as add_module."""
        self.add_module(name, module)

    def _put_module(self, name, module):
        self._table("_modules")[name] = _run_hooks(_module_hooks, self, name, module)

    def _check_name(self, name, what, kind):
        if kind not in self.__dict__:
            raise AttributeError(f"cannot assign {what} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{what} name should be a string. Got {typename(name)}")
        if "." in name:
            raise KeyError(f'{what} name can\'t contain "."')
        if name == "":
            raise KeyError(f'{what} name can\'t be empty string ""')
        if hasattr(self, name) and name not in self.__dict__[kind]:
            raise KeyError(f"attribute '{name}' already exists")


# An assignment of, or over, one of these may concern the tables; any other is a plain attribute.
_SPECIAL = (Tensor, Attributes, dict)

_parameter_hooks = OrderedDict()
_buffer_hooks = OrderedDict()
_module_hooks = OrderedDict()


def register_module_parameter_registration_hook(hook):
    """Calls `hook(module, name, param)` before any module registers a parameter; what it returns
    takes its place.
    """
    return register(_parameter_hooks, hook)


def register_module_buffer_registration_hook(hook):
    """Calls `hook(module, name, buffer)` before any module registers a buffer; what it returns
    takes its place.
    """
    return register(_buffer_hooks, hook)


def register_module_module_registration_hook(hook):
    """Calls `hook(module, name, submodule)` before any module registers another; what it returns
    takes its place.
    """
    return register(_module_hooks, hook)


def _run_hooks(hooks, module, name, value):
    for hook in hooks.values():
        new = hook(module, name, value)
        value = value if new is None else new
    return value


def _check_assigned(value, cls, name, what, expected):
    if value is not None and (cls is None or not isinstance(value, cls)):
        raise TypeError(f"cannot assign '{typename(value)}' as {what} '{name}' ({expected})")
