"""Schedules of learning rates: stored rates, rates of torch, state, errors."""

import warnings
from functools import partial

import izvod
import pytest
from scenarios import error, gives, scenario_test

SCENARIOS = []
gives = partial(gives, SCENARIOS)


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch, whose results this compares with, is absent")


def two_groups(lib):
    a, b = (lib.nn.Parameter(lib.ones(2)) for _ in range(2))
    groups = [{"params": a}, {"params": [b], "lr": 0.01}]
    return lib.optim.SGD(groups, lr=0.1, momentum=0.9)


SCHEDULES = {
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda epoch: 0.9**epoch),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 0.9),
    "StepLR": lambda s, o: s.StepLR(o, 3, gamma=0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 5, 5], gamma=0.5),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.25, total_iters=4),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.1, total_iters=6),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.8),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 8, power=2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 5, eta_min=0.01),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=2),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=20),
    "OneCycleLR in three phases": lambda s, o: s.OneCycleLR(
        o, [0.5, 0.2], epochs=4, steps_per_epoch=5, three_phase=True, anneal_strategy="linear"
    ),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=4), s.CosineAnnealingLR(o, 12)], [4]
    ),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.ConstantLR(o), s.ExponentialLR(o, 0.9)]),
}


def schedule(lib, name, steps=14, again_after=None):
    optimizer = two_groups(lib)
    scheduler, rates = SCHEDULES[name](lib.optim.lr_scheduler, optimizer), []
    for step in range(steps):
        rates.append([(g["lr"], g["momentum"]) for g in optimizer.param_groups])
        if step == again_after:  # go on with new objects and the saved state
            saved, groups = scheduler.state_dict(), optimizer.state_dict()
            optimizer = two_groups(lib)
            scheduler = SCHEDULES[name](lib.optim.lr_scheduler, optimizer)
            optimizer.load_state_dict(groups)
            scheduler.load_state_dict(saved)
        optimizer.step()
        scheduler.step()
        assert scheduler.get_last_lr() == [g["lr"] for g in optimizer.param_groups]
    return rates


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_is_that_of_torch(torch, name):
    assert schedule(izvod, name) == schedule(torch, name)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_goes_on_from_a_saved_state(name):
    assert schedule(izvod, name, again_after=6) == schedule(izvod, name)


@gives(
    [
        [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025],
        [0.01, 0.025, 0.04, 0.055, 0.07, 0.085, 0.1],
        [0.1, 0.091406, 0.068906, 0.041094, 0.018594, 0.01, 0.018594],
        [0.02, 0.065836, 0.185836, 0.334164, 0.454164, 0.5, 0.493732],
    ]
)
def stored_schedules(lib):
    names = ("StepLR", "LinearLR", "CosineAnnealingLR", "OneCycleLR")
    return [[round(rate[0][0], 6) for rate in schedule(lib, name, 7)] for name in names]


@gives([[0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025], [0.1, 0.1, 0.1], 1.0, True])
def plateau(lib):
    def rates(metrics, **settings):
        optimizer = two_groups(lib)
        scheduler = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
        rates = []
        for metric in metrics:
            scheduler.step(metric)
            rates.append(scheduler.get_last_lr()[0])
        return rates, scheduler

    falling, scheduler = rates([1.0] * 7, patience=1, factor=0.5, cooldown=1)
    rising, _ = rates([1.0, 2.0, 3.0], mode="max", patience=0, threshold_mode="abs")
    saved = scheduler.state_dict()
    scheduler.load_state_dict(saved)
    return [falling, rising, scheduler.best, "optimizer" not in saved]


@gives(
    [
        True,
        False,
        "TypeError: int is not an Optimizer",
        "ValueError: Expected 2 lr_lambdas, but got 1",
        "ValueError: Expected positive integer T_0, but got 0",
        "ValueError: You must define either total_steps OR (epochs AND steps_per_epoch)",
        "ValueError: Factor should be < 1.0.",
        0.03125,
    ]
)
def schedule_errors_and_warnings(lib):
    s, optimizer = lib.optim.lr_scheduler, two_groups(lib)

    def warns(step_first):
        optimizer = two_groups(lib)
        scheduler = s.StepLR(optimizer, 2)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if step_first:
                optimizer.step()
            scheduler.step()
        return any("before `optimizer.step()`" in str(w.message) for w in caught)

    tensor_lr = lib.optim.SGD([lib.nn.Parameter(lib.ones(1))], lr=lib.tensor(0.0625))
    scheduler = s.ExponentialLR(tensor_lr, 0.5)
    tensor_lr.step()
    scheduler.step()
    return [
        warns(False),
        warns(True),
        error(s.StepLR, 3, 2),
        error(s.LambdaLR, optimizer, [lambda epoch: 1.0]),
        error(s.CosineAnnealingWarmRestarts, optimizer, 0),
        error(s.OneCycleLR, optimizer, 0.1),
        error(s.ReduceLROnPlateau, optimizer, factor=1.0),
        tensor_lr.param_groups[0]["lr"].item(),
    ]


test_scenario = scenario_test(SCENARIOS)
