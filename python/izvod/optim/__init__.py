"""Optimizers, and schedules of their learning rates (`lr_scheduler`, loaded on first use)."""

from izvod.optim.adam import Adam, AdamW
from izvod.optim.optimizer import Optimizer
from izvod.optim.sgd import SGD

__all__ = ["Adam", "AdamW", "Optimizer", "SGD", "lr_scheduler"]


def __getattr__(name):
    if name == "lr_scheduler":
        import izvod.optim.lr_scheduler as lr_scheduler

        return lr_scheduler
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
