"""Schedules of learning rates: each changes group["lr"] of an optimizer when its `step` is called.

Most compute the next rate from the current one, so that several can act on one optimizer;
`base_lrs` are the rates the groups had at first, `last_epoch` counts the steps from 0.
"""

from izvod.optim.lr_scheduler.base import LRScheduler
from izvod.optim.lr_scheduler.composed import ChainedScheduler, SequentialLR
from izvod.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from izvod.optim.lr_scheduler.one_cycle import OneCycleLR
from izvod.optim.lr_scheduler.plateau import ReduceLROnPlateau
from izvod.optim.lr_scheduler.simple import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
