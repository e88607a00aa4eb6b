"""From the indices of a batch to the batch."""

from itertools import islice

from izvod import _C
from izvod._C import Tensor
from izvod.utils.data._utils import collate
from izvod.utils.data.dataset import StackDataset, Subset, TensorDataset, samples_at


def map_fetcher(dataset, batching, collate_fn):
    """A function of a list of indices, or of one index without `batching`, that returns the
    collated samples there.
    """
    if not batching:
        return lambda index: collate_fn(dataset[index])
    whole = whole_batches(dataset) if _collates_by_default(collate_fn) else None
    return whole or (lambda indices: collate_fn(samples_at(dataset, indices)))


def stream_fetcher(dataset, batching, collate_fn, drop_last):
    """As map_fetcher, for an IterableDataset: of the indices only their number counts. Raises
    StopIteration at the end of the stream.
    """
    samples = iter(dataset)
    if not batching:
        return lambda _: collate_fn(next(samples))
    ended = False

    def next_batch(indices):
        nonlocal ended
        batch = [] if ended else list(islice(samples, len(indices)))
        ended = len(batch) < len(indices)
        if not batch or (ended and drop_last):
            raise StopIteration
        return collate_fn(batch)

    return next_batch


# ---- A batch at a time


def whole_batches(dataset):
    """A function of a list of indices that returns what default_collate makes of the samples there,
    by one indexing of each tensor; None for a dataset whose samples must be made one by one.
    """
    if _fetches_like(dataset, TensorDataset):
        return lambda indices: _rows(dataset, indices)

    if _fetches_like(dataset, Subset):
        inner = whole_batches(dataset.dataset)
        return inner and (lambda indices: inner([dataset.indices[i] for i in indices]))

    if _fetches_like(dataset, StackDataset):
        parts = {key: whole_batches(part) for key, part in _items(dataset.datasets)}
        if all(parts.values()):
            collected = dict if isinstance(dataset.datasets, dict) else lambda x: list(x.values())
            return lambda indices: collected({key: f(indices) for key, f in parts.items()})
    return None


def _rows(dataset, indices):
    if isinstance(indices, Tensor) and indices.dtype == _C.int64 and indices.dim() == 1:
        index = indices
    elif set(map(type, indices)) == {int}:
        index = _C.tensor(indices, dtype=_C.int64)
    else:  # True, say, or a tensor, which may mean something else to a tensor in a list
        return collate.default_collate([dataset[i] for i in indices])
    return [tensor[index] for tensor in dataset.tensors]


def _items(datasets):
    return datasets.items() if isinstance(datasets, dict) else enumerate(datasets)


def _fetches_like(dataset, cls):
    """Whether a dataset is a `cls` whose way of fetching no subclass has changed."""
    methods = ("__getitem__", "__getitems__")
    own = type(dataset)
    return all(getattr(own, name, None) is getattr(cls, name, None) for name in methods)


def _collates_by_default(collate_fn):
    known = collate.default_collate_fn_map.get(Tensor)
    return collate_fn is collate.default_collate and known is collate.collate_tensor_fn
