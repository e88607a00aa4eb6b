"""Invertible maps of samples."""

from izvod._C import _sample_exp
from izvod.distributions import constraints

__all__ = ["ExpTransform", "Transform"]


class Transform:
    """y = f(x), element by element. ``inv`` undoes it; ``sign`` is 1 if f rises, -1 if it falls."""

    bijective = True
    domain = constraints.real
    codomain = constraints.real
    sign = 1

    def __call__(self, x):
        raise NotImplementedError

    def inv(self, y):
        raise NotImplementedError

    def log_abs_det_jacobian(self, x, y):
        """log |f'(x)|, for y = f(x)."""
        raise NotImplementedError

    def __repr__(self):
        return f"{type(self).__name__}()"


class ExpTransform(Transform):
    """y = exp(x)."""

    codomain = constraints.positive

    def __call__(self, x):
        return _sample_exp(x)

    def inv(self, y):
        return y.log()

    def log_abs_det_jacobian(self, x, y):
        return x

    def __eq__(self, other):
        return isinstance(other, ExpTransform)

    __hash__ = object.__hash__
