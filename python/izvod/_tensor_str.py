"""Text of tensors: ``repr``, ``str`` and ``format``, equal to torch's character for character."""

import math

import izvod

_PROFILES = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
_options = {**_PROFILES["default"], "sci_mode": None}


def set_printoptions(
    precision=None,
    threshold=None,
    edgeitems=None,
    linewidth=None,
    profile=None,
    sci_mode=None,
):
    """Sets how tensors are printed; an argument left out keeps its value, but for `sci_mode`.

    Args:
        precision: digits after the point of floating-point elements (4).
        threshold: a tensor of more elements than this is shown by its edges only (1000).
        edgeitems: how many elements an edge has, in every dimension (3).
        linewidth: columns of a line (80).
        profile: "default", "short" or "full"; the arguments above override what it sets.
        sci_mode: True or False to force or forbid scientific notation; None chooses by the values.

    Raises:
        ValueError: the profile is not one of the three.
    """
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    if profile is not None and profile not in _PROFILES:
        names = ", ".join(map(repr, _PROFILES))
        raise ValueError(f"set_printoptions: profile must be one of {names}, got {profile!r}")
    _options.update(_PROFILES.get(profile, {}))
    _options.update({name: value for name, value in given.items() if value is not None})
    _options["sci_mode"] = sci_mode


def get_printoptions():
    """The options in force, as a dict that ``set_printoptions(**options)`` accepts."""
    return dict(_options)


class printoptions:
    """Context manager: `set_printoptions` with these arguments, and the old options at its end."""

    def __init__(self, **options):
        self._new = options

    def __enter__(self):
        self._old = get_printoptions()
        set_printoptions(**self._new)

    def __exit__(self, *exception):
        set_printoptions(**self._old)


# --- from a tensor to nested lists, `...` standing for what is left out -------------------------


def _edges(tensor, edge):
    """Elements of `tensor` as nested lists, no more than `edge` at each end of a dimension."""
    if tensor.dim() == 0:
        return tensor.item()
    length = tensor.shape[0]
    whole = length <= 2 * edge
    if tensor.dim() == 1:
        if whole:
            return tensor.tolist()
        return tensor[:edge].tolist() + [...] + tensor[length - edge :].tolist()
    rows = range(length) if whole else [*range(edge), ..., *range(length - edge, length)]
    return [... if row is ... else _edges(tensor[row], edge) for row in rows]


def _flat(nested):
    if isinstance(nested, list):
        for part in nested:
            yield from _flat(part)
    elif nested is not ...:
        yield nested


# --- one form for all elements of a tensor ------------------------------------------------------
# A writer is a pair: a function from an element to its text, padded, and the width it pads to.


def _padded(write, values):
    width = max((len(write(value)) for value in values), default=1)
    return lambda value: write(value).rjust(width), width


def _float_writer(values):
    """Fixed point, integers with a bare point, or scientific notation: decided by `values`.

    Zeros, infinities and NaN have no say, neither in the form nor in the width.
    """
    telling = [value for value in values if value and math.isfinite(value)]
    precision = _options["precision"]
    if telling and _is_scientific(telling):
        return _padded(lambda value: f"{value:.{precision}e}", telling)
    if all(value.is_integer() for value in telling):
        return _padded(lambda value: f"{value:.0f}" + "." * math.isfinite(value), telling)
    return _padded(lambda value: f"{value:.{precision}f}", telling)


def _is_scientific(values):
    if _options["sci_mode"] is not None:
        return _options["sci_mode"]
    sizes = [abs(value) for value in values]
    low, high = min(sizes), max(sizes)
    return high / low > 1000 or high > 1e8 or low < 1e-4


def _complex_writer(values):
    """Real and imaginary parts have a form each; the sign between them belongs to the second."""
    write_real, real_width = _float_writer([value.real for value in values])
    write_imag, imag_width = _float_writer([value.imag for value in values])

    def write(value):
        imag = write_imag(value.imag).lstrip() + "j"
        return write_real(value.real) + ("" if imag[0] in "+-" else "+") + imag

    return write, real_width + imag_width + 1


def _writer(values, dtype):
    if dtype.is_complex:
        return _complex_writer(values)
    if dtype.is_floating_point:
        return _float_writer(values)
    return _padded(str, values)


# --- the text -----------------------------------------------------------------------------------


def _brackets(nested, dim, indent, write, width):
    """Text of `nested`, `dim` lists deep, whose first bracket stands in column `indent`."""
    if dim == 0:
        return write(nested)
    if dim > 1:
        parts = [
            "..." if part is ... else _brackets(part, dim - 1, indent + 1, write, width)
            for part in nested
        ]
    else:
        gap = " ..." if len(nested) > 1 else "..."
        items = [gap if item is ... else write(item) for item in nested]
        per_line = max(1, (_options["linewidth"] - indent) // (width + 2))
        parts = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    newlines = "\n" * max(1, dim - 1)
    return "[" + f",{newlines}{' ' * (indent + 1)}".join(parts) + "]"


def _contents(tensor, indent):
    if tensor.numel() == 0:
        return "[]"
    shortened = tensor.numel() > _options["threshold"]
    nested = _edges(tensor, _options["edgeitems"]) if shortened else tensor.tolist()
    write, width = _writer(list(_flat(nested)), tensor.dtype)
    return _brackets(nested, tensor.dim(), indent, write, width)


def _dtype_is_obvious(tensor):
    """Whether the elements alone would give the dtype back if the text were typed in again."""
    default = izvod.get_default_dtype()
    if tensor.dtype == default:
        return True
    if tensor.numel() == 0:
        return False
    if tensor.dtype.is_complex:
        return tensor.dtype.itemsize == (16 if default == izvod.float64 else 8)
    return tensor.dtype in (izvod.int64, izvod.bool)


def _history(tensor):
    """The suffix that tells of autograd, if any."""
    try:
        node = tensor.grad_fn
    except RuntimeError:  # a view made and changed under no_grad has no history that could be told
        return ["grad_fn=<Invalid>"]
    if node is not None:
        return [f"grad_fn=<{node.name().rpartition('::')[2]}>"]
    return ["requires_grad=True"] if tensor.requires_grad else []


def _suffixes(tensor):
    empty = tensor.numel() == 0
    if (empty and tensor.dim() != 1) or (not empty and not _options["edgeitems"]):
        yield f"size={tuple(tensor.shape)}"
    if not _dtype_is_obvious(tensor):
        yield f"dtype={tensor.dtype}"
    yield from _history(tensor)


def _str(self):
    """The text of a tensor, as ``repr`` and ``str`` give it (a `Parameter`'s, too)."""
    parameter = izvod.nn.Parameter
    plain = type(self) in (izvod.Tensor, parameter)
    prefix = "tensor(" if plain else f"{type(self).__name__}("
    text = prefix + _contents(self.detach(), len(prefix))
    column = len(text) - text.rfind("\n") + 1
    for suffix in _suffixes(self):
        column += len(suffix) + 2
        if column > _options["linewidth"]:
            text += ",\n" + " " * len(prefix) + suffix
            column = len(prefix) + len(suffix)
        else:
            text += ", " + suffix
    text += ")"
    if not isinstance(self, parameter):
        return text
    return "Parameter containing:\n" + (text if plain else f"Parameter({text})")


def _format(self, spec):
    """``format(tensor, spec)``: a tensor without dimensions is formatted as its element.

    Raises:
        TypeError: a `spec` is given for a tensor with dimensions.
    """
    if self.dim() == 0 and type(self) is izvod.Tensor:
        return format(self.detach().item(), spec)
    return object.__format__(self, spec)
