"""Memory for time: parts of a program whose intermediate results are computed again in backward.

T. Chen, B. Xu, C. Zhang, C. Guestrin: Training Deep Nets with Sublinear Memory Cost, 2016.
"""

from contextlib import nullcontext

import izvod
from izvod._C import Tensor
from izvod.autograd import enable_grad
from izvod.autograd.function import Function
from izvod.autograd.graph import saved_tensors_hooks


class CheckpointError(RuntimeError):
    """The recomputation did not do what the first computation did."""


def checkpoint(
    function,
    *args,
    use_reentrant=None,
    context_fn=lambda: (nullcontext(), nullcontext()),
    determinism_check="default",
    debug=False,
    early_stop=True,
    preserve_rng_state=True,
    **kwargs,
):
    """``function(*args, **kwargs)``, of which backward keeps the inputs only.

    With ``use_reentrant=False`` backward computes the function again when it first needs one of its
    saved tensors; any graph, keyword arguments and autograd.grad work. With ``use_reentrant=True``
    the part is one node of the graph, whose backward computes it again and runs a pass of its own:
    at least one argument must require a gradient, and only ``backward()`` works. Random numbers are
    drawn again as they were drawn first, unless ``preserve_rng_state=False``.

    CheckpointError if the second computation saves other tensors than the first.
    """
    if use_reentrant is None:
        import warnings

        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. "
            "Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an "
            "exception. use_reentrant=False is recommended, but if you need to preserve the "
            "current default behavior, you can pass use_reentrant=True. Refer to docs for more "
            "details on the differences between the two variants.",
            stacklevel=2,
        )
        use_reentrant = True
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        _warn_without_gradients(args)
        return CheckpointFunction.apply(function, preserve_rng_state, *args)
    if not izvod.is_grad_enabled():
        return function(*args, **kwargs)
    first, second = context_fn()
    frame = _Frame(
        function, args, kwargs, second, early_stop, determinism_check, preserve_rng_state
    )
    with saved_tensors_hooks(frame.pack, frame.unpack), first:
        return function(*args, **kwargs)


def checkpoint_sequential(functions, segments, input, use_reentrant=None, **kwargs):
    """Runs ``functions`` one after the other in ``segments`` parts; the last keeps its results."""
    functions = list(functions.children() if isinstance(functions, izvod.nn.Module) else functions)
    size = len(functions) // segments

    def run(start, end):
        def part(x):
            for f in functions[start:end]:
                x = f(x)
            return x

        return part

    start = 0
    for _ in range(segments - 1):
        input = checkpoint(run(start, start + size), input, use_reentrant=use_reentrant, **kwargs)
        start += size
    return run(start, len(functions))(input)


class _SameRandomNumbers:
    """A block in which the state of the generator is what it was when this was made."""

    def __init__(self, preserve):
        self.state = izvod.get_rng_state() if preserve else None

    def __enter__(self):
        if self.state is not None:
            self.now = izvod.get_rng_state()
            izvod.set_rng_state(self.state)

    def __exit__(self, *error):
        if self.state is not None:
            izvod.set_rng_state(self.now)


class _Stop(Exception):
    """Everything that was wanted has been computed again."""


class _Frame:
    """One call: counts what it saves; on demand it computes all of that again."""

    def __init__(self, function, args, kwargs, context, early_stop, check, preserve):
        self.call = function, args, kwargs
        self.context, self.early_stop, self.check = context, early_stop, check
        self.random = _SameRandomNumbers(preserve)
        self.described = []  # (shape, dtype) of each saved tensor
        self.again = {}  # the tensors computed again, until backward takes them

    def pack(self, tensor):
        self.described.append((tensor.shape, tensor.dtype))
        return len(self.described) - 1

    def unpack(self, number):
        if number not in self.again:
            self._compute()
        return self.again.pop(number)

    def _compute(self):
        function, args, kwargs = self.call
        found = []

        def keep(tensor):
            found.append(tensor.detach())
            if self.early_stop and len(found) == len(self.described):
                raise _Stop
            return None

        def no_backward(_):
            raise CheckpointError("torch.utils.checkpoint: the recomputation has no backward")

        try:
            with self.random, enable_grad(), saved_tensors_hooks(keep, no_backward), self.context:
                function(*args, **kwargs)
        except _Stop:
            pass
        self._compare(found)
        self.again = dict(enumerate(found))

    def _compare(self, found):
        if len(found) != len(self.described):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                "original forward and recomputation.\n"
                f"Number of tensors saved during forward: {len(self.described)}\n"
                f"Number of tensors saved during recomputation: {len(found)}."
            )
        if self.check == "none":
            return
        for number, (tensor, (shape, dtype)) in enumerate(zip(found, self.described, strict=True)):
            if tensor.shape != shape or tensor.dtype != dtype:
                raise CheckpointError(
                    "torch.utils.checkpoint: Recomputed values for the following tensors have "
                    "different metadata than during the forward pass.\n"
                    f"tensor at position {number}:\n"
                    f"saved metadata: {{'shape': {shape}, 'dtype': {dtype}}}\n"
                    f"recomputed metadata: {{'shape': {tensor.shape}, 'dtype': {tensor.dtype}}}"
                )


def _warn_without_gradients(args):
    if not any(isinstance(x, Tensor) and x.requires_grad for x in args):
        import warnings

        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=3
        )


class CheckpointFunction(Function):
    """A whole computation as one node, whose backward runs a pass of its own."""

    @staticmethod
    def forward(ctx, function, preserve_rng_state, *args):
        ctx.function = function
        ctx.random = _SameRandomNumbers(preserve_rng_state)
        ctx.at = [i for i, x in enumerate(args) if isinstance(x, Tensor)]
        ctx.args = [None if isinstance(x, Tensor) else x for x in args]
        ctx.save_for_backward(*[args[i] for i in ctx.at])
        return function(*args)

    @staticmethod
    def backward(ctx, *grads):
        if izvod._C._is_partial_pass():
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or "
                "passing an `inputs` parameter to .backward(). To resolve this error, you can "
                "either set use_reentrant=False, or call .backward() without passing the `inputs` "
                "argument."
            )
        args = list(ctx.args)
        for i, x in zip(ctx.at, ctx.saved_tensors, strict=True):
            args[i] = x.detach().requires_grad_(x.requires_grad)
        with ctx.random, enable_grad():
            results = ctx.function(*args)
        results = (results,) if isinstance(results, Tensor) else results
        pairs = [
            (y, g)
            for y, g in zip(results, grads, strict=True)
            if isinstance(y, Tensor) and y.requires_grad
        ]
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        izvod.autograd.backward(*zip(*pairs, strict=True))
        return None, None, *[x.grad if isinstance(x, Tensor) else None for x in args]
