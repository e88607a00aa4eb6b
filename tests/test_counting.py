"""bincount, isin, unique and searchsorted at sizes that take their every way, against numpy."""

import izvod
import numpy as np
import pytest

# (least, beyond the greatest): few numbers go by tables, those far apart are sorted.
RANGES = {"uint8": (0, 256), "int32": (-50, 50), "int64": (-(2**62), 2**62)}


def numbers(dtype, n, seed):
    rng = np.random.default_rng(seed)
    if dtype in RANGES:
        return rng.integers(*RANGES[dtype], n).astype(dtype)
    x = rng.integers(0, 1000, n).astype(dtype) / 8
    x[::50] = np.nan
    return x


@pytest.mark.parametrize("n", [10, 5_000, 150_000])
@pytest.mark.parametrize("dtype", [*RANGES, "float32", "float64"])
def test_unique_and_isin(dtype, n):
    x = numbers(dtype, n, 1)
    x[: n // 3] = x[n // 3 : 2 * (n // 3)]  # numbers far apart occur twice, too
    ours = izvod.unique(izvod.from_numpy(x), return_inverse=True, return_counts=True)
    theirs = np.unique(x, return_inverse=True, return_counts=True, equal_nan=False)
    values, _, counts = (y.numpy() for y in ours)
    np.testing.assert_array_equal(values, theirs[0])
    np.testing.assert_array_equal(counts, theirs[2])
    np.testing.assert_array_equal(values[ours[1].numpy()], x)
    tests = np.concatenate([x[::7], numbers(dtype, 20, 2)])
    found = izvod.isin(izvod.from_numpy(x), izvod.from_numpy(tests)).numpy()
    np.testing.assert_array_equal(found, np.isin(x, tests))


@pytest.mark.parametrize("high", [5, 3000])
def test_bincount(high):
    x = np.random.default_rng(3).integers(0, high, 150_000)
    weights = np.ones(len(x)) / 4
    ours = izvod.from_numpy(x)
    np.testing.assert_array_equal(izvod.bincount(ours).numpy(), np.bincount(x))
    weighted = izvod.bincount(ours, izvod.from_numpy(weights), minlength=high + 2).numpy()
    np.testing.assert_array_equal(weighted, np.bincount(x, weights, high + 2))


@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(side):
    row = np.sort(np.random.default_rng(4).normal(size=999).astype("float32"))
    values = np.concatenate([row, numbers("float32", 40_000, 5) / 50 - 1])
    ours = izvod.searchsorted(izvod.from_numpy(row), izvod.from_numpy(values), side=side)
    np.testing.assert_array_equal(ours.numpy(), np.searchsorted(row, values, side))
