"""DataLoader: batches of a dataset's samples, epoch after epoch."""

import itertools
import math
import types
import warnings
from functools import partial

from izvod.utils.data._utils.collate import default_collate, default_convert
from izvod.utils.data._utils.fetch import MapFetcher, StreamFetcher
from izvod.utils.data._utils.worker import get_worker_info
from izvod.utils.data.dataset import IterableDataset
from izvod.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    draw_seed,
)

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]


class DataLoader:
    """Batches of `dataset`, each pass in the order the samplers give.

    dataset: has __getitem__ and __len__, or is an IterableDataset
    batch_size: samples a batch; None: samples one by one, converted but without a batch dimension
    shuffle: a new random order each pass
    sampler: the order of the samples, any iterable of indices
    batch_sampler: any iterable of lists of indices, in place of all the above
    collate_fn: makes a batch of a list of samples (default_collate)
    drop_last: leave out the last batch if it is not full
    generator: draws the shuffled order and the workers' seeds (the default generator)
    num_workers: processes that fetch batches ahead, `prefetch_factor` (2) each; 0: none
    timeout: seconds to wait for a worker's batch; 0: for ever
    worker_init_fn: called in each worker with its number
    multiprocessing_context: how workers start, a start method's name or a context
    persistent_workers: keep the workers after a pass
    in_order: has no effect: batches always come in the sampler's order
    pin_memory: has no meaning on a CPU; warns, as torch does

    A TensorDataset (or a Subset or StackDataset of such) is fetched a batch at a time if it is
    collated by default. Raises ValueError for options that exclude each other or are out of range.
    """

    __class_getitem__ = classmethod(types.GenericAlias)
    _initialized = False

    def __init__(
        self,
        dataset,
        batch_size=1,
        shuffle=None,
        sampler=None,
        batch_sampler=None,
        num_workers=0,
        collate_fn=None,
        pin_memory=False,
        drop_last=False,
        timeout=0,
        worker_init_fn=None,
        multiprocessing_context=None,
        generator=None,
        *,
        prefetch_factor=None,
        persistent_workers=False,
        pin_memory_device="",
        in_order=True,
    ):
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        _check_context(num_workers, multiprocessing_context)
        self._streams = isinstance(dataset, IterableDataset)
        if self._streams:
            _check_stream(shuffle, sampler, batch_sampler)
        _check_batching(batch_size, shuffle, sampler, batch_sampler, drop_last)

        if sampler is None:
            if self._streams:
                sampler = _InfiniteConstantSampler()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)

        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        if collate_fn is None:
            collate_fn = default_collate if self._batching else default_convert
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.generator = generator
        self.num_workers = num_workers
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        self._stated_length = None  # what len() said of a stream
        self._kept_pool = None  # of persistent workers
        self._initialized = True

    def __setattr__(self, name, value):
        if self._initialized and name in _FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    @property
    def _batching(self):
        return self.batch_sampler is not None

    @property
    def _index_sampler(self):
        return self.batch_sampler if self._batching else self.sampler

    def _new_fetcher(self):
        """A partial that makes the function from indices to a batch."""
        if self._streams:
            return partial(
                StreamFetcher, self.dataset, self._batching, self.collate_fn, self.drop_last
            )
        return partial(MapFetcher, self.dataset, self._batching, self.collate_fn)

    def __iter__(self):
        if self.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, "
                "then device pinned memory won't be used.",
                stacklevel=2,
            )
        return _EpochOfWorkers(self) if self.num_workers else _Epoch(self)

    def __getstate__(self):
        return self.__dict__ | {"_kept_pool": None}

    def __len__(self):
        """Batches a pass. Of a stream: what follows from the length it states."""
        if not self._streams:
            return len(self._index_sampler)
        length = self._stated_length = len(self.dataset)
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else math.ceil(length / self.batch_size)


_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class _InfiniteConstantSampler(Sampler):
    """For streams, whose samples have no index."""

    def __iter__(self):
        return itertools.repeat(None)


class _Epoch:
    """One pass over the data, in the main process."""

    def __init__(self, loader):
        self._loader = loader
        self._yielded = 0
        self._begin()

    def _begin(self):
        loader = self._loader
        if loader.timeout:
            raise AssertionError("DataLoader: a timeout requires num_workers > 0")
        fetch = None if loader._streams else loader._new_fetcher()()
        self._indices = self._indices_for(fetch)
        # torch draws the seed of the workers also if there are none, before any index.
        draw_seed(loader.generator)
        self._fetch = fetch or loader._new_fetcher()()

    def _indices_for(self, fetch):
        """The lists of indices, as tensors where the sampler draws such and the data are such."""
        batches = self._loader.batch_sampler
        if isinstance(batches, BatchSampler) and getattr(fetch, "at_once", None):
            return batches.tensors() or iter(batches)
        return iter(self._loader._index_sampler)

    def _next_batch(self):
        return self._fetch(next(self._indices))

    def __iter__(self):
        return self

    def __next__(self):
        batch = self._next_batch()
        self._yielded += 1
        stated = self._loader._stated_length
        if stated is not None and self._yielded > stated:
            warnings.warn(
                f"Length of IterableDataset {self._loader.dataset} was reported to be {stated} "
                f"(when accessing len(dataloader)), but {self._yielded} samples have been fetched.",
                stacklevel=2,
            )
        return batch

    def __len__(self):
        return len(self._loader._index_sampler)


class _EpochOfWorkers(_Epoch):
    """One pass over the data, fetched by worker processes."""

    def _begin(self):
        loader = self._loader
        indices = iter(loader._index_sampler)
        self._pool = loader._kept_pool
        if self._pool is None:
            self._pool = self._new_pool(draw_seed(loader.generator))
        else:
            self._pool.resume()
        self._pool.start(indices, loader.prefetch_factor)

    def _new_pool(self, base_seed):
        from izvod.utils.data._utils.pool import Pool, context_of

        loader = self._loader
        pool = Pool(
            context_of(loader.multiprocessing_context),
            loader._new_fetcher(),
            loader.num_workers,
            base_seed,
            loader.worker_init_fn,
            loader.timeout,
        )
        if loader.persistent_workers:
            loader._kept_pool = pool
        return pool

    def _next_batch(self):
        try:
            return self._pool.next_batch()
        except StopIteration:
            if not self._loader.persistent_workers:
                self._pool.close()
            raise


# ---- The checks, in torch's order


def _check_workers(num_workers, timeout, prefetch_factor, persistent_workers):
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; "
            "use num_workers=0 to disable multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_context(num_workers, multiprocessing_context):
    if num_workers:
        from izvod.utils.data._utils.pool import context_of, warn_of_too_many

        context_of(multiprocessing_context)
        warn_of_too_many(num_workers)
    elif multiprocessing_context is not None:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading "
            f"(num_workers > 0), but got num_workers={num_workers}"
        )


def _check_stream(shuffle, sampler, batch_sampler):
    options = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
    for name, value in options.items():
        if value is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, "
                f"but got {name}={value}"
            )


def _check_batching(batch_size, shuffle, sampler, batch_sampler, drop_last):
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive "
                "with batch_size, shuffle, sampler, and drop_last"
            )
    elif batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )
