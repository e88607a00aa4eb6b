"""x[...] and x[...] = y: reading, writing, gradients, errors; and that basic indices make views.

An index is text in which `t` is the library, so that izvod and torch run the same.
"""

import izvod
import pytest
from comparing import ERRORS, differences, outcome

SHAPE = (4, 5, 3)


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch, whose results this compares with, is absent")


def index_of(text, lib):
    """What stands between the brackets of x[...]."""

    class Taker:
        def __getitem__(self, index):
            return index

    return eval(f"taker[{text}]", {"taker": Taker(), "t": lib})


def source(lib, dtype="float64"):
    return lib.arange(60).reshape(SHAPE).to(getattr(lib, dtype)) / 2


BASIC = [
    "0", "-1", "2, 3", "1, -2, 0", "1:3", ":", "::2", "1::2", ":-1", "-3:-1", "10:", "3:1", "...",
    "..., 0", "0, ...", "1, ..., 2", ":, 1", ":, 1:4:2", "..., ::2", "None", "None, 0", "0, None",
    "..., None", ":, None, 1", "None, ..., None", "1:3, 2, None, ::2", "()", "slice(None), 0",
    "slice(1, 3)", "0, 0, 0", "t.tensor(1)", "t.tensor(1), t.tensor(-1)", ":, t.tensor(2)",
]  # fmt: skip
ADVANCED = [
    "[0, 2]", "[[0, 2]]", "[0, 2], [1, 3]", "[0, 2], 1", "1, [0, 2]", ":, [0, 4, 4]",
    "[0, 1], :, [0, 2]", "[0, 1], ..., [2, 0]", "..., [0, 2]", "[-1, 0]", "[[0, 1], [2, 3]]",
    "[[0], [2]], [1, 2, 3]", "t.tensor([3, 0, 3])", "t.tensor([[0, 1], [2, 3]])",
    "t.tensor([0, 1]), t.tensor([2, 3])", "t.tensor([0, 1]), :, t.tensor([2, 1])",
    "None, [0, 2]", "[0, 2], None", ":, [1, 2], None, [0, 1]", "1:3, [0, 2]", "[0, 2], 1:4:2",
    "[]", "t.tensor([], dtype=t.int64)", "t.tensor([0, 1], dtype=t.int32)",
    "t.tensor([0, 1], dtype=t.uint8).long()", "range(2)", "[True, False, True, False]",
    "t.tensor([True, False, True, False])", ":, t.tensor([True, False, True, False, True])",
    "t.tensor([True, False, True, False]), 1", "t.tensor([True, False, True, False]), [0, 1]",
    "t.arange(60).reshape(4, 5, 3) % 3 == 0", "t.arange(20).reshape(4, 5) % 7 == 0",
    "..., t.tensor([True, False, True])", "True", "False", "t.tensor(True)", "None, True",
    "t.zeros(4, dtype=t.bool)", "(t.tensor([0, 1]), [2, 3])", "[0, 1], None, [1, 2]",
    "t.tensor([[True, False, True, False, True]] * 4), 1",
]  # fmt: skip
# torch copies where a lone bool is an index, and has a node of its own for the whole.
LONE = ("True", "False", "t.tensor(True)", "None, True")
COPIED = (*LONE, "...", "()")
ERRONEOUS = [
    "4", "-5", "0, 5", "0, 0, 0, 0", "[4]", "[0, 1], [0, 1, 2]", "t.tensor([4])",
    "t.tensor([True, False])", ":, t.tensor([True, False])", "1.5", "t.tensor([0.5])",
    "::-1", "::0", "..., 0, 0, 0, 0", "t.tensor([[True] * 4] * 4)",
]  # fmt: skip


def report(problems):
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("text", BASIC + ADVANCED)
def test_reading(text, torch):
    x, y = source(izvod), source(torch)
    views = [
        (x, y),
        (
            x.permute(2, 0, 1).contiguous().permute(1, 2, 0),
            y.permute(2, 0, 1).contiguous().permute(1, 2, 0),
        ),
        (izvod.cat([x, x], -1)[..., ::2], torch.cat([y, y], -1)[..., ::2]),
    ]
    problems = []
    for number, (ours, theirs) in enumerate(views):
        got, expected = ours[index_of(text, izvod)], theirs[index_of(text, torch)]
        problems += differences(got, expected, 0, 0, strides=number == 0 or text in BASIC)
        if text in BASIC:
            assert got.storage_offset() == expected.storage_offset()
    report(problems)


@pytest.mark.parametrize("text", BASIC + ADVANCED)
def test_gradients(text, torch):
    results = []
    for lib in (izvod, torch):
        x = source(lib).requires_grad_()
        y = x[index_of(text, lib)]
        if y.numel():
            (y * lib.arange(1, y.numel() + 1).reshape(y.shape)).sum().backward()
        results.append((x.grad, y.grad_fn.name()))
    (ours, node), (theirs, other) = results
    assert node == other or text in COPIED
    assert ours is theirs is None or not differences(ours, theirs, 4, 1.0)


