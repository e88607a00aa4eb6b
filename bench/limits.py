"""How close izvod comes to what the machine, and CPython, can do.

`--kernels` compares what kernels reach with the multipliers' peak and the memory's bandwidth, which
the C++ microbenchmarks measure (build them first, see CONTRIBUTING.md). `--calls` counts, under
valgrind, the instructions of a call and says whose they are. Both write results/limits.md.

    python bench/limits.py --kernels --cpp build/izvod_bench
    python bench/limits.py --calls
"""

import argparse
import collections
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from report import put, save_plot, table
from tqdm import tqdm
from worker import Worker, compare, readable
from workloads.calls import CALLS
from workloads.limits import BYTES, LARGE
from workloads.limits import WORKLOADS as BASELINES

GOAL = 0.8  # of the limit
OWNERS = {"libpython": "CPython", "python3": "CPython", "_C.": "izvod", "_multiarray": "numpy"}


# ---- Kernels


def machine_limits(binary):
    """{loop of limits_bench.cpp: its rates, of floating point operations or bytes a second}."""
    options = ["--benchmark_filter=limit/", "--benchmark_repetitions=3", "--benchmark_format=json"]
    out = subprocess.run([binary, *options], capture_output=True, text=True, check=True).stdout
    rates = collections.defaultdict(list)
    for run in json.loads(out)["benchmarks"]:
        if run["run_type"] == "iteration" and run["threads"] == 2:
            rate = run.get("FLOP/s") or run["bytes_per_second"]
            rates[run["name"].split("/")[1]].append(rate)
    return rates


def amounts(names):
    """(workload, limit, how much of it the workload has to do)."""
    for kernel, (limit, size) in BYTES.items():
        yield f"{kernel}_1e7", limit, size * 10_000_000
    for name in names:
        shape = re.fullmatch(r"matmul_(\d+)x(\d+)x(\d+)_..", name)
        sizes = [int(n) for n in shape.groups()] if shape else [0]
        if min(sizes) >= 256:
            m, k, n = sizes
            yield name, "multiply_add", 2 * m * k * n
    for name, (limit, size) in LARGE.items():
        yield name, limit, size


def kernel_rows(binary, rounds):
    """The limits, measured before and after, and (workload, limit, seconds, seconds at it)."""
    from workloads import WORKLOADS

    before, workers = machine_limits(binary), {"izvod": Worker("izvod", 2)}
    wanted = list(amounts(WORKLOADS))
    seconds = {
        name: compare(name, workers, rounds)["izvod"]
        for name, *_ in tqdm(wanted, desc="kernels", unit="kernel")
    }
    workers["izvod"].close()
    after = machine_limits(binary)
    limits = {name: statistics.median(before[name] + after[name]) for name in before}
    return limits, [(name, of, seconds[name], size / limits[of]) for name, of, size in wanted]


def plot(rows):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 9), dpi=75, layout="constrained")
    axes = figure.subplots()
    shares = [limit / seconds for _, _, seconds, limit in rows]
    names = [name.replace("_", " ") for name, *_ in rows]
    axes.barh(names, shares, color=["C0" if share >= GOAL else "C1" for share in shares])
    axes.axvline(GOAL, color="black", linestyle="--", linewidth=1)
    axes.invert_yaxis()
    axes.set(xlabel="share of the limit reached", xlim=(0, max(1.05, *shares)))
    axes.grid(axis="x", alpha=0.3)
    save_plot(figure, "limits.png")


