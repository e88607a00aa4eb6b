"""How often elements occur, which ones do, and where they stand among sorted ones."""

from izvod import _C
from izvod._C import Tensor

__all__ = ["bincount", "bucketize", "isin", "searchsorted", "unique", "unique_consecutive"]


def bincount(input, weights=None, minlength=0):
    """How often 0, 1, 2, ... occur in a vector of integers, or the sums of their weights."""
    counts = _C._bincount(input, minlength)
    if weights is None:
        return counts
    if weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    if weights.dtype != _C.float32:
        weights = weights.to(_C.float64)
    sums = _C.zeros(len(counts), dtype=weights.dtype)
    return sums.index_add_(0, input.to(_C.int64), weights.detach())


def _noun(x):
    return x.type().removeprefix("torch.").removesuffix("Tensor")


def _ends(x):
    """The least and the greatest of integers."""
    return tuple(int(end) for end in x.aminmax())


def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None):
    """Where the values ``input`` would be inserted into rows that are sorted.

    ``sorted_sequence`` (..., n) has a row for each row of ``input`` (..., m), or one for all. The
    results, of the shape of ``input``, are the places before the first element that is not less,
    or with ``right`` (or ``side="right"``) before the first one that is greater. ``sorter``: the
    indices that sort the rows, if these are not sorted yet. RuntimeError if shapes do not match, if
    ``side`` and ``right`` contradict each other, or if ``sorter`` holds what is no index.
    """
    op = "torch.searchsorted(): "
    if side not in (None, "left", "right"):
        raise RuntimeError(f"{op}side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            f"{op}side and right can't be set to opposites, got side of left while right was True"
        )
    if not isinstance(input, Tensor):
        input = _C.as_tensor(input)
    if sorter is not None:
        sorted_sequence = _in_order(op, sorted_sequence, sorter)
    places = _C._searchsorted(sorted_sequence, input, right or side == "right")
    return places.int() if out_int32 else places


def _in_order(op, rows, sorter):
    if sorter.shape != rows.shape:
        raise RuntimeError(
            f"{op}boundary and sorter must have the same size, but got boundary tensor "
            f"{list(rows.shape)}and got sorter tensor {list(sorter.shape)}"
        )
    if sorter.dtype != _C.int64:
        raise RuntimeError(
            f"{op}sorter must be a tensor of long dtype but got dtype {_noun(sorter)}"
        )
    if sorter.numel():
        low, high = _ends(sorter)
        if low < 0 or high >= rows.shape[-1]:
            raise RuntimeError(f"{op}sorter index out of range")
    return rows.gather(-1, sorter)


def bucketize(input, boundaries, *, out_int32=False, right=False):
    """Which of the buckets between sorted ``boundaries`` (n,) each value falls into: 0 ... n.
    RuntimeError if ``boundaries`` has not one dimension.
    """
    if boundaries.dim() != 1:
        raise RuntimeError(
            f"boundaries tensor must be 1 dimension, but got dim({boundaries.dim()})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


# ---- Different elements


def _table_fits(x):
    """(the least, the greatest) of integers so close together that a table has room for all."""
    if x.is_floating_point() or x.numel() == 0:
        return None
    low, high = _ends(x)
    return (low, high) if high - low < 2 * x.numel() + 256 else None


def isin(elements, test_elements, *, assume_unique=False, invert=False):
    """Where elements are among test_elements: bool of the shape of elements."""
    elements, tests = _C.as_tensor(elements), _C.as_tensor(test_elements).flatten()
    if _C.bool in (elements.dtype, tests.dtype):
        raise RuntimeError("Unsupported input type encountered for isin(): Bool")
    dtype = _C.promote_types(elements.dtype, tests.dtype)
    if not dtype.is_floating_point:
        dtype = _C.int64  # differences do not wrap
    elements, tests = elements.to(dtype), tests.to(dtype)
    if dtype.is_floating_point:
        tests = tests[tests == tests]  # nan equals nothing
    if tests.numel() == 0:
        found = _C.zeros(elements.shape, dtype=_C.bool)
    elif ends := _table_fits(tests):
        low, high = ends
        table = _C.zeros(high - low + 1, dtype=_C.bool)
        table[tests - low] = True
        near = elements.clamp(low, high)
        found = table[near - low] & (near == elements)
    else:
        tests = tests.sort().values
        places = _C._searchsorted(tests, elements, False)
        found = tests[places.clamp_(max=len(tests) - 1)] == elements
    return ~found if invert else found


def _unique_by_table(x, low, high, return_inverse, return_counts):
    places = x.flatten().long() - low
    counts = _C._bincount(places, 0)
    chosen = counts.nonzero().flatten()
    inverse = None
    if return_inverse:
        table = _C.empty_like(counts)
        table[chosen] = _C.arange(len(chosen))
        inverse = table[places].reshape(x.shape)
    return (chosen + low).to(x.dtype), inverse, counts[chosen] if return_counts else None


def _runs(rows, return_inverse, return_counts):
    """Where in n rows each run of equal ones starts; which run each row is of; lengths."""
    n = rows.shape[0]
    first = _C.ones(n, dtype=_C.bool)
    if n > 1:
        differ = rows[1:] != rows[:-1]
        first[1:] = differ if rows.dim() == 1 else differ.any(1)
    starts = first.nonzero().flatten()
    run = first.cumsum(0) - 1 if return_inverse else None
    lengths = _C.cat([starts[1:], _C.full((1,), n)]) - starts if return_counts and n else starts[:0]
    return starts, run, lengths


def _unique_rows(rows, return_inverse, return_counts):
    """Of n rows: where the different ones stand, and the same as of _runs."""
    keys = rows.to(_C.uint8) if rows.dtype == _C.bool else rows
    order = _C.arange(rows.shape[0])
    for column in reversed(range(keys.shape[1])):  # the first column decides: it is sorted last
        order = order[keys[order, column].argsort(stable=True)]
    starts, run, lengths = _runs(rows[order], return_inverse, return_counts)
    if return_inverse:
        run = _C.zeros_like(run).scatter_(0, order, run)
    return order[starts], run, lengths


def _answer(values, run, lengths, return_inverse, return_counts):
    more = ((return_inverse, run), (return_counts, lengths))
    more = tuple(x for wanted, x in more if wanted)
    return (values, *more) if more else values


def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The different elements, or slices along ``dim``, in ascending order.

    With return_inverse also which of them each element is, with return_counts how often each
    occurs.
    """
    x, wanted = input.detach(), (return_inverse, return_counts)
    if dim is not None:
        chosen, run, lengths = _unique_rows(x.movedim(dim, 0).flatten(1), *wanted)
        return _answer(x.index_select(dim, chosen), run, lengths, *wanted)
    if ends := _table_fits(x):
        return _answer(*_unique_by_table(x, *ends, *wanted), *wanted)
    values, order = x.flatten().sort()
    starts, run, lengths = _runs(values, *wanted)
    if return_inverse:
        run = _C.zeros_like(run).scatter_(0, order, run).reshape(x.shape)
    return _answer(values[starts], run, lengths, *wanted)


def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """The first element, or slice along ``dim``, of each run of equal ones."""
    x = input.detach()
    rows = x.flatten() if dim is None else x.movedim(dim, 0).flatten(1)
    starts, run, lengths = _runs(rows, return_inverse, return_counts)
    if return_inverse and dim is None:
        run = run.reshape(x.shape)
    values = rows[starts] if dim is None else x.index_select(dim, starts)
    return _answer(values, run, lengths, return_inverse, return_counts)


for _f in (bincount, unique, unique_consecutive):
    setattr(Tensor, _f.__name__, _f)
