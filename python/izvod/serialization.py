"""Saving and loading: `save` and `load`, in files that every safetensors reader opens.

A file is a safetensors container: eight bytes with the length of a JSON header, the header with
each tensor's name, dtype, shape and place, then the raw data. A tensor's name is its path in the
saved object, so a state dict keeps its names. What else the object holds is JSON text in the
header's metadata, under "izvod":

    {"version": 1, "object": node, "views": {name: [name of the owner, shape, stride, offset]}}

A node is None, a bool, int, finite float or str as itself, a list of nodes, or an object whose
first key tells the type: {"tuple": [node, ...]}, {"dict": [[key node, value node], ...]},
{"tensor": name}, ... Nothing in a file is ever executed: `load` builds these types and no others.

The container is written and read here, not through the safetensors package: that one wants all data
in memory at once, under an interface that differs between its releases.
"""

import math
import os
from collections import OrderedDict

import izvod

_VERSION = 1
_CODES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
    "complex64": "C64",
}
_NAMES = {code: name for name, code in _CODES.items()}
_DICTS = {"dict": dict, "OrderedDict": OrderedDict}


def _sequences():
    return {"tuple": tuple, "set": set, "frozenset": frozenset, "Size": izvod.Size}


def save(obj, f):
    """Writes `obj` to `f`. `load` reads it back; any safetensors reader finds the tensors in it.

    Tensors that share memory still share it after `load` if one of them covers the others: its
    name holds the data, theirs are in izvod's part of the header only. A file is written under
    another name in the same folder, then renamed: it is complete, or it is as it was before.

    Args:
        obj: numbers, strings, bytes, None, dtypes, devices, tensors and parameters, and lists,
            tuples, sets and (ordered) dicts of them, nested at will.
        f: a path, or an object with a `write` method for bytes.

    Raises:
        TypeError: something in `obj` is of another type; the message says where.
        ValueError: `obj` contains itself, or is nested too deeply.
        RuntimeError: the folder does not exist.
    """
    if not isinstance(f, (str, os.PathLike)) and not hasattr(f, "write"):
        raise AttributeError(f"save: f must be a path or have a 'write' method, got {_type(f)}")
    outline = _Outline()
    try:
        node = outline.node(obj, ())
    except RecursionError:
        raise ValueError("save: the object contains itself or is nested too deeply") from None
    pieces = _container(node, outline.tensors)
    if hasattr(f, "write"):
        _write(f, pieces)
    else:
        _replace_file(os.fspath(f), pieces)


def load(f, map_location=None, *, weights_only=True):
    """Reads what `save` wrote, or any safetensors file: that gives a dict of its tensors.

    Args:
        f: a path, or an object with `read`, `seek` and `tell`; it is read up to its end.
        map_location: the device for the tensors, as in torch; the only one there is, is the CPU.
        weights_only: accepted for torch's sake; a file cannot hold code, whatever is asked for.

    Raises:
        FileNotFoundError: there is no such file.
        RuntimeError: it is truncated, damaged or of another format; the message says which.
    """
    device = _device(map_location)
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _load(file, os.fspath(f), device)
    if not all(hasattr(f, method) for method in ("read", "seek", "tell")):
        raise AttributeError(
            f"load: f must be a path or have 'read', 'seek' and 'tell' methods, got {_type(f)}"
        )
    return _load(f, getattr(f, "name", _type(f)), device)


