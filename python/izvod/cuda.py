"""There is no GPU here: what programs ask before they choose a device."""


def is_available():
    """False: izvod runs on the CPU only."""
    return False


def device_count():
    """0."""
    return 0


def is_initialized():
    """False."""
    return False


def manual_seed(seed):
    """Nothing to seed: programs call it beside ``torch.manual_seed``."""


def manual_seed_all(seed):
    """Nothing to seed."""


def seed():
    """Nothing to seed."""


def seed_all():
    """Nothing to seed."""


def get_rng_state_all():
    """[]: a state for each GPU."""
    return []


def set_rng_state_all(new_states):
    """Nothing to restore: `new_states` is what get_rng_state_all gave."""


def empty_cache():
    """Nothing to empty."""


def synchronize(device=None):
    """RuntimeError: there is nothing to wait for."""
    raise RuntimeError("cuda.synchronize: izvod runs on the CPU only")
