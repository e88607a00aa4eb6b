"""Cost against size, under a competing load, and in memory: izvod and torch in turn.

Writes the parts that were asked for into results/scale.md, all three by default, and the curves
into results/scale.png. Every figure is a median over rounds, or a peak, of worker processes as
compare.py's.

    python bench/scale.py            # everything, a quarter of an hour
    python bench/scale.py --load     # only the slowdown beside two busy loops
"""

import argparse
import math
import os
import signal
import statistics
import subprocess
import sys

from report import put, save_plot, table
from tqdm import tqdm
from worker import LIBRARIES, Worker, calibrated, compare, readable
from workloads.scale import SIZES

SIDES = {"izvod, 1 thread": ("izvod", 1), "izvod, 2 threads": ("izvod", 2)}
SIDES["torch, 2 threads"] = ("torch", 2)
TAIL = 3  # the largest sizes that the exponent is fitted to
LOADED_STEP = "char_gpt_step"
CURVES_NOTE = """Medians of {} rounds, the three columns in turn. Where other programs hold the
cores (the load average tells), a second thread gains nothing, and torch's calls that use threads
take milliseconds, since its threads meet at a barrier after each."""
FLOOR = """GPT-2's parameters, gradients and AdamW's two moments, four times 163 million float32
numbers (the head has a matrix of its own), take 2,608 MB where all of them are written. izvod stays
below that because the gradient and the moments of tokens that never occur take no memory (the note
on lazy zeros in cpp/tensor/storage.h), and these batches have at most 512 of the 50,257 tokens: the
three arrays of the embedding alone are 463 MB. Where every token occurs, the ratio is about
0.78."""
STEPS = ("char_gpt_step", "gpt_11m_step", "gpt2_124m_4x64_step", "gpt2_124m_1x512_step")


def closing(workers):
    for worker in workers.values():
        worker.close()


# ---- Cost against size


def exponent(sizes, seconds):
    """The slope of the curve's tail in a log-log plot: 1 where cost grows as size does."""
    points = [list(map(math.log, values[-TAIL:])) for values in (sizes, seconds)]
    return statistics.linear_regression(*points).slope


def curves(rounds):
    """{family: {side: seconds per call, one for each size}}."""
    workers = {side: Worker(*which) for side, which in SIDES.items()}
    found = {family: {side: [] for side in SIDES} for family in SIZES}
    points = [(family, n) for family, (_, sizes) in SIZES.items() for n in sizes]
    bar = tqdm(points, desc="curves", unit="point")
    for family, n in bar:
        bar.set_postfix_str(f"{family} {n}")
        for side, seconds in compare(f"{family}_{n}", workers, rounds).items():
            found[family][side].append(seconds)
    closing(workers)
    return found


def curves_text(found):
    blocks = []
    for family, (what, sizes) in SIZES.items():
        columns = found[family].values()
        rows = [[f"{n:,}", *map(readable, row)] for n, *row in zip(sizes, *columns, strict=True)]
        slopes = [f"{exponent(sizes, column):.2f}" for column in columns]
        rows.append([f"exponent, last {TAIL}", *slopes])
        blocks.append(f"### {family}\n\n" + table([what, *SIDES], rows))
    return "![The same as curves](scale.png)\n\n" + "\n\n".join(blocks)


def plot(found):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), dpi=75, layout="constrained")
    panels = figure.subplots(2, 3).flat
    for axes, (family, (what, sizes)) in zip(panels, SIZES.items(), strict=False):
        for side, marker in zip(SIDES, "os^", strict=True):
            axes.loglog(sizes, found[family][side], marker=marker, markersize=3.5, label=side)
        axes.set(title=family.replace("_", " "), xlabel=what, ylabel="seconds per call")
        axes.grid(alpha=0.3)
    panels = figure.axes
    panels[-1].axis("off")
    panels[-1].legend(*panels[0].get_legend_handles_labels(), loc="center")
    save_plot(figure, "scale.png")


