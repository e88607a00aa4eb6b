"""Functions of the top level that are composed of others."""

from izvod import _C
from izvod._C import Tensor

__all__ = [
    "asarray", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_shapes",
    "broadcast_tensors", "cartesian_prod", "column_stack", "diff", "dstack", "fliplr", "flipud",
    "hstack", "is_nonzero", "is_storage", "logit", "meshgrid", "numel",
    "row_stack", "tensordot", "trace", "tril_indices", "triu_indices", "vstack", "zero_",
]  # fmt: skip


def numel(input):
    """The number of elements of a tensor."""
    return input.numel()


def is_storage(obj):
    """False: storages are not Python objects here."""
    return False


def _as_list(tensors):
    one = len(tensors) == 1 and not isinstance(tensors[0], Tensor)
    return list(tensors[0]) if one else list(tensors)


def broadcast_shapes(*shapes):
    """The shape that tensors of these shapes, or sizes of 1-D tensors, are broadcast to.
    RuntimeError if there is none.
    """
    return _C._broadcast_shapes(shapes)


def broadcast_tensors(*tensors):
    """The tensors expanded to their common shape. RuntimeError if they have none."""
    tensors = _as_list(tensors)
    shape = broadcast_shapes(*(t.shape for t in tensors))
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


# ---- Joining and reshaping


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False):
    """A tensor of obj; shares the memory of tensors and arrays unless ``copy`` is True."""
    x = _C.tensor(obj, dtype=dtype) if copy else _C.as_tensor(obj, dtype=dtype, device=device)
    return x.requires_grad_() if requires_grad else x


def _each(function, tensors):
    tensors = _as_list(tensors)
    return function(tensors[0]) if len(tensors) == 1 else tuple(map(function, tensors))


def atleast_1d(*tensors):
    """The tensors, those without dimensions as shape (1,)."""
    return _each(lambda x: x if x.dim() else x.reshape(1), tensors)


def atleast_2d(*tensors):
    """The tensors with leading dimensions of size 1 put before fewer than two."""
    return _each(lambda x: x if x.dim() > 1 else x.reshape(1, -1), tensors)


def atleast_3d(*tensors):
    """The tensors with three dimensions: (n,) becomes (1, n, 1), (n, m) becomes (n, m, 1)."""
    return _each(
        lambda x: x if x.dim() > 2 else x.unsqueeze(-1) if x.dim() == 2 else x.reshape(1, -1, 1),
        tensors,
    )


def vstack(tensors):
    """The tensors below each other: along the first dimension, rows of shape (n,) as (1, n)."""
    return _C.cat([atleast_2d(x) for x in tensors])


row_stack = vstack


def hstack(tensors):
    """The tensors beside each other: along the second dimension, rows along their only one."""
    tensors = [atleast_1d(x) for x in tensors]
    return _C.cat(tensors, 0 if tensors and tensors[0].dim() == 1 else 1)


def dstack(tensors):
    """The tensors behind each other: along the third dimension."""
    return _C.cat([atleast_3d(x) for x in tensors], 2)


def column_stack(tensors):
    """hstack with vectors as columns, shape (n, 1)."""
    return hstack([x if x.dim() > 1 else x.reshape(-1, 1) for x in tensors])


def flipud(input):
    """The rows in reverse order."""
    if input.dim() < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return input.flip(0)


def fliplr(input):
    """The columns in reverse order."""
    if input.dim() < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return input.flip(1)


def cartesian_prod(*tensors):
    """All combinations of the elements of vectors: shape (n1 n2 ..., number of vectors)."""
    tensors = _as_list(tensors)
    if len(tensors) == 1:
        return tensors[0]
    return _C.stack([grid.flatten() for grid in meshgrid(*tensors)], 1)


# ---- Products and sums


def trace(input):
    """The sum of a matrix's diagonal."""
    if input.dim() != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.dim()}")
    return input.diagonal().sum()


def tensordot(a, b, dims=2):
    """Sums the products over ``dims``: the last n of a and the first n of b, or two lists."""
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        dims = (range(a.dim() - dims, a.dim()), range(dims))
    of_a, of_b = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(of_a) != len(of_b):
        raise RuntimeError("both dimension lists should have same length")
    of_a, of_b = [d % a.dim() for d in of_a], [d % b.dim() for d in of_b]
    for i, j in zip(of_a, of_b):  # noqa: B905  (the lengths were compared)
        if a.shape[i] != b.shape[j]:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} "
                f"and second has size {b.shape[j]} in dim {j}"
            )
    own_a = [d for d in range(a.dim()) if d not in of_a]
    own_b = [d for d in range(b.dim()) if d not in of_b]
    n = 1
    for d in of_a:
        n *= a.shape[d]
    shape = [a.shape[d] for d in own_a] + [b.shape[d] for d in own_b]
    rows = a.permute(own_a + of_a).reshape(-1 if n else _product(a, own_a), n)
    columns = b.permute(of_b + own_b).reshape(n, -1 if n else _product(b, own_b))
    return (rows @ columns).reshape(shape)


def _product(x, dims):
    n = 1
    for d in dims:
        n *= x.shape[d]
    return n


def diff(input, n=1, dim=-1, prepend=None, append=None):
    """The differences of neighbours along ``dim``, n times over."""
    if input.dim() == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    parts = [x for x in (prepend, input, append) if x is not None]
    x = _C.cat(parts, dim) if len(parts) > 1 else input
    if n == 0:
        return x.clone()
    for _ in range(n):
        length = max(x.shape[dim] - 1, 0)
        after, before = x.narrow(dim, x.shape[dim] - length, length), x.narrow(dim, 0, length)
        x = after ^ before if x.dtype == _C.bool else after - before
    return x


# ---- Elements


def zero_(input):
    """Sets all elements to 0."""
    return input.zero_()


def is_nonzero(input):
    """Whether the only element of a tensor is not 0. RuntimeError if there is not just one."""
    return bool(input)


def logit(input, eps=None):
    """log(x / (1 - x)), after x was brought into [eps, 1 - eps] if eps is given."""
    if not input.is_floating_point():
        input = input.to(_C.get_default_dtype())
    x = input if eps is None else input.clamp(eps, 1 - eps)
    return (x / (1 - x)).log()


# ---- Indices


def tril_indices(row, col, offset=0, *, dtype=None, device=None):
    """The places (2, n) of a (row, col) matrix on and below a diagonal, row by row."""
    return _C.ones(row, col).tril(offset).nonzero().t().contiguous().to(dtype or _C.int64)


def triu_indices(row, col, offset=0, *, dtype=None, device=None):
    """The places (2, n) of a (row, col) matrix on and above a diagonal, row by row."""
    return _C.ones(row, col).triu(offset).nonzero().t().contiguous().to(dtype or _C.int64)


for _f in (diff, fliplr, flipud, is_nonzero, logit, trace):
    setattr(Tensor, _f.__name__, _f)
