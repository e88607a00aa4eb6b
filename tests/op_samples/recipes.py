"""What a row of the sample table is made of: recipes of arguments, samples, errors, ops.

Arguments are recipes, so that the same numbers come out for izvod and torch, for every dtype and
layout in memory.
"""

import math
import random
from dataclasses import dataclass, field

REAL = ((-2.0, 2.0),)
POSITIVE = ((0.2, 3.0),)
UNIT = ((-0.9, 0.9),)
SHARE = ((0.05, 0.95),)
NONZERO = ((-2.0, -0.3), (0.3, 2.0))
FRACTION = ((-1.9, -1.6), (-1.4, -1.1), (-0.9, -0.6), (0.1, 0.4), (0.6, 0.9), (1.1, 1.4))
DISTINCT = "distinct"  # all elements differ, by at least 0.5

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
DTYPES = (*FLOATS, "int64", "int32", "uint8", "bool")
LAYOUTS = ("contiguous", "step", "transposed")


def _numbers(rng, count, domain):
    if domain == DISTINCT:
        start = rng.uniform(0.05, 0.2)  # so that two tensors share no element either
        numbers = [0.5 * (i - count // 2) + start for i in range(count)]
        rng.shuffle(numbers)
        return numbers
    return [rng.uniform(*rng.choice(domain)) for _ in range(count)]


def _cast(number, dtype):
    if dtype == "bool":
        return number > 0
    if dtype not in INTEGERS:
        return number
    return math.floor(2 * number) & (255 if dtype == "uint8" else -1)


def lay_out(lib, numbers, shape, dtype, layout):
    """The tensor of the numbers with the given strides: whole, every second element, reversed."""
    dtype = getattr(lib, dtype)
    if layout == "step" and shape:
        gaps = [n for number in numbers for n in (0, number)]
        base = lib.tensor(gaps, dtype=dtype).reshape((*shape[:-1], shape[-1] * 2))
        return base[..., 1::2]
    x = lib.tensor(numbers, dtype=dtype).reshape(shape)
    if layout == "transposed":
        order = list(range(len(shape)))[::-1]
        return x.permute(order).contiguous().permute(order)
    return x


class T:
    """A tensor of random numbers from the row's domain, or its own, in the dtype asked for."""

    def __init__(self, *shape, domain=None, dtype=None, grad=True):
        self.shape, self.domain, self.dtype, self.grad = shape, domain, dtype, grad

    def make(self, lib, dtype, layout, op, rng):
        dtype = self.dtype or dtype
        numbers = _numbers(rng, math.prod(self.shape), self.domain or op.domain)
        return lay_out(lib, [_cast(n, dtype) for n in numbers], self.shape, dtype, layout)


class V:
    """A tensor of given numbers (a list, or lists in a list); int64 unless said otherwise."""

    def __init__(self, values, dtype="int64", grad=False):
        self.values, self.dtype, self.grad = values, dtype, grad

    def make(self, lib, dtype, layout, op, rng):
        own = dtype if self.dtype is None else self.dtype
        x = lib.tensor(self.values, dtype=getattr(lib, own))
        return lay_out(lib, x.flatten().tolist(), tuple(x.shape), own, layout)


class Places:
    """Random places, or classes: int64 numbers from 0 to below `high`, drawn by the library."""

    grad = False

    def __init__(self, *shape, high):
        self.shape, self.high = shape, high

    def make(self, lib, dtype, layout, op, rng):
        lib.manual_seed(rng.getrandbits(32))
        return lib.randint(self.high, self.shape)


class D:
    """A dtype of the library, by name."""

    def __init__(self, name):
        self.name = name


def mask(*shape):
    return T(*shape, dtype="bool", grad=False)


def realised(recipe, lib, dtype, layout, op, rng):
    """The argument a recipe stands for; other values stand for themselves."""
    if isinstance(recipe, (T, V, Places)):
        return recipe.make(lib, dtype, layout, op, rng)
    if isinstance(recipe, D):
        return getattr(lib, recipe.name)
    if isinstance(recipe, (list, tuple)):
        return type(recipe)(realised(r, lib, dtype, layout, op, rng) for r in recipe)
    return recipe


class S:
    """A sample: the arguments of one call."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs

    def __repr__(self):
        words = [_text(a) for a in self.args] + [f"{k}={_text(a)}" for k, a in self.kwargs.items()]
        return f"({', '.join(words)})"

    def make(self, lib, op, dtype="float32", layout="contiguous"):
        rng = random.Random(f"{op.name}{self}")
        args = [realised(a, lib, dtype, layout, op, rng) for a in self.args]
        return args, {k: realised(a, lib, dtype, layout, op, rng) for k, a in self.kwargs.items()}


def _text(recipe):
    if isinstance(recipe, T):
        return f"T{recipe.shape}" + (f":{recipe.dtype}" if recipe.dtype else "")
    if isinstance(recipe, V):
        return f"V{recipe.values}"
    if isinstance(recipe, (list, tuple)):
        return "[" + ", ".join(map(_text, recipe)) + "]"
    return recipe.name if isinstance(recipe, D) else repr(recipe)


class E(S):
    """A call that must raise an error of this class, whose text contains the words."""

    def __init__(self, error, text, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.error, self.text = error, text


def resolve(lib, name):
    for part in name.split("."):
        lib = getattr(lib, part)
    return lib


@dataclass
class Op:
    """One public function: how it is called, with what, and what holds for its results."""

    name: str  # torch's dotted name: "exp", "Tensor.view", "nn.functional.gelu"
    samples: list
    call: object = None  # f(lib, *args) in place of the function of that name
    aliases: tuple = ()  # other names of the same function; methods of any of them are found
    domain: object = REAL
    grad: bool = True
    grad2: bool = True  # second derivatives, too
    numeric: bool = True  # the derivative is that of the values; not so where padding has none
    dtypes: tuple = DTYPES
    errors: list = field(default_factory=list)
    reference: object = None  # f(numpy, *args): the result in float64 by other means
    ulps: float = 4  # units in the last place that two correct results may differ by
    scale: float = 0.05  # ... of the result, or of this number where the result is smaller
    strides: str = "contiguous"  # layouts of arguments for which strides are torch's; or "all"
    nodes: bool = True  # grad_fn has torch's name
    view: bool = False  # the result shares memory with the first argument
    method: bool = True  # Tensor's method of the same name takes the same arguments
    in_place: object = None  # False: Tensor.name_ is not this op in place
    blocks: object = True  # samples big enough for threads, or False where there are none

    def names(self, lib):
        """Every public name by which the op can be called with its samples."""
        names = [] if self.call else [self.name]
        for name in (self.name, *self.aliases):
            method = "Tensor." + name.split(".")[-1]
            if name != self.name:
                names.append(name)
            if self.method and "." not in name and hasattr(lib.Tensor, name):
                names.append(method)
        return list(dict.fromkeys(names))

    def function(self, lib, name=None):
        if self.call and name is None:
            return lambda *args, **kwargs: self.call(lib, *args, **kwargs)
        return resolve(lib, name or self.name)

    def in_place_function(self, lib):
        """Tensor's method that writes the result into the first argument, or None."""
        if self.in_place is False or "." in self.name:
            return None
        return getattr(lib.Tensor, self.in_place or self.name + "_", None)


def leaves(recipe, value):
    """The tensors among the arguments that a derivative is taken of."""
    if isinstance(recipe, (T, V)):
        return [value] if recipe.grad and value.is_floating_point() else []
    if isinstance(recipe, (list, tuple)):
        return [x for r, v in zip(recipe, value, strict=True) for x in leaves(r, v)]
    if isinstance(recipe, dict):
        return [x for k, r in recipe.items() for x in leaves(r, value[k])]
    return []


def replaced(recipe, value, fresh):
    """The arguments with those tensors replaced by the ones that the iterator `fresh` gives."""
    if isinstance(recipe, (T, V)):
        return next(fresh) if leaves(recipe, value) else value
    if isinstance(recipe, (list, tuple)):
        return type(recipe)(replaced(r, v, fresh) for r, v in zip(recipe, value, strict=True))
    if isinstance(recipe, dict):
        return {k: replaced(r, value[k], fresh) for k, r in recipe.items()}
    return value
