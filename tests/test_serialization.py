"""izvod.save and izvod.load: round trips, sharing, damage, and other safetensors readers."""

import io
import json
import math
import os
import random
import struct
from collections import OrderedDict

import izvod
import pytest

DTYPES = [
    izvod.bool,
    izvod.uint8,
    izvod.int8,
    izvod.int16,
    izvod.int32,
    izvod.int64,
    izvod.float16,
    izvod.bfloat16,
    izvod.float32,
    izvod.float64,
]


def round_trip(obj):
    file = io.BytesIO()
    izvod.save(obj, file)
    file.seek(0)
    return izvod.load(file)


def same(a, b):
    """Whether two objects agree in every type, value, dtype, shape and flag."""
    if type(a) is not type(b):
        return False
    if isinstance(a, izvod.Tensor):
        agree = a.dtype == b.dtype and a.shape == b.shape and a.requires_grad == b.requires_grad
        return agree and a._to_bytes() == b._to_bytes()
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    return a == b


def header_of(path):
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return json.loads(file.read(length))


def write_file(path, header, data=b""):
    """A container with any header at all; returns the path."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


# --- round trips --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (7,), (3, 4), (2, 3, 4)], ids=str)
def test_every_dtype_and_shape(dtype, shape):
    numbers = izvod.arange(math.prod(shape)).reshape(shape) - 3
    assert same(round_trip({"x": numbers.to(dtype)}), {"x": numbers.to(dtype)})


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d.is_floating_point], ids=str)
def test_special_values_keep_their_bits(dtype):
    x = izvod.tensor([0.0, -0.0, math.inf, -math.inf, math.nan, 1e-7, 3.14159]).to(dtype)
    assert same(round_trip(x), x)


@pytest.mark.parametrize(
    "obj",
    [
        None,
        True,
        0,
        -(2**100),
        0.1,
        -0.0,
        5e-324,
        math.inf,
        -math.inf,
        math.nan,
        1 - 2j,
        complex(math.nan, -0.0),
        "",
        "naïve \ud800 \0 🎉",
        b"",
        bytes(range(256)),
        [],
        (),
        {},
        set(),
        [1, 1.0, True, "1", None],
        (1, (2, [3, {4: (5,)}])),
        {1: "int", "1": "str", 1.5: "float", None: "none", (1, "a"): "tuple", b"b": "bytes"},
        OrderedDict([("b", 1), ("a", OrderedDict())]),
        {"tensor": "no tensor", "dict": [], "float": "nan", "__metadata__": {}},
        {1, 2, "three"},
        frozenset({(1, 2)}),
        izvod.float32,
        izvod.bfloat16,
        izvod.device("cpu"),
        izvod.zeros(2, 3).shape,
    ],
    ids=lambda obj: type(obj).__name__,
)
def test_plain_objects(obj):
    assert same(round_trip(obj), obj)


def test_structure_with_tensors():
    obj = {
        "model": OrderedDict(weight=izvod.randn(3, 4), bias=izvod.zeros(3)),
        "list": [izvod.arange(3), (izvod.ones(2), None), 1.5],
        0: {"exp_avg": izvod.randn(2), "step": izvod.tensor(3.0)},
    }
    assert same(round_trip(obj), obj)


def test_names_that_collide_stay_apart():
    obj = {"a": {"b": izvod.ones(1)}, "a.b": izvod.zeros(1), "__metadata__": izvod.ones(2)}
    assert same(round_trip(obj), obj)


def test_parameters_and_requires_grad():
    parameter = izvod.nn.Parameter(izvod.randn(2, 3))
    frozen = izvod.nn.Parameter(izvod.randn(2), requires_grad=False)
    leaf = izvod.randn(3).requires_grad_()
    loaded = round_trip([parameter, frozen, leaf, leaf * 2])
    assert same(loaded, [parameter, frozen, leaf, leaf * 2])
    assert all(x.is_leaf for x in loaded)
    (loaded[0].sum() + loaded[2].sum()).backward()
    assert loaded[0].grad.tolist() == [[1.0] * 3] * 2


def test_strided_tensors_keep_their_values():
    x = izvod.arange(24).reshape(2, 3, 4)
    for view in (x.transpose(0, 2), x[:, 1], x[1, :, ::2], x[:, :, :1].expand(2, 3, 5)):
        assert round_trip(view).tolist() == view.tolist()


def test_random_structures():
    choose = random.Random(0)

    def make(depth):
        kind = choose.randrange(9 if depth else 6)
        if kind == 0:
            return choose.choice([None, True, False, "text", b"bytes"])
        if kind == 1:
            return choose.randint(-(2**70), 2**70)
        if kind == 2:
            return choose.uniform(-1, 1) * 10.0 ** choose.randint(-300, 300)
        if kind < 6:
            shape = [choose.randint(0, 4) for _ in range(choose.randint(0, 3))]
            return izvod.randn(shape).mul(9).abs().to(choose.choice(DTYPES))
        items = [make(depth - 1) for _ in range(choose.randint(0, 4))]
        if kind == 6:
            return items
        if kind == 7:
            return tuple(items)
        return {choose.choice([i, str(i), (i, "k")]): item for i, item in enumerate(items)}

    for _ in range(300):
        obj = make(4)
        assert same(round_trip(obj), obj)


def test_model_and_optimizer_continue_as_if_never_stopped(tmp_path):
    def build():
        izvod.manual_seed(0)
        model = izvod.nn.Sequential(izvod.nn.Linear(3, 4), izvod.nn.Tanh(), izvod.nn.Linear(4, 1))
        return model, izvod.optim.AdamW(model.parameters(), lr=0.01, betas=(0.9, 0.99))

    def train(model, optimizer, steps):
        x = izvod.arange(12).reshape(4, 3).to(izvod.float32) / 10
        for _ in range(steps):
            optimizer.zero_grad()
            model(x).pow(2).mean().backward()
            optimizer.step()

    model, optimizer = build()
    train(model, optimizer, 3)
    states = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": 3}
    izvod.save(states, tmp_path / "checkpoint")
    train(model, optimizer, 3)

    resumed, resumed_optimizer = build()
    loaded = izvod.load(tmp_path / "checkpoint")
    assert loaded["step"] == 3
    resumed.load_state_dict(loaded["model"])
    resumed_optimizer.load_state_dict(loaded["optimizer"])
    train(resumed, resumed_optimizer, 3)
    for name, value in model.state_dict().items():
        assert same(resumed.state_dict()[name], value), name


# --- sharing ------------------------------------------------------------------------------------


def test_one_tensor_twice_is_one_tensor_again():
    x = izvod.randn(3)
    a, b = round_trip([x, x])
    assert a is b


def test_tied_weights_stay_tied_and_are_written_once(tmp_path):
    weight = izvod.nn.Parameter(izvod.randn(50, 40))
    state = {"wte.weight": weight.detach(), "lm_head.weight": weight.detach()}
    izvod.save(state, tmp_path / "tied")
    assert os.path.getsize(tmp_path / "tied") < 1.5 * 50 * 40 * 4
    loaded = izvod.load(tmp_path / "tied")
    assert same(loaded, state)
    loaded["wte.weight"][0, 0] = 7.0
    assert loaded["lm_head.weight"][0, 0].item() == 7.0


def test_views_stay_views_of_the_tensor_that_covers_them():
    x = izvod.arange(12).reshape(3, 4)
    views = {"row": x[1], "x": x, "transposed": x.t(), "corner": x[1:, ::2], "last": x[2, 3]}
    loaded = round_trip(views)
    assert same(loaded, views)
    loaded["x"].zero_()
    assert all(view.sum().item() == 0 for view in loaded.values())


def test_views_without_a_tensor_that_covers_them():
    x = izvod.arange(10)
    views = [x[:6], x[4:], x[::3], x[5:7]]
    assert same(round_trip(views), views)


def test_neighbours_and_empty_tensors_share_nothing():
    x = izvod.arange(6)
    halves = [x[:3], x[3:], x[:0], izvod.zeros(0)]
    loaded = round_trip(halves)
    loaded[0].zero_()
    assert loaded[1].tolist() == [3, 4, 5]


def test_parameter_and_its_data_share():
    parameter = izvod.nn.Parameter(izvod.ones(3))
    loaded, data = round_trip([parameter, parameter.detach()])
    data.zero_()
    assert loaded.tolist() == [0, 0, 0] and loaded.requires_grad and not data.requires_grad


# --- other readers and writers ------------------------------------------------------------------


def test_safetensors_reads_what_izvod_writes(tmp_path):
    safetensors = pytest.importorskip("safetensors", reason="compares with the safetensors package")
    state = {f"layer.{dtype}": izvod.arange(5).to(dtype) for dtype in DTYPES}
    izvod.save(state, tmp_path / "state")
    found = dict(safetensors.deserialize((tmp_path / "state").read_bytes()))
    assert set(found) == set(state)
    for name, tensor in state.items():
        assert found[name]["shape"] == [5]
        assert bytes(found[name]["data"]) == tensor._to_bytes()
    with safetensors.safe_open(tmp_path / "state", framework="np") as file:
        assert set(file.keys()) == set(state)
        assert file.metadata()["format"] == "pt"
        assert file.get_tensor("layer.torch.float32").tolist() == [0, 1, 2, 3, 4]


def test_izvod_reads_what_safetensors_writes(tmp_path):
    safetensors_numpy = pytest.importorskip(
        "safetensors.numpy", reason="compares with the safetensors package"
    )
    numpy = pytest.importorskip("numpy", reason="the safetensors package writes numpy's arrays")
    arrays = {"a": numpy.arange(6, dtype=numpy.int16).reshape(2, 3), "b": numpy.float64([0.5])}
    safetensors_numpy.save_file(arrays, tmp_path / "arrays", metadata={"by": "hand"})
    loaded = izvod.load(tmp_path / "arrays")
    assert {name: x.tolist() for name, x in loaded.items()} == {
        "a": [[0, 1, 2], [3, 4, 5]],
        "b": [0.5],
    }
    assert loaded["a"].dtype == izvod.int16 and loaded["b"].dtype == izvod.float64


def test_torch_and_izvod_exchange_state_dicts(tmp_path):
    reason = "compares with torch through the safetensors package"
    torch = pytest.importorskip("torch", reason=reason)
    exchange = pytest.importorskip("safetensors.torch", reason=reason)
    theirs = torch.nn.Linear(3, 2).to(torch.bfloat16).state_dict()
    exchange.save_file(theirs, tmp_path / "theirs")
    ours = izvod.load(tmp_path / "theirs")
    assert {name: x.tolist() for name, x in ours.items()} == {
        name: x.tolist() for name, x in theirs.items()
    }
    izvod.save(ours, tmp_path / "ours")
    back = exchange.load_file(tmp_path / "ours")
    assert all(torch.equal(back[name], theirs[name]) for name in theirs)


def test_data_are_aligned(tmp_path):
    state = {str(dtype): izvod.ones(3).to(dtype) for dtype in DTYPES}
    izvod.save(state, tmp_path / "f")
    start = int.from_bytes((tmp_path / "f").read_bytes()[:8], "little") + 8
    header = header_of(tmp_path / "f")
    for name, tensor in state.items():
        assert (start + header[name]["data_offsets"][0]) % tensor.dtype.itemsize == 0


# --- writing ------------------------------------------------------------------------------------


def test_paths_and_files(tmp_path):
    for where in (tmp_path / "a", str(tmp_path / "b")):
        izvod.save([1, izvod.ones(2)], where)
        assert same(izvod.load(where), [1, izvod.ones(2)])
    with open(tmp_path / "c", "wb") as file:
        izvod.save("open", file)
    with open(tmp_path / "c", "rb") as file:
        assert izvod.load(file) == "open"
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c"]


def test_file_objects_are_read_from_where_they_stand():
    file = io.BytesIO()
    file.write(b"before")
    izvod.save({"x": izvod.ones(2)}, file)
    file.seek(6)
    assert same(izvod.load(file), {"x": izvod.ones(2)})


def test_an_existing_file_survives_a_failed_save(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint"
    izvod.save("old", path)
    with pytest.raises(TypeError, match=r"obj\['a'\]\[1\] is a .*object"):
        izvod.save({"a": [izvod.ones(2), object()]}, path)

    def full(file, pieces):
        file.write(next(pieces))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("izvod.serialization._write", full)
        with pytest.raises(OSError, match="No space left on device: .*checkpoint"):
            izvod.save("new", path)
    assert izvod.load(path) == "old"
    assert os.listdir(tmp_path) == ["checkpoint"]
    izvod.save("new", path)
    assert izvod.load(path) == "new"


def test_links_stay_links(tmp_path):
    izvod.save("old", tmp_path / "real")
    os.symlink(tmp_path / "real", tmp_path / "link")
    izvod.save("new", tmp_path / "link")
    assert os.path.islink(tmp_path / "link")
    assert izvod.load(tmp_path / "real") == "new"


def test_devices_are_written_to_not_replaced():
    izvod.save(izvod.ones(2), os.devnull)
    assert not os.path.isfile(os.devnull)


def test_unwritable_places(tmp_path):
    with pytest.raises(RuntimeError, match="Parent directory .*absent does not exist"):
        izvod.save(1, tmp_path / "absent" / "file")
    with pytest.raises(IsADirectoryError):
        izvod.save(1, tmp_path)
    with pytest.raises(AttributeError, match="'write'"):
        izvod.save(1, 5)
    with pytest.raises(AttributeError, match="'read'"):
        izvod.load(5)


def test_partial_writes_are_errors():
    class Half(io.BytesIO):
        def write(self, data):
            return super().write(data[: len(data) // 2])

    with pytest.raises(OSError, match="only a part"):
        izvod.save(izvod.ones(100), Half())


@pytest.mark.parametrize(
    "obj",
    [object(), print, [{"x": {1: 2j, "m": math}}], range(3)],
    ids=["object", "function", "complex", "range"],
)
def test_objects_that_cannot_be_saved(obj):
    with pytest.raises(TypeError, match="save: obj.*what can be saved"):
        izvod.save(obj, io.BytesIO())


def test_modules_are_saved_by_their_state():
    with pytest.raises(TypeError, match="state_dict"):
        izvod.save(izvod.nn.Linear(1, 1), io.BytesIO())


def test_objects_that_contain_themselves():
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        izvod.save(loop, io.BytesIO())


# --- reading what is not as it should be --------------------------------------------------------


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        izvod.load(tmp_path / "absent")


def entry(dtype="F32", shape=(2,), begin=0, end=8):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def outline(node, views=None, version=1):
    text = json.dumps({"version": version, "object": node, "views": views or {}})
    return {"__metadata__": {"izvod": text}, "a": entry()}


FOREIGN = {
    "empty": (b"", "it is empty"),
    "short": (b"\1\0", "truncated or not a safetensors"),
    "text": (b"Call me Ishmael. Some years ago", "truncated or not a safetensors"),
    "zip": (b"PK\3\4" + bytes(100), "zip file, such as torch.save writes"),
    "pickle": (b"\x80\x02}q\x00." + bytes(20), "truncated or not a safetensors"),
    "list": (b"\2\0\0\0\0\0\0\0[]", "not a safetensors file"),
    "not JSON": (b"\4\0\0\0\0\0\0\0{1}}", "header is damaged"),
    "not UTF-8": (b"\4\0\0\0\0\0\0\0{\xff\xff}", "header is damaged"),
    "deep": ((10**6).to_bytes(8, "little") + b'{"a":' + b"[" * 10**6, "header is damaged"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files(tmp_path, name):
    content, reason = FOREIGN[name]
    (tmp_path / "the file").write_bytes(content)
    with pytest.raises(RuntimeError, match=f"the file: .*{reason}"):
        izvod.load(tmp_path / "the file")


DAMAGED = {
    "number for an entry": ({"a": 5}, "header is damaged"),
    "no places": ({"a": {"dtype": "F32", "shape": [2]}}, "header is damaged"),
    "additional field": ({"a": {**entry(), "more": 1}}, "header is damaged"),
    "unknown dtype": ({"a": entry("F8_E4M3", [8])}, "F8_E4M3, which izvod does not have"),
    "shape too large": ({"a": entry(shape=[2**62, 2**62])}, "cannot have 8 bytes"),
    "negative shape": ({"a": entry(shape=[-1, -2])}, "cannot have 8 bytes"),
    "overflowing shape": ({"a": entry(), "b": entry(shape=[0, 2**80], begin=8)}, ""),
    "fractional shape": ({"a": entry(shape=[2.0])}, "header is damaged"),
    "text shape": ({"a": entry(shape=["2"])}, "header is damaged"),
    "gap": ({"a": entry("U8", [4], 4, 8)}, "misplaced"),
    "overlap": ({"a": entry(), "b": entry("U8", [4], 4, 8)}, "misplaced"),
    "backwards": ({"a": entry("U8", [4], 0, -4)}, "misplaced"),
    "data missing": ({"a": entry("F64", [2], 0, 16)}, "truncated: 8 of 16 bytes"),
    "data left over": ({"a": entry("U8", [4], 0, 4)}, "4 bytes follow the last tensor"),
    "no bool": ({"a": entry("BOOL", [8])}, "bytes other than 0 and 1"),
    "metadata": ({"__metadata__": [], "a": entry()}, "header is damaged"),
    "outline": ({"__metadata__": {"izvod": "{"}, "a": entry()}, ""),
    "outline type": ({"__metadata__": {"izvod": 5}, "a": entry()}, "header is damaged"),
    "empty node": (outline({}), "no type that can be loaded"),
    "unknown node": (outline({"eval": "1"}), "'eval', which is no type that can be loaded"),
    "unknown tensor": (outline({"tensor": "b"}), "header is damaged"),
    "dict of numbers": (outline({"dict": [1, 2]}), "header is damaged"),
    "unhashable key": (outline({"dict": [[[], 1]]}), "header is damaged"),
    "unknown type": (outline({"dtype": "nn"}), "no type that can be loaded"),
    "text float": (outline({"float": "two"}), ""),
    "bytes": (outline({"bytes": "xy"}), ""),
    "newer": (outline(None, version=2), "a newer release"),
    "view too long": (outline({"tensor": "v"}, {"v": ["a", [3], [1], 0]}), "reaches beyond"),
    "view too far": (outline({"tensor": "v"}, {"v": ["a", [1], [1], 2]}), "reaches beyond"),
    "view before": (outline({"tensor": "v"}, {"v": ["a", [1], [1], -1]}), "reaches beyond"),
    "view backwards": (outline({"tensor": "v"}, {"v": ["a", [2], [-1], 1]}), "reaches beyond"),
    "view of nothing": (outline({"tensor": "v"}, {"v": ["b", [1], [1], 0]}), "header is damaged"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_headers(tmp_path, name):
    header, reason = DAMAGED[name]
    path = write_file(tmp_path / "the file", header, bytes([2]) * 8)
    with pytest.raises(RuntimeError, match=f"the file: .*{reason}"):
        izvod.load(path)


def test_truncated_at_every_length(tmp_path):
    izvod.save({"a": izvod.ones(3), "b": [1, izvod.arange(2)]}, tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    for length in range(len(whole)):
        with pytest.raises(RuntimeError, match="cannot read"):
            izvod.load(io.BytesIO(whole[:length]))


def test_random_damage_gives_an_error_or_an_object():
    file = io.BytesIO()
    izvod.save({"a": izvod.ones(3), 1: (izvod.arange(4).reshape(2, 2), 1.5)}, file)
    choose = random.Random(1)
    failures = 0
    for _ in range(2000):
        damaged = bytearray(file.getvalue())
        for _ in range(choose.randint(1, 4)):
            damaged[choose.randrange(len(damaged))] = choose.choice(b'0129-"[]{},:eI\0\xff')
        try:
            izvod.load(io.BytesIO(damaged))
        except RuntimeError as error:
            assert "cannot read" in str(error)
            failures += 1
    assert failures > 1000


def test_map_location():
    file = io.BytesIO()
    izvod.save({"a": izvod.ones(2)}, file)
    places = [None, "cpu", izvod.device("cpu"), {"cuda:0": "cpu"}, lambda storage, place: storage]
    for place in places:
        file.seek(0)
        loaded = izvod.load(file, map_location=place, weights_only=True)
        assert same(loaded, {"a": izvod.ones(2)})
    file.seek(0)
    with pytest.raises((RuntimeError, AssertionError)):
        izvod.load(file, map_location="cuda")
