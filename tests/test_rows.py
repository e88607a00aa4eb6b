"""Kernels along the rows of a matrix against numpy's plain loops: rows and columns around the
lengths of vectors, chunks and blocks, every layout, nan and ties. To the bit."""

import izvod
import pytest

numpy = pytest.importorskip("numpy")

SHAPES = [(1, 1), (1, 2000), (3, 5), (4, 4), (5, 3), (7, 130), (8, 64), (33, 513), (70, 1025)]
SHAPES += [(0, 3), (3, 0), (2, 3, 5), (300, 3), (1000, 21), (90_000, 2), (2, 90_000), (4300, 1000)]
DTYPES = ["float32", "float64", "float16", "int64", "int32", "uint8"]


def numbers(shape, dtype, seed=0):
    """Small whole numbers and halves: they tie often, and sums of floats are exact or rounded
    alike."""
    rng = numpy.random.default_rng(seed)
    if dtype.startswith("float"):
        return (rng.standard_normal(shape) * 4).astype(dtype)
    return rng.integers(0, 9, shape).astype(dtype)


def layouts(x):
    """The same numbers in different memory: an izvod tensor each."""
    dense = izvod.tensor(x)
    yield dense
    yield dense.transpose(0, -1).contiguous().transpose(0, -1)
    wide = izvod.zeros((*x.shape[:-1], 2 * x.shape[-1]), dtype=dense.dtype)
    wide[..., ::2] = dense
    yield wide[..., ::2]
    yield izvod.cat([dense, dense], -1)[..., : x.shape[-1]]


def cases(dtypes=DTYPES):
    return [
        pytest.param(shape, dtype, id=f"{'x'.join(map(str, shape))}-{dtype}")
        for shape in SHAPES
        for dtype in (dtypes if numpy.prod(shape) < 1e6 else dtypes[:1])
    ]


def same(mine, expected):
    mine = mine.numpy()
    assert mine.shape == expected.shape and mine.dtype == expected.dtype
    numpy.testing.assert_array_equal(mine, expected)


def scanned(scan, x, dim):
    wide = "float64" if x.dtype.kind == "f" else "int64"
    with numpy.errstate(all="ignore"):
        y = scan(x.astype(wide), dim, dtype=wide)
        if x.dtype == "float16":
            y = y.astype("float32")  # rounded twice, as every half type is
        return y.astype(x.dtype if x.dtype.kind == "f" else "int64")


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("shape, dtype", cases())
def test_scans(name, shape, dtype):
    x = numbers(shape, dtype)
    if x.size > 20 and x.dtype.kind == "f":
        x.reshape(-1)[[13, 17]] = numpy.nan, numpy.inf
    for dim in range(x.ndim):
        expected = scanned(getattr(numpy, name), x, dim)
        for y in layouts(x):
            same(getattr(izvod, name)(y, dim), expected)


@pytest.mark.parametrize("offset", [0, 1000])
@pytest.mark.parametrize("shape, dtype", cases(["float32", "float64"]))
def test_variance(shape, dtype, offset):
    x = numbers(shape, dtype) + numpy.array(offset, dtype)
    if x.size == 0:
        return
    wide, eps = x.astype("longdouble"), 4 * numpy.finfo(dtype).eps
    for dim in range(x.ndim):
        var, mean, scale = wide.var(dim), wide.mean(dim), abs(wide).mean(dim)
        lost = var + scale * var**0.5
        for y in layouts(x):
            mine = [part.numpy() for part in izvod.var_mean(y, dim, correction=0)]
            # Parts are merged in double, which costs float32 no digits.
            assert (abs(mine[0] - var) <= eps * (var if dtype == "float32" else lost)).all()
            assert (abs(mine[1] - mean) <= eps * scale).all()


