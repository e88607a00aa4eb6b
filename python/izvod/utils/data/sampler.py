"""Samplers: the order in which a DataLoader asks for samples.

Each draws what torch draws, when torch draws it: when the first index is asked for, or later.
"""

import types
from itertools import islice

from izvod import _C
from izvod._C import Generator

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]


def draw_seed(generator=None):
    """A seed from 0 to 2**63 - 1, drawn from `generator`."""
    return _C.empty((), dtype=_C.int64).random_(generator=generator).item()


def _check_positive(name, value):
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")


def _check_bool(name, value, error=ValueError):
    if not isinstance(value, bool):
        raise error(f"{name} should be a boolean value, but got {name}={value}")


class Sampler:
    """Base of samplers: subclasses define __iter__(), which gives indices or lists of indices, and,
    where len(DataLoader) is asked for, __len__().
    """

    __class_getitem__ = classmethod(types.GenericAlias)  # Sampler[int] is for type checkers

    def __iter__(self):
        raise NotImplementedError


class SequentialSampler(Sampler):
    """0, 1, ..., len(data_source) - 1."""

    def __init__(self, data_source):
        self.data_source = data_source

    def __iter__(self):
        return iter(range(len(self.data_source)))

    def drawn(self):
        """The same indices, as a tensor."""
        yield _C.arange(len(self.data_source))

    def __len__(self):
        return len(self.data_source)


class RandomSampler(Sampler):
    """`num_samples` indices (by default len(data_source)) in random order: permutations one after
    the other, the last one cut short, or with `replacement` independent draws.

    Without a generator, one is made for each pass, with a seed drawn from the default generator.
    Raises TypeError if `replacement` is no bool, ValueError if `num_samples` is not positive.
    """

    def __init__(self, data_source, replacement=False, num_samples=None, generator=None):
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        _check_bool("replacement", replacement, TypeError)
        _check_positive("num_samples", self.num_samples)

    @property
    def num_samples(self):
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self):
        for indices in self.drawn():
            yield from indices.tolist()

    def drawn(self):
        """The same indices as tensors, one for each call of a random function."""
        n, count = len(self.data_source), self.num_samples
        if n == 0:
            error = RuntimeError if self.replacement else ZeroDivisionError
            raise error(f"RandomSampler: {count} samples asked for, but there is no data")
        generator = self.generator
        if generator is None:
            generator = Generator().manual_seed(draw_seed())

        if self.replacement:
            for size in (32,) * (count // 32) + (count % 32,):
                yield _C.randint(0, n, (size,), generator=generator)
        else:
            for _ in range(count // n):
                yield _C.randperm(n, generator=generator)
            # torch draws a last permutation even if nothing of it is wanted.
            yield _C.randperm(n, generator=generator)[: count % n]

    def __len__(self):
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices in random order."""

    def __init__(self, indices, generator=None):
        self.indices = indices
        self.generator = generator

    def __iter__(self):
        for i in _C.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self):
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """`num_samples` indices from 0 to len(weights) - 1, each with a probability in proportion to
    its weight; without `replacement` none comes twice.

    Raises ValueError if `num_samples` is not positive, `replacement` no bool, or `weights` not of
    one dimension; RuntimeError on iteration, from multinomial, if the weights cannot be.
    """

    def __init__(self, weights, num_samples, replacement=True, generator=None):
        _check_positive("num_samples", num_samples)
        _check_bool("replacement", replacement)
        weights = _C.as_tensor(weights, dtype=_C.float64)
        if weights.dim() != 1:
            raise ValueError(
                "weights should be a 1d sequence but given "
                f"weights have shape {tuple(weights.shape)}"
            )
        self.weights = weights
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self):
        for indices in self.drawn():
            yield from indices.tolist()

    def drawn(self):
        """The same indices, as a tensor."""
        yield _C.multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )

    def __len__(self):
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of `batch_size` indices of another sampler, which may be any iterable; the last list is
    shorter if it does not come out even, or is left out with `drop_last`.

    Raises ValueError if `batch_size` is no positive int or `drop_last` no bool.
    """

    def __init__(self, sampler, batch_size, drop_last):
        _check_positive("batch_size", batch_size)
        _check_bool("drop_last", drop_last)
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self):
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def tensors(self):
        """The batches that __iter__ gives, drawn at the same moments, but as tensors; None if the
        sampler is not one that draws tensors. Where the data are tensors, too, this spares making
        Python's numbers, most of an epoch's time.
        """
        order = type(self.sampler).__iter__
        if order not in (cls.__iter__ for cls in _DRAWING) or self._changed():
            return None
        return _cut(self.sampler.drawn(), self.batch_size, self.drop_last)

    def _changed(self):
        return type(self).__iter__ is not BatchSampler.__iter__

    def __len__(self):
        spare = 0 if self.drop_last else self.batch_size - 1
        return (len(self.sampler) + spare) // self.batch_size


_DRAWING = (SequentialSampler, RandomSampler, WeightedRandomSampler)


def _cut(drawn, size, drop_last):
    """Tensors one after the other, cut anew in tensors of `size`; a next one is only asked for when
    the last does not suffice.
    """
    left = None
    for indices in drawn:
        left = indices if left is None else _C.cat([left, indices])
        start = 0
        while start + size <= len(left):
            yield left[start : start + size]
            start += size
        left = left[start:]
    if left is not None and len(left) and not drop_last:
        yield left
