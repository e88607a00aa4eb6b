"""Building blocks of models: modules, parameters, functions, initial values."""

from izvod.nn import functional, init, modules, parameter, utils
from izvod.nn.modules import *  # noqa: F403  (its __all__ is the list of modules)
from izvod.nn.parameter import Buffer, Parameter

__all__ = [
    *modules.__all__,
    "Buffer",
    "Parameter",
    "functional",
    "init",
    "modules",
    "parameter",
    "utils",
]
