"""Rows shorter than a few vectors, which kernels take many at a time, against numpy. To the bit."""

import operator

import izvod
import pytest

numpy = pytest.importorskip("numpy")

LENGTHS = [1, 2, 3, 7, 8, 15, 16, 17, 33, 50, 64, 65, 100, 128, 129, 300]
DTYPES = ["float32", "float64", "int64", "int32", "int16", "uint8", "int8"]
ARITHMETIC = [operator.add, operator.sub, operator.mul]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.ge]
BITWISE = [operator.and_, operator.or_, operator.xor]


def numbers(shape, dtype, seed=0):
    """Whole numbers of which sums and products are exact in floats, and wrap around in bytes."""
    x = numpy.random.default_rng(seed).integers(-100, 100, shape)
    return x > 0 if dtype == "bool" else x.astype(dtype)


def operands(rows, n, dtype):
    """Pairs of arrays whose results have `rows` rows of n elements."""
    x, wide = numbers((rows, n), dtype), numbers((rows, 2 * n + 3), dtype, 1)
    row, column = numbers((n,), dtype, 2), numbers((rows, 1), dtype, 3)
    yield "row", x, row
    yield "column", x, column
    yield "row and column", row, column
    yield "slices", wide[:, :n], wide[:, n + 1 : 2 * n + 1]
    yield "every second", wide[:, 1 : 2 * n + 1 : 2], x
    yield "transposed", numbers((n, rows), dtype, 4).T, x
    yield "expanded", numpy.broadcast_to(column, (rows, n)), numpy.broadcast_to(row, (rows, n))
    yield "number", wide[:, 2 : n + 2], numpy.asarray(3, dtype=dtype)
    yield "middle", x.reshape(-1, 2, n), numbers((rows // 2, 1, n), dtype, 5)


def tensor(x):
    """The same strides in izvod: the whole array behind a view is passed on, and viewed again."""
    memory = x
    while memory.base is not None:
        memory = memory.base
    memory = numpy.ascontiguousarray(memory)
    offset = (x.ctypes.data - memory.ctypes.data) // x.itemsize
    steps = [s // x.itemsize for s in x.strides]
    return izvod.tensor(memory.reshape(-1)).as_strided(x.shape, steps, offset)


def same(mine, expected, message=""):
    mine = mine.numpy()
    assert mine.dtype == expected.dtype and mine.shape == expected.shape, message
    numpy.testing.assert_array_equal(mine, expected, err_msg=message)


@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
@pytest.mark.parametrize("n", LENGTHS)
def test_elementwise(n, dtype):
    ops = [*([] if dtype == "bool" else ARITHMETIC), *COMPARISONS]
    ops += [] if dtype.startswith("float") else BITWISE
    for pattern, x, y in operands(42, n, dtype):
        a, b = tensor(x), tensor(y)
        for op in ops:
            same(op(a, b), op(x, y), f"{op.__name__} {pattern}")
            same(op(b, a), op(y, x), f"{op.__name__} {pattern} the other way round")
        same(izvod.maximum(a, b), numpy.maximum(x, y), pattern)
        mask = x > y
        same(izvod.where(tensor(mask), a, b), numpy.where(mask, x, y), f"where {pattern}")


@pytest.mark.parametrize("dtype", [*DTYPES, "bool", "float16"])
@pytest.mark.parametrize("n", LENGTHS)
def test_conditions(n, dtype):
    """Bools of every layout, and bytes, of which any bit counts."""
    for pattern, _, mask in operands(42, n, "bool"):
        shape = (21, 2, n) if mask.ndim == 3 else (42, n)
        x, y = numbers(shape, dtype), numbers(shape, dtype, 1)
        a, b, m = tensor(x), tensor(y), tensor(mask)
        same(izvod.where(m, a, b), numpy.where(mask, x, y), pattern)
        same(a.masked_fill(m, 1), numpy.where(mask, numpy.ones_like(x), x), pattern)
        wide = izvod.cat([a, b], -1)
        wide[..., n:].masked_fill_(m, 0)
        expected = numpy.where(mask, numpy.zeros_like(x), y)
        same(wide, numpy.concatenate([x, expected], -1), f"in place {pattern}")
        for bits in (1, 2, 128, 255):
            same(izvod.where(m.to(izvod.uint8) * bits, a, b), numpy.where(mask, x, y), pattern)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", LENGTHS)
def test_in_place(n, dtype):
    for pattern, x, y in operands(42, n, dtype):
        if pattern in ("row and column", "expanded"):
            continue
        a, b = tensor(x.copy()), tensor(y)
        a += b
        same(a, x + y, pattern)
        wide = izvod.zeros(*x.shape[:-1], n + 5, dtype=a.dtype)
        wide[..., 2 : n + 2] = b
        wide[..., 2 : n + 2].mul_(tensor(x))
        same(wide[..., 2 : n + 2], numpy.broadcast_to(x * y, x.shape), f"slice {pattern}")
        assert not wide[..., :2].any() and not wide[..., n + 2 :].any()


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("n", LENGTHS)
def test_conversions(n, source):
    for pattern, x, y in operands(42, n, source):
        for target in ("float64", "float32", "int64", "int16"):
            same(tensor(x).to(getattr(izvod, target)), x.astype(target), f"{pattern} to {target}")
        same(tensor(x).contiguous(), x, pattern)
        if source != "float64":
            same(tensor(x).double() + tensor(y), x.astype("float64") + y, f"{pattern} promoted")


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("rows", [42, 3000])
def test_places(rows, n, dtype):
    rng = numpy.random.default_rng(6)
    x, v = numbers((rows, n), dtype), numbers((rows, n), dtype, 7)
    columns, targets = rng.integers(0, n, (rows, n)), rng.integers(0, rows, rows)
    same(tensor(x).gather(1, tensor(columns)), numpy.take_along_axis(x, columns, 1))
    same(tensor(x)[tensor(targets)], x[targets])
    same(tensor(x).flip(1), x[:, ::-1])
    same(izvod.cat([tensor(x), tensor(v)], 1), numpy.concatenate([x, v], 1))

    want = x.copy()
    numpy.add.at(want, (numpy.arange(rows)[:, None], columns), v)
    same(tensor(x.copy()).scatter_add_(1, tensor(columns), tensor(v)), want)
    want = x.copy()
    numpy.add.at(want, targets, v)
    same(tensor(x.copy()).index_add_(0, tensor(targets), tensor(v)), want)
    want, mine = x.copy(), tensor(x.copy())
    want[targets] = v  # the last of equal rows wins
    mine[tensor(targets)] = tensor(v)
    same(mine, want)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("rows", [42, 3000])
def test_along_rows(rows, n, dtype):
    total = dtype if dtype.startswith("float") else "int64"
    for pattern, x, _ in operands(rows, n, dtype):
        if pattern == "middle":
            continue
        x = numpy.broadcast_to(x, (rows, n))
        for dim in (0, 1):
            same(tensor(x).sum(dim), x.sum(dim, dtype=total), f"sum {dim} {pattern}")
            same(tensor(x).amax(dim), x.max(dim), f"amax {dim} {pattern}")
            if dtype != "bool":
                same(tensor(x).argmax(dim), x.argmax(dim), f"argmax {dim} {pattern}")
            same(tensor(x).cumsum(dim), x.cumsum(dim, dtype=total), f"cumsum {dim} {pattern}")
        order = x.argsort(1, kind="stable")
        values, indices = tensor(x).sort(1, stable=True)
        same(indices, order, f"sort {pattern}")
        same(values, numpy.take_along_axis(x, order, 1), f"sort {pattern}")
        for k in {1, min(n, 5), n} if dtype != "bool" else ():
            found = tensor(x).topk(k, largest=False)[0]
            same(found, numpy.sort(x, 1)[:, :k], f"topk {k} {pattern}")


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("n", LENGTHS)
def test_order_of_ties_zeros_and_nans(n, dtype, descending):
    """nan is the largest number, 0.0 and -0.0 are equal, and equal numbers keep their order."""
    some = numpy.array([-1, -0.0, 0.0, 2, numpy.inf, -numpy.inf, numpy.nan], dtype)
    x = numpy.random.default_rng(n).choice(some, (200, n))
    sign = -1 if descending else 1
    number = numpy.where(numpy.isnan(x), 0, sign * x)
    order = numpy.lexsort((number, sign * numpy.isnan(x).astype(int)), axis=1)
    sorted_rows = numpy.take_along_axis(x, order, 1)
    values, indices = tensor(x).sort(1, descending=descending, stable=True)
    same(indices, order)
    same(values, sorted_rows)
    numpy.testing.assert_array_equal(numpy.signbit(values.numpy()), numpy.signbit(sorted_rows))
    for k in {1, n // 2, n}:
        found, places = tensor(x).topk(k, largest=descending)
        same(found, sorted_rows[:, :k])
        same(tensor(x).gather(1, places), sorted_rows[:, :k])


@pytest.mark.parametrize("n", [2, 16, 50])
def test_one_hot(n):
    x = numpy.random.default_rng(8).integers(0, n, (30, 4))
    want = (x[..., None] == numpy.arange(n)).astype("int64")
    same(izvod.nn.functional.one_hot(tensor(x), n), want)


def test_writes_to_rows_that_overlap():
    """Each row of an overlapping view sees what the one before wrote, and overwrites it."""
    x = numpy.arange(1.0, 41.0)
    want, mine = x.copy(), izvod.tensor(x)
    for row in range(12):
        want[3 * row : 3 * row + 5] *= 2
    mine.as_strided((12, 5), (3, 1)).mul_(2)
    same(mine, want)
    y = numpy.arange(60.0, 120.0).reshape(5, 12).T
    for row in range(12):
        want[3 * row : 3 * row + 5] = y[row]
    for source in (tensor(y), tensor(y).int()):
        mine.as_strided((12, 5), (3, 1)).copy_(source)
        same(mine, want)


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "int8", "uint8"])
@pytest.mark.parametrize("n", [5, 16, 1003])
def test_integer_division(n, dtype):
    """Numbers of every size: beyond 2^51 doubles do not hold them and their quotients."""
    limits = numpy.iinfo(dtype)
    for top in {2**k for k in (3, 20, 50, 51, 52, 63)}:
        low, high = max(limits.min, -top), min(limits.max, top - 1)
        rng = numpy.random.default_rng(top % 1009)
        x = rng.integers(low, high, n, dtype=dtype, endpoint=True)
        y = rng.integers(max(low, -3), min(high, 3), n, dtype=dtype, endpoint=True)
        y[(y == 0) | ((y == -1) & (x == limits.min))] = 2
        for a, b in [(x, y), (y, x), (x // y * y, y), (x, x // y)]:
            b = numpy.where(b == 0, numpy.asarray(1, dtype), b)
            a = numpy.where((b == -1) & (a == limits.min), numpy.asarray(1, dtype), a)
            mine = tensor(a), tensor(b)
            same(izvod.floor_divide(*mine), a // b, f"{top} floor_divide")
            same(izvod.remainder(*mine), a % b, f"{top} remainder")
            same(izvod.fmod(*mine), numpy.fmod(a, b), f"{top} fmod")
            power = abs(b % 13).astype(dtype)
            same(izvod.pow(mine[0], tensor(power)), a**power, f"{top} pow")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "m, k, n", [(1, 1, 1), (2, 2, 2), (3, 5, 2), (4, 4, 4), (1, 9, 3), (8, 8, 8)]
)
def test_tiny_matrices(m, k, n, dtype):
    for batch in [(15,), (16,), (3, 11), (40,), (2, 1000)]:
        x, y = numbers((*batch, m, k), dtype), numbers((*batch, k, n), dtype, 1)
        same(tensor(x) @ tensor(y), x @ y, f"{batch}")
        turned = tensor(x.swapaxes(-1, -2).copy()).mT
        same(turned @ tensor(y.swapaxes(-1, -2).copy()).mT, x @ y, f"{batch} transposed")
        same(tensor(x)[..., :1, :] @ tensor(y)[..., :1], x[..., :1, :] @ y[..., :1], f"{batch} cut")
        same(tensor(x) @ tensor(y[:1]), x @ y[:1], f"{batch} repeated")


@pytest.mark.parametrize("dtype", [*DTYPES, "bool", "float16"])
def test_numbers_for_all(dtype):
    for shape in [(0, 3), (1,), (5, 7), (3, 1000), (200, 1001)]:
        for value in [0, 1, 2.5, True, 100]:
            number = numpy.asarray(value).astype(dtype)
            same(izvod.full(shape, value, dtype=getattr(izvod, dtype)), numpy.full(shape, number))
            x = izvod.ones(shape, dtype=getattr(izvod, dtype))
            y = numpy.ones(shape, dtype)
            x[..., ::2], y[..., ::2] = value, number
            same(x, y)
            x.T[...], y.T[...] = value, number
            same(x, y)


@pytest.mark.parametrize("n", [*LENGTHS, 5003, 70_001])
def test_half_arithmetic(n):
    """Numpy computes halves in float, too, and rounds once."""
    x, y = (numpy.random.default_rng(s).standard_normal(n).astype("float16") for s in (0, 1))
    x[0], y[-1] = numpy.inf, 0
    with numpy.errstate(all="ignore"):
        for op in (*ARITHMETIC, operator.truediv):
            same(op(tensor(x), tensor(y)), op(x, y), op.__name__)
            same(op(tensor(x), tensor(y[:1])), op(x, y[:1]), op.__name__)
            same(op(tensor(x[::2]), tensor(y)[::2]), op(x[::2], y[::2]), op.__name__)
        same(tensor(x).relu(), numpy.maximum(x, numpy.float16(0)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 1000, 65_536, 65_537, 300_001])
def test_dot(n, dtype):
    x, y = (numbers((n,), dtype, seed) % 4 for seed in (0, 1))  # sums that floats hold
    same(izvod.dot(tensor(x), tensor(y)), numpy.asarray(x @ y))
    same(tensor(x)[None] @ tensor(y)[:, None], numpy.asarray(x @ y).reshape(1, 1))


@pytest.mark.parametrize("n", [7, 5000, 40_000, 4_200_000])
def test_numbers_and_places(n):
    """Ops with a number, and in place: of few elements, of many, and of more than the caches."""
    x = numbers((n,), "float32")
    number = numpy.float32(2.5)
    same(tensor(x) * 2.5, x * number)
    same(1 - tensor(x), 1 - x)
    same(izvod.add(tensor(x), tensor(x), alpha=3), x + 3 * x)
    same(izvod.sub(tensor(x), tensor(x), alpha=0.5), x - number / 5 * x)
    mine = tensor(x).clone()
    same(mine.mul_(2.5), x * number)
    same(mine.add_(tensor(x), alpha=2), x * number + 2 * x)
    same(mine.neg_(), -(x * number + 2 * x))
    same(mine.sub_(mine), x * 0)
