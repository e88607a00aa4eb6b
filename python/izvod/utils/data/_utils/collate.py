"""From a list of samples to a batch: numbers and arrays become tensors with one more dimension."""

import copy
import sys
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence

from izvod import _C
from izvod._C import Tensor

default_collate_err_msg_format = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


def _like_mapping(model, items):
    """The dict `items` as a mapping of the model's type, or as it is where that cannot be made."""
    try:
        if isinstance(model, MutableMapping):
            clone = copy.copy(model)  # it may have attributes of its own
            clone.update(items)
            return clone
        return type(model)(items)
    except TypeError:
        return items


def _like_sequence(model, items):
    """The list `items` as a sequence of the model's type, or as it is where that cannot be made."""
    try:
        if isinstance(model, MutableSequence):
            clone = copy.copy(model)
            for i, item in enumerate(items):
                clone[i] = item
            return clone
        return type(model)(items)
    except TypeError:
        return items


def _is_named_tuple(x):
    return isinstance(x, tuple) and hasattr(x, "_fields")


def _holds_no_numbers(array):
    """Strings, bytes and objects have no tensor."""
    return array.dtype.kind in "SUO"


def default_convert(data):
    """What a DataLoader without batches makes of a sample: numpy's arrays and numbers become
    tensors, also inside of mappings and sequences; all else stays. Tuples become lists.
    """
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if type(data).__module__ == "numpy":
        import numpy

        return data if _holds_no_numbers(data) else _C.as_tensor(numpy.asarray(data))
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, Sequence):
        items = [default_convert(x) for x in data]
        if _is_named_tuple(data):
            return type(data)(*items)
        return items if isinstance(data, tuple) else _like_sequence(data, items)
    return data


def collate(batch, *, collate_fn_map=None):
    """Collates a list of samples by the type of the first one.

    `collate_fn_map` has functions `f(batch, *, collate_fn_map)` for types (or tuples of types).
    Mappings and sequences are collated item by item: `{k: a}, {k: b}` to `{k: collate([a, b])}`,
    `(a, c), (b, d)` to `[collate([a, b]), collate([c, d])]`.

    Raises RuntimeError if sequences differ in length, TypeError for a type that has no function.
    """
    first = batch[0]
    function = _function_for(first, collate_fn_map or {})
    if function is not None:
        return function(batch, collate_fn_map=collate_fn_map)

    if isinstance(first, Mapping):
        return _like_mapping(
            first,
            {key: collate([d[key] for d in batch], collate_fn_map=collate_fn_map) for key in first},
        )
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch) and not _is_named_tuple(first):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = zip(*batch, strict=False)
        items = [collate(column, collate_fn_map=collate_fn_map) for column in columns]
        if _is_named_tuple(first):
            return type(first)(*items)
        return items if isinstance(first, tuple) else _like_sequence(first, items)
    raise TypeError(default_collate_err_msg_format.format(type(first)))


def _function_for(sample, collate_fn_map):
    """The function of the sample's own type, else of the first type that it is an instance of."""
    exact = collate_fn_map.get(type(sample))
    if exact is not None:
        return exact
    matching = (f for kind, f in collate_fn_map.items() if isinstance(sample, kind))
    return next(matching, None)


# ---- The functions of default_collate


def collate_tensor_fn(batch, *, collate_fn_map=None):
    return _C.stack(batch, 0)


def collate_float_fn(batch, *, collate_fn_map=None):
    return _C.tensor(batch, dtype=_C.float64)


def collate_int_fn(batch, *, collate_fn_map=None):
    return _C.tensor(batch)


def collate_str_fn(batch, *, collate_fn_map=None):
    return batch


def collate_numpy_array_fn(batch, *, collate_fn_map=None):
    if _holds_no_numbers(batch[0]):
        raise TypeError(default_collate_err_msg_format.format(batch[0].dtype))
    return collate([_C.as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch, *, collate_fn_map=None):
    import numpy

    return _C.as_tensor(numpy.array(batch))


default_collate_fn_map = {
    Tensor: collate_tensor_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def default_collate(batch):
    """A list of samples as a batch, the same structure with tensors of shape (len(batch), ...).

    Tensors and numpy arrays of equal shape are stacked; floats give float64, ints int64, numpy's
    numbers their own dtype; strings and bytes stay a list; in mappings, tuples and sequences each
    item is collated (a tuple gives a list). `default_collate_fn_map` may be given more types.

    Raises TypeError for any other type, RuntimeError where shapes or lengths differ.
    """
    if "numpy" in sys.modules:  # else there can be no array in the batch
        import numpy

        if numpy.ndarray not in default_collate_fn_map:
            default_collate_fn_map[numpy.ndarray] = collate_numpy_array_fn
            scalars = (numpy.bool_, numpy.number, numpy.object_)
            default_collate_fn_map[scalars] = collate_numpy_scalar_fn
    return collate(batch, collate_fn_map=default_collate_fn_map)
