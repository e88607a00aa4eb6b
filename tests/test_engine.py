"""The engine under load: long chains, nested and concurrent passes, errors and signals midway."""

import os
import resource
import subprocess
import sys
import textwrap
import threading
import time

import izvod
import izvod.nn.functional as F
import pytest

LENGTH = 1_000_000


def run(program, **options):
    """Runs a program with a stack of 512 KiB: what recurses a million times, ends."""

    def small_stack():
        resource.setrlimit(resource.RLIMIT_STACK, (512 * 1024, 512 * 1024))

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True, text=True, timeout=300, preexec_fn=small_stack, env=environment,
        **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    "step",
    [
        "y = y * w",
        "y = y.exp().log()",
        "y = y.clone().add_(1)",
        "y = F.apply(y)",
        "y = y * 1; y.register_hook(lambda g: None)",
        "z = y * 1; z.before = y; y = z; del z",
    ],
    ids=["saved inputs", "saved outputs", "in place", "custom", "hooks", "attributes"],
)
@pytest.mark.parametrize("backward", [True, False], ids=["backward", "only freed"])
def test_long_chain(step, backward):
    plain = step == "y = y * w"
    length = LENGTH if plain else LENGTH // 10
    result = run(f"""
        import izvod as torch
        class F(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                ctx.x = x
                return x * 1
            @staticmethod
            def backward(ctx, g):
                return g
        x = torch.ones(1, requires_grad=True)
        w = torch.ones(1, requires_grad=True)
        y = x
        for _ in range({length}):
            {step}
        if {backward}:
            y.sum().backward()
            assert abs(x.grad.item() - 1) < 0.2, x.grad
        del y
        print("done")
    """)
    assert result.stdout == "done\n", result.stderr[-2000:]


def test_wide_graph():
    x = izvod.ones(1, dtype=izvod.float64, requires_grad=True)
    ys = [x * i for i in range(20_000)]
    izvod.cat(ys).sum().backward()
    assert x.grad.item() == sum(range(20_000))


def test_diamonds():
    """2^60 paths: every node runs once."""
    x = izvod.ones(1, dtype=izvod.float64, requires_grad=True)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_pass_inside_a_hook():
    x = izvod.tensor([2.0], requires_grad=True)
    inner = []

    def hook(g):
        with izvod.enable_grad():
            inner.append(izvod.autograd.grad(shared * 3, x, retain_graph=True)[0].item())
            (x * 5).backward()

    shared = x * x
    y = shared * 1
    y.register_hook(hook)
    (y * shared).backward()
    assert inner == [12.0]
    assert x.grad.item() == 4 * 2.0**3 + 5


def test_deeply_nested_passes():
    depth = 50

    class Nested(izvod.autograd.Function):
        @staticmethod
        def forward(ctx, x, level):
            ctx.level = level
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            if ctx.level:
                with izvod.enable_grad():
                    Nested.apply(x.detach().requires_grad_(), ctx.level - 1).backward()
            return g * 2, None

    x = izvod.ones(1, requires_grad=True)
    Nested.apply(x, depth).backward()
    assert x.grad.item() == 2