def kernels_section(args):
    limits, rows = kernel_rows(args.cpp, args.rounds)
    plot(rows)
    shares = [limit / seconds for _, _, seconds, limit in rows]
    cells = [
        (name, of.replace("_", " "), readable(seconds), readable(limit), f"{limit / seconds:.2f}")
        for name, of, seconds, limit in rows
    ]
    measured = ", ".join(f"{of.replace('_', ' ')} {rate / 1e9:.0f}" for of, rate in limits.items())
    near = sum(share >= GOAL for share in shares)
    return (
        f"The machine's limits with two threads, in 10^9 operations or bytes a second: {measured}."
        f" {near} of {len(shares)} kernels reach {GOAL} of theirs; geometric mean "
        f"{statistics.geometric_mean(shares):.2f}. Memory is counted as each input read once and "
        "each result written once; shares above 1 are of calls that find a part of it in the "
        "caches, where the last one left it, and of products that are multiplied by the tile "
        "registers of AMX, which are no part of the peak.\n\n![The shares as bars](limits.png)\n\n"
        + table(["kernel", "limit", "time", "at the limit", "share"], cells)
    )


# ---- Calls


def instructions(name, calls):
    """{owner: instructions} of a process that makes this many calls."""
    code = (
        "from worker import time_calls; from workloads import WORKLOADS, Library; "
        f"time_calls(WORKLOADS[{name!r}](Library('izvod')), {calls})"
    )
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "callgrind"
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        command = [*tool, sys.executable, "-c", code]
        env = os.environ | {"PYTHONHASHSEED": "0"}  # dictionaries cost the same in every process
        folder = Path(__file__).parent
        subprocess.run(command, cwd=folder, env=env, capture_output=True, check=True)
        return by_owner(out.read_text())


def instructions_per_call(name, seconds):
    """{owner: instructions}: what more calls take, which leaves out all that comes before."""
    few = max(100, min(10_000, int(0.01 / seconds)))
    once, more = (instructions(name, calls) for calls in (few, 3 * few))
    return {
        owner: (more[owner] - once[owner]) / (2 * few) for owner in (*OWNERS.values(), "others")
    }


def by_owner(profile):
    """Sums callgrind's own costs by the object file that holds the code."""
    names, sums = {}, collections.Counter()
    owner, inclusive = None, False
    for line in profile.splitlines():
        if found := re.match(r"ob=\((\d+)\)(?: (.*))?", line):
            path = names.setdefault(found[1], Path(found[2] or "").name)
            owner = next((o for part, o in OWNERS.items() if part in path), "others")
        elif line.startswith("cob=") and (found := re.match(r"cob=\((\d+)\) (.*)", line)):
            names.setdefault(found[1], Path(found[2]).name)
        elif line.startswith("calls="):
            inclusive = True  # the next line has the cost of what is called
        elif re.match(r"[+\-*\d]", line):
            if not inclusive:
                sums[owner] += int(line.split()[-1])
            inclusive = False
    return sums


def calls_section(args):
    rows, workers = [], {"izvod": Worker("izvod", 1)}
    names = [f.__name__ for f in (*BASELINES, *CALLS)]
    for name in tqdm(names, desc="calls", unit="call"):
        seconds = compare(name, workers, args.rounds)["izvod"]
        each = instructions_per_call(name, seconds)
        counts = (f"{count:,.0f}" for count in (sum(each.values()), *each.values()))
        rows.append((name, readable(seconds), *counts))
    workers["izvod"].close()
    return (
        "Instructions of one call, with the loop and the function around it (`nothing`), and whose "
        "they are. `float_method` is `(1.5).is_integer()`, `numpy_add` an addition of two arrays "
        "of one number.\n\n" + table(["call", "time", "instructions", *each], rows)
    )


SECTIONS = {"kernels": ("Kernels", kernels_section), "calls": ("Calls", calls_section)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, (title, _) in SECTIONS.items():
        parser.add_argument(f"--{name}", action="store_true", help=title)
    parser.add_argument("--cpp", default="build/izvod_bench", help="the C++ microbenchmarks")
    parser.add_argument("--rounds", type=int, default=5, help="rounds per workload (5)")
    args = parser.parse_args()
    for name in [name for name in SECTIONS if getattr(args, name)] or SECTIONS:
        title, section = SECTIONS[name]
        command = f"python bench/limits.py --{name} --rounds {args.rounds}"
        put("limits.md", "Close to the limits", title, command, section(args))


if __name__ == "__main__":
    main()
