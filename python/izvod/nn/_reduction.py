"""The arguments `size_average` and `reduce` of old, which `reduction` replaced."""

import warnings


def legacy_get_string(size_average, reduce, emit_warning=True):
    """The value of `reduction` that means the same; either argument may be None, which is True."""
    if reduce is not None and not reduce:
        reduction = "none"
    else:
        reduction = "mean" if size_average is None or size_average else "sum"
    if emit_warning:
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' "
            "instead.",
            stacklevel=2,
        )
    return reduction
