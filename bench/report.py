"""Sections of the files in results/: each says which command made it, and on what machine."""

import os
import platform
import re
from importlib import metadata
from pathlib import Path

import izvod

RESULTS = Path(__file__).parent / "results"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def machine():
    """CPU, cores, system and versions, in one line."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())[1]
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    versions = f"Python {platform.python_version()}, torch {metadata.version('torch')}"
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {system}, {versions}, izvod {izvod.__version__}"


def put(file, heading, title, command, text):
    """Writes a section in place of the last one of this title."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / file
    old = path.read_text() if path.exists() else f"# {heading}\n"
    parts = re.split(r"^(?=## )", old, flags=re.MULTILINE)
    busy = os.getloadavg()[2]  # of what else the machine did; the benchmark itself is about 1 to 2
    note = f"`{command}` on {machine()}; load average over the last 15 minutes {busy:.1f}."
    section = f"## {title}\n\n{note}\n\n{text}\n"
    kept = {part.split("\n")[0]: part.rstrip() + "\n" for part in parts}
    kept[f"## {title}"] = section
    path.write_text("\n".join(kept.values()))
    print(section)


def save_plot(figure, name):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).print_png(RESULTS / name)
