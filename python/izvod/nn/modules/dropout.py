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


class _ChannelDropout(_DropoutNd):
    """Zeroes whole channels, each with probability p, and scales the rest by 1/(1-p).

    Source: Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2015.
    """


class Dropout1d(_ChannelDropout):
    """Drops channels of (N, C, L) or (C, L)."""

    def forward(self, input):
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_ChannelDropout):
    """Drops channels of (N, C, H, W), or of (N, C, L) as Dropout1d does."""

    def forward(self, input):
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_ChannelDropout):
    """Drops channels of (N, C, D, H, W) or (C, D, H, W)."""

    def forward(self, input):
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Puts SELU's lower limit in the place of an element with probability p, then scales and shifts
    so that mean 0 and variance 1 stay; `inplace` changes nothing, as in torch.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """

    def forward(self, input):
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """AlphaDropout of whole channels: (N, C, ...)."""

    def forward(self, input):
        return F.feature_alpha_dropout(input, self.p, self.training)
