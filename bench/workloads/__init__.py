"""What compare.py times: each function takes the modules of one library and returns the call."""

from workloads import calls, kernels, training
from workloads.library import Library

GROUPS = {
    "calls": calls.CALLS,
    "snippets": calls.SNIPPETS,
    "kernels": kernels.WORKLOADS,
    "training": training.WORKLOADS,
}
WORKLOADS = {f.__name__: f for group in GROUPS.values() for f in group}

__all__ = ["GROUPS", "WORKLOADS", "Library"]