def curves_section(rounds):
    found = curves(rounds)
    plot(found)
    return f"{CURVES_NOTE.format(rounds)}\n\n" + curves_text(found)


# ---- Beside busy loops


class BusyLoops:
    """A process on each of two cores that does nothing but use it; asleep until `on`."""

    def __init__(self):
        cores = sorted(os.sched_getaffinity(0))[:2]
        command = [sys.executable, "-c", "while True: pass"]
        self.processes = [subprocess.Popen(command) for _ in cores]
        for process, core in zip(self.processes, cores, strict=True):
            os.sched_setaffinity(process.pid, {core})
        self.on(False)

    def on(self, wanted):
        for process in self.processes:
            process.send_signal(signal.SIGCONT if wanted else signal.SIGSTOP)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


def slowdowns(rounds):
    """{library: (seconds alone, seconds beside the loops)}, all four in turn."""
    workers = {library: Worker(library, 2) for library in LIBRARIES}
    counts = {library: calibrated(LOADED_STEP, worker) for library, worker in workers.items()}
    samples = {library: ([], []) for library in LIBRARIES}
    loops = BusyLoops()
    try:
        for _ in tqdm(range(rounds), desc="load", unit="round"):
            for loaded in (False, True):
                loops.on(loaded)
                for library, worker in workers.items():
                    seconds = worker.seconds(LOADED_STEP, counts[library]) / counts[library]
                    samples[library][loaded].append(seconds)
    finally:
        loops.close()
    closing(workers)
    return {library: tuple(map(statistics.median, s)) for library, s in samples.items()}


def load_section(rounds):
    found = slowdowns(rounds)
    rows = [
        (library, readable(alone), readable(loaded), f"{loaded / alone:.2f}")
        for library, (alone, loaded) in found.items()
    ]
    text = table(["library", "alone", "beside two busy loops", "slowdown"], rows)
    return (
        f"A `{LOADED_STEP}` with two threads, a busy loop pinned to each of two cores or asleep, "
        f"by turns; medians of {rounds} rounds. The goal for izvod is a slowdown of at most 3."
        f"\n\n{text}"
    )


# ---- Memory


def peak_memory(library, step):
    """Peak resident bytes of a fresh process that makes the model and takes four steps."""
    worker = Worker(library, 2)
    worker.seconds(step, 1)  # after three to warm up
    peak = worker.peak_bytes()
    worker.close()
    return peak


def memory_section(_rounds):
    rows = []
    for step in tqdm(STEPS, desc="memory", unit="model"):
        torch, ours = (peak_memory(library, step) for library in ("torch", "izvod"))
        rows.append((step, *(f"{b / 1e6:,.0f} MB" for b in (torch, ours)), f"{ours / torch:.2f}"))
    text = table(["training step", "torch", "izvod", "izvod / torch"], rows)
    return (
        "Peak resident memory of fresh processes that import the library, make the model and take "
        f"four steps. The goal is a ratio of at most 0.7.\n\n{text}\n\n{FLOOR}"
    )


# ---- The results' file


SECTIONS = {
    "curves": ("Cost against size", curves_section, 5),
    "load": ("Under a competing load", load_section, 15),
    "memory": ("Peak memory", memory_section, 1),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, (title, _, rounds) in SECTIONS.items():
        parser.add_argument(f"--{name}", action="store_true", help=f"{title} ({rounds} rounds)")
    parser.add_argument("--rounds", type=int, help="rounds instead of a part's own number")
    args = parser.parse_args()
    chosen = [name for name in SECTIONS if getattr(args, name)] or list(SECTIONS)
    for name in chosen:
        title, section, rounds = SECTIONS[name]
        own = f" --rounds {args.rounds}" if args.rounds else ""
        text = section(args.rounds or rounds)
        put("scale.md", "Scale and noise", title, f"python bench/scale.py --{name}{own}", text)


if __name__ == "__main__":
    main()
