"""From the indices of a batch to the batch."""

from itertools import islice

from izvod import _C
from izvod._C import Tensor
from izvod.utils.data._utils import collate
from izvod.utils.data.dataset import StackDataset, Subset, TensorDataset, samples_at


class MapFetcher:
    """Called with a list (or tensor) of indices, or with one index without `batching`, it returns
    the collated samples there.
    """

    def __init__(self, dataset, batching, collate_fn):
        self.dataset, self.batching, self.collate_fn = dataset, batching, collate_fn
        by_default = batching and _collates_by_default(collate_fn)
        self.at_once = whole_batches(dataset) if by_default else None

    def __call__(self, indices):
        if not self.batching:
            return self.collate_fn(self.dataset[indices])
        if self.at_once:
            index = as_index(indices)
            if index is not None:
                return self.at_once(index)
        return self.collate_fn(samples_at(self.dataset, indices))


class StreamFetcher:
    """As MapFetcher, for an IterableDataset: of the indices only their number counts. Raises
    StopIteration at the end of the stream.
    """

    def __init__(self, dataset, batching, collate_fn, drop_last):
        self.samples, self.batching, self.collate_fn = iter(dataset), batching, collate_fn
        self.drop_last, self.ended = drop_last, False

    def __call__(self, indices):
        if not self.batching:
            return self.collate_fn(next(self.samples))
        batch = [] if self.ended else list(islice(self.samples, len(indices)))
        self.ended = len(batch) < len(indices)
        if not batch or (self.ended and self.drop_last):
            raise StopIteration
        return self.collate_fn(batch)


# ---- A batch at a time


def whole_batches(dataset):
    """A function of a tensor of indices that returns what default_collate makes of the samples
    there, by one indexing of each tensor; None if the samples must be made one by one.
    """
    if _fetches_like(dataset, TensorDataset):
        return lambda index: [_rows(tensor, index) for tensor in dataset.tensors]

    if _fetches_like(dataset, Subset):
        inner, chosen = whole_batches(dataset.dataset), as_index(dataset.indices)
        if inner and chosen is not None:
            return lambda index: inner(chosen[index])

    if _fetches_like(dataset, StackDataset):
        parts = {key: whole_batches(part) for key, part in _items(dataset.datasets)}
        if all(parts.values()):
            collected = dict if isinstance(dataset.datasets, dict) else lambda x: list(x.values())
            return lambda index: collected({key: f(index) for key, f in parts.items()})
    return None


def _rows(tensor, index):
    """tensor[index], by index_select, which is quicker for a few rows but refuses negative ones."""
    try:
        return tensor.index_select(0, index)
    except IndexError:
        return tensor[index]


def as_index(indices):
    """The indices as a tensor, or None if they are not all ints: True, or a tensor in a list, may
    mean something else to the dataset.
    """
    if isinstance(indices, Tensor):
        return indices if indices.dtype == _C.int64 and indices.dim() == 1 else None
    ints = set(map(type, indices)) == {int}
    return _C.tensor(list(indices), dtype=_C.int64) if ints else None


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
