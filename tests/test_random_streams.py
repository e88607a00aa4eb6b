"""The generator: golden vectors that need no torch, seeds, states, copies, threads, instruction
sets.
"""

import copy
import hashlib
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import izvod
import pytest
from random_calls import bits, names, needs_torch, state, torch

# What torch 2.13.0 gives right after manual_seed(123), as the elements' bytes.
GOLDEN = {
    "torch.rand(4)": "fc9b973e6d3d043ffcda803e4245303f",
    "torch.rand(3, dtype=torch.float64)": "da7a086dfd9bd73f8050116c9b5f8b3f62d4ddb0dcefe23f",
    "torch.rand(4, dtype=torch.bfloat16)": "983e043f813e303f",
    "torch.rand(4, dtype=torch.float16)": "bd34223807348239",
    "torch.zeros(3).uniform_(-0.37, 1.91)": "af3a9c3e7dc94e3f5eb3503e",
    "torch.randn(3)": "df48e4bdd980f63dbc40bdbe",
    "torch.randn(3, dtype=torch.float64)": "15e148e31b89bcbf6784601c1bd0be3f664ac37f17a8d7bf",
    "torch.randn(16)[:9:2]": "c9bbac3ef8679bbe617cb23eafe860be2161443f",
    "torch.randn(17)[-2:]": "76c235c026ec48bf",
    "torch.randn(16, dtype=torch.float64)[::8]": "b55f04d4bb1ced3fdc3838120882d3bf",
    "torch.randn(17, dtype=torch.bfloat16)[-2:]": "22bf36c0",
    "torch.randn(17, dtype=torch.float16)[:3]": "6635eeac15bc",
    "torch.randn(4, 5).t().normal_()[0]": "d319f1bee5ec63bfe6a83abfcca2523e",
    "torch.zeros(16).normal_(0.7, 0.013)[:4]": "a152343fbd9b323f9a30323f3b3e313f",
    "torch.randint(0, 10, (10,), dtype=torch.uint8)": "02090200000206070904",
    "torch.randint(0, 2**28, (3,))": "6d3d8406000000004245b00d0000000062d4dd0000000000",
    "torch.zeros(2, dtype=torch.int64).random_()": "6d3d84b6fecd4b324245b06d7e6d4049",
    "torch.zeros(4).random_(3, 100)": "0000c4420000d8410000404200001042",
    "torch.randperm(10, dtype=torch.uint8)": "02000801030704090506",
    "torch.zeros(10, dtype=torch.bool).bernoulli_(0.5)": "01010001010000000001",
    "torch.bernoulli(torch.full((10,), 0.5)).bool()": "01000100010001010100",
    "torch.zeros(3).exponential_()": "66aaeb3ee2765c3cec5c653f",
    "torch.zeros(3).cauchy_()": "86acdfbe6b68bec115dc973e",
    "torch.zeros(3).log_normal_()": "86340b40e2515d40e220a63f",
    "torch.zeros(6, dtype=torch.uint8).geometric_(0.3)": "030d02070302",
    "torch.normal(torch.ones(3), torch.full((3,), 0.5))": "72bb713f07b4873fd1af503f",
    "torch.poisson(torch.full((6,), 3.0)).byte()": "010204020104",
    "torch.poisson(torch.full((6,), 50.0)).byte()": "2f343134413a",
    "torch.binomial(torch.full((6,), 40.0), torch.full((6,), 0.4)).byte()": "0f1110111613",
    "torch._standard_gamma(torch.full((3,), 0.5))": "3051a73f3921b83e2d61e73d",
    "torch._sample_dirichlet(torch.tensor([0.5, 1.0, 2.0]))": "093e043fa64d9a3e8f6c3a3e",
    "torch.multinomial(torch.tensor([1.0, 2, 3, 4]), 6, True).byte()": "020002000202",
    "torch.multinomial(torch.tensor([1.0, 2, 3, 4]), 4).byte()": "01030200",
    "F.dropout(torch.ones(10), 0.4)[:4]": "5555d53f5555d53f5555d53f5555d53f",
    "F.dropout(torch.ones(10), 0.4).bool()": "01010101010100010001",
    "F.dropout1d(torch.ones(2, 5, 3), 0.5)[:, :, 0].bool()": "01010001010000000001",
    "F.alpha_dropout(torch.ones(3), 0.5, True)": "5832d53f5832d53f417947bf",
    "F.rrelu(torch.full((3,), -1.0), training=True)": "a2b24ebef6d902be153f7ebe",
    "nn.Linear(3, 2).weight": "781471beefaa9c3c5dd092bebaf35e3ecddefbbeb2b0d83e",
    "nn.Embedding(4, 5).weight[0]": "c9bbac3e3b0b36bef8679bbef28716bf365dca3f",
    "nn.init.trunc_normal_(torch.zeros(3), std=0.02)": "281a12bb1ac31d3b613ef2bb",
    "nn.init.xavier_uniform_(torch.zeros(3, 2))[0]": "63b5e4bec8a0143d",
    "nn.init.kaiming_normal_(torch.zeros(3, 2))[0]": "df48e4bdd980f63d",
    "nn.init.sparse_(torch.zeros(4, 2), 0.5)[::3]": "281a92ba00000000864f1fbccf69f7bb",
}


