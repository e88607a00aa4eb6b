"""Optimizer, the base of all: groups of parameters with their settings, and a state for each
parameter.
"""

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from copy import deepcopy
from itertools import chain

from izvod._C import Tensor
from izvod.nn.parameter import zero_grad_of
from izvod.utils import typename
from izvod.utils.hooks import register

_HOOK_TABLES = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)
_global_step_pre_hooks = OrderedDict()
_global_step_post_hooks = OrderedDict()


class _Required:
    """As a default: the setting must be given with every group."""

    def __repr__(self):
        return "<required parameter>"


required = _Required()


def register_optimizer_step_pre_hook(hook):
    """Calls `hook(optimizer, args, kwargs)` before the step of any optimizer."""
    return register(_global_step_pre_hooks, hook)


def register_optimizer_step_post_hook(hook):
    """Calls `hook(optimizer, args, kwargs)` after the step of any optimizer."""
    return register(_global_step_post_hooks, hook)


def _hooked(step):
    """The step of a subclass with the step hooks around it."""

    @functools.wraps(step)
    def hooked(self, *args, **kwargs):
        self._opt_called = True  # what schedulers ask for
        before, after = self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks
        idle = not (before or after or _global_step_pre_hooks or _global_step_post_hooks)
        if (
            idle or self._stepping
        ):  # a step that calls the step of its base class runs the hooks once
            return step(self, *args, **kwargs)
        args = (self, *args)
        for hook in chain(_global_step_pre_hooks.values(), before.values()):
            new = hook(self, args, kwargs)
            if isinstance(new, tuple) and len(new) == 2:
                args, kwargs = new
            elif new is not None:
                raise RuntimeError(
                    f"{step} must return None or a tuple of (new_args, new_kwargs), but got {new}."
                )
        self._stepping = True
        try:
            result = step(*args, **kwargs)
        finally:
            self._stepping = False
        for hook in chain(after.values(), _global_step_post_hooks.values()):
            hook(self, args, kwargs)
        return result

    return hooked


