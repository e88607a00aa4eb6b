"""Scenarios: small functions of a library whose result is stored here, and must be the same in
izvod and torch.
"""

import izvod
import pytest


def library(name):
    if name == "izvod":
        return izvod
    return pytest.importorskip(
        "torch", reason="torch, whose behaviour this compares with, is absent"
    )


def gives(scenarios, expected):
    """Adds the decorated scenario, a function of the library that must return `expected`, to a
    list.
    """

    def add(scenario):
        scenarios.append(pytest.param(scenario, expected, id=scenario.__name__))
        return scenario

    return add


def scenario_test(scenarios):
    """The test of all scenarios in the list, with both libraries."""

    @pytest.mark.parametrize("name", ["izvod", "torch"])
    @pytest.mark.parametrize("scenario, expected", scenarios)
    def test(scenario, expected, name):
        result = scenario(library(name))
        assert result == expected, f"got {result!r}"

    return test


def error(function, *args, **kwargs):
    """The class and the text of the error that the call raises."""
    try:
        function(*args, **kwargs)
    except Exception as raised:
        return f"{type(raised).__name__}: {raised}".replace("izvod.", "torch.")
    return "no error"


def net(lib):
    class Net(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = lib.nn.Linear(3, 4)
            self.act = lib.nn.ReLU()
            self.fc2 = lib.nn.Linear(4, 2, bias=False)
            self.register_buffer("steps", lib.zeros(2))
            self.register_buffer("cache", lib.zeros(3), persistent=False)
            self.scale = lib.nn.Parameter(lib.ones(2))

        def forward(self, x):
            return self.fc2(self.act(self.fc1(x))) * self.scale

    return Net()


def double(lib):
    """A module that doubles, with an input and an output that need gradients."""

    class Double(lib.nn.Module):
        def forward(self, x, plus=0):
            return x * 2 + plus

    return Double()
