"""Views: memory shared with the base, writes seen through them and undone in the gradient, which
calls give a view at all; and what a tensor says about itself.
"""

import izvod
import pytest
from comparing import differences, outcome, parts
from op_samples import ROWS, views
from op_samples.recipes import LAYOUTS
from test_ops import over


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch, whose results this compares with, is absent")


def report(problems):
    assert not problems, "\n".join(problems)


def memory(lib, x):
    return x._storage_id() if lib is izvod else x.untyped_storage().data_ptr()


def placed(lib, op, sample, layout):
    """For each result: whether it shares memory, is a view by its own account, and its offset."""
    args, kwargs = sample.make(lib, op, "float32", layout)
    results = parts(op.function(lib)(*args, **kwargs))
    start = memory(lib, args[0])
    return [(memory(lib, y) == start, y.storage_offset(), y.numel()) for y in results]


@over(lambda op: op.view)
def test_memory(op, torch):
    """A result shares the argument's memory where torch's does, at the same place."""
    problems = []
    for sample in op.samples:
        for layout in LAYOUTS:
            theirs = outcome(placed, torch, op, sample, layout)
            if isinstance(theirs, Exception):
                continue
            ours = placed(izvod, op, sample, layout)
            for (shared, offset, n), (their_shared, their_offset, _) in zip(
                ours, theirs, strict=True
            ):
                if n and (shared != their_shared or shared and offset != their_offset):
                    problems.append(f"{op.name}{sample} {layout}: {ours}, torch gives {theirs}")
    report(problems)


WRITES = {
    "fill_": lambda lib, y: y.fill_(3.0),
    "mul_": lambda lib, y: y.mul_(2.0),
    "exp_": lambda lib, y: y.exp_(),
    "copy_": lambda lib, y: y.copy_(lib.ones(y.shape, dtype=y.dtype)),
    "setitem": lambda lib, y: y.__setitem__(..., 0.5),
}


def written(lib, op, sample, write):
    """A change through the view of a product, the base afterwards, and the argument's gradient."""
    args, kwargs = sample.make(lib, op, "float64")
    x = args[0].requires_grad_()
    base = x * 1.5
    y = parts(op.function(lib)(base, *args[1:], **kwargs))[-1]
    WRITES[write](lib, y)
    weights = lib.arange(1, base.numel() + 1, dtype=lib.float64).reshape(base.shape)
    ((base * weights).sum() + (y * y).sum()).backward()
    return base, x.grad


VIEWS = [
    op for op in views.VIEWS if op.name not in ("split", "split_with_sizes", "chunk", "unbind")
]


@over(lambda op: op in VIEWS)
def test_writes_through_views(op, torch):
    problems = []
    for sample in op.samples:
        for write in WRITES:
            theirs = outcome(written, torch, op, sample, write)
            ours = outcome(written, izvod, op, sample, write)
            where = f"{op.name}{sample}.{write}"
            if isinstance(theirs, Exception) or isinstance(ours, Exception):
                if type(ours) is not type(theirs):
                    problems.append(f"{where}: {ours!r}, torch gives {theirs!r}")
                continue
            problems += [f"{where}: {d}" for d in differences(ours, theirs, 8, 1.0)]
    report(problems)


def test_several_views_of_one_base():
    base = izvod.zeros(4, 3, requires_grad=True) * 1
    row, column = base[1], base[:, 2]
    row.fill_(2.0)
    column.mul_(3.0)
    assert base.tolist() == [[0, 0, 0], [2, 2, 6], [0, 0, 0], [0, 0, 0]]
    assert row.tolist() == [2, 2, 6] and column.tolist() == [0, 6, 0, 0]
    assert row._version == column._version == base._version == 2
    assert row.grad_fn is not None and row._base is base


def test_views_of_several_results_are_not_written():
    parts = (izvod.ones(4, requires_grad=True) * 1).split(2)
    with pytest.raises(RuntimeError, match="This view is the output of a function that returns"):
        parts[0].mul_(2)


def test_leaves_are_not_written_through_views():
    x = izvod.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        x[0].mul_(2)
    with izvod.no_grad():
        x[0].mul_(2)
    assert x.tolist() == [2.0, 1.0, 1.0]


def test_base_of_a_view_of_a_view():
    x = izvod.arange(24)
    y = x.view(2, 3, 4).transpose(0, 1)[1]
    assert y._base is x and y.storage_offset() == 4 and y.stride() == (12, 1)
    assert x.detach()._base is None or x.detach().data_ptr() == x.data_ptr()


def test_overlapping_writes():
    """Elements that share memory are not written in place; copies between views are done right."""
    with pytest.raises(RuntimeError, match="single memory location"):
        izvod.zeros(3).expand(2, 3).add_(1)
    x = izvod.arange(6)
    x[1:].copy_(x[:-1].clone())
    assert x.tolist() == [0, 0, 1, 2, 3, 4]
    y = izvod.arange(9.0).reshape(3, 3)
    y.add_(y.t())
    assert y.tolist() == [[0, 4, 8], [4, 8, 12], [8, 12, 16]]