@pytest.mark.parametrize("text", [text for text in BASIC + ADVANCED if text != "False"])
def test_writing(text, torch):
    """Numbers, tensors of the full shape, and tensors to be broadcast; with gradients."""
    problems = []
    for kind in ("number", "whole", "row", "other dtype", "gradient"):
        results = []
        for lib in (izvod, torch):
            x = source(lib)
            shape = x[index_of(text, lib)].shape
            if kind == "other dtype" and text in LONE:
                continue
            value = {
                "number": -1.5,
                "whole": -lib.ones(shape, dtype=lib.float64),
                "row": -lib.ones(shape[-1:], dtype=lib.float64),
                "other dtype": lib.tensor(7),
                "gradient": lib.ones(shape, dtype=lib.float64),
            }[kind]
            if kind != "gradient":
                error = outcome(x.__setitem__, index_of(text, lib), value)
                results.append((x, x._version > 0, type(error).__name__))
                continue
            x.requires_grad_()
            value.requires_grad_()
            y = x * 2
            y[index_of(text, lib)] = value * 3
            (y * lib.arange(60).reshape(SHAPE)).sum().backward()
            results.append((x.grad, value.grad))
        for ours, theirs in zip(*results, strict=True) if results else ():
            if ours is None or theirs is None:
                problems += [] if ours is theirs else [f"{kind}: {ours}, torch gives {theirs}"]
            elif isinstance(ours, (bool, str)):
                problems += [] if ours == theirs else [f"{kind}: {ours}, torch gives {theirs}"]
            else:
                problems += [f"{kind}: {d}" for d in differences(ours, theirs, 4, 1.0)]
    report(problems)


@pytest.mark.parametrize("text", ERRONEOUS)
def test_errors(text):
    with pytest.raises(ERRORS):
        source(izvod)[index_of(text, izvod)]
    with pytest.raises(ERRORS):
        source(izvod)[index_of(text, izvod)] = 0


@pytest.mark.parametrize("text", ERRONEOUS)
def test_errors_are_those_of_torch(text, torch):
    def read(lib):
        return source(lib)[index_of(text, lib)]

    def write(lib):
        source(lib)[index_of(text, lib)] = 0

    for call in (read, write):
        ours, theirs = outcome(call, izvod), outcome(call, torch)
        assert type(ours) is type(theirs), f"{ours!r}, torch raises {theirs!r}"


@pytest.mark.parametrize("value", ["t.ones(3, 7)", "t.ones(7)", "'a'"])
def test_values_that_do_not_fit(value, torch):
    def write(lib):
        source(lib)[1:3] = eval(value, {"t": lib})

    ours, theirs = outcome(write, izvod), outcome(write, torch)
    assert isinstance(ours, Exception) and type(ours) is type(theirs), repr(theirs)


def test_against_lists():
    """What needs no torch to be known."""
    x = izvod.arange(12).reshape(3, 4)
    rows = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert x[1].tolist() == rows[1] and x[-1, -1].item() == 11
    assert x[:, 1].tolist() == [r[1] for r in rows]
    assert x[::2, 1:3].tolist() == [r[1:3] for r in rows[::2]]
    assert x[[2, 0]].tolist() == [rows[2], rows[0]]
    assert x[[0, 1], [1, 2]].tolist() == [1, 6]
    assert x[x % 2 == 0].tolist() == [0, 2, 4, 6, 8, 10]
    assert x[None].shape == (1, 3, 4) and x[..., None].shape == (3, 4, 1)


def test_basic_indices_are_views():
    x = source(izvod)
    for text in BASIC[:-3]:
        y = x[index_of(text, izvod)]
        if y.numel():
            assert y._base is x and y._storage_id() == x._storage_id(), text
            y.fill_(-1)
            assert (x[index_of(text, izvod)] == -1).all(), text
    y = x[[0, 1]]
    assert y._base is None and y._storage_id() != x._storage_id()


def test_accumulating_writes():
    x = izvod.zeros(3)
    x.index_put_([izvod.tensor([0, 0, 2])], izvod.ones(3), accumulate=True)
    assert x.tolist() == [2.0, 0.0, 1.0]
    x[[0, 2]] += 1
    assert x.tolist() == [3.0, 0.0, 2.0]
    x[x > 1] *= 10
    assert x.tolist() == [30.0, 0.0, 20.0]


def test_iteration_and_length():
    x = izvod.arange(6).reshape(3, 2)
    assert len(x) == 3 and [r.tolist() for r in x] == [[0, 1], [2, 3], [4, 5]]
    assert [r.tolist() for r in reversed(list(x))] == [[4, 5], [2, 3], [0, 1]]
    assert 5 in x and 7 not in x
    a, b, c = x.sum(1)
    assert (a.item(), b.item(), c.item()) == (1, 5, 9)
    for call in (len, list):
        with pytest.raises(TypeError, match="0-d tensor"):
            call(izvod.tensor(1))


def test_indices_of_sequences():
    """A tensor of one integer is an index of lists and ranges."""
    assert [10, 20, 30][izvod.tensor(1)] == 20 and list(range(izvod.tensor([3]))) == [0, 1, 2]
    with pytest.raises(TypeError, match="only integer tensors of a single element"):
        [10, 20][izvod.tensor(1.0)]


def test_lone_bools_pick():
    """x[True] is a copy, and a bool takes part in broadcasting with other indices."""
    x = izvod.arange(4).reshape(2, 2)
    for copy in (x[True], x[izvod.tensor(True)], x[x.sum() > 0]):
        assert copy.tolist() == [[[0, 1], [2, 3]]] and copy._base is None
        copy.zero_()
    assert x.sum() == 6
    assert x[True, [0, 1]].tolist() == [[0, 1], [2, 3]]
    with pytest.raises(IndexError, match="could not be broadcast together"):
        x[False, [0, 1]]
    x[False] = izvod.tensor([9])
    x[True] = 7
    assert x.tolist() == [[7, 7], [7, 7]]


def test_places_in_a_table_without_columns():
    """Nothing is taken from it, but its gradient has as many rows."""
    table = izvod.zeros(3, 0, requires_grad=True)
    izvod.nn.functional.embedding(izvod.tensor([2, 0]), table).sum().backward()
    assert table.grad.shape == (3, 0)
    with pytest.raises(IndexError, match="index out of range in self"):
        izvod.nn.functional.embedding(izvod.tensor([3]), table)
