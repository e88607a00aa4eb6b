"""A process that runs workloads in one library, and the comparison of several such processes."""

import os
import statistics
import subprocess
import sys
import time

LIBRARIES = ("torch", "izvod")
ROUND_SECONDS = 0.15
PAUSE_SECONDS = 0.01


# ---- In the process: one library, one workload at a time


def time_calls(f, count):
    start = time.perf_counter()
    for _ in range(count):
        f()
    return time.perf_counter() - start


def work(library, threads):
    """Reads workloads' names and counts from stdin, answers with seconds."""
    from workloads import WORKLOADS, Library

    lib = Library(library)
    lib.torch.set_num_threads(threads)
    made = run = None
    for line in sys.stdin:
        name, count = line.split()
        if name != made:
            run = None  # frees the last one's tensors before the next one's are made
            made, run = name, WORKLOADS[name](lib)
            time_calls(run, 3)
        print(time_calls(run, int(count)), flush=True)


class Worker:
    def __init__(self, library, threads):
        command = [sys.executable, __file__, library, str(threads)]
        env = os.environ | {"OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )

    def seconds(self, name, count):
        print(name, count, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the worker failed in {name}")
        return float(answer)

    def peak_bytes(self):
        """The most memory that the process has had resident."""
        with open(f"/proc/{self.process.pid}/status") as status:
            kilobytes = next(line.split()[1] for line in status if line.startswith("VmHWM"))
        return int(kilobytes) * 1024

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# ---- The comparison


def calibrated(name, worker):
    """How many calls take this worker about ROUND_SECONDS."""
    once = min(worker.seconds(name, 1) for _ in range(3))
    count = max(1, int(ROUND_SECONDS / max(once, 1e-7)))
    while count > 1 and worker.seconds(name, count) > 2 * ROUND_SECONDS:
        count = max(1, count // 2)
    return count


def compare(name, workers, rounds):
    """Median seconds per call of each worker of a dictionary, taken in turn."""
    counts = {key: calibrated(name, worker) for key, worker in workers.items()}
    samples = {key: [] for key in workers}
    for _ in range(rounds):
        for key, worker in workers.items():
            # An OpenMP team spins for some milliseconds after its last region: on a core that the
            # next worker needs.
            time.sleep(PAUSE_SECONDS)
            samples[key].append(worker.seconds(name, counts[key]) / counts[key])
    return {key: statistics.median(s) for key, s in samples.items()}


def readable(seconds):
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


if __name__ == "__main__":
    work(sys.argv[1], int(sys.argv[2]))