INSPECTIONS = {
    "dim": lambda x: x.dim(),
    "ndim": lambda x: x.ndim,
    "ndimension": lambda x: x.ndimension(),
    "numel": lambda x: x.numel(),
    "nelement": lambda x: x.nelement(),
    "element_size": lambda x: x.element_size(),
    "itemsize": lambda x: x.itemsize,
    "nbytes": lambda x: x.nbytes,
    "size": lambda x: tuple(x.size()),
    "size of last": lambda x: x.size(-1),
    "shape": lambda x: tuple(x.shape),
    "stride": lambda x: x.stride(),
    "stride of last": lambda x: x.stride(-1),
    "storage_offset": lambda x: x.storage_offset(),
    "is_contiguous": lambda x: x.is_contiguous(),
    "tolist": lambda x: x.tolist(),
    "item": lambda x: x.item(),
    "is_same_size": lambda x: x.is_same_size(x),
    "repr of shape": lambda x: repr(x.shape),
    "len": lambda x: len(x),
    "float": lambda x: float(x),
    "int": lambda x: int(x),
    "bool": lambda x: bool(x),
    "format": lambda x: f"{x.sum():.3f}",
}
SUBJECTS = {
    "whole": lambda lib: lib.arange(6.0).reshape(2, 3),
    "transposed": lambda lib: lib.arange(6.0).reshape(2, 3).t(),
    "part": lambda lib: lib.arange(12).reshape(3, 4)[1:, ::2],
    "expanded": lambda lib: lib.arange(3.0).expand(2, 3),
    "lone": lambda lib: lib.tensor([[5]]),
    "without dimensions": lambda lib: lib.tensor(2.5),
    "zero": lambda lib: lib.tensor(0),
    "empty": lambda lib: lib.zeros(2, 0),
    "bool": lambda lib: lib.tensor([True, False]),
}


@pytest.mark.parametrize("name", INSPECTIONS)
def test_inspection(name, torch):
    problems = []
    for kind, make in SUBJECTS.items():
        ours, theirs = (outcome(INSPECTIONS[name], make(lib)) for lib in (izvod, torch))
        if isinstance(theirs, Exception):
            same = type(ours) is type(theirs)
        else:
            same = ours == theirs and type(ours) is type(theirs)
        if not same:
            problems.append(f"{kind}: {ours!r}, torch gives {theirs!r}")
    report(problems)


def test_is_tensor():
    assert izvod.is_tensor(izvod.ones(1)) and not izvod.is_tensor([1])


def test_broadcast_shapes():
    assert izvod.broadcast_shapes((2, 1), (3,), ()) == izvod.Size([2, 3])
    with pytest.raises(RuntimeError):
        izvod.broadcast_shapes((2,), (3,))


def test_rows_say_which_ops_are_views():
    """The table's word on what shares memory holds for the first sample of every row."""
    wrong = []
    for op in ROWS:
        if op.call or not op.strides or "." in op.name and not op.view:
            continue
        args, kwargs = op.samples[0].make(izvod, op)
        if not isinstance(args[0], izvod.Tensor):
            continue
        y = parts(op.function(izvod)(*args, **kwargs))[0]
        if isinstance(y, izvod.Tensor) and op.view != (y._storage_id() == args[0]._storage_id()):
            wrong.append(op.name)
    assert not wrong


