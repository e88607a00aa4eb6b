"""The default generator: seeds and states. Streams are those of torch on a CPU, bit for bit."""

from izvod._C import Generator, default_generator

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]


def manual_seed(seed):
    """Seeds the default generator with int(seed), from -2**63 to 2**64 - 1, and returns it.

    Raises ValueError if the seed is out of that range.
    """
    return default_generator.manual_seed(int(seed))


def seed():
    """Seeds the default generator from the system's entropy and returns that seed."""
    return default_generator.seed()


def initial_seed():
    """The seed that the default generator's present stream began with."""
    return default_generator.initial_seed()


def get_rng_state():
    """The default generator's state: 5056 bytes (uint8), in torch's layout."""
    return default_generator.get_state()


def set_rng_state(new_state):
    """Goes on from a state that get_rng_state gave, here or in torch.

    Raises TypeError if it is no uint8 tensor, RuntimeError if its size or content cannot be.
    """
    default_generator.set_state(new_state)


class fork_rng:
    """`with fork_rng():` leaves the default generator as it was before. Devices are ignored: all
    tensors are on the CPU.
    """

    def __init__(self, devices=None, enabled=True, *ignored, device_type="cpu"):
        self.enabled = enabled

    def __enter__(self):
        if self.enabled:
            self._state = get_rng_state()

    def __exit__(self, *error):
        if self.enabled:
            set_rng_state(self._state)

    def __call__(self, function):
        """As a decorator."""
        import functools

        @functools.wraps(function)
        def inside(*args, **kwargs):
            with fork_rng(enabled=self.enabled):
                return function(*args, **kwargs)

        return inside
