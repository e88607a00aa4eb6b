"""izvod: an autograd engine for CPUs whose Python API mirrors torch's.

``import izvod as torch`` and a program for torch on the CPU runs. Importing needs the compiled core
(``izvod._C``) and a few light modules of the standard library; numpy, safetensors and others are
imported by the functions that need them.
"""

from izvod import _C
from izvod._C import *  # noqa: F403  (all of the core's public functions are torch.<name>)
from izvod._C import (  # noqa: F401
    Tensor,
    _addmm_activation,
    _dirichlet_grad,
    _sample_dirichlet,
    _standard_gamma,
    _standard_gamma_grad,
    device,
    dtype,
)

float = _C.float32
double = _C.float64
half = _C.float16
short = _C.int16
int = _C.int32
long = _C.int64

inf = _C.full((), 1.0).fill_(1e999).item()
nan = inf - inf
e = 2.718281828459045
pi = 3.141592653589793
newaxis = None

__version__ = "0.1.0"

from izvod import _tensor, _tensor_str, autograd, random  # noqa: E402,F401
from izvod._constants import (  # noqa: E402,F401
    channels_last,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from izvod._limits import finfo, iinfo  # noqa: E402,F401
from izvod._tensor_str import get_printoptions, set_printoptions  # noqa: E402,F401
from izvod.autograd import (  # noqa: E402,F401
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from izvod.counting import *  # noqa: E402,F403
from izvod.functional import *  # noqa: E402,F403
from izvod.random import (  # noqa: E402,F401
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from izvod.serialization import load, save  # noqa: E402,F401

from izvod import linalg, nn, utils  # noqa: E402,F401,I001  (they import the names above)

_LAZY = ("optim", "cuda", "backends", "distributions")


def __getattr__(name):
    """Submodules that few programs need are imported when first asked for."""
    if name in _LAZY:
        import importlib

        return importlib.import_module(f"izvod.{name}")
    raise AttributeError(f"module 'izvod' has no attribute '{name}'")
