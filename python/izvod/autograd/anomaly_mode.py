"""The search for the op whose derivative fails or returns nan."""

from izvod import _C


class set_detect_anomaly:  # noqa: N801  (torch's name)
    """Switches the search on or off, at once or for a block.

    While it is on, each op notes the lines of Python that called it, an error in a derivative is
    accompanied by a warning that shows those of the op, and (``check_nan``) nan in a derivative is
    a RuntimeError. Everything is slower.
    """

    def __init__(self, mode, check_nan=True):
        self.previous = _C.is_anomaly_enabled(), _C.is_anomaly_check_nan_enabled()
        self.mode = mode, check_nan
        _C._set_anomaly(*self.mode)

    def __enter__(self):
        _C._set_anomaly(*self.mode)

    def __exit__(self, *error):
        _C._set_anomaly(*self.previous)


class detect_anomaly:  # noqa: N801
    """``set_detect_anomaly(True)`` for a block; warns that it is slow."""

    def __init__(self, check_nan=True):
        import warnings

        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            stacklevel=2,
        )

    def __enter__(self):
        self.previous = _C.is_anomaly_enabled(), _C.is_anomaly_check_nan_enabled()
        _C._set_anomaly(True, self.check_nan)

    def __exit__(self, *error):
        _C._set_anomaly(*self.previous)
