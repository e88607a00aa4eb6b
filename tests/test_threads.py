"""Bits do not depend on the number of threads; values hardly on the instruction set."""

import math
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import izvod
import pytest
from comparing import EPS, dtype_name, far, is_tensor, parts
from izvod import nn
from op_samples import ROWS
from op_samples.recipes import DISTINCT, S, T, leaves, realised
from test_ops import over

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

THREADS = (1, 2, 3)
ENOUGH = 120_000  # elements: several blocks in every kernel
TOO_MANY = 1_500_000


@pytest.fixture(autouse=True)
def restore_threads():
    before = izvod.get_num_threads()
    yield
    izvod.set_num_threads(before)


# ---- Big samples from the rows' small ones


class Big(T):
    """The recipe with every dimension but those of 1 multiplied, drawn by izvod itself."""

    def __init__(self, recipe, factor):
        shape = [n if n < 2 else n * factor for n in recipe.shape]
        super().__init__(*shape, domain=recipe.domain, dtype=recipe.dtype, grad=recipe.grad)

    def make(self, lib, dtype, layout, op, rng):
        domain, dtype = self.domain or op.domain, getattr(lib, self.dtype or dtype)
        lib.manual_seed(rng.getrandbits(32))
        if domain == DISTINCT:
            n = math.prod(self.shape)
            return ((lib.randperm(n) - n // 2) * 0.5).reshape(self.shape).to(dtype)
        if dtype == lib.bool:
            return lib.rand(self.shape) > 0.5
        low, high = rng.choice(domain)
        return (low + (high - low) * lib.rand(self.shape)).to(dtype)


def recipes(sample):
    found = []

    def walk(r):
        if isinstance(r, T):
            found.append(r)
        elif isinstance(r, (list, tuple)):
            for e in r:
                walk(e)

    walk([*sample.args, *sample.kwargs.values()])
    return found


def elements(recipe, factor=1):
    return math.prod(n if n < 2 else n * factor for n in recipe.shape)


def broadcast_elements(recipes, factor):
    dims = max(len(r.shape) for r in recipes)
    shapes = [(1,) * (dims - len(r.shape)) + r.shape for r in recipes]
    return math.prod(n if n < 2 else n * factor for n in map(max, zip(*shapes, strict=True)))


def enlarged(sample):
    """The sample with as many elements as it takes, or None if it has no tensor that can grow."""
    growing = [r for r in recipes(sample) if elements(r) > 1]
    if not growing:
        return None
    vectors = len(growing) > 1 and all(len(r.shape) < 2 for r in growing)
    factor = 1
    while max(elements(r, factor) for r in growing) < ENOUGH:
        factor += 1 + factor // 16
        if vectors and factor > 200:  # whose product has elements enough
            break
    if broadcast_elements(growing, factor) > TOO_MANY:
        return None

    def grown(r):
        if isinstance(r, T):
            return Big(r, factor)
        return type(r)(grown(e) for e in r) if isinstance(r, (list, tuple)) else r

    kwargs = {k: grown(r) for k, r in sample.kwargs.items()}
    return S(*map(grown, sample.args), **kwargs)


def big_samples(op):
    if isinstance(op.blocks, list):
        return op.blocks
    samples = [enlarged(s) for s in op.samples]
    samples = [s for s in samples if s]
    samples.sort(key=lambda s: -max(len(r.shape) for r in recipes(s)))
    return [s for s in samples if runs(op, s)][:2]


def runs(op, sample):
    """Not all arguments grow alike: shapes and lists of places given as numbers do not."""
    try:
        results(op, sample)
    except (RuntimeError, IndexError, ValueError):
        return False
    return True


def arguments(op, sample):
    rng = random.Random(op.name)
    args = [realised(a, izvod, "float32", "contiguous", op, rng) for a in sample.args]
    kwargs = {
        k: realised(a, izvod, "float32", "contiguous", op, rng) for k, a in sample.kwargs.items()
    }
    return args, kwargs


def tensors_of(lib, op, sample, args, kwargs):
    """All results, and the gradients of their sums with weights."""
    xs = leaves(sample.args, args) + leaves(sample.kwargs, kwargs) if op.grad else []
    xs = [x.requires_grad_() for x in xs]
    ys = parts(op.function(lib)(*args, **kwargs))
    tensors = [y for y in ys if is_tensor(y)]
    roots = [y for y in tensors if y.requires_grad]
    if not roots:
        return tensors or ys
    weights = [lib.arange(y.numel()).reshape(y.shape).remainder(17).to(y.dtype) for y in roots]
    grads = lib.autograd.grad(roots, xs, weights, allow_unused=True)
    return [*tensors, *(g for g in grads if g is not None)]


def results(op, sample):
    found = tensors_of(izvod, op, sample, *arguments(op, sample))
    return [x.detach()._to_bytes() if is_tensor(x) else x for x in found]


@over(lambda op: op.blocks)
def test_ops(op):
    samples = big_samples(op)
    assert samples, f"{op.name} has no sample that grows: give its row `blocks`"
    for sample in samples:
        izvod.set_num_threads(THREADS[0])
        expected = results(op, sample)
        for threads in THREADS[1:]:
            izvod.set_num_threads(threads)
            assert results(op, sample) == expected, f"{op.name}{sample}: {threads} threads"


def in_torch(x, torch):
    """The argument, with torch's tensors and dtypes in place of izvod's."""
    if isinstance(x, (list, tuple)):
        return type(x)(in_torch(e, torch) for e in x)
    if isinstance(x, izvod.dtype):
        return getattr(torch, str(x).split(".")[-1])
    return torch.from_numpy(x.detach().numpy().copy()) if is_tensor(x) else x


def array(x):
    """In numpy, which has no bfloat16."""
    return (x.float() if dtype_name(x) == "bfloat16" else x).detach().numpy()


def unlike(numpy, ours, theirs, scale):
    """How a large tensor differs from torch's, or None."""
    if dtype_name(ours) != dtype_name(theirs) or tuple(ours.shape) != tuple(theirs.shape):
        return f"{dtype_name(ours)}{tuple(ours.shape)}, torch gives {theirs.dtype}{theirs.shape}"
    a, b = array(ours), array(theirs)
    if a.dtype.kind != "f":
        wrong = a != b
    else:
        scale = numpy.abs(b[numpy.isfinite(b)]).max(initial=scale)
        wrong = ~numpy.isclose(a, b, rtol=1e-4, atol=2e-6 * scale, equal_nan=True)
    if not wrong.any():
        return None
    at = tuple(map(int, numpy.argwhere(wrong)[0]))
    return f"{wrong.sum()} of {a.size} differ, at {at} {a[at]}, torch gives {b[at]}"


@over(lambda op: op.blocks)
def test_values_against_torch(op):
    """At these sizes the kernels work in blocks, with vectors and threads."""
    torch = pytest.importorskip(
        "torch", reason="torch, whose results this compares with, is absent"
    )
    numpy = pytest.importorskip("numpy")
    problems = []
    for sample in big_samples(op)[:1]:
        args, kwargs = arguments(op, sample)
        others = in_torch(args, torch), {k: in_torch(x, torch) for k, x in kwargs.items()}
        ours = tensors_of(izvod, op, sample, args, kwargs)
        theirs = tensors_of(torch, op, sample, *others)
        for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            if not is_tensor(other):
                text = None if mine == other else f"{mine}, torch gives {other}"
            else:
                with numpy.errstate(all="ignore"):
                    text = unlike(numpy, mine, other, op.scale)
            problems += [f"{op.name}{sample}, tensor {number}: {text}"] if text else []
    assert not problems, "\n".join(problems)


# ---- Training


def train(make, threads):
    izvod.set_num_threads(threads)
    izvod.manual_seed(11)
    model, loss = make()
    optimizer = izvod.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(value.item())
    return losses, [p.detach()._to_bytes() for p in model.parameters()]


def mlp():
    x, target = izvod.randn(600, 200), izvod.randint(10, (600,))
    model = nn.Sequential(
        nn.Linear(200, 400), nn.ReLU(), nn.Dropout(0.1), nn.LayerNorm(400), nn.Linear(400, 10)
    )
    return model, lambda: nn.functional.cross_entropy(model(x), target)


def gpt():
    from izvod.examples.gpt.config import GPTConfig
    from izvod.examples.gpt.model import GPT

    config = GPTConfig(
        vocab_size=65,
        context_length=64,
        emb_dim=128,
        n_heads=4,
        n_layers=2,
        drop_rate=0.1,
        qkv_bias=False,
    )
    model = GPT(config)
    tokens = izvod.randint(65, (12, 65))

    def loss():
        logits = model(tokens[:, :-1])
        return nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())

    return model, loss


@pytest.mark.parametrize("make", [mlp, gpt])
def test_training(make):
    expected = train(make, THREADS[0])
    for threads in THREADS[1:]:
        assert train(make, threads) == expected, f"{threads} threads"


# ---- Instruction sets


def all_results():
    """The results of all rows' samples: for each a list of (dtype, numbers)."""
    found = {}
    for k, op in enumerate(ROWS):
        for j, sample in enumerate(op.samples):
            args, kwargs = sample.make(izvod, op)
            ys = [y for y in parts(op.function(izvod)(*args, **kwargs)) if is_tensor(y)]
            found[op.name, k, j] = [
                (str(y.dtype)[6:], y.double().flatten().tolist()) for y in map(izvod.detach, ys)
            ]
    return found


@pytest.mark.parametrize("isa", ["v2", "v3"])
def test_instruction_sets(isa):
    """Lower instruction sets give what the machine's own one gives, but for rounding."""
    here = Path(__file__).parent
    code = (
        f"import sys, pickle, warnings; sys.path.insert(0, {str(here)!r})\n"
        "warnings.simplefilter('ignore')\n"
        "from test_threads import all_results\n"
        "sys.stdout.buffer.write(pickle.dumps(all_results()))"
    )
    env = os.environ | {"IZVOD_ISA": isa}
    output = subprocess.run([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE)
    assert output.returncode == 0
    basic, native = pickle.loads(output.stdout), all_results()
    problems = []
    for k, op in enumerate(ROWS):
        for j, sample in enumerate(op.samples):
            pairs = zip(basic[op.name, k, j], native[op.name, k, j], strict=True)
            for (dtype, mine), (_, other) in pairs:
                tolerance = 2 * op.ulps * EPS.get(dtype, 0)
                if any(far(a, b, tolerance, op.scale) for a, b in zip(mine, other, strict=True)):
                    problems.append(f"{op.name}{sample}: {mine}, not {other}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("first, second", [("float32", "float64"), ("float64", "float32")])
def test_parts_that_threads_keep_are_of_this_product(first, second):
    """Threads keep what they packed last; the first products of a process in each dtype are alike
    in all but their numbers."""
    code = f"""
import izvod
for dtype in (izvod.{first}, izvod.{second}):
    x = izvod.randn(300, 166, dtype=dtype)
    for a, b in ((x, x.T), (x.T.contiguous().T, x.T.contiguous())):
        rows = izvod.stack([(row * b.T).sum(-1) for row in a])
        assert (a @ b - rows).abs().max() < 1e-3
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- When threads start


SMALL_WORK = """
net = nn.Sequential(nn.Linear(10, 5), nn.ReLU(), nn.Linear(5, 1), nn.Sigmoid())
optimizer = izvod.optim.SGD(net.parameters(), lr=0.01)
for _ in range(3):
    izvod.ones(1000) + izvod.ones(1000)
    izvod.randn(16, 16) @ izvod.randn(16, 16)
    izvod.softmax(izvod.randn(8, 100), dim=-1)
    optimizer.zero_grad()
    nn.BCELoss()(net(izvod.randn(1, 10)), izvod.ones(1, 1)).backward()
    optimizer.step()
"""
LARGE_WORK = {
    "add": "izvod.ones(3_000_000) + izvod.ones(3_000_000)",
    "matmul": "izvod.randn(512, 512) @ izvod.randn(512, 512)",
    "softmax": "izvod.softmax(izvod.randn(3000, 1000), dim=-1)",
}


def threads_started(work, set_threads=None, **environment):
    """How many threads this work adds to a fresh process."""
    code = f"""
import os, izvod
from izvod import nn
threads = lambda: len(os.listdir("/proc/self/task"))
if {set_threads}: izvod.set_num_threads({set_threads})
before = threads()
{work}
print(threads() - before)
"""
    env = os.environ | environment
    return int(subprocess.run([sys.executable, "-c", code], env=env, stdout=-1, check=True).stdout)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="a process's threads are counted in /proc"
)


@needs_proc
def test_small_work_starts_no_thread():
    assert threads_started(SMALL_WORK, 2) == 0


@needs_proc
@pytest.mark.parametrize("name", LARGE_WORK)
def test_large_work_starts_as_many_threads_as_allowed(name):
    work = LARGE_WORK[name]
    assert threads_started(work, 2) == 1
    assert threads_started(work, OMP_NUM_THREADS="2") == 1
    assert threads_started(work, 1) == threads_started(work, 1, OMP_NUM_THREADS="2") == 0
    assert threads_started(work, OMP_NUM_THREADS="1") == 0
