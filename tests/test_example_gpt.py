"""The example GPT, run as a user runs it, with a model small enough to train in a blink."""

import json
import math
import os
import re
import signal
import subprocess
import sys

import izvod
import pytest

pytest.importorskip("tqdm", reason="the example's progress bar")
pytest.importorskip("matplotlib", reason="the example's loss curve")

from izvod.examples.gpt import cli  # noqa: E402
from izvod.examples.gpt.config import PRESETS, GPTConfig, SampleConfig, TrainConfig  # noqa: E402
from izvod.examples.gpt.errors import InputError  # noqa: E402
from izvod.examples.gpt.generate import generate, pick  # noqa: E402
from izvod.examples.gpt.model import GPT  # noqa: E402

SMALL = (
    "--context-length 16 --emb-dim 16 --n-heads 2 --n-layers 2 --drop-rate 0.2 --batch-size 4"
    " --lr 1e-2 --warmup-steps 2 --eval-every 10 --tokens 20"
).split()


@pytest.fixture
def text(tmp_path):
    animals, verbs = ("cat", "dog", "hen"), ("sees", "hears", "likes")
    lines = [f"The {a} {v} the {b}.\n" for a in animals for v in verbs for b in animals]
    path = tmp_path / "animals.txt"
    path.write_text("".join(lines) * 4, encoding="utf-8")
    return str(path)


@pytest.fixture
def gpt(tmp_path, text, capsys):
    """Calls the program in this process; returns its status and what it printed."""

    def call(*args, out="run", text=text):
        status = cli.main(["--out", str(tmp_path / out), "--text", text, *map(str, args)])
        return status, capsys.readouterr()

    return call


@pytest.fixture
def saved(gpt, tmp_path):
    """A folder with the checkpoint of ten steps."""
    assert gpt(*SMALL, "--steps", 10)[0] == 0
    return tmp_path / "run"


def checkpoint(folder):
    return izvod.load(folder / "checkpoint.safetensors")


def leaves(tree, path="state"):
    """(path, value) of everything in nested dicts and lists; tensors as lists of numbers."""
    if isinstance(tree, dict):
        return [leaf for key in tree for leaf in leaves(tree[key], f"{path}.{key}")]
    if isinstance(tree, (list, tuple)):
        return [leaf for i, item in enumerate(tree) for leaf in leaves(item, f"{path}[{i}]")]
    return [(path, tree.tolist() if isinstance(tree, izvod.Tensor) else tree)]


def assert_refused(result, *words):
    """Exit status 2 and one line that has the words in it."""
    status, printed = result
    assert status == 2
    assert re.fullmatch(r"gpt: error: [^\n]+\n", printed.err.splitlines(keepends=True)[-1])
    for word in words:
        assert word in printed.err
    assert "Traceback" not in printed.err


# --- training -----------------------------------------------------------------------------------


def test_training_lowers_the_loss_and_writes_text_and_a_curve(gpt, tmp_path):
    status, printed = gpt(*SMALL, "--steps", 60, "--prompt", "The ", "--tokens", 30)
    assert status == 0
    state = checkpoint(tmp_path / "run")
    losses = state["train_losses"]
    assert len(losses) == state["step"] == 60
    assert sum(losses[-5:]) < 0.75 * sum(losses[:5])
    assert [step for step, _ in state["val_losses"]] == [10, 20, 30, 40, 50, 60]
    assert state["val_losses"][-1][1] < state["val_losses"][0][1]

    assert "step     60  loss" in printed.out and "validation" in printed.out
    assert re.search(r"tok/s.*loss=", printed.err)
    sample = printed.out.split("\n\n", 1)[1]
    assert sample.startswith("The ") and len(sample) == len("The ") + 30 + len("\n")
    png = (tmp_path / "run" / "loss.png").read_bytes()
    assert png.startswith(b"\x89PNG") and b"IEND" in png[-12:]
    assert sorted(os.listdir(tmp_path / "run")) == ["checkpoint.safetensors", "loss.png"]


def test_resumed_run_equals_an_uninterrupted_one(gpt, tmp_path):
    gpt(*SMALL, "--steps", 20, out="whole")
    gpt(*SMALL, "--steps", 10, out="parts")
    izvod.manual_seed(99)  # what went on in between must not matter
    status, printed = gpt("--resume", "--steps", 20, out="parts")
    assert status == 0 and "step 10 of 20" in printed.out
    whole, parts = checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "parts")
    assert leaves(parts) == leaves(whole)


