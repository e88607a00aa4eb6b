"""The C++ unit tests, where they were built (CONTRIBUTING.md says how)."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BINARY = Path(os.environ.get("IZVOD_CPP_TESTS", ROOT / "build" / "izvod_tests"))


@pytest.mark.skipif(not BINARY.exists(), reason="the C++ unit tests are not built")
@pytest.mark.parametrize("isa", ["v2", "v3", "v4", "native"])
def test_cpp_unit_tests(isa):
    env = os.environ | ({} if isa == "native" else {"IZVOD_ISA": isa})
    result = subprocess.run([BINARY, "--gtest_brief=1"], capture_output=True, text=True, env=env)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
