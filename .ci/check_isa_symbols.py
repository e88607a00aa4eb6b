"""Code compiled for a higher instruction set must not run where a lower one is expected.

Of a weak function that several object files define the linker keeps the first. The objects of the
baseline come first, so one of a higher copy is harmless if it is in the namespace of that copy or
if the baseline defines it, too. And what runs when the library is loaded, on any machine, must not
have been compiled to vector instructions. Reads the objects of a build folder and fails on what
breaks either rule.
"""

import re
import subprocess
import sys
from pathlib import Path

VECTOR_REGISTER = re.compile(r"%[xyz]mm|%k[0-7]")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def weak_functions(folder):
    names = set()
    for object_file in folder.rglob("*.o"):
        for line in output("nm", "-C", "--defined-only", str(object_file)).splitlines():
            kind, name = line.split(maxsplit=2)[1:]
            if kind == "W":
                names.add(name)
    return names


def vectors_at_load(folder):
    """Instructions with vector registers in what the copy runs when it is loaded."""
    return [
        f"{object_file.name}: {line.strip()}"
        for object_file in folder.rglob("*.o")
        for line in output(
            "objdump", "-d", "--no-show-raw-insn", "-j", ".text.startup", str(object_file)
        ).splitlines()
        if VECTOR_REGISTER.search(line)
    ]


def main(build):
    objects = Path(build) / "CMakeFiles"
    core, low = (weak_functions(objects / f"{name}.dir") for name in ("izvod_core", "kernels_v2"))
    failed = False
    for isa in ("v3", "v4"):
        folder = objects / f"kernels_{isa}.dir"
        high = weak_functions(folder)
        leaking = sorted(name for name in high - core - low if f"::{isa}::" not in name)
        early = vectors_at_load(folder)
        print(*leaking, *early, sep="\n", end="\n" if leaking or early else "")
        print(
            f"{len(high)} weak functions in the {isa} copies, {len(leaking)} of them leak; "
            f"{len(early)} vector instructions run at load"
        )
        failed = failed or bool(leaking) or bool(early) or not high
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
