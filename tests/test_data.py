"""utils.data: batches, and the generator's state after each, against torch's bit for bit; golden
values for seed 123 that need no torch.
"""

import collections
import copy
import functools
import itertools
import pickle
import subprocess
import sys

import izvod
import numpy
import pytest
from izvod.utils import data

try:
    import torch
    import torch.utils.data
except ImportError:
    torch = None
needs_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")

SEEDS = [0, 123, 2**63 + 5]
SIZES = [1, 2, 8, 33, 100, 700]


def plain(x):
    """Tensors as dtype, shape and numbers, inside whatever holds them."""
    if isinstance(x, izvod.Tensor) or (torch and isinstance(x, torch.Tensor)):
        return str(x.dtype), tuple(x.shape), x.tolist()
    if isinstance(x, numpy.ndarray):
        return "array", x.tolist()
    if isinstance(x, dict):
        return type(x).__name__, {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x).__name__, [plain(v) for v in x]
    return x


def outcome(make, library, seed=123, *args):
    """What `make` gives, or its error, and the states of the default and of another generator."""
    library.manual_seed(seed)
    generator = library.Generator().manual_seed(seed + 1)
    try:
        result = plain(make(library, library.utils.data, generator, *args))
    except Exception as error:
        result = type(error).__name__, str(error)
    return result, library.get_rng_state().tolist(), generator.get_state().tolist()


def compare(make, seed=123, *args):
    """Of make(library, its utils.data, a generator, *args)."""
    assert outcome(make, izvod, seed, *args) == outcome(make, torch, seed, *args)


def traced(iterable, generator):
    """Each item with the next number of the generator after it: draws at the wrong time show."""
    return [(x, generator.get_state()[:32].tolist()) for x in iterable]


# ---- Samplers