@pytest.mark.parametrize("text", GOLDEN)
def test_golden_vectors(text):
    given = names(izvod)
    izvod.manual_seed(123)
    assert bits(eval(text, given)).hex() == GOLDEN[text]


# ---- Seeds and states


def test_seeds():
    assert izvod.manual_seed(5) is izvod.default_generator
    assert izvod.initial_seed() == 5
    assert izvod.manual_seed(-1).initial_seed() == 2**64 - 1
    assert izvod.manual_seed(3.7).initial_seed() == 3
    assert izvod.manual_seed("12").initial_seed() == 12
    assert izvod.Generator().initial_seed() == 67280421310721
    assert izvod.seed() == izvod.initial_seed() != izvod.seed()
    assert str(izvod.Generator("cpu").device) == "cpu"


def test_a_generator_keeps_to_itself():
    izvod.manual_seed(5)
    before = izvod.get_rng_state().tolist()
    g = izvod.Generator().manual_seed(8)
    first = [
        izvod.rand(5, generator=g).tolist(),
        izvod.zeros(3).normal_(generator=g).tolist(),
        izvod.randperm(9, generator=g).tolist(),
    ]
    assert izvod.get_rng_state().tolist() == before
    g.manual_seed(8)
    assert first == [
        izvod.rand(5, generator=g).tolist(),
        izvod.zeros(3).normal_(generator=g).tolist(),
        izvod.randperm(9, generator=g).tolist(),
    ]


@pytest.mark.parametrize(
    "make",
    [
        copy.copy,
        copy.deepcopy,
        lambda g: pickle.loads(pickle.dumps(g)),
        lambda g: g.clone_state(),
        lambda g: izvod.Generator().set_state(g.get_state()),
    ],
)
def test_copies_go_on_alike(make):
    g = izvod.Generator().manual_seed(8)
    izvod.randn(701, generator=g), izvod.randn(3, generator=g)
    h = make(g)
    assert izvod.randn(5, generator=g).tolist() == izvod.randn(5, generator=h).tolist()


def test_fork_rng():
    izvod.manual_seed(5)
    with izvod.random.fork_rng():
        inside = izvod.rand(3).tolist()
    assert izvod.rand(3).tolist() == inside
    before = state(izvod)
    with izvod.random.fork_rng(enabled=False):
        izvod.rand(3)
    assert state(izvod) != before


def test_a_failing_body_is_undone_by_fork_rng():
    before = state(izvod.manual_seed(5) and izvod)
    with pytest.raises(KeyError), izvod.random.fork_rng():
        izvod.randn(3)
        raise KeyError
    assert state(izvod) == before


@needs_torch
def test_states_pass_between_izvod_and_torch():
    torch.manual_seed(7)
    torch.randn(700), torch.randn(3)
    izvod.set_rng_state(izvod.tensor(torch.get_rng_state().tolist(), dtype=izvod.uint8))
    assert bits(izvod.randn(4)) == bits(torch.randn(4))
    izvod.rand(1000)
    torch.set_rng_state(torch.tensor(izvod.get_rng_state().tolist(), dtype=torch.uint8))
    assert bits(izvod.rand(700)) == bits(torch.rand(700))


@needs_torch
def test_states_pass_as_bytes():
    """Of a generator of its own, with a normal kept, through numpy and in both directions."""
    mine, theirs = izvod.Generator(), torch.Generator().manual_seed(77)
    torch.randn(701, generator=theirs), torch.randn(3, generator=theirs)
    mine.set_state(izvod.from_numpy(theirs.get_state().numpy()))
    assert mine.initial_seed() == 77 and bits(mine.get_state()) == bits(theirs.get_state())
    assert bits(izvod.randn(5, generator=mine)) == bits(torch.randn(5, generator=theirs))
    izvod.randperm(900, generator=mine)
    theirs.set_state(torch.frombuffer(bytearray(bits(mine.get_state())), dtype=torch.uint8))
    assert bits(izvod.rand(700, generator=mine)) == bits(torch.rand(700, generator=theirs))


@needs_torch
@pytest.mark.parametrize("left, after", [(10, 3), (1, 5), (600, 3), (5, 0), (2, 623), (1, 624)])
def test_states_whose_words_left_are_not_the_last(left, after):
    """torch takes the words that the state names, wherever in the block they stand."""
    torch.manual_seed(3)
    changed = bytearray(bits(torch.get_rng_state()))
    changed[8:12] = left.to_bytes(4, "little")
    changed[16:24] = after.to_bytes(8, "little")
    for lib in (izvod, torch):
        lib.set_rng_state(lib.tensor(list(changed), dtype=lib.uint8))
    for n in (3, 700, 5000):
        assert bits(izvod.rand(n)) == bits(torch.rand(n))
    assert state(izvod) == state(torch)


