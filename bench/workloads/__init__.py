"""What is timed: each function takes the modules of one library and returns the call."""

from workloads import calls, data, generation, kernels, limits, random, scale, training
from workloads.library import Library

GROUPS = {  # of compare.py
    "calls": calls.CALLS,
    "snippets": calls.SNIPPETS,
    "kernels": kernels.WORKLOADS,
    "random": random.WORKLOADS,
    "data": data.WORKLOADS,
    "training": training.WORKLOADS,
    "generation": generation.WORKLOADS,
}
OTHERS = (scale.WORKLOADS, limits.WORKLOADS)
WORKLOADS = {f.__name__: f for group in (*GROUPS.values(), *OTHERS) for f in group}

__all__ = ["GROUPS", "WORKLOADS", "Library"]