SAMPLERS = {
    "sequential": lambda d, n, g: d.SequentialSampler(range(n)),
    "random": lambda d, n, g: d.RandomSampler(range(n), generator=g),
    "random, cut": lambda d, n, g: d.RandomSampler(range(n), num_samples=n // 2 + 1, generator=g),
    "random, longer": lambda d, n, g: d.RandomSampler(range(n), False, 2 * n + 3, generator=g),
    "replacement": lambda d, n, g: d.RandomSampler(range(n), True, generator=g),
    "replacement, 64": lambda d, n, g: d.RandomSampler(range(n), True, 64, g),
    "subset": lambda d, n, g: d.SubsetRandomSampler([3 * i for i in range(n)], g),
    "weighted": lambda d, n, g: d.WeightedRandomSampler([i + 1 for i in range(n)], 50, generator=g),
    "weighted, no replacement": lambda d, n, g: d.WeightedRandomSampler(
        [0.5 + i * 0.25 for i in range(n)], n, False, g
    ),
}


@needs_torch
@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers(name):
    def indices(t, d, g, n, given):
        return list(SAMPLERS[name](d, n, g if given else None))

    def batches(t, d, g, size, drop):
        sampler = d.BatchSampler(SAMPLERS[name](d, 33, g), size, drop)
        return len(sampler), traced(sampler, g)

    for n, seed, given in itertools.product(SIZES, SEEDS, (False, True)):
        compare(indices, seed, n, given)
    for size, drop in itertools.product((1, 3, 32, 33), (False, True)):
        compare(batches, 123, size, drop)


def test_golden_samplers():
    """Seed 123, as torch 2.13.0 draws."""

    def drawn(make):
        izvod.manual_seed(123)
        return list(make())

    assert drawn(lambda: data.RandomSampler(range(8))) == [5, 4, 1, 3, 7, 2, 6, 0]
    assert drawn(lambda: data.SubsetRandomSampler(range(10))) == [2, 0, 8, 1, 3, 7, 4, 9, 5, 6]
    golden = izvod.Generator().manual_seed(123)
    sampler = data.RandomSampler(range(10), True, 10, golden)
    assert drawn(lambda: sampler) == [2, 9, 2, 0, 0, 2, 6, 7, 9, 4]
    weighted = data.WeightedRandomSampler([1, 2, 3, 4], 6)
    assert drawn(lambda: weighted) == [2, 0, 2, 0, 2, 2]
    weighted = data.WeightedRandomSampler([1, 2, 3, 4], 4, replacement=False)
    assert drawn(lambda: weighted) == [1, 3, 2, 0]
    loader = data.DataLoader(range(8), shuffle=True)
    assert [x.item() for x in drawn(lambda: loader)] == [6, 2, 0, 5, 4, 3, 7, 1]


# ---- The loader


def tensors(t, d, n):
    return d.TensorDataset(t.arange(3.0 * n).view(n, 3), t.arange(n))


class Pairs(data.Dataset):
    """Fetched sample by sample, with a draw for each."""

    def __init__(self, library, n):
        self.library, self.n = library, n

    def __getitem__(self, i):
        return i * 0.5, self.library.rand(2)

    def __len__(self):
        return self.n


LOADERS = {
    "tensors": lambda t, d, n, **kw: d.DataLoader(tensors(t, d, n), **kw),
    "subset": lambda t, d, n, **kw: d.DataLoader(
        d.Subset(tensors(t, d, n + 4), list(range(n, 0, -1))), **kw
    ),
    "split": lambda t, d, n, **kw: d.DataLoader(
        d.random_split(tensors(t, d, n + 3), [n, 3])[0], **kw
    ),
    "stack": lambda t, d, n, **kw: d.DataLoader(
        d.StackDataset(a=tensors(t, d, n), b=d.StackDataset(tensors(t, d, n))), **kw
    ),
    "list": lambda t, d, n, **kw: d.DataLoader(list(range(n)), **kw),
    "pairs": lambda t, d, n, **kw: d.DataLoader(Pairs(t, n), **kw),
}


@needs_torch
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("name", LOADERS)
def test_loader(name, shuffle):
    def two_epochs(t, d, g, n, given, **options):
        more = {"generator": g} if given else {}
        loader = LOADERS[name](t, d, n, shuffle=shuffle, **options, **more)
        watched = g if given else t.default_generator
        return [len(loader)] + [traced(loader, watched) for _ in range(2)]

    for n, size, drop, given in itertools.product(
        (1, 8, 33), (1, 4, 8, 50), (False, True), (False, True)
    ):
        make = functools.partial(two_epochs, batch_size=size, drop_last=drop)
        compare(make, n, n, given)


@needs_torch
@pytest.mark.parametrize("name", SAMPLERS)
def test_loader_with_sampler(name):
    def epoch(t, d, g, size):
        sampler = SAMPLERS[name](d, 33, g)
        return traced(d.DataLoader(tensors(t, d, 99), size, sampler=sampler), g)

    for size in (1, 5, 33):
        compare(epoch, 123, size)


OPTIONS = {
    "no batches": {"batch_size": None},
    "no batches, shuffled": {"batch_size": None, "shuffle": True},
    "lists": {"batch_sampler": [[0, 1], [5], [-1, 2, 2]]},
    "sampler": {"sampler": [4, 1, 1], "batch_size": 2},
    "collate_fn": {"collate_fn": lambda samples: len(samples), "batch_size": 3},
    "out of range": {"sampler": [4, 11]},
    "empty batch": {"batch_sampler": [[]]},
    "bools": {"batch_sampler": [[True, True]]},
}


@needs_torch
@pytest.mark.parametrize("name", OPTIONS)
def test_options(name):
    compare(lambda t, d, g: list(d.DataLoader(tensors(t, d, 10), **OPTIONS[name])))


@needs_torch
def test_tensors_as_indices():
    compare(lambda t, d, g: list(d.DataLoader(tensors(t, d, 10), 4, sampler=t.randperm(10))))
    compare(
        lambda t, d, g: list(d.DataLoader(tensors(t, d, 10), batch_sampler=t.randperm(10).split(4)))
    )
    compare(lambda t, d, g: list(d.DataLoader(d.Subset(tensors(t, d, 10), t.randperm(10)[:5]), 2)))


def test_golden_loader():
    """A shuffled TensorDataset, seed 123; two epochs, and the next number of the generator."""
    izvod.manual_seed(123)
    loader = data.DataLoader(data.TensorDataset(izvod.arange(7)), batch_size=3, shuffle=True)
    epochs = [[batch.tolist() for (batch,) in loader] for _ in range(2)]
    assert epochs == [[[1, 5, 3], [0, 2, 4], [6]], [[0, 6, 1], [3, 5, 2], [4]]]
    assert izvod.randint(0, 10**6, ()).item() == 95699


# ---- A batch at a time


def test_tensors_are_fetched_a_batch_at_a_time(monkeypatch):
    def fail(self, index):
        raise AssertionError("a sample was fetched")

    whole = tensors(izvod, data, 10)
    part = data.Subset(whole, range(2, 8))
    monkeypatch.setattr(data.TensorDataset, "__getitem__", fail)
    assert [y.tolist() for _, y in data.DataLoader(whole, 4)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
    assert [y.tolist() for _, y in data.DataLoader(part, 4)] == [[2, 3, 4, 5], [6, 7]]
    ((x, y),) = data.DataLoader(whole, 10, shuffle=True)
    assert x.tolist() == [[3.0 * i, 3.0 * i + 1, 3.0 * i + 2] for i in y.tolist()]


def test_batches_are_copies():
    whole = data.TensorDataset(izvod.zeros(4))
    for (x,) in data.DataLoader(whole, 4):
        x.fill_(1)
    assert whole.tensors[0].tolist() == [0, 0, 0, 0]


def test_own_ways_of_fetching_are_kept(monkeypatch):
    class Doubled(data.TensorDataset):
        def __getitem__(self, index):
            return tuple(2 * x for x in super().__getitem__(index))

    class Batched(data.TensorDataset):
        def __getitems__(self, indices):
            return [(-i,) for i in indices]

    class Backwards(data.SequentialSampler):
        def __iter__(self):
            return reversed(range(len(self.data_source)))

    class Twice(data.BatchSampler):
        def __iter__(self):
            return ([i, i] for batch in super().__iter__() for i in batch)

    x = izvod.arange(3)

    def batches(*args, **kwargs):
        return [b[0].tolist() for b in data.DataLoader(*args, **kwargs)]

    plain = data.TensorDataset(x)
    assert batches(Doubled(x), 3) == [[0, 2, 4]]
    assert batches(data.Subset(Doubled(x), [2, 1]), 3) == [[4, 2]]
    assert batches(Batched(x), 3) == [[0, -1, -2]]
    assert batches(plain, 2, sampler=Backwards(x)) == [[2, 1], [0]]
    assert batches(plain, batch_sampler=Twice(data.SequentialSampler(x), 2, False)) == [
        [0, 0], [1, 1], [2, 2],
    ]  # fmt: skip
    stacked = {izvod.Tensor: lambda batch, collate_fn_map: izvod.stack(batch) + 10}
    monkeypatch.setattr(
        "izvod.utils.data._utils.collate.default_collate_fn_map",
        data._utils.collate.default_collate_fn_map | stacked,
    )
    assert batches(plain, 3) == [[10, 11, 12]]


def test_gradients_reach_the_data():
    x = izvod.arange(4.0, requires_grad=True)
    for (batch,) in data.DataLoader(data.TensorDataset(x), 3, sampler=[1, 1, 2]):
        batch.sum().backward()
    assert x.grad.tolist() == [0, 2, 1, 0]


# ---- Splits


@needs_torch
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.filterwarnings("ignore:Length of split")
def test_random_split(seed):
    def split(lengths, n, given=False):
        def make(t, d, g):
            more = {"generator": g} if given else {}
            return [list(part) for part in d.random_split(range(n), lengths, **more)]

        compare(make, seed)

    for given in (False, True):
        split([3, 7], 10, given)
        split([0.3, 0.3, 0.4], 30, given)
        split([0.9, 0.05, 0.05], 17, given)
        split((1,), 1, given)
        split([0, 5, 0], 5, given)
        split([], 0, given)


def test_golden_split():
    izvod.manual_seed(123)
    parts = data.random_split(range(10), [0.75, 0.25])
    assert [part.indices for part in parts] == [[2, 0, 8, 1, 3, 7, 4, 9], [5, 6]]


def test_empty_split_warns():
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        data.random_split(range(2), [0.99, 0.01])


# ---- Datasets


class Stream(data.IterableDataset):
    def __init__(self, *items):
        self.items = items

    def __iter__(self):
        info = data.get_worker_info()
        first, step = (info.id, info.num_workers) if info else (0, 1)
        return iter(self.items[first::step])

    def __len__(self):
        return len(self.items)


def test_concatenation():
    a, b = data.TensorDataset(izvod.arange(3)), data.TensorDataset(izvod.arange(3, 5))
    both = a + b
    assert isinstance(both, data.ConcatDataset)
    assert [x.item() for (x,) in (both[i] for i in range(-5, 5))] == [*range(5), *range(5)]
    assert both.cumulative_sizes == [3, 5]
    chain = Stream(1, 2) + Stream(3)
    assert (list(chain), len(chain), type(chain)) == ([1, 2, 3], 3, data.ChainDataset)


def test_stack():
    pairs = data.StackDataset([1, 2, 3], "abc")
    assert pairs[1] == (2, "b") and pairs.__getitems__([0, 2]) == [(1, "a"), (3, "c")]
    named = data.StackDataset(x=[1, 2, 3], y="abc")
    assert named[1] == {"x": 2, "y": "b"} and len(named) == 3
    (batch,) = data.DataLoader(named, 3)
    assert batch["x"].tolist() == [1, 2, 3] and batch["y"] == ["a", "b", "c"]


def test_subset():
    part = data.Subset(range(10, 20), [4, 2, 9])
    assert list(part) == [14, 12, 19] and part.__getitems__([2, 0]) == [19, 14] and len(part) == 3


@pytest.mark.parametrize("drop_last", [False, True])
def test_stream(drop_last):
    loader = data.DataLoader(Stream(*range(7)), 3, drop_last=drop_last)
    expected = [[0, 1, 2], [3, 4, 5]] + ([] if drop_last else [[6]])
    assert [x.tolist() for x in loader] == [x.tolist() for x in loader] == expected
    assert len(loader) == len(expected)
    assert list(data.DataLoader(Stream(*range(4)), None)) == [0, 1, 2, 3]


def test_longer_stream_than_stated_warns():
    class Liar(Stream):
        def __len__(self):
            return 1

    loader = data.DataLoader(Liar(1, 2))
    assert len(loader) == 1
    with pytest.warns(UserWarning, match="was reported to be 1.*but 2 samples have been fetched"):
        list(loader)


# ---- Collating

Point = collections.namedtuple("Point", "x y")
COLLATED = {
    "ints": [1, 2, 3],
    "bools": [True, False],
    "floats": [0.1, 2.5],
    "strings": ["a", "b"],
    "bytes": [b"a", b"b"],
    "tuples": [(1, 2.0), (3, 4.0)],
    "lists": [[1, 2], [3, 4]],
    "ragged": [[1, 2], [3]],
    "named tuples": [Point(1, 2.0), Point(3, 4.0)],
    "dicts": [{"a": 1, "b": ("c", 2)}, {"b": ("d", 4), "a": 3}],
    "ordered": [collections.OrderedDict(z=1, a=2), collections.OrderedDict(z=3, a=4)],
    "ranges": [range(2), range(2, 4)],
    "arrays": [numpy.ones((2, 3), "float32"), numpy.zeros((2, 3), "float32")],
    "arrays of ints": [numpy.arange(3, dtype="int16"), numpy.arange(3, dtype="int16")],
    "unequal arrays": [numpy.ones(2), numpy.ones(3)],
    "arrays of strings": [numpy.array(["a"]), numpy.array(["b"])],
    **{
        f"numpy.{name}": [getattr(numpy, name)(1), getattr(numpy, name)(0)]
        for name in "float16 float32 float64 int8 int32 int64 uint8 bool_".split()
    },
    "none": [None, None],
    "sets": [{1}, {2}],
    "empty": [],
}


@needs_torch
@pytest.mark.parametrize("name", COLLATED)
def test_default_collate(name):
    ours = outcome(lambda t, d, g: d.default_collate(COLLATED[name]), izvod)[0]
    theirs = outcome(lambda t, d, g: d.default_collate(COLLATED[name]), torch)[0]
    if name == "unequal arrays":  # the text is stack's
        ours, theirs = ours[0], theirs[0]
    assert ours == theirs


@needs_torch
@pytest.mark.parametrize("name", COLLATED)
def test_default_convert(name):
    compare(lambda t, d, g: d.default_convert(COLLATED[name]))


def test_collating_tensors():
    (x, y), z = data.default_collate([((izvod.ones(2), 1.5), "a"), ((izvod.zeros(2), 2.5), "b")])
    assert plain(x) == ("torch.float32", (2, 2), [[1.0, 1.0], [0.0, 0.0]])
    assert plain(y) == ("torch.float64", (2,), [1.5, 2.5])
    assert z == ("a", "b")


# ---- Errors


def stream(d):
    return type("Numbers", (d.IterableDataset,), {"__iter__": lambda self: iter([1])})()


WRONG = {
    "batch_size": lambda d: d.DataLoader([1], batch_size=0),
    "batch_size, bool": lambda d: d.BatchSampler([1], True, False),
    "drop_last": lambda d: d.BatchSampler([1], 1, 1),
    "empty, shuffled": lambda d: d.DataLoader([], shuffle=True),
    "replacement": lambda d: d.RandomSampler([1], 1),
    "num_samples": lambda d: d.RandomSampler([1], num_samples=0),
    "num_samples, weighted": lambda d: d.WeightedRandomSampler([1], True),
    "replacement, weighted": lambda d: d.WeightedRandomSampler([1], 1, 1),
    "weights": lambda d: d.WeightedRandomSampler([[1.0, 2.0]], 1),
    "too many without replacement": lambda d: list(d.WeightedRandomSampler([1, 2], 3, False)),
    "shuffle and sampler": lambda d: d.DataLoader([1], shuffle=True, sampler=[0]),
    "batch_sampler": lambda d: d.DataLoader([1], batch_size=2, batch_sampler=[[0]]),
    "drop_last without batches": lambda d: d.DataLoader([1], batch_size=None, drop_last=True),
    "num_workers": lambda d: d.DataLoader([1], num_workers=-1),
    "timeout": lambda d: d.DataLoader([1], timeout=-1),
    "prefetch_factor": lambda d: d.DataLoader([1], prefetch_factor=2),
    "prefetch_factor, negative": lambda d: d.DataLoader([1], num_workers=1, prefetch_factor=-2),
    "persistent_workers": lambda d: d.DataLoader([1], persistent_workers=True),
    "context": lambda d: d.DataLoader([1], multiprocessing_context="fork"),
    "context, unknown": lambda d: d.DataLoader([1], num_workers=1, multiprocessing_context="x"),
    "context, no context": lambda d: d.DataLoader([1], num_workers=1, multiprocessing_context=3),
    "fixed": lambda d: setattr(d.DataLoader([1]), "batch_size", 3),
    "split": lambda d: d.random_split([1, 2], [1, 2]),
    "split, fractions": lambda d: d.random_split([1, 2], [1.5, -0.5]),
    "no datasets": lambda d: d.ConcatDataset([]),
    "index": lambda d: d.ConcatDataset([[1], [2]])[-3],
    "stack": lambda d: d.StackDataset(),
    "stack, both": lambda d: d.StackDataset([1], a=[1]),
    "stack, sizes": lambda d: d.StackDataset([1], [1, 2]),
    "abstract": lambda d: d.Dataset()[0],
    "abstract stream": lambda d: d.IterableDataset(),
    "no length": lambda d: len(d.Dataset()),
    "chain": lambda d: list(d.ChainDataset([[1]])),
    "concatenated stream": lambda d: d.ConcatDataset([stream(d)]),
    "shuffled stream": lambda d: d.DataLoader(stream(d), shuffle=True),
    "stream, sampler": lambda d: d.DataLoader(stream(d), sampler=[0]),
    "stream, batch_sampler": lambda d: d.DataLoader(stream(d), batch_sampler=[[0]]),
}


@needs_torch
@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    ours, theirs = (outcome(lambda t, d, g: WRONG[name](d), lib)[0] for lib in (izvod, torch))
    assert ours[0].endswith("Error") and ours == theirs


@pytest.mark.parametrize("name", WRONG)
def test_errors_leave_the_generator_unchanged(name):
    izvod.manual_seed(123)
    before = izvod.get_rng_state()
    with pytest.raises((ValueError, TypeError, AssertionError, RuntimeError)):
        WRONG[name](data)
    assert izvod.get_rng_state().equal(before)


def test_size_mismatch():
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        data.TensorDataset(izvod.ones(2), izvod.ones(3))


def test_no_data_to_draw_from():
    izvod.manual_seed(123)
    before = izvod.get_rng_state()
    for replacement, error in ((False, ZeroDivisionError), (True, RuntimeError)):
        with pytest.raises(error, match="there is no data"):
            list(data.RandomSampler([], replacement, 3))
    assert izvod.get_rng_state().equal(before)


def test_subset_must_override_both():
    class Half(data.Subset):
        def __getitem__(self, index):
            return 0

    with pytest.raises(
        NotImplementedError, match="Half overrides __getitem__ but not __getitems__"
    ):
        Half([1], [0])


# ---- Workers: what they give is what torch's give, random numbers included


class Noise(data.Dataset):
    def __init__(self, library):
        self.library = library

    def __getitem__(self, i):
        import random

        return i, self.library.rand(2), random.random(), numpy.random.rand()

    def __len__(self):
        return 23


def worker_cases(t, d, g):
    for kw in (
        {"num_workers": 2, "batch_size": 4, "shuffle": True},
        {"num_workers": 2, "batch_size": 5, "persistent_workers": True, "prefetch_factor": 1},
        {"num_workers": 1, "batch_size": 12, "shuffle": True, "generator": g},
    ):
        loader = d.DataLoader(Noise(t), **kw)
        for _ in range(2):
            yield list(loader)
            yield t.randint(0, 10**9, ()).item()


@needs_torch
def test_workers():
    compare(lambda t, d, g: list(worker_cases(t, d, g)))


def test_workers_share_a_stream():
    for size, drop in ((1, False), (2, False), (2, True), (None, False)):
        loader = data.DataLoader(Stream(*range(9)), size, num_workers=2, drop_last=drop)
        flat = [x for b in loader for x in (b.tolist() if size else [b])]
        wanted = {1: [*range(9)], None: [*range(9)], 2: [0, 2, 1, 3, 4, 6, 5, 7, 8]}[size]
        assert flat == wanted[: 8 if drop else 9]


class Failing(data.Dataset):
    def __init__(self, action):
        self.action = action

    def __getitem__(self, i):
        return self.action() if i == 2 else i

    def __len__(self):
        return 4


def fail():
    raise FileNotFoundError("no third sample")


def test_error_in_a_worker():
    seen = []
    with pytest.raises(FileNotFoundError, match="worker process 0.\n(.*\n)*.*no third sample"):
        seen.extend(iter(data.DataLoader(Failing(fail), num_workers=2)))
    batches = iter(data.DataLoader(Failing(fail), num_workers=2))
    assert [next(batches).item(), next(batches).item()] == [0, 1]
    with pytest.raises(FileNotFoundError):
        next(batches)
    assert next(batches).item() == 3


def test_batch_that_cannot_be_sent():
    loader = data.DataLoader(Failing(lambda: lambda: 0), num_workers=1, collate_fn=list)
    with pytest.raises(Exception, match="worker process 0.\n(.*\n)*.*pickle"):
        list(loader)


def test_dead_worker():
    import os

    loader = data.DataLoader(Failing(lambda: os._exit(7)), num_workers=1)
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexpected"):
        list(loader)


def test_slow_worker():
    import time

    loader = data.DataLoader(Failing(lambda: time.sleep(3)), num_workers=1, timeout=0.5)
    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.5 seconds"):
        list(loader)


def test_no_worker_is_left():
    import multiprocessing

    batches = iter(data.DataLoader(range(100), num_workers=2))
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    del batches
    assert multiprocessing.active_children() == []
    assert len(list(data.DataLoader(range(10), num_workers=2))) == 10
    assert multiprocessing.active_children() == []


def test_large_indices_and_batches_do_not_block():
    x = izvod.arange(400_000)
    loader = data.DataLoader(data.TensorDataset(x), 100_000, num_workers=1, prefetch_factor=3)
    assert [b.sum().item() for (b,) in loader] == [
        sum(range(i, i + 100_000)) for i in range(0, 400_000, 100_000)
    ]


# ---- The rest


def test_pin_memory_warns():
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator"):
        list(data.DataLoader([1], pin_memory=True))


def test_copies_of_a_loader_go_on():
    loader = data.DataLoader(data.TensorDataset(izvod.arange(5)), 2, shuffle=True)
    for again in (copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))):
        izvod.manual_seed(3)
        wanted = [x.tolist() for (x,) in loader]
        izvod.manual_seed(3)
        assert [x.tolist() for (x,) in again] == wanted


def test_types_may_be_named():
    class Numbers(data.Dataset[int]):
        def __getitem__(self, i):
            return i

    assert issubclass(Numbers, data.Dataset) and data.Sampler[int] and data.DataLoader[int]


def test_import_is_lazy_and_needs_no_numpy():
    code = (
        "import izvod, sys; assert 'izvod.utils.data' not in sys.modules;"
        "loader = izvod.utils.data.DataLoader(izvod.utils.data.TensorDataset(izvod.ones(4)), 2);"
        "assert len(list(loader)) == 2; izvod.utils.data.default_collate([1.5]);"
        "assert not {'numpy', 'multiprocessing', 'typing'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
