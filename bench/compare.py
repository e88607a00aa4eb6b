"""Times torch and izvod in turn and prints the ratio torch / izvod: above 1, izvod is faster.

Two worker processes, one per library, run the same workload by turns, so that whatever else the
machine is doing hits both; the medians over the rounds are compared. `import` is timed on whole
processes.

    python bench/compare.py                     # everything, two minutes
    python bench/compare.py --group calls --rounds 15
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

from worker import LIBRARIES, Worker, compare, readable


def import_once(library):
    code = (
        f"import time; s = time.perf_counter(); import {library}; t = time.perf_counter() - s; "
        "import resource; print(t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    seconds, kilobytes = out.stdout.split()
    return float(seconds), int(kilobytes) / 1024


def compare_imports(rounds):
    samples = {library: [] for library in LIBRARIES}
    for _ in range(rounds):
        for library in LIBRARIES:
            samples[library].append(import_once(library))
    return [
        {library: statistics.median(s[i] for s in samples[library]) for library in LIBRARIES}
        for i in range(2)
    ]


def row(name, medians, form=readable):
    ratio = medians["torch"] / medians["izvod"]
    cells = (name, form(medians["torch"]), form(medians["izvod"]), f"{ratio:.1f}")
    print("|", " | ".join(cells), "|", flush=True)
    return {"name": name, "ratio": ratio, **medians}


def summary(group, rows):
    """The geometric mean of a group's ratios, and its worst row."""
    mean = statistics.geometric_mean(r["ratio"] for r in rows)
    worst = min(rows, key=lambda r: r["ratio"])
    text = f"{group}: geometric mean {mean:.2f}, worst {worst['ratio']:.2f} ({worst['name']})"
    print(text, file=sys.stderr, flush=True)


def main():
    from workloads import GROUPS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--group", choices=["import", *GROUPS], help="only this group")
    parser.add_argument("--only", metavar="TEXT", default="", help="workloads whose name has TEXT")
    parser.add_argument("--rounds", type=int, default=11, help="rounds per workload (11)")
    parser.add_argument("--threads", type=int, default=2, help="threads of both libraries (2)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    args = parser.parse_args()

    print("| what | torch | izvod | torch / izvod |\n|---|---|---|---|")
    rows = []
    if args.group in (None, "import") and not args.only:
        seconds, megabytes = compare_imports(min(args.rounds, 5))
        rows.append(row("import", seconds))
        rows.append(row("import, resident memory", megabytes, lambda m: f"{m:.0f} MB"))
    workers = {library: Worker(library, args.threads) for library in LIBRARIES}
    for group, functions in GROUPS.items():
        names = [f.__name__ for f in functions if args.only in f.__name__]
        if args.group in (None, group) and names:
            own = [row(name, compare(name, workers, args.rounds)) for name in names]
            summary(group, own)
            rows += own
    for worker in workers.values():
        worker.close()
    if args.json:
        with open(args.json, "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
