"""A folder of cpp/ includes only what stands below it: fails on every include that climbs."""

import re
import sys
from pathlib import Path

FLOORS = {
    "base": set(),
    "kernels": {"base"},
    "tensor": {"base"},
    "graph": {"base", "tensor"},
    "ops": {"base", "kernels", "tensor", "graph"},
    "engine": {"base", "tensor", "graph", "ops"},
    "bind": {"base", "kernels", "tensor", "graph", "ops", "engine"},
}


def climbing(root):
    for floor, below in FLOORS.items():
        for source in sorted((root / floor).rglob("*.*")):
            for line, text in enumerate(source.read_text().splitlines(), 1):
                found = re.match(r'\s*#include "(\w+)/', text)
                if found and found[1] in FLOORS and found[1] not in below | {floor}:
                    yield f"{source}:{line}: {floor} may not include {found[1]}"


if __name__ == "__main__":
    errors = list(climbing(Path(__file__).parent.parent / "cpp"))
    print(*errors, sep="\n", end="\n" if errors else "")
    sys.exit(bool(errors))
