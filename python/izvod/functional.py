"""Functions of the top level that are composed of others."""

from izvod import _C
from izvod._C import Tensor

__all__ = ["broadcast_tensors", "is_storage", "meshgrid", "numel"]


def numel(input):
    """The number of elements of a tensor."""
    return input.numel()


def is_storage(obj):
    """False: storages are not Python objects here."""
    return False


def _as_list(tensors):
    one = len(tensors) == 1 and not isinstance(tensors[0], Tensor)
    return list(tensors[0]) if one else list(tensors)


def broadcast_tensors(*tensors):
    """The tensors expanded to their common shape. RuntimeError if they have none."""
    tensors = _as_list(tensors)
    shape = _C.broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t.expand(shape) for t in tensors)


def meshgrid(*tensors, indexing="ij"):
    """Coordinate grids of 1-D tensors: as many tensors, each of shape (n1, n2, ...).

    ``indexing="xy"`` swaps the first two dimensions, as in numpy. ValueError for another word.
    """
    if indexing not in ("ij", "xy"):
        raise ValueError(
            'meshgrid: indexing must be one of "xy" or "ij", but received: ' + str(indexing)
        )
    tensors = _as_list(tensors)
    swap = indexing == "xy" and len(tensors) > 1
    if swap:
        tensors[0], tensors[1] = tensors[1], tensors[0]
    shape = [t.numel() for t in tensors]
    grids = []
    for d, t in enumerate(tensors):
        grids.append(t.reshape([-1 if k == d else 1 for k in range(len(shape))]).expand(shape))
    if swap:
        grids = [g.transpose(0, 1) for g in grids]
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)
