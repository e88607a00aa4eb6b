"""Code compiled for a higher instruction set must not be linked where a lower one is expected.

Of a weak function that several object files define the linker keeps the first. The objects of the
baseline come first, so a weak function of the v3 copies is harmless if it is in the namespace v3 or
if the baseline defines it, too. Reads the objects of a build folder and fails on any other.
"""

import subprocess
import sys
from pathlib import Path


def weak_functions(folder):
    names = set()
    for object_file in folder.rglob("*.o"):
        listing = subprocess.run(
            ["nm", "-C", "--defined-only", str(object_file)], capture_output=True, text=True
        ).stdout
        for line in listing.splitlines():
            kind, name = line.split(maxsplit=2)[1:]
            if kind == "W":
                names.add(name)
    return names


def main(build):
    objects = Path(build) / "CMakeFiles"
    core, low, high = (
        weak_functions(objects / f"{name}.dir")
        for name in ("izvod_core", "kernels_v2", "kernels_v3")
    )
    leaking = sorted(name for name in high - core - low if "::v3::" not in name)
    print(*leaking, sep="\n", end="\n" if leaking else "")
    print(f"{len(high)} weak functions in the v3 copies, {len(leaking)} of them leak")
    return bool(leaking) or not high


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
