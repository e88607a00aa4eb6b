"""The same random call in izvod and in torch: values, strides and the generators' states."""

import izvod
import izvod.nn
import pytest
from comparing import steps

try:
    import torch
except ImportError:
    torch = None
needs_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")

FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
SEEDS = [0, 123, 2**63 + 5, -1]


def bits(x):
    """The elements' bytes in row-major order."""
    if isinstance(x, izvod.Tensor):
        return x.detach()._to_bytes()
    flat = torch.empty(x.numel(), dtype=x.dtype).copy_(x.detach().reshape(-1))
    return flat.view(torch.uint8).numpy().tobytes() if x.numel() else b""


def state(module):
    return bits(module.get_rng_state())


def names(module):
    """What the texts of calls refer to; `num`, `chance` and `rate` make arguments of a size."""

    def num(*size, dtype=module.float32):
        return of_size(size, lambda i: i % 97 * 0.0625 - 3, dtype)

    def chance(*size, dtype=module.float32):
        return of_size(size, lambda i: i * 37 % 101 * 0.0078125 + 0.0078125, dtype)

    def rate(*size, dtype=module.float32):
        return of_size(size, lambda i: i * 31 % 61 * 0.25, dtype)

    def of_size(size, formula, dtype):
        n = 1
        for k in size:
            n *= k
        return formula(module.arange(n)).to(dtype).reshape(size)

    return {
        "torch": module,
        "F": module.nn.functional,
        "nn": module.nn,
        "nan": float("nan"),
        "inf": float("inf"),
        "num": num,
        "chance": chance,
        "rate": rate,
        "G": module.Generator().manual_seed(11),
    }


def run(module, text, seed, warm):
    """The result of a call and the states after it: of the default generator and of G."""
    given = names(module)
    module.manual_seed(seed)
    if warm:
        module.randn(warm)  # an odd number of normals leaves one behind
    return eval(text, given), state(module), bits(given["G"].get_state())


def compare(text, seed=123, warm=0):
    (mine, *my_states), (theirs, *their_states) = (run(m, text, seed, warm) for m in (izvod, torch))
    assert tuple(mine.shape) == tuple(theirs.shape), text
    assert str(mine.dtype) == str(theirs.dtype), text
    assert bits(mine) == bits(theirs), text
    assert my_states == their_states, f"{text}: a state differs"
    if mine.numel() > 1:
        assert steps(mine) == steps(theirs), text
    assert mine.requires_grad == theirs.requires_grad, text
