"""Nonlinearities as layers: each applies the function of the same name."""

from izvod.nn import functional as F
from izvod.nn.modules.module import Module


class _Inplace(Module):
    """Base of the nonlinearities that can write over their input."""

    inplace: bool

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class ReLU(_Inplace):
    """max(x, 0), elementwise."""

    def forward(self, input):
        return F.relu(input, self.inplace)


class RReLU(_Inplace):
    """x where x > 0, else a * x, elementwise; a is drawn from [lower, upper) in training and their
    mean in evaluation.

    Source: Xu et al., "Empirical Evaluation of Rectified Activations in Convolutional Network",
    2015.
    """

    lower: float
    upper: float

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False):
        super().__init__(inplace)
        self.lower = lower
        self.upper = upper

    def forward(self, input):
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self):
        return f"lower={self.lower}, upper={self.upper}" + ", inplace=True" * self.inplace


class SiLU(_Inplace):
    """x * sigmoid(x), elementwise.

    Source: Hendrycks, Gimpel, "Gaussian Error Linear Units", 2016.
    """

    def forward(self, input):
        return F.silu(input, self.inplace)


class GELU(Module):
    """x * Phi(x), elementwise, Phi the normal distribution function; `approximate="tanh"` takes a
    formula for it.

    Source: Hendrycks, Gimpel, "Gaussian Error Linear Units", 2016.
    """

    approximate: str

    def __init__(self, approximate="none"):
        super().__init__()
        self.approximate = approximate

    def forward(self, input):
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self):
        return f"approximate={self.approximate!r}"


class Tanh(Module):
    """tanh(x), elementwise."""

    def forward(self, input):
        return F.tanh(input)


class Sigmoid(Module):
    """1 / (1 + exp(-x)), elementwise."""

    def forward(self, input):
        return F.sigmoid(input)


class _AlongDim(Module):
    """Base of the functions that normalize along one dimension."""

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def extra_repr(self):
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    """exp(x) / sum(exp(x)) along `dim`."""

    def forward(self, input):
        return F.softmax(input, self.dim)


class LogSoftmax(_AlongDim):
    """log(softmax(x)) along `dim`."""

    def forward(self, input):
        return F.log_softmax(input, self.dim)
