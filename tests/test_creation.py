"""Functions that make tensors, from Python data, from numpy, from nothing: values, dtypes, errors.

A call is text in which `t` is the library, so that izvod and torch run the same.
"""

import math

import izvod
import pytest
from comparing import differences, outcome


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch, whose results this compares with, is absent")


def run(text, lib):
    return eval(text, {"t": lib, "math": math})


CALLS = """
    t.tensor(3)
    t.tensor(3.5)
    t.tensor(True)
    t.tensor([])
    t.tensor([[], []])
    t.tensor([1, 2, 3])
    t.tensor([1, 2.5])
    t.tensor([True, 2])
    t.tensor([True, False])
    t.tensor((1, (2)))
    t.tensor([[1, 2], [3, 4]], dtype=t.float16)
    t.tensor([1.9, -1.9], dtype=t.int32)
    t.tensor([0, 2, 0.1], dtype=t.bool)
    t.tensor([t.tensor(1.0), t.tensor(2.0)])
    t.tensor([[t.tensor(1), 2], [3, 4]])
    t.tensor(range(4))
    t.tensor([math.inf, -math.inf, math.nan])
    t.tensor([2**62, -(2**62)])
    t.tensor([1.0, 2.0], requires_grad=True)
    t.tensor([1.0], device="cpu")
    t.as_tensor([1, 2])
    t.as_tensor(t.ones(2))
    t.as_tensor(t.ones(2), dtype=t.int64)
    t.zeros(2, 3)
    t.zeros((2, 3), dtype=t.int64)
    t.zeros([2])
    t.zeros(())
    t.zeros(0)
    t.zeros(2, 0, 3)
    t.ones(2, 3)
    t.ones(2, dtype=t.bool)
    t.ones(2, requires_grad=True)
    t.full((2, 2), 7)
    t.full((2,), 1.5)
    t.full((), True)
    t.full((2,), 3, dtype=t.float64)
    t.full((2,), -3, dtype=t.uint8)
    t.empty(2, 3) * 0 == 1
    t.empty((0, 4))
    t.arange(5)
    t.arange(2, 7)
    t.arange(2, 9, 3)
    t.arange(5, 1, -2)
    t.arange(0)
    t.arange(3, 3)
    t.arange(1.5)
    t.arange(0, 1, 0.1)
    t.arange(0, 1, 0.25, dtype=t.float64)
    t.arange(10, dtype=t.float32)
    t.arange(4, dtype=t.int32)
    t.arange(1, 2.5, 0.5, dtype=t.float16)
    t.arange(-3, 3)
    t.linspace(0, 1, 5)
    t.linspace(-1, 1, 7, dtype=t.float64)
    t.linspace(3, 3, 2)
    t.linspace(0, 1, 1)
    t.linspace(0, 1, 0)
    t.linspace(10, 0, 11)
    t.linspace(0, 10, 5, dtype=t.int64)
    t.eye(3)
    t.eye(2, 4)
    t.eye(3, 2, dtype=t.int64)
    t.eye(0)
    t.zeros_like(t.ones(2, 3))
    t.zeros_like(t.ones(2, 3), dtype=t.int64)
    t.zeros_like(t.ones(3, 2).t())
    t.ones_like(t.zeros(2, dtype=t.bool))
    t.ones_like(t.zeros(2, 3)[:, ::2])
    t.full_like(t.zeros(2, 2), 3)
    t.full_like(t.zeros(2, dtype=t.int64), 3)
    t.empty_like(t.ones(2, 3)) * 0 == 1
    t.ones(2, dtype=t.float64).new_zeros(3)
    t.ones(2, dtype=t.float64).new_zeros((2, 2))
    t.ones(2).new_ones(2, 2)
    t.ones(2, dtype=t.int64).new_full((2,), 5)
    t.ones(2, dtype=t.float16).new_tensor([1, 2])
    t.ones(2).new_empty(0, 2)
    t.ones(2).new_zeros(2, dtype=t.int64)
""".split("\n")[1:-1]


@pytest.mark.parametrize("text", [c.strip() for c in CALLS])
def test_calls(text, torch):
    ours, theirs = run(text, izvod), run(text, torch)
    assert not differences(ours, theirs, 1, 1.0)
    assert ours.requires_grad == theirs.requires_grad and ours.is_leaf == theirs.is_leaf


ERRORS = {
    "t.tensor([[1], [2, 3]])": "ValueError",
    "t.tensor([1, 'a'])": "TypeError",
    "t.tensor('abc')": "TypeError",
    "t.tensor(None)": "RuntimeError",
    "t.tensor([1], requires_grad=True)": "RuntimeError",
    "t.tensor(2**70)": "ValueError",
    "t.tensor([1], device='cuda')": None,
    "t.zeros(-1)": "RuntimeError",
    "t.zeros(2, -3)": "RuntimeError",
    "t.zeros('2')": "TypeError",
    "t.zeros(2.5)": "TypeError",
    "t.full((2,))": "TypeError",
    "t.arange(0, 5, 0)": "RuntimeError",
    "t.arange(5, 0)": "RuntimeError",
    "t.arange(math.inf)": "RuntimeError",
    "t.linspace(0, 1, -1)": "RuntimeError",
    "t.eye(-1)": "RuntimeError",
    "t.ones(2, dtype=t.int64, requires_grad=True)": "RuntimeError",
    "t.full_like(t.zeros(2, dtype=t.uint8), 300)": "RuntimeError",
    "t.zeros(2, dtype='float')": "TypeError",
    "t.from_numpy([1, 2])": "TypeError",
    "t.zeros(2, 3, size=(2,))": "TypeError",
    "t.ones(1).item(1)": "TypeError",
    "t.ones(1).exp(out=None)": "TypeError",
    "t.ones(2, 3).permute()": "TypeError",
    "t.ones(2, 3).view(3, 'x')": "TypeError",
    "t.ones(2, 3).view(3, 2, size=(6,))": "TypeError",
    "t.ones(2, 3).transpose(0)": "TypeError",
    "t.ones(2, 3).transpose(0, 1, 0)": "TypeError",
    "t.ones(2, 3).transpose(0, dim0=1)": "TypeError",
}