def in_threads(count, target):
    errors = []

    def guarded(i):
        try:
            target(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


@pytest.mark.parametrize("size", [1, 300_000])
def test_threads_on_graphs_of_their_own(size):
    x = izvod.ones(size, dtype=izvod.float64, requires_grad=True)
    rounds, count = (20, 3) if size == 1 else (5, 3)

    def work(i):
        for _ in range(rounds):
            y = x
            for _ in range(20):
                y = y * 1.0 + x * 0
            y.sum().backward()

    in_threads(count, work)
    assert x.grad[0].item() == x.grad[-1].item() == rounds * count


@pytest.mark.parametrize("size", [1, 300_000])
def test_threads_on_one_graph(size):
    x = izvod.ones(size, dtype=izvod.float64, requires_grad=True)
    y = x
    for _ in range(1500 if size == 1 else 20):
        y = y * 1.0
    loss = y.sum()
    in_threads(3, lambda i: loss.backward(retain_graph=True))
    assert x.grad[0].item() == x.grad[-1].item() == 3


def test_pass_in_a_thread_that_a_hook_waits_for():
    x = izvod.ones(1, requires_grad=True)
    y = x * 2

    def hook(g):
        in_threads(1, lambda i: y.backward(retain_graph=True))

    z = y * 1
    z.register_hook(hook)
    z.backward(retain_graph=True)
    assert x.grad.item() == 4


def test_modes_belong_to_threads():
    seen = []
    with izvod.no_grad():
        in_threads(1, lambda i: seen.append(izvod.is_grad_enabled()))
    assert seen == [True] and izvod.is_grad_enabled()


def test_error_midway_leaves_everything_consistent():
    x = izvod.ones(1, requires_grad=True)
    w = izvod.ones(1, requires_grad=True)
    fail = [True]

    def hook(g):
        if fail[0]:
            raise KeyError("midway")

    y = x * 2
    y.register_hook(hook)
    loss = y * w + w * 3
    with pytest.raises(KeyError, match="midway"):
        loss.backward(retain_graph=True)
    assert izvod.is_grad_enabled()
    fail[0] = False
    x.grad = w.grad = None
    loss.backward()
    assert (x.grad.item(), w.grad.item()) == (2, 5)


def test_interrupt():
    """Ctrl-C ends a long pass, and the same graph can run afterwards."""
    result = run("""
        import os, signal, threading, time
        import izvod as torch
        x = torch.ones(1, requires_grad=True)
        y = x
        for _ in range(400_000):
            y = y * 1.0
        done = False
        def interrupt():
            time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGINT)
        thread = threading.Thread(target=interrupt)
        try:
            thread.start()
            while True:
                y.backward(retain_graph=True)
        except KeyboardInterrupt:
            print("interrupted")
        thread.join()
        x.grad = None
        y.backward()
        print(x.grad.item())
    """)
    assert result.stdout == "interrupted\n1.0\n", result.stderr[-2000:]


def test_other_threads_run_during_a_long_pass():
    x = izvod.ones(1, requires_grad=True)
    y = x
    for _ in range(300_000):
        y = y * 1.0
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    y.backward()
    end = time.perf_counter()
    stop.set()
    thread.join()
    assert sum(start < t < end for t in ticks) >= 2 or end - start < 0.05


def test_gradients_that_others_hold_are_not_changed():
    x = izvod.ones(2, requires_grad=True)
    seen = []
    y = x * 2
    y.register_hook(seen.append)
    (y + y * 3 + x).sum().backward()
    (y.detach() * x).sum().backward()
    assert seen[0].tolist() == [4.0, 4.0]
    given = izvod.ones(2)
    a, b = izvod.zeros(2, requires_grad=True), izvod.zeros(2, requires_grad=True)
    (a + b).backward(given)
    (a + b).backward(given)
    assert given.tolist() == [1.0, 1.0] and a.grad.tolist() == b.grad.tolist() == [2.0, 2.0]
    assert a.grad.data_ptr() != b.grad.data_ptr()


OPS_THAT_WRITE_OVER_THEIR_GRADIENT = {
    "gelu": F.gelu,
    "sigmoid": izvod.sigmoid,
    "layer_norm": lambda x: F.layer_norm(x, x.shape[-1:]),
    "rms_norm": lambda x: F.rms_norm(x, x.shape[-1:]),
    "softmax": lambda x: F.softmax(x, dim=-1),
    "log_softmax": lambda x: F.log_softmax(x, dim=0),
    "dropout": F.dropout,
}


class FromMemory(izvod.autograd.Function):
    """The same values; the gradient lies in memory that numpy owns."""

    @staticmethod
    def forward(ctx, x, memory):
        ctx.memory = memory
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        ctx.memory[...] = g.numpy()
        return izvod.from_numpy(ctx.memory), None


@pytest.mark.parametrize("held", ["given", "hook", "retained", "captured", "numpy", "twice"])
@pytest.mark.parametrize("op", OPS_THAT_WRITE_OVER_THEIR_GRADIENT)
def test_gradients_that_others_hold_are_not_written_over(op, held):
    izvod.manual_seed(0)
    x, g = izvod.randn(3, 4).requires_grad_(), izvod.randn(3, 4)
    before, seen = g.clone(), []
    other = x * 1
    y = OPS_THAT_WRITE_OVER_THEIR_GRADIENT[op](x)
    (wanted,) = izvod.autograd.grad(y, x, g.clone(), retain_graph=True)
    if held == "given":
        seen.append(g)
        y.backward(g)
    elif held == "hook":
        y.register_hook(seen.append)
        (y * 1).backward(g.clone())
    elif held == "retained":
        y.retain_grad()
        (y * 1).backward(g.clone())
        seen.append(y.grad)
    elif held == "captured":
        kept, x.grad = izvod.autograd.grad(y * 1, (y, x), g.clone())
        seen.append(kept)
    elif held == "numpy":
        numpy = pytest.importorskip("numpy", reason="memory of numpy's wants numpy")
        memory = numpy.zeros((3, 4), numpy.float32)
        FromMemory.apply(y, memory).backward(g.clone())
        seen.append(izvod.from_numpy(memory))
    else:  # the sum's gradient goes to both of its terms, first to the newer one
        (y + other).backward(g.clone())
        wanted, seen = wanted + g, [g]
    assert izvod.allclose(x.grad, wanted, rtol=1e-6, atol=1e-6)
    assert len(seen) == 1 and seen[0].tolist() == before.tolist()


@pytest.mark.parametrize("op", OPS_THAT_WRITE_OVER_THEIR_GRADIENT)
def test_a_gradient_that_nobody_holds_is_written_over(op):
    x, addresses = izvod.randn(3, 4).requires_grad_(), []
    y = OPS_THAT_WRITE_OVER_THEIR_GRADIENT[op](x)
    y.register_hook(lambda g: addresses.append(g.data_ptr()))
    (y * 1).backward(izvod.randn(3, 4))
    assert addresses == [x.grad.data_ptr()]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
@pytest.mark.parametrize("op", OPS_THAT_WRITE_OVER_THEIR_GRADIENT)
def test_writing_over_a_gradient_changes_no_bit(op, dtype):
    f = OPS_THAT_WRITE_OVER_THEIR_GRADIENT[op]
    for shape in ((5, 1), (3, 4), (70, 5), (40, 17), (5, 20), (64, 50), (2, 33, 100), (9, 3000)):
        izvod.manual_seed(0)
        x = izvod.randn(shape).to(getattr(izvod, dtype)).requires_grad_()
        g = izvod.randn(shape).to(x.dtype)
        y = f(x)
        (apart,) = izvod.autograd.grad(y, x, g, retain_graph=True)
        (over,) = izvod.autograd.grad(y * 1, x, g)
        assert over.equal(apart), shape


def parts_of_rows(rows, cut):
    """q, k and v, of shape (2, 3, 5, 4), from rows that hold them one behind the other."""
    if cut == "unbind":
        return rows.view(2, 5, 3, 3, 4).permute(2, 0, 3, 1, 4).unbind(0)
    parts = rows.split(12, dim=2) if cut == "split" else rows.chunk(3, dim=-1)
    return [part.view(2, 5, 3, 4).transpose(1, 2) for part in parts]


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("cut", ["split", "chunk", "unbind"])
def test_gradients_of_parts_of_rows(cut, held):
    izvod.manual_seed(0)
    rows, g = izvod.randn(2, 5, 36).requires_grad_(), izvod.randn(2, 3, 5, 4)
    alone = [x.detach().contiguous().requires_grad_() for x in parts_of_rows(rows, cut)]
    wanted = izvod.autograd.grad(F.scaled_dot_product_attention(*alone), alone, g)
    parts, seen = parts_of_rows(rows, cut), []
    for part in parts if held else ():
        part.register_hook(seen.append)
    F.scaled_dot_product_attention(*parts).backward(g)
    grads = [x.contiguous() for x in parts_of_rows(rows.grad, cut)]
    assert [x.tolist() for x in grads] == [x.tolist() for x in wanted]
    for x in seen:
        x.zero_()
    assert [x.contiguous().tolist() for x in parts_of_rows(rows.grad, cut)] == [
        x.tolist() for x in wanted
    ]


@pytest.mark.parametrize("cut", ["split", "chunk"])
def test_gradients_of_parts_of_rows_are_not_copied(cut):
    rows, addresses = izvod.randn(2, 5, 36).requires_grad_(), []
    q, k, v = parts_of_rows(rows, cut)
    q.register_hook(lambda g: addresses.append(g.data_ptr()))
    F.scaled_dot_product_attention(q, k, v).sum().backward()
    assert addresses == [rows.grad.data_ptr()]


def test_gradient_is_laid_out_as_its_tensor():
    x = izvod.ones(2, 3).t().requires_grad_()
    (x * izvod.ones(3, 2)).sum().backward()
    assert x.grad.stride() == x.stride() == (1, 3)
    z = izvod.ones(2, 3, requires_grad=True)
    z.t().contiguous().sum().backward()
    assert z.grad.stride() == (3, 1) and z.grad.tolist() == [[1.0] * 3] * 2


def test_same_as_torch_on_random_graphs():
    torch = pytest.importorskip("torch", reason="torch, whose gradients this compares, is absent")
    import random

    for seed in range(30):
        grads = []
        for lib in (izvod, torch):
            draw = random.Random(seed)
            shapes = [(3,), (2, 3), (2, 1), ()]
            leaves = [
                lib.tensor([draw.uniform(0.5, 2) for _ in range(max(1, n))], dtype=lib.float64)
                .reshape(shape)
                .requires_grad_()
                for shape, n in zip(shapes, (3, 6, 2, 0), strict=True)
            ]
            values = list(leaves)
            for _ in range(25):
                a, b = draw.choice(values), draw.choice(values)
                kind = draw.randrange(6)
                if kind == 0:
                    c = a * b
                elif kind == 1:
                    c = a + b * 0.5
                elif kind == 2:
                    c = (a / (1 + b * b)).exp() * 0.1
                elif kind == 3:
                    c = a.clone()
                    c.mul_(draw.uniform(0.5, 1))
                elif kind == 4 and a.dim() and a.numel() > 1:
                    c = a * 1
                    c[0] = a[-1] * 2
                else:
                    c = a.sum() * 0.1 + b
                values.append(c / (1 + c.detach().abs().sum()))
            sum(v.sum() for v in values).backward()
            grads.append([x.grad.reshape(-1).tolist() for x in leaves])
        for ours, theirs in zip(*grads, strict=True):
            assert ours == pytest.approx(theirs, rel=1e-12), seed