def _load(file, name, device):
    try:
        outline, data = _read_container(file, device)
        return data if outline is None else _Builder(outline, data).result()
    except ValueError as error:
        reason = str(error)
    except (KeyError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
        reason = f"its header is damaged ({type(error).__name__}: {error})"
    raise RuntimeError(f"load: cannot read {name}: {reason}")


def _device(map_location):
    if map_location is None or callable(map_location):  # a callable would choose, but between what?
        return "cpu"
    if isinstance(map_location, dict):
        return map_location.get("cpu", "cpu")
    izvod.empty(0, device=map_location)  # raises if there is no such device
    return map_location


def _type(obj):
    kind = type(obj)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _write(file, pieces):
    for piece in pieces:
        if file.write(piece) not in (len(piece), None):
            raise OSError(f"save: {_type(file)}.write() wrote only a part of what it was given")


def _replace_file(path, pieces):
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {folder} does not exist.")
    if os.path.exists(target) and not os.path.isfile(target):  # a pipe or device, never replaced
        with open(target, "wb") as file:
            return _write(file, pieces)
    temporary = os.path.join(folder, f".izvod-{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "xb") as file:
            _write(file, pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno is not None:  # name the file asked for
            raise OSError(error.errno, error.strerror, path) from None
        raise


# --- from an object to a container --------------------------------------------------------------


class _Outline:
    """Turns an object into nodes; `tensors` collects {name: tensor}, each tensor object once."""

    def __init__(self):
        self.tensors = {}
        self._names = {}  # id of a tensor -> its name

    def node(self, obj, path):
        kind = type(obj)
        if obj is None or kind in (bool, int, str):
            return obj
        if kind is float:
            return obj if math.isfinite(obj) else {"float": repr(obj)}
        if kind is list:
            return self._nodes(obj, path)
        for name, sequence in _sequences().items():
            if kind is sequence:
                return {name: self._nodes(obj, path)}
        for name, mapping in _DICTS.items():
            if kind is mapping:
                return {name: [self._pair(*item, path) for item in obj.items()]}
        if kind in (izvod.Tensor, izvod.nn.Parameter):
            return self._tensor(obj, path)
        if kind is complex:
            return {"complex": [self.node(obj.real, path), self.node(obj.imag, path)]}
        if kind is bytes:
            return {"bytes": obj.hex()}
        if kind is izvod.dtype:
            return {"dtype": str(obj).removeprefix("torch.")}
        if kind is izvod.device:
            return {"device": str(obj)}
        where = "obj" + "".join(f"[{key!r}]" for key in path)
        raise TypeError(
            f"save: {where} is a {_type(obj)}; what can be saved are numbers, strings, bytes, "
            "None, dtypes, devices, tensors, and lists, tuples, sets and dicts of them "
            "(of a module or an optimizer: its state_dict())"
        )

    def _nodes(self, items, path):
        return [self.node(item, (*path, index)) for index, item in enumerate(items)]

    def _pair(self, key, value, path):
        return [self.node(key, path), self.node(value, (*path, key))]

    def _tensor(self, tensor, path):
        if id(tensor) not in self._names:
            name = self._free_name(".".join(map(str, path)) or "tensor")
            self._names[id(tensor)] = name
            self.tensors[name] = tensor
        kind = "tensor" if type(tensor) is izvod.Tensor else "parameter"
        node = {kind: self._names[id(tensor)]}
        if tensor.requires_grad:
            node["requires_grad"] = True
        return node

    def _free_name(self, name):
        free, count = name, 1
        while free in self.tensors or free == "__metadata__":
            count += 1
            free = f"{name}#{count}"
        return free


def _container(node, tensors):
    """Yields the bytes of a file piece by piece, so that no second copy of all data is made."""
    import json

    views = _views(tensors)
    outline = {"version": _VERSION, "object": node, "views": views}
    # "pt" tells other readers how the shapes of weights are meant; some refuse a file without it
    header = {"__metadata__": {"format": "pt", "izvod": json.dumps(outline, allow_nan=False)}}
    owners = [item for item in tensors.items() if item[0] not in views]
    owners.sort(key=lambda item: -item[1].dtype.itemsize)  # keeps every tensor's data aligned
    end = 0
    for name, tensor in owners:
        begin, end = end, end + tensor.numel() * tensor.dtype.itemsize
        code = _CODES.get(str(tensor.dtype).removeprefix("torch."))
        if code is None:
            raise TypeError(f"save: safetensors files cannot hold {tensor.dtype} (tensor {name!r})")
        header[name] = {"dtype": code, "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for _, tensor in owners:
        yield tensor._to_bytes()


def _views(tensors):
    """Finds the tensors that lie in another's memory: {name: [owner, shape, stride, offset]}.

    In order of addresses, larger ones first, an owner comes right before the views of it.
    """

    def place(item):
        tensor = item[1]
        steps = zip(tensor.shape, tensor.stride(), strict=True)
        extent = 1 + sum((length - 1) * step for length, step in steps)
        start = tensor.data_ptr()
        return start, -(start + extent * tensor.dtype.itemsize), not tensor.is_contiguous()

    views, owner, owner_start, owner_end = {}, None, 0, 0
    for name, tensor in sorted((i for i in tensors.items() if i[1].numel()), key=place):
        start, end, scattered = place((name, tensor))
        offset, rest = divmod(start - owner_start, tensor.dtype.itemsize)
        if -end <= owner_end and not rest and tensor.dtype == tensors[owner].dtype:
            views[name] = [owner, list(tensor.shape), list(tensor.stride()), offset]
        elif not scattered:
            owner, owner_start, owner_end = name, start, -end
    return views


# --- from a container to an object --------------------------------------------------------------
# Whatever a damaged file makes of these steps ends as one of the exceptions that _load names.


def _read_container(file, device):
    """The outline, or None if izvod did not write the file, and {name: tensor} in order of data."""
    import json

    begin = file.tell()
    file.seek(0, os.SEEK_END)
    size = file.tell() - begin
    file.seek(begin)
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if size == 0:
        raise ValueError("it is empty")
    if start.startswith(b"PK\3\4"):
        raise ValueError("it is a zip file, such as torch.save writes, not a safetensors file")
    if size < 8 or length > size - 8:
        raise ValueError("it is truncated or not a safetensors file")
    text = file.read(length)
    if not text.startswith(b"{"):
        raise ValueError("it is not a safetensors file")
    try:
        header = json.loads(text)
    except ValueError as error:
        raise ValueError(f"its header is damaged ({error})") from None
    outline = header.pop("__metadata__", {}).get("izvod")
    places = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
    _check_places(places, size - 8 - length)
    data = {name: _read_tensor(file, name, **place).to(device) for name, place in places}
    return (None if outline is None else json.loads(outline)), data


def _check_places(places, size):
    """Raises ValueError unless the tensors' data fill `size` bytes without gap or overlap."""
    end = 0
    for name, place in places:
        begin, previous, end = place["data_offsets"][0], end, place["data_offsets"][1]
        if begin != previous or end < begin:
            raise ValueError(f"the data of tensor {name!r} are misplaced")
    if end > size:
        raise ValueError(f"it is truncated: {size} of {end} bytes of data are there")
    if end < size:
        raise ValueError(f"it is damaged: {size - end} bytes follow the last tensor")


def _read_tensor(file, name, dtype, shape, data_offsets):
    kind = getattr(izvod, _NAMES.get(dtype, ""), None)
    if kind is None:
        raise ValueError(f"tensor {name!r} is of type {dtype}, which izvod does not have")
    length = data_offsets[1] - data_offsets[0]
    if min(shape, default=0) < 0 or math.prod(shape) * kind.itemsize != length:
        raise ValueError(f"tensor {name!r} of shape {shape} cannot have {length} bytes of data")
    data = file.read(length)
    if len(data) != length:
        raise ValueError("it became shorter while it was read")
    if kind == izvod.bool and data.translate(None, b"\0\1"):
        raise ValueError(f"tensor {name!r} of type {dtype} holds bytes other than 0 and 1")
    return izvod._C._from_bytes(data, kind, shape)


class _Builder:
    """Makes the object that an outline describes; each name becomes one tensor object."""

    def __init__(self, outline, data):
        if outline["version"] > _VERSION:
            raise ValueError("a newer release of izvod wrote it")
        self._outline = outline
        self._data = data
        self._tensors = {}

    def result(self):
        return self._object(self._outline["object"])

    def _object(self, node):
        if isinstance(node, list):
            return [self._object(item) for item in node]
        if not isinstance(node, dict):
            return node
        kind, body = next(iter(node.items()), (None, None))
        if kind in ("tensor", "parameter"):
            return self._tensor(body, kind, node.get("requires_grad", False))
        if kind in _DICTS:
            return _DICTS[kind]((self._object(key), self._object(value)) for key, value in body)
        if kind in _sequences():
            return _sequences()[kind](self._object(body))
        if kind == "float":
            return float(body)
        if kind == "complex":
            return complex(*self._object(body))
        if kind == "bytes":
            return bytes.fromhex(body)
        if kind == "dtype" and (body in _CODES or body == "complex128"):
            return getattr(izvod, body)
        if kind == "device":
            return izvod.device(body)
        raise ValueError(f"its header holds {kind!r}, which is no type that can be loaded")

    def _tensor(self, name, kind, requires_grad):
        if name not in self._tensors:
            tensor = self._data[name] if name in self._data else self._view(name)
            if kind == "parameter":
                tensor = izvod.nn.Parameter(tensor, requires_grad=requires_grad)
            elif requires_grad:
                tensor = tensor.detach().requires_grad_()
            self._tensors[name] = tensor
        return self._tensors[name]

    def _view(self, name):
        owner, shape, stride, offset = self._outline["views"][name]
        steps = list(zip(shape, stride, strict=True))
        last = offset + sum((length - 1) * step for length, step in steps)
        if offset < 0 or last >= self._data[owner].numel() or any(min(step) < 0 for step in steps):
            raise ValueError(f"tensor {name!r} reaches beyond {owner!r}, whose memory it shares")
        return self._data[owner].as_strided(shape, stride, offset)
