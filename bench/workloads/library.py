"""The modules of the library that a workload runs in."""

import importlib


class Library:
    """torch's modules, or izvod's in their place."""

    def __init__(self, name):
        self.name = name
        self.torch = importlib.import_module(name)
        self.nn = importlib.import_module(f"{name}.nn")
        self.F = importlib.import_module(f"{name}.nn.functional")
        self.optim = importlib.import_module(f"{name}.optim")
