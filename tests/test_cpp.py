"""The C++ unit tests, where they were built:

    cmake -S . -B build/cpp -DIZVOD_PYTHON=OFF -DIZVOD_TESTS=ON && cmake --build build/cpp
"""

import os
import subprocess
from pathlib import Path

import pytest

BINARY = Path(
    os.environ.get("IZVOD_CPP_TESTS", Path(__file__).parents[1] / "build" / "cpp" / "izvod_tests")
)

needs_binary = pytest.mark.skipif(
    not BINARY.exists(), reason="the C++ unit tests are not built (-DIZVOD_TESTS=ON)"
)


@needs_binary
@pytest.mark.parametrize("isa", ["v2", "native"])
def test_cpp_unit_tests(isa):
    env = os.environ | ({} if isa == "native" else {"IZVOD_ISA": isa})
    result = subprocess.run([BINARY, "--gtest_brief=1"], capture_output=True, text=True, env=env)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