@pytest.mark.parametrize("name", ["cummax", "cummin"])
@pytest.mark.parametrize("shape, dtype", cases())
def test_best_so_far(name, shape, dtype):
    x = numbers(shape, dtype)
    if x.dtype.kind == "f":
        x.reshape(-1)[7 * x.size // 9 :][: x.size // 50] = numpy.nan
    for dim in range(x.ndim):
        best = {"cummax": numpy.maximum, "cummin": numpy.minimum}[name].accumulate(x, dim)
        number = numpy.arange(x.shape[dim]).reshape([-1 if d == dim else 1 for d in range(x.ndim)])
        place = numpy.maximum.accumulate(numpy.where((x == best) | (x != x), number, 0), dim)
        for y in layouts(x):
            values, indices = getattr(izvod, name)(y, dim)
            same(values, best)
            same(indices, place)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("shape, dtype", cases())
def test_places(name, shape, dtype):
    x = numbers(shape, dtype)
    for with_nan in (False, True) if x.dtype.kind == "f" else (False,):
        if with_nan:
            x.reshape(-1)[7 * x.size // 9 :][: x.size // 50] = numpy.nan
        for dim in range(x.ndim):
            if x.shape[dim] == 0:
                continue
            expected = getattr(numpy, name)(x, dim)
            for y in layouts(x):
                same(getattr(izvod, name)(y, dim), expected)


@pytest.mark.parametrize("n", [1, 5, 8, 9, 127, 128, 129, 300, 1024, 1025, 3000])
def test_every_place(n):
    for value, name in (
        (float("inf"), "argmax"),
        (float("-inf"), "argmin"),
        (float("nan"), "argmax"),
    ):
        x = izvod.zeros(n, n).masked_fill(izvod.eye(n) == 1, value)
        assert getattr(izvod, name)(x, 1).tolist() == list(range(n))
    assert izvod.full((3, n), float("-inf")).argmax(1).tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", ["sum", "amax", "amin"])
@pytest.mark.parametrize("shape, dtype", cases())
def test_folds(name, shape, dtype):
    x = numpy.rint(numbers(shape, dtype)).astype(dtype)  # every sum is exact
    if dtype == "float16" and x.size > 2000:
        return
    for dim in range(x.ndim):
        if x.shape[dim] == 0 and name != "sum":
            continue
        expected = getattr(numpy, name)(x, dim)
        if name == "sum" and x.dtype.kind != "f":
            expected = expected.astype("int64")
        for y in layouts(x):
            same(getattr(izvod, name)(y, dim), expected)
    if x.size > 20 and x.dtype.kind == "f":
        x.reshape(-1)[x.size // 2] = numpy.nan
        same(getattr(izvod, name)(izvod.tensor(x), 0), getattr(numpy, name)(x, 0))


@pytest.mark.parametrize("shape, dtype", cases())
def test_flips(shape, dtype):
    x = numbers(shape, dtype)
    for dims in ((0,), (x.ndim - 1,), tuple(range(x.ndim))):
        for y in layouts(x):
            same(izvod.flip(y, dims), numpy.flip(x, dims))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("widths", [(1, 2), (15, 5), (16, 17), (50, 50), (64, 131), (1000, 703)])
def test_joined_rows(widths, dtype):
    large = 20_000_000 // sum(widths) if dtype == "uint8" else 4_500_000 // sum(widths)
    for rows in (1, 60, large) if dtype in ("uint8", "float32") else (1, 60):
        parts = [numbers((rows, n), dtype) for n in widths]
        for dim, expected in (
            (1, numpy.concatenate(parts, 1)),
            (0, numpy.concatenate(parts[:1] * 2)),
        ):
            given = parts if dim == 1 else parts[:1] * 2
            same(izvod.cat([izvod.tensor(x) for x in given], dim), expected)


@pytest.mark.parametrize("shape, dtype", cases())
def test_transposed_copies(shape, dtype):
    x = numbers(shape, dtype)
    for y in layouts(x):
        same(y.transpose(0, -1).contiguous(), numpy.ascontiguousarray(x.swapaxes(0, -1)))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("shape", [(4300, 1000), (500_000, 10), (90, 700, 70)])
def test_softmax_of_many_bytes(name, shape):
    """Large results are written past the caches, with the numbers that smaller ones have."""
    x = izvod.tensor(numbers(shape, "float32"), requires_grad=True)
    g = izvod.tensor(numbers(shape, "float32", seed=1))
    y = getattr(izvod, name)(x, -1)
    y.backward(g)
    for part in izvod.arange(shape[0]).split(shape[0] // 7):
        some = x.detach()[part].requires_grad_()
        expected = getattr(izvod, name)(some, -1)
        expected.backward(g[part])
        assert izvod.equal(y[part], expected)
        assert izvod.equal(x.grad[part], some.grad)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_results_past_the_caches(dtype):
    """Results of more than 16 MiB, from addresses within and between lines of memory."""
    x = numbers((4300, 1001), dtype)
    dense = izvod.tensor(x)
    for first in (0, 1, 5):
        part, mine = x[:, first:], dense[:, first:]
        same(mine + mine[0], part + part[0])
        same(mine.clone().mul_(mine), part * part)
        same(mine.abs(), abs(part))
        same(izvod.where(mine > 3, mine, mine[:, :1]), numpy.where(part > 3, part, part[:, :1]))
        same(mine.to(izvod.float64), part.astype("float64"))
        same(mine.to(izvod.float32), part.astype("float32"))
        same(mine.sum(0).round(), part.sum(0).round())
        memory = izvod.zeros(part.size + 16, dtype=dense.dtype)
        inside = memory[first : first + part.size]
        inside.view(part.shape).copy_(mine).add_(mine)
        same(inside.view(part.shape), part + part)
        assert memory[:first].eq(0).all() and memory[first + part.size :].eq(0).all()


@pytest.mark.parametrize("name", ["sum", "prod", "amax", "amin", "norm"])
@pytest.mark.parametrize("columns", [1024, 1025, 2048, 3000, 5120, 20_001, 65_536])
def test_rows_that_are_reduced_by_twos(name, columns):
    """A row among others gives the bits that it gives alone, and about those of wide sums."""
    x = 1 + 0.001 * izvod.randn(7, columns, generator=izvod.Generator().manual_seed(0))
    f = getattr(izvod, name)
    together = f(x, dim=-1)
    alone = izvod.cat([f(row, dim=-1) for row in x.split(1)])
    assert together.equal(alone)
    assert izvod.allclose(together.double(), f(x.double(), dim=-1), rtol=1e-4, atol=0)