def test_a_state_that_names_words_beyond_its_block_changes_nothing():
    before = state(izvod)
    changed = bytearray(before)
    changed[8:12], changed[16:24] = (600).to_bytes(4, "little"), (26).to_bytes(8, "little")
    with pytest.raises(RuntimeError, match="Invalid mt19937 state"):
        izvod.set_rng_state(izvod.tensor(list(changed), dtype=izvod.uint8))
    assert state(izvod) == before


@pytest.mark.parametrize("size", [0, 5055, 5057])
def test_a_state_of_another_size_changes_nothing(size):
    g = izvod.Generator().manual_seed(8)
    before = bits(g.get_state())
    with pytest.raises(RuntimeError, match=f"size 5056 but found .* size to be {size}"):
        g.set_state(izvod.zeros(size, dtype=izvod.uint8))
    with pytest.raises(TypeError, match="RNG state must be a torch.ByteTensor"):
        g.set_state(izvod.zeros(5056))
    assert bits(g.get_state()) == before


# ---- Threads and instruction sets


def digest():
    """Of what every kernel that is cut into blocks or vectors draws, and of the state then."""
    found = hashlib.sha256()
    calls = """uniform_(-0.37,1.91) normal_(0.7,0.013) log_normal_(0.1,0.5) exponential_(2.3)
        cauchy_() geometric_(0.3) random_() random_(3,100) bernoulli_(0.3)
        bernoulli_(chance(n)) mul_(F.dropout(x,0.1)) add_(F.alpha_dropout(x,0.2,True))
        copy_(F.rrelu(x,training=True)) copy_(torch.randperm(n,dtype=torch.int64))""".split()
    izvod.manual_seed(123)
    for dtype in (izvod.float16, izvod.bfloat16, izvod.float32, izvod.float64):
        for n in (100, 100003):
            given = names(izvod) | {"n": n, "x": izvod.zeros(n, dtype=dtype)}
            for call in calls:
                eval(f"x.{call}", given)
                found.update(bits(given["x"]))
        zero, many = izvod.zeros(1, dtype=dtype), (100003,)
        for kind in ("LogNormal", "Laplace"):
            found.update(bits(getattr(izvod.distributions, kind)(zero, zero + 300).sample(many)))
        logits = izvod.zeros(1000, 40, dtype=dtype)
        found.update(bits(izvod.nn.functional.gumbel_softmax(logits, hard=True)))
    found.update(state(izvod))
    return found.hexdigest()


def test_threads_change_nothing():
    before, found = izvod.get_num_threads(), set()
    for threads in (1, 2, 3, 5):
        izvod.set_num_threads(threads)
        found.add(digest())
    izvod.set_num_threads(before)
    assert len(found) == 1


@pytest.mark.parametrize("isa", ["v2", "v3"])
def test_instruction_sets_change_nothing(isa):
    """Lower instruction sets draw what the machine's own one draws, bit for bit."""
    here = str(Path(__file__).parent)
    code = f"import sys; sys.path.insert(0, {here!r}); import test_random_streams as t"
    command = [sys.executable, "-c", code + "; print(t.digest())"]
    run = subprocess.run(command, env=os.environ | {"IZVOD_ISA": isa}, stdout=subprocess.PIPE)
    assert run.returncode == 0
    assert run.stdout.decode().strip() == digest()


def test_a_generator_may_be_shared_by_threads():
    """Every draw goes to exactly one thread: together they have what one would have drawn, and
    leave the state that it would leave.
    """
    g, start, sums = izvod.Generator().manual_seed(1), threading.Barrier(4), []
    rounds, many = 40, 100003

    def run():
        start.wait()
        x = izvod.empty(many, dtype=izvod.int64)
        for _ in range(rounds):
            sums.append(x.random_(-(2**63), None, generator=g).sum().item())  # 2 words each
            izvod.randn(2, dtype=izvod.float64, generator=g)  # 4 words

    threads = [threading.Thread(target=run) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    alone = izvod.Generator().manual_seed(1)
    words = izvod.empty(4 * rounds * (2 * many + 4), dtype=izvod.int32)
    words.random_(0, 2**27, generator=alone)
    assert bits(g.get_state()) == bits(alone.get_state())
    assert len(set(sums)) == 4 * rounds


@pytest.mark.parametrize("draw", ["uniform_", "normal_", "bernoulli_"])
def test_a_call_has_its_draws_in_a_row(draw):
    """Threads that share a generator get what calls one after the other get."""
    g, start, found = izvod.Generator(), threading.Barrier(4), []

    def call():
        return bits(getattr(izvod.empty(50001), draw)(generator=g))

    def run():
        start.wait()
        found.extend(call() for _ in range(8))

    g.manual_seed(1)
    threads = [threading.Thread(target=run) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    g.manual_seed(1)
    assert sorted(found) == sorted(call() for _ in range(32))