def test_resume_where_no_validation_was_due(gpt, tmp_path):
    gpt(*SMALL, "--steps", 20, out="whole")
    gpt(*SMALL, "--steps", 7, out="parts")
    gpt("--resume", "--steps", 13, out="parts")
    gpt("--resume", "--steps", 20, out="parts")
    whole, parts = checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "parts")
    for key in ("train_losses", "model", "optimizer", "rng"):
        assert leaves(parts[key]) == leaves(whole[key]), key
    assert parts["val_losses"][-1] == whole["val_losses"][-1]


def test_seed_decides_everything(gpt, tmp_path):
    texts = {}
    for out, seed in (("a", 3), ("b", 3), ("c", 4)):
        texts[out] = gpt(*SMALL, "--steps", 5, "--seed", seed, out=out)[1].out.split("\n\n", 1)[1]
    assert texts["a"] == texts["b"] != texts["c"]
    a, b, c = (leaves(checkpoint(tmp_path / out)["model"]) for out in "abc")
    assert a == b != c


def test_checkpoint_is_a_safetensors_file_with_the_names_of_the_model(saved):
    safetensors = pytest.importorskip("safetensors", reason="reads the file independently")
    with safetensors.safe_open(saved / "checkpoint.safetensors", "numpy") as file:
        names = set(file.keys())
        assert "izvod gpt" in file.metadata()["izvod"]
    assert {"model.tok_emb.weight", "model.blocks.1.att.qkv.weight", "rng.global"} <= names


def test_python_documentation_is_the_default_text(tmp_path, capsys):
    status = cli.main(["--out", str(tmp_path), *SMALL, "--steps", "1", "--tokens", "0"])
    assert status == 0
    assert "Python's own documentation" in capsys.readouterr().out
    assert checkpoint(tmp_path)["text"]["path"] is None


