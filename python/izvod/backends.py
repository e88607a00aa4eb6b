"""Backends that are not here: what programs ask before they choose a device."""


class _Absent:
    """A backend that is neither built nor available."""

    enabled = deterministic = benchmark = allow_tf32 = False

    def is_available(self):
        return False

    def is_built(self):
        return False


cuda, cudnn, mps, mkl, mkldnn, openmp = (_Absent() for _ in range(6))