PARTS = [
    "x[1]", "x[:, 1:]", "x[:, ::2]", "x.narrow(2, 1, 2)", "x.diagonal(0, 0, 1)",
    "x.unfold(2, 2, 1)", "x[1].select(0, 2)", "x.unbind(0)[1]", "x.split(2, 1)[0]",
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_gradient_of_part_of_expanded(part):
    """Elements of an expanded tensor share memory, but each has a gradient of its own."""
    x = izvod.arange(4.0, dtype=izvod.float64).requires_grad_()
    grads = []
    for wide in (x.expand(3, 3, 4), x.repeat(3, 3, 1), x.unfold(0, 4, 1).expand(3, 3, 4)):
        y = eval(part, {"x": wide})
        weights = izvod.arange(1, y.numel() + 1.0, dtype=izvod.float64).reshape(y.shape)
        grads += izvod.autograd.grad((y * weights).sum(), x)
    assert grads[0].equal(grads[1]) and grads[0].equal(grads[2])


def test_as_strided_of_what_shares_memory(torch):
    """as_strided looks at memory: elements that share a place of it share its gradient evenly."""

    def run(lib):
        x = lib.arange(6.0, dtype=lib.float64).reshape(2, 3).requires_grad_()
        results = []
        for y in (
            x.expand(4, 2, 3).as_strided((2, 2), (1, 2), 1),
            x.reshape(6).unfold(0, 3, 1).as_strided((5,), (1,), 1),
            x[1:].as_strided((2,), (1,), 0),
        ):
            (g,) = lib.autograd.grad((y**3).sum(), x, create_graph=True)
            results += [g.detach(), lib.autograd.grad((g**2).sum(), x)[0]]
        return [r.tolist() for r in results]

    assert run(izvod) == run(torch)


def test_gradient_of_part_of_a_column_is_compact():
    """The gradient of part of a view takes memory for the view, not for what lies between."""
    x = izvod.ones(1000, 1000, requires_grad=True)
    column = x[:, 0]
    seen = []
    column.register_hook(lambda g: seen.append(g.stride()))
    column[1:].sum().backward()
    assert seen == [(1,)]


def test_other_names_of_changes_in_place():
    x = izvod.tensor([-2.0, 1.0, 3.0])
    y = x.clip_(-1, 2).negative_().subtract_(1).multiply_(2).divide_(4)
    assert y is x and x.tolist() == [0.0, -1.0, -1.5]
    assert x.is_cpu and x.get_device() == -1


def joined_by_hand(xs, dim):
    """cat by assignment to slices."""
    sizes = list(xs[0].shape)
    sizes[dim] = sum(x.shape[dim] for x in xs)
    y = izvod.full(sizes, -1.0)
    at = 0
    for x in xs:
        y.narrow(dim, at, x.shape[dim]).copy_(x)
        at += x.shape[dim]
    return y


@pytest.mark.parametrize("lengths", [(1, 1), (3, 0, 2), (33, 100, 1), (500, 500), (1, 20000)])
@pytest.mark.parametrize("rows", [1, 2, 70, 300])
def test_cat_by_rows(lengths, rows):
    whole = izvod.randn(rows + 1, sum(lengths) + 1)
    xs = [izvod.randn(rows, n) for n in lengths]
    views = [whole[1:, :n] for n in lengths]  # not dense, and away from the storage's start
    dense = [izvod.randn(rows + 1, n)[1:] for n in lengths]
    for group in (xs, views, dense, [xs[0], *views[1:]]):
        assert izvod.equal(izvod.cat(group, 1), joined_by_hand(group, 1))
        folded = [x.reshape(1, rows, -1, 1) for x in group]
        assert izvod.equal(izvod.cat(folded, 2), joined_by_hand(folded, 2))
    mixed = izvod.cat([xs[0], xs[1].double()], 1)
    assert izvod.equal(mixed[:, : lengths[0]], xs[0].double())


def test_cat_of_rows_at_odd_places():
    """Rows of bytes that start anywhere; leading dimensions that are one, and two, distances."""
    x = izvod.arange(3 * 8 * 301).reshape(3, 8, 301).remainder(251).to(izvod.uint8)
    for group in (
        [x[:, :, 298:], x[:, :, :298]],
        [x[:, 1:5, 7:200], x[:, 2:6, 3:]],
        [x[:, 1:5, 7:200], x[:, ::2, 3:]],
        [x[:1].expand(3, 8, 301), x],
    ):
        expected = joined_by_hand([part.float() for part in group], 2)
        assert izvod.equal(izvod.cat(group, 2).float(), expected)
    assert izvod.equal(x.roll(3, 2)[:, :, 3:], x[:, :, :298])


def test_cat_of_many_bytes():
    xs = [izvod.randn(6000, n) for n in (500, 700, 129)]  # past the caches
    assert izvod.equal(izvod.cat(xs, 1), joined_by_hand(xs, 1))


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "float16"])
@pytest.mark.parametrize("shape", [(1050, 2111), (4099, 4211), (2, 1301, 7203), (17, 1_000_003)])
def test_transposed_copy_of_many_bytes(shape, dtype):
    numpy = pytest.importorskip("numpy")
    x = numpy.random.default_rng(0).integers(0, 100, shape).astype(dtype)  # past the caches
    for part in (x, x[..., 3:, 5:]):
        copied = izvod.from_numpy(part).transpose(-1, -2).contiguous()
        assert copied.is_contiguous()
        numpy.testing.assert_array_equal(copied.numpy(), part.swapaxes(-1, -2))


@pytest.mark.parametrize("name", ["izvod", "torch"])
def test_shapes_broadcast(name):
    lib = pytest.importorskip(name, reason="torch, whose results these are, is absent")
    for shapes, expected in (
        ((), ()),
        (((2, 3),), (2, 3)),
        (((3, 3),), (3, 3)),
        (((3, 1), (2,)), (3, 2)),
        ((2, 1), (2,)),
        (((0, 1), (1, 4), ()), (0, 4)),
    ):
        assert tuple(lib.broadcast_shapes(*shapes)) == expected
    assert [x.shape for x in lib.broadcast_tensors(lib.ones(3, 3))] == [(3, 3)]
    assert [x.shape for x in lib.broadcast_tensors(lib.ones(3, 1), lib.ones(2))] == [(3, 2)] * 2
    with pytest.raises(RuntimeError):
        lib.broadcast_shapes((2, 3), (2,))