def test_learning_rate_rises_falls_and_does_not_depend_on_the_steps():
    config = TrainConfig(lr=1.0, warmup_steps=10, decay_steps=110)
    rates = [config.lr_at(step) for step in range(200)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == rates[10] == 1.0
    assert rates[10:111] == sorted(rates[10:111], reverse=True)
    assert rates[60] == pytest.approx(0.55) and rates[110:] == pytest.approx([0.1] * 90)
    longer = TrainConfig(steps=9999, lr=1.0, warmup_steps=10, decay_steps=110)
    assert [longer.lr_at(step) for step in range(200)] == rates


# --- the model ----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"qkv_bias": True}, {"tie_weights": False}])
def test_model_sees_only_the_past(options):
    izvod.manual_seed(0)
    model = GPT(GPTConfig(11, 8, 12, 3, 2, **options)).eval()
    tokens = izvod.randint(11, (2, 8))
    changed = tokens.clone()
    changed[:, 5] = (changed[:, 5] + 1) % 11
    with izvod.no_grad():
        before, after = model(tokens), model(changed)
    assert before.shape == (2, 8, 11)
    assert (before[:, :5] - after[:, :5]).abs().max().item() < 1e-6
    assert (before[:, 5:] - after[:, 5:]).abs().max().item() > 1e-4


def test_fresh_model_is_undecided():
    izvod.manual_seed(0)
    model = GPT(GPTConfig(50, 16, 32, 4, 2))
    loss = izvod.nn.functional.cross_entropy(
        model(izvod.randint(50, (4, 16))).view(-1, 50), izvod.randint(50, (64,))
    )
    assert loss.item() == pytest.approx(math.log(50), abs=0.2)


def test_presets():
    assert list(PRESETS) == ["tiny", "small", "medium", "124M"]
    gpt2 = PRESETS["124M"][0]
    assert gpt2 == GPTConfig(50257, 1024, 768, 12, 12, 0.1, False)


# --- generation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("context", [1, 2, 7, 16])
def test_cache_does_not_change_the_text(context):
    izvod.manual_seed(0)
    model = GPT(GPTConfig(20, context, 12, 3, 2, tie_weights=False))
    for p in model.parameters():  # a model with opinions
        p.data.mul_(2)

    def write(cache):
        sample = SampleConfig(tokens=40, cache=cache)
        return list(generate(model, [3, 1, 4], sample, 15, izvod.Generator().manual_seed(5)))

    assert write(cache=True) == write(cache=False)
    assert len(set(write(cache=True))) > 3 and max(write(cache=True)) < 15


def test_program_writes_the_same_text_without_cache(saved, gpt):
    with_cache = gpt("--resume", "--tokens", 50)[1].out
    assert with_cache == gpt("--resume", "--tokens", 50, "--no-cache")[1].out
    assert with_cache != gpt("--resume", "--tokens", 50, "--seed", 2)[1].out


def test_cached_tokens_ask_the_system_for_no_memory():
    """Blocks of tensors and nodes, that is; Python's own small objects are not counted."""
    context, warm = 48, 3
    model = GPT(GPTConfig(65, context, 128, 4, 4))
    requests = []
    for _ in generate(model, [0], SampleConfig(tokens=3 * context), 65, izvod.Generator()):
        requests.append(izvod._C._memory_stats()["requests"])
    # The first cache lives until a second one has taken its place, where the context is full.
    full = context - 1
    assert requests[warm:full] == [requests[warm]] * (full - warm)
    assert requests[full + warm :] == [requests[-1]] * (len(requests) - full - warm)

    izvod.empty(izvod._C._memory_stats()["idle"] // 4 + (1 << 24))  # more than lies idle
    assert izvod._C._memory_stats()["requests"] > requests[-1]


def test_pick():
    logits = izvod.tensor([0.0, 3.0, 1.0, 2.0])
    generator = izvod.Generator().manual_seed(1)
    assert pick(logits, 0, 0, generator) == 1
    assert pick(logits, 1e-30, 0, generator) == 1
    assert {pick(logits, 1.0, 1, generator) for _ in range(20)} == {1}
    assert {pick(logits, 5.0, 2, generator) for _ in range(60)} == {1, 3}
    assert {pick(logits, 5.0, 0, generator) for _ in range(200)} == {0, 1, 2, 3}
    assert {pick(logits, 5.0, 9, generator) for _ in range(200)} == {0, 1, 2, 3}


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--steps", "many"], ["--steps", "many"]),
        (["--steps", "0"], ["steps", "at least 1", "0"]),
        (["--batch-size", "-3"], ["batch_size", "-3"]),
        (["--lr", "nan"], ["lr", "nan"]),
        (["--lr", "-1"], ["lr", "-1"]),
        (["--drop-rate", "1"], ["drop_rate", "1.0"]),
        (["--n-heads", "3"], ["n_heads 3", "emb_dim 16"]),
        (["--emb-dim", "0"], ["emb_dim", "0"]),
        (["--seed", "-1"], ["seed", "-1"]),
        (["--temperature", "-0.5"], ["temperature", "-0.5"]),
        (["--tokens", "-1"], ["tokens", "-1"]),
        (["--top-k", "-1"], ["top_k", "-1"]),
        (["--vocab-size", "3"], ["animals.txt", "characters", "3"]),
        (["--config", "huge"], ["huge", "tiny"]),
        (["--prompt", "The \N{SNOWMAN}"], ["\N{SNOWMAN}", "prompt"]),
        (["--context-length", "500"], ["animals.txt", "too short", "500"]),
        (["--colour", "red"], ["--colour"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("--") else "",
)
def test_bad_arguments(gpt, tmp_path, args, words):
    assert_refused(gpt(*SMALL, *args), *words)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["No such file"]),
        (b"", ["empty"]),
        (b" \n\n ", ["empty"]),
        (b"\xef\xbb\xbf", ["empty"]),
        (b"abc \xff def" * 100, ["UTF-8", "byte 4"]),
        (b"Too short for the context.", ["too short", "16"]),
    ],
    ids=["missing", "empty", "blank", "only a byte order mark", "not UTF-8", "short"],
)
def test_bad_text(gpt, saved, content, words):
    path = saved.parent / "bad.txt"
    if content is not None:
        path.write_bytes(content)
    before = (saved / "checkpoint.safetensors").read_bytes()
    assert_refused(gpt(*SMALL, text=str(path)), "bad.txt", *words)
    assert (saved / "checkpoint.safetensors").read_bytes() == before


def test_text_is_a_folder(gpt, tmp_path):
    assert_refused(gpt(*SMALL, text=str(tmp_path)), str(tmp_path), "directory")


def test_out_is_a_file(gpt, tmp_path):
    (tmp_path / "run").write_text("precious")
    assert_refused(gpt(*SMALL), str(tmp_path / "run"), "File exists")
    assert (tmp_path / "run").read_text() == "precious"