@pytest.mark.parametrize("text, error", ERRORS.items())
def test_errors(text, error):
    with pytest.raises((RuntimeError, TypeError, ValueError, AssertionError)) as raised:
        run(text, izvod)
    assert error is None or raised.type.__name__ == error


@pytest.mark.parametrize("text", [text for text, error in ERRORS.items() if error])
def test_errors_are_those_of_torch(text, torch):
    ours, theirs = outcome(run, text, izvod), outcome(run, text, torch)
    assert type(ours) is type(theirs), repr(theirs)


def test_stored_values():
    """What needs no torch to be known."""
    assert izvod.tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert izvod.arange(2, 9, 3).tolist() == [2, 5, 8]
    assert izvod.linspace(0, 1, 5).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert izvod.eye(2, 3).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert izvod.full((2,), True).dtype is izvod.bool
    assert izvod.tensor([1, 2.5]).dtype is izvod.float32
    assert izvod.tensor([1, 2]).dtype is izvod.int64


def test_empty_arrays_of_numpy_can_be_written():
    numpy = pytest.importorskip("numpy")
    x = izvod.from_numpy(numpy.zeros((3, 0, 4), dtype=numpy.float32))
    assert x.add_(1).shape == (3, 0, 4)


def test_numpy_shares_memory():
    numpy = pytest.importorskip("numpy")
    a = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)
    x = izvod.from_numpy(a)
    x[0, 0] = 7
    a[1, 2] = 9
    assert a[0, 0] == 7 and x[1, 2].item() == 9
    b = izvod.zeros(3)
    b.numpy()[1] = 5
    assert b.tolist() == [0.0, 5.0, 0.0]
    assert izvod.from_numpy(a.T).stride() == (1, 3)
    assert izvod.from_numpy(a[:, ::2]).tolist() == a[:, ::2].tolist()
    assert izvod.as_tensor(a).data_ptr() == x.data_ptr()
    assert izvod.tensor(a).data_ptr() != x.data_ptr()
    assert numpy.asarray(x).tolist() == x.tolist()
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        izvod.ones(2, requires_grad=True).numpy()


@pytest.mark.parametrize(
    "name", ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
)
def test_numpy_dtypes(name):
    numpy = pytest.importorskip("numpy")
    a = numpy.array([[0, 1], [1, 1]], dtype=name)
    x = izvod.from_numpy(a)
    assert str(x.dtype) == f"torch.{name}" and x.numpy().dtype == a.dtype
    assert x.tolist() == a.tolist() and izvod.tensor(a).tolist() == a.tolist()


class Clears:
    """A number that empties a list while it is read."""

    def __init__(self, items):
        self.items = items

    def __index__(self):
        self.items.clear()
        return 1


@pytest.mark.parametrize("make", ["tensor", "as_tensor", "Tensor"])
def test_lists_that_hold_themselves(make):
    items = []
    items.append(items)
    for data in (items, (items,), [1.0, items]):
        with pytest.raises((ValueError, TypeError)):
            getattr(izvod, make)(data)


def test_lists_that_change_while_they_are_read():
    for use in (izvod.zeros, izvod.ones(4, 4).__getitem__, izvod.ones(4, 4).reshape):
        items = []
        items += [2, Clears(items), *([object()] * 100)]
        try:
            use(items)
        except (RuntimeError, TypeError, IndexError):
            pass
        assert items == [] or len(items) == 102


def test_subclasses_are_made_of_tensor_types():
    for cls in (0, int, "Tensor"):
        with pytest.raises(TypeError):
            izvod._C._make_subclass(cls, izvod.ones(1))


def test_lists_of_arrays():
    numpy = pytest.importorskip("numpy")
    x = izvod.tensor([[numpy.ones(2), numpy.zeros(2)]])
    assert x.dtype == izvod.float64 and x.tolist() == [[[1, 1], [0, 0]]]
    assert izvod.tensor([numpy.arange(2)], dtype=izvod.float32).tolist() == [[0, 1]]
    with pytest.raises(ValueError):
        izvod.tensor([numpy.ones(2), numpy.ones(3)])
    with pytest.raises(ValueError, match="byte order"):
        izvod.from_numpy(numpy.ones(2, dtype=">f4"))


def test_arrays_as_indices_and_operands():
    numpy = pytest.importorskip("numpy")
    x = izvod.arange(6).reshape(2, 3)
    assert x[numpy.array([1, 0])].tolist() == [[3, 4, 5], [0, 1, 2]]
    assert x[:, numpy.array([True, False, True])].tolist() == [[0, 2], [3, 5]]
    assert x[numpy.array([1, 0]), 1].tolist() == [4, 1]
    y = izvod.ones(2)
    for result in (y + numpy.ones(2), numpy.add(y, 1)):
        assert isinstance(result, izvod.Tensor) and result.tolist() == [2, 2]


def test_not_a_number_is_no_integer():
    for value in (math.nan, math.inf):
        with pytest.raises(RuntimeError, match="cannot be converted"):
            izvod.tensor(value, dtype=izvod.int32)
        with pytest.raises(RuntimeError, match="cannot be converted"):
            izvod.tensor([value], dtype=izvod.int64)
