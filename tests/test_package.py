"""What is installed, and what `import izvod` costs."""

import importlib.metadata
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import izvod
import pytest


def python(code, **env):
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | env,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_import_loads_nothing_heavy():
    loaded = python("import izvod, sys; print(*sys.modules)").split()
    heavy = "numpy scipy_openblas32 safetensors tqdm matplotlib torch dataclasses inspect typing"
    assert not set(heavy.split()) & set(loaded)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_import_takes_under_40_megabytes():
    status = python("import izvod; print(open('/proc/self/status').read())")
    kilobytes = int(status.split("VmRSS:")[1].split()[0])
    assert kilobytes < 40_000


def test_submodules_are_found_without_an_import():
    python("import izvod; izvod.nn.Linear, izvod.nn.functional.relu, izvod.optim.AdamW")


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="module 'izvod' has no attribute 'no_such_thing'"):
        izvod.no_such_thing  # noqa: B018


@pytest.mark.skipif(
    not Path(izvod._C.__file__).parents[1].joinpath("scipy_openblas32").exists(),
    reason="izvod is imported from a build folder: no scipy-openblas32 stands beside it",
)
def test_openblas_is_found_beside_the_package():
    """Without help from the environment, and without importing its Python package."""
    out = python(
        "import izvod, sys; print(izvod._C._openblas_config());"
        "assert 'scipy_openblas32' not in sys.modules",
        IZVOD_OPENBLAS="",
    )
    assert out.startswith("OpenBLAS")


def test_openblas_that_cannot_be_loaded_is_named():
    out = python(
        "import izvod\ntry: izvod._C._openblas_config()\nexcept RuntimeError as e: print(e)",
        IZVOD_OPENBLAS="/no/such/library.so",
    )
    assert out.startswith("OpenBLAS could not be loaded from /no/such/library.so: ")


def installed_files():
    """The files of the installed distribution, or a skip where there is none or it is editable."""
    try:
        distribution = importlib.metadata.distribution("izvod")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("izvod is imported from a build folder, not installed")
    files = [f for f in distribution.files or [] if f.suffix != ".pyc"]
    if not any(f.as_posix() == "izvod/__init__.py" for f in files):
        pytest.skip("izvod is installed in editable mode")
    return files


def test_distribution_holds_the_package_and_nothing_else():
    files = installed_files()
    assert all(f.parts[0].startswith("izvod") for f in files), files
    assert {f.suffix for f in files if f.parts[0] == "izvod"} <= {".py", ".pyi", ".so", ".typed"}


def test_distribution_is_small():
    """The wheel is a zip file of these: at most 5 MB."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        for f in installed_files():
            z.write(f.locate(), f.as_posix())
    assert archive.tell() <= 5_000_000


def test_distribution_has_the_version_of_the_package():
    installed_files()
    assert importlib.metadata.version("izvod") == izvod.__version__


@pytest.mark.parametrize("isa", ["v2", "v3", "v4"])
def test_instruction_sets_can_be_chosen(isa):
    """The sum of two ones; a choice that the machine lacks falls back to what it has."""
    assert (
        python("import izvod; print((izvod.ones(9) + 1).sum().item())", IZVOD_ISA=isa) == "18.0\n"
    )


def test_this_is_not_the_source_tree():
    """`python -m pytest` in the repository must test what is installed: sources are in python/."""
    assert not (Path(__file__).parents[1] / "izvod").exists()