def test_nothing_to_resume(gpt):
    assert_refused(gpt("--resume"), "run/checkpoint.safetensors", "no checkpoint")


def plain_safetensors(whole):
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return len(header).to_bytes(8, "little") + header + b"\0\0\0\0"


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda whole: b"", "empty"),
        (lambda whole: whole[:5], "truncated"),
        (lambda whole: whole[:1000], "truncated"),
        (lambda whole: whole[:-1], "truncated"),
        (lambda whole: b"# A diary\n" * 100, "not a safetensors"),
        (plain_safetensors, "not a checkpoint of this program"),
        (lambda whole: whole.replace(b"izvod gpt 1", b"izvod gpt 0"), "not a checkpoint"),
        (lambda whole: whole.replace(b"mlp.fc.bias", b"mlp.fc.bios"), "does not fit"),
    ],
    ids="empty head header tail foreign plain version names".split(),
)
def test_bad_checkpoint(gpt, saved, damage, word):
    path = saved / "checkpoint.safetensors"
    bad = damage(path.read_bytes())
    path.write_bytes(bad)
    assert_refused(gpt("--resume", "--steps", 20), str(path), word)
    assert path.read_bytes() == bad


def test_checkpoint_of_another_shape(gpt, saved):
    path = saved / "checkpoint.safetensors"
    before = path.read_bytes()
    assert_refused(gpt("--resume", "--emb-dim", 32), str(path), "emb_dim 16, not 32")
    assert_refused(gpt("--resume", "--config", "small"), str(path), "not 128")
    assert gpt("--resume", "--config", "tiny", *SMALL)[0] == 0
    assert path.read_bytes() == before


def test_checkpoint_of_another_text(gpt, saved, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("Nothing about animals in here, only plants. " * 30)
    before = (saved / "checkpoint.safetensors").read_bytes()
    assert_refused(gpt("--resume", text=str(other)), "checkpoint.safetensors", "other.txt")
    assert (saved / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "loss.png"])
def test_full_disk_leaves_the_old_file(gpt, saved, monkeypatch, name):
    before = (saved / name).read_bytes()
    replace = os.replace

    def fail(source, target):
        if str(target).endswith(name):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    assert_refused(gpt("--resume", "--steps", 20), name, "No space left")
    assert (saved / name).read_bytes() == before
    assert sorted(os.listdir(saved)) == ["checkpoint.safetensors", "loss.png"]


def test_diverging_training_keeps_the_checkpoint(gpt, saved):
    before = (saved / "checkpoint.safetensors").read_bytes()
    assert_refused(gpt("--resume", "--lr", 1e30, "--steps", 20), "loss is nan", "--lr")
    assert (saved / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.parametrize("name", ["tqdm", "matplotlib"])
def test_missing_extra(gpt, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    assert_refused(gpt(*SMALL), name, "pip install 'izvod[examples]'")


def test_memory_error_is_one_line(gpt, monkeypatch):
    def exhausted(*args):
        raise MemoryError

    monkeypatch.setattr(cli, "Run", exhausted)
    assert_refused(gpt(*SMALL), "not enough memory")


def test_configs_refuse_what_no_model_can_be():
    with pytest.raises(InputError, match="emb_dim must be at least 1, not -8"):
        GPTConfig(emb_dim=-8)
    with pytest.raises(InputError, match="finite"):
        TrainConfig(lr=math.inf)


# --- as a process -------------------------------------------------------------------------------


def command(*args):
    return [sys.executable, "-m", "izvod.examples.gpt", *map(str, args)]


def test_help():
    done = subprocess.run(command("--help"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr
    for word in ("--resume", "--temperature", "tiny", "124M"):
        assert word in done.stdout


def test_exit_status_and_one_line():
    done = subprocess.run(command("--steps", "-1"), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "gpt: error: steps must be at least 1, not -1\n"


def test_interrupt_keeps_the_last_checkpoint(tmp_path, text):
    args = command("--out", tmp_path / "run", "--text", text, *SMALL, "--steps", 10**6)
    process = subprocess.Popen(
        args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        for line in process.stdout:
            if line.startswith("step     20"):
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("gpt: interrupted") and "Traceback" not in err
    assert os.listdir(tmp_path / "run") == ["checkpoint.safetensors"]
    assert checkpoint(tmp_path / "run")["step"] % 10 == 0
