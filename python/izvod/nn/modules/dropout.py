"""Layers that drop activations while training."""

from izvod.nn import functional as F
from izvod.nn.modules.module import Module


class _DropoutNd(Module):
    p: float
    inplace: bool

    def __init__(self, p=0.5, inplace=False):
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Zeroes each element with probability p and scales the rest by 1/(1-p); in evaluation the
    identity.

    Source: Hinton et al., "Improving neural networks by preventing co-adaptation of feature
    detectors", 2012.
    """

    def forward(self, input):
        return F.dropout(input, self.p, self.training, self.inplace)
