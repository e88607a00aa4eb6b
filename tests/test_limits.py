"""finfo, iinfo, and the devices that are not there."""

import izvod
import pytest

FLOATS = {"float16": (2**-10, 65504.0), "bfloat16": (2**-7, 3.3895313892515355e38)}
FLOATS |= {"float32": (2**-23, 3.4028234663852886e38), "float64": (2**-52, 1.7976931348623157e308)}


@pytest.mark.parametrize("name", FLOATS)
def test_finfo(name):
    limits = izvod.finfo(getattr(izvod, name))
    assert (limits.eps, limits.max) == FLOATS[name]
    assert limits.min == -limits.max and limits.dtype == name


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_finfo_against_torch(name):
    torch = pytest.importorskip("torch", reason="torch, which this compares with, is absent")
    mine, theirs = izvod.finfo(getattr(izvod, name)), torch.finfo(getattr(torch, name))
    for field in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution"):
        assert getattr(mine, field) == getattr(theirs, field), field


def test_iinfo():
    assert (izvod.iinfo(izvod.uint8).min, izvod.iinfo(izvod.uint8).max) == (0, 255)
    assert (izvod.iinfo(izvod.int64).min, izvod.iinfo(izvod.int64).max) == (-(2**63), 2**63 - 1)
    assert repr(izvod.iinfo(izvod.int8)) == "iinfo(min=-128, max=127, dtype=int8)"


def test_wrong_kinds():
    with pytest.raises(TypeError, match="requires a floating point input type"):
        izvod.finfo(izvod.int32)
    with pytest.raises(TypeError, match="requires an integer input type"):
        izvod.iinfo(izvod.float32)


def test_no_other_devices():
    assert not izvod.cuda.is_available() and izvod.cuda.device_count() == 0
    assert not izvod.backends.mps.is_available()
    with pytest.raises(RuntimeError, match="izvod runs on the CPU only"):
        izvod.ones(2, device="cuda")
