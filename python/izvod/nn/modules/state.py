"""What a module saves and loads: `state_dict()` and `load_state_dict()`."""

import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Mapping

import izvod
from izvod._C import Tensor
from izvod.nn.parameter import Parameter
from izvod.utils.hooks import register

_HOOK_TABLES = (
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
_EXTRA_STATE = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What load_state_dict returns."""

    __slots__ = ()

    def __repr__(self):
        return super().__repr__() if any(self) else "<All keys matched successfully>"

    __str__ = __repr__


class _WithModule:
    """Marks a load_state_dict pre-hook that wants the module as its first argument."""

    def __init__(self, hook):
        self.hook = hook


class State:
    """The part of Module that saves and loads."""

    _version = 1

    def _init_state_hooks(self):
        for name in _HOOK_TABLES:
            if name not in self.__dict__:
                self.__dict__[name] = OrderedDict()

    def state_dict(self, *args, destination=None, prefix="", keep_vars=False):
        """The parameters and persistent buffers by dotted name, in an OrderedDict.

        The values share memory with the module's, detached from the graph unless `keep_vars`. The
        attribute `_metadata` of the result holds the version of every module.
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead.",
                FutureWarning,
                stacklevel=2,
            )
            destination = args[0] if destination is None else destination
            prefix = args[1] if len(args) > 1 and prefix == "" else prefix
            keep_vars = args[2] if len(args) > 2 and keep_vars is False else keep_vars
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        return self._run_state_dict_hooks(destination, prefix, metadata)

    def _run_state_dict_hooks(self, destination, prefix, metadata):
        for hook in self._state_dict_hooks.values():
            new = hook(self, destination, prefix, metadata)
            if new is not None:
                if getattr(hook, "_from_public_api", False):
                    raise RuntimeError("state_dict post-hook must return None")
                destination = new
        return destination

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        """Writes this module's own entries; a subclass may override it."""
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars else value.detach()
        if type(self).get_extra_state is not State.get_extra_state:
            destination[prefix + _EXTRA_STATE] = self.get_extra_state()

    def _own_state(self):
        """Parameters and persistent buffers of this module alone, without the empty ones."""
        skipped = self._non_persistent_buffers_set
        state = {name: value for name, value in self._parameters.items() if value is not None}
        for name, value in self._buffers.items():
            if value is not None and name not in skipped:
                state[name] = value
        return state

    def get_extra_state(self):
        """Override it, and set_extra_state, to put more (anything that pickles) into the
        state_dict.
        """
        raise RuntimeError(
            "Module.get_extra_state() has no state to give; a subclass that needs one overrides it."
        )

    def set_extra_state(self, state):
        """Takes back what get_extra_state returned."""
        raise RuntimeError(
            "Module.set_extra_state() takes no state; a subclass that needs one overrides it."
        )

    def load_state_dict(self, state_dict, strict=True, assign=False):
        """Copies the values of `state_dict` into the parameters and buffers of the same names.

        Args: strict - raise if a name is missing or unexpected; assign - take the tensors
        themselves, with their dtype, in place of copying (parameters keep their requires_grad).
        Returns (missing_keys, unexpected_keys). Raises TypeError if `state_dict` is no mapping,
        RuntimeError with one line for each entry that does not fit.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None)
        state_dict = OrderedDict(state_dict)  # hooks may change it
        if metadata is not None:
            state_dict._metadata = metadata
        keys, errors = _IncompatibleKeys([], []), []
        _load(self, state_dict, "", metadata or {}, assign, keys, errors)
        if strict:
            _complain(errors, "Unexpected", keys.unexpected_keys)
            _complain(errors, "Missing", keys.missing_keys)
        if errors:
            lines = "\n\t".join(errors)
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}"
            )
        return keys

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ):
        """Loads this module's own entries; a subclass may override it."""
        for hook in self._load_state_dict_pre_hooks.values():
            who, hook = ((self,), hook.hook) if isinstance(hook, _WithModule) else ((), hook)
            hook(
                *who,
                state_dict,
                prefix,
                local_metadata,
                strict,
                missing_keys,
                unexpected_keys,
                error_msgs,
            )
        assign = local_metadata.get("assign_to_params_buffers", False)
        own = self._own_state()
        for name, old in own.items():
            key = prefix + name
            if key in state_dict:
                self._load_tensor(name, old, key, state_dict[key], assign, error_msgs)
            elif strict:
                missing_keys.append(key)
        extra = prefix + _EXTRA_STATE
        if type(self).set_extra_state is not State.set_extra_state:
            if extra in state_dict:
                self.set_extra_state(state_dict[extra])
            elif strict:
                missing_keys.append(extra)
        elif strict and extra in state_dict:
            unexpected_keys.append(extra)
        if strict:
            rest = [key for key in state_dict if key.startswith(prefix) and key != extra]
            unexpected_keys.extend(
                key for key in rest if not self._expects(key[len(prefix) :], own)
            )

    def _expects(self, name, own):
        first, dot, _ = name.partition(".")
        return first in (self._modules if dot else own)

    def _load_tensor(self, name, old, key, new, assign, error_msgs):
        if not isinstance(new, Tensor):
            error_msgs.append(
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
                f"object from checkpoint but received {type(new)}"
            )
            return
        if old.dim() == 0 and tuple(new.shape) == (
            1,
        ):  # scalars were once saved with one dimension
            new = new[0]
        if new.shape != old.shape:
            error_msgs.append(
                f"size mismatch for {key}: copying a param with shape {new.shape} from "
                f"checkpoint, the shape in current model is {old.shape}."
            )
            return
        try:
            with izvod.no_grad():
                if not assign:
                    old.copy_(new)
                    return
                if isinstance(old, Parameter):
                    if isinstance(new, Parameter):
                        new.requires_grad_(old.requires_grad)
                    else:
                        new = Parameter(new, requires_grad=old.requires_grad)
                setattr(self, name, new)
        except Exception as error:
            error_msgs.append(
                f'While copying the parameter named "{key}", whose dimensions in the model are '
                f"{old.size()} and whose dimensions in the checkpoint are {new.size()}, an "
                f"exception occurred : {error.args}."
            )

    def register_state_dict_pre_hook(self, hook):
        """Calls `hook(module, prefix, keep_vars)` before state_dict reads the module."""
        return register(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook):
        """Calls `hook(module, state_dict, prefix, local_metadata)` afterwards; it may change the
        dict in place.
        """
        hook._from_public_api = True
        return register(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook):
        """As register_state_dict_post_hook, and what the hook returns replaces the dict."""
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was "
                "previously registered via register_state_dict_post_hook"
            )
        return register(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook):
        """Calls `hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected,
        errors)` before loading.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook, with_module=False):
        return register(self._load_state_dict_pre_hooks, _WithModule(hook) if with_module else hook)

    def register_load_state_dict_post_hook(self, hook):
        """Calls `hook(module, incompatible_keys)` after loading; the hook may change the two lists
        in place.
        """
        return register(self._load_state_dict_post_hooks, hook)


def _load(module, state_dict, prefix, metadata, assign, keys, errors):
    """Loads `module` and everything below it; `state_dict` holds only what starts with `prefix`."""
    local = metadata.get(prefix[:-1], {})
    if assign:
        local["assign_to_params_buffers"] = assign
    module._load_from_state_dict(
        state_dict, prefix, local, True, keys.missing_keys, keys.unexpected_keys, errors
    )
    for name, child in module._modules.items():
        if child is not None:
            below = f"{prefix}{name}."
            part = {key: value for key, value in state_dict.items() if key.startswith(below)}
            _load(child, part, below, metadata, assign, keys, errors)
    for hook in module._load_state_dict_post_hooks.values():
        if hook(module, keys) is not None:
            raise AssertionError(
                "Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                "to return new values, if incompatible_keys need to be modified, it should be "
                "done inplace."
            )


def _complain(errors, what, names):
    if names:
        listed = ", ".join(f'"{name}"' for name in names)
        errors.insert(0, f"{what} key(s) in state_dict: {listed}. ")
