"""The course's programs, with only their imports changed, print what torch 2.13.0 prints."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SNIPPETS = Path(__file__).parent / "snippets"


def run(name):
    return subprocess.run(
        [sys.executable, SNIPPETS / f"{name}.py"], capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("name", ["tensors", "autograd", "simplenet"])
def test_prints_what_torch_prints(name):
    result = run(name)
    assert result.returncode == 0, result.stderr
    assert result.stdout == (SNIPPETS / f"{name}.expected.txt").read_text()


def test_simplenet_warns_about_the_target_size():
    """Its label has shape [1], the network's output [1, 1]."""
    stderr = run("simplenet").stderr
    assert stderr.count("UserWarning") == 1
    assert (
        "Using a target size (torch.Size([1])) that is different to the input size "
        "(torch.Size([1, 1])) is deprecated. Please ensure they have the same size."
    ) in stderr


@pytest.mark.parametrize("name", ["tensors", "autograd"])
def test_others_are_silent(name):
    assert run(name).stderr == ""


README = Path(__file__).parent.parent / "README.md"


@pytest.mark.skipif(not README.exists(), reason="the README is not beside the tests")
def test_readme_example():
    """The README's program prints what the README says, in torch, too, where that is installed."""
    text = README.read_text()
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    printed = re.search(r"prints `([\d.]+)`, and so does torch", text).group(1)
    programs = [program]
    if find_spec("torch"):
        torch = program.replace("import izvod as torch", "import torch")
        programs.append(torch.replace("from izvod", "from torch"))
    for p in programs:
        done = subprocess.run(
            [sys.executable, "-c", p], capture_output=True, text=True, timeout=120
        )
        assert done.stdout.strip() == printed, done.stderr