class Optimizer:
    """Changes parameters by their gradients; subclasses say how, in `step`.

    Args: params - an iterable of tensors, of (name, tensor) pairs, or of dicts, one for each group,
    with the key "params" and settings of its own; defaults - the settings of groups that do not
    give them. `param_groups` is the list of groups, `state` maps a parameter to the dict of what is
    kept for it.
    """

    _stepping = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls):
            cls.step = _hooked(cls.step)

    def __init__(self, params, defaults):
        self.defaults = defaults
        self._init_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {typename(params)}"
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def _init_hooks(self):
        for name in _HOOK_TABLES:
            if name not in self.__dict__:
                self.__dict__[name] = OrderedDict()

    def __getstate__(self):
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._init_hooks()

    def __repr__(self):
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            settings = [f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params"]
            text += f"\nParameter Group {i}\n" + "".join(settings)
        return text + ")"

    def step(self, closure=None):
        """Changes the parameters once. `closure` computes the loss again and returns it, and so
        does step.
        """
        raise NotImplementedError

    def zero_grad(self, set_to_none=True):
        """Forgets the gradients of all parameters, or zeroes them if not `set_to_none`."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                else:
                    zero_grad_of(p)

    def add_param_group(self, param_group):
        """Adds a dict with "params" and any settings. Raises TypeError or ValueError for what
        cannot be optimized.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = _list_params(param_group)
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    f"{typename(param)}"
                )
            if not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)
        if len({id(p) for p in params}) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error",
                stacklevel=3,
            )
        self._check_against_groups(param_group)
        self.param_groups.append(param_group)

    def _check_against_groups(self, new):
        for group in self.param_groups:
            if ("param_names" in new) != ("param_names" in group):
                kind = "with names" if "param_names" in new else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {kind} to the optimizer"
                )
        taken = {id(p) for group in self.param_groups for p in group["params"]}
        if any(id(p) in taken for p in new["params"]):
            raise ValueError("some parameters appear in more than one parameter group")

    def state_dict(self):
        """{"state": ..., "param_groups": ...} with numbers in place of parameters: 0, 1, ... in
        their order.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers, groups = {}, []
        for group in self.param_groups:
            for param in group["params"]:
                numbers.setdefault(id(param), len(numbers))
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[id(param)] for param in group["params"]]
            groups.append(packed)
        state = {
            numbers[id(key)] if isinstance(key, Tensor) else key: value
            for key, value in self.state.items()
        }
        return self._run_hooks(
            self._optimizer_state_dict_post_hooks, {"state": state, "param_groups": groups}
        )

    def load_state_dict(self, state_dict):
        """Takes settings and state from what state_dict returned; the parameters stay.

        State tensors get the dtype of their parameter, but "step" keeps its own; where nothing has
        to be converted they are taken over, not copied. Raises ValueError if the groups do not
        match.
        """
        state_dict = self._run_hooks(self._optimizer_load_state_dict_pre_hooks, state_dict.copy())
        groups, saved = self.param_groups, deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(
            len(ours["params"]) != len(theirs["params"])
            for ours, theirs in zip(groups, saved, strict=True)
        ):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        params = {}
        for ours, theirs in zip(groups, saved, strict=True):
            params.update(zip(theirs["params"], ours["params"], strict=True))
            theirs["params"] = ours["params"]
            if "param_names" in ours:
                theirs.setdefault("param_names", ours["param_names"])
        state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in params:
                state[params[key]] = _cast(params[key], value)
            else:
                state[key] = value
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def _run_hooks(self, hooks, value):
        for hook in hooks.values():
            new = hook(self, value)
            value = value if new is None else new
        return value

    def register_step_pre_hook(self, hook):
        """Calls `hook(optimizer, args, kwargs)` before a step; it may return new (args, kwargs)."""
        return register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook):
        """Calls `hook(optimizer, args, kwargs)` after each step."""
        return register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook, prepend=False):
        """Calls `hook(optimizer)` before state_dict."""
        return register(self._optimizer_state_dict_pre_hooks, hook, prepend=prepend)

    def register_state_dict_post_hook(self, hook, prepend=False):
        """Calls `hook(optimizer, state_dict)` after state_dict; it may return another dict."""
        return register(self._optimizer_state_dict_post_hooks, hook, prepend=prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend=False):
        """Calls `hook(optimizer, state_dict)` before loading; it may return another dict."""
        return register(self._optimizer_load_state_dict_pre_hooks, hook, prepend=prepend)

    def register_load_state_dict_post_hook(self, hook, prepend=False):
        """Calls `hook(optimizer)` after loading."""
        return register(self._optimizer_load_state_dict_post_hooks, hook, prepend=prepend)


def _list_params(group):
    """Makes group["params"] a list of tensors (and, if they came with names, "param_names" that of
    the names).
    """
    params = group["params"]
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering "
            "of tensors in sets will change between runs. Please use a list instead."
        )
    params = [params] if isinstance(params, Tensor) else list(params)
    names = [p[0] for p in params if isinstance(p, tuple)]
    if names:
        if len(names) != len(params):
            raise ValueError(
                "all optimizer params should be with/without names. Some param names are missing"
            )
        group["param_names"] = names
        params = [p[1] for p in params]
    group["params"] = params
    return params


def _cast(param, value, key=None):
    """State `value` of `param`, or what is inside it, in the parameter's dtype; "step" stays as it
    is.
    """
    if isinstance(value, Tensor):
        return value.to(param.dtype) if key != "step" and param.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _cast(param, item, key) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return type(value)(_cast(param, item) for item in value)
    return value


def with_grads(params):
    """(the parameters that have a gradient, their gradients), two lists."""
    grads = [p.grad for p in params]
    present = [grad for grad in grads if grad is not None]
    if len(present) != len(grads):
        params = [p for p, grad in zip(params, grads, strict=True) if grad is not None]
    return params, present


def number(value):
    """A setting that may be a tensor of one element, as a Python number."""
    return value.item() if isinstance(value, Tensor) else value


def check_implementation(foreach, fused, differentiable):
    """Raises RuntimeError for settings that exclude each other, NotImplementedError for a
    differentiable step.
    """
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    if differentiable:
        raise NotImplementedError(
            "differentiable=True: a step that is part of the graph is not there yet"
        )
