"""A run on disk and back: the same numbers follow as if it had never stopped."""

from dataclasses import asdict

import izvod

from .config import GPTConfig, TrainConfig
from .errors import InputError

FORMAT = "izvod gpt 1"


def save(run, path, text_path):
    """Writes the run to a safetensors file, all of it or, if that fails, nothing.

    `text_path` is where to find the run's text again, None if it is Python's own.
    """
    try:
        izvod.save(
            {
                "format": FORMAT,
                "model_config": asdict(run.model.config),
                "train_config": asdict(run.config),
                "text": {"path": text_path, "digest": run.corpus.digest},
                "step": run.step,
                "train_losses": run.train_losses,
                "val_losses": run.val_losses,
                "model": run.model.state_dict(),
                "optimizer": run.optimizer.state_dict(),
                "rng": {"global": izvod.get_rng_state(), "batches": run.batches.get_state()},
            },
            path,
        )
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def load(path):
    """What `save` wrote, with the two configs as objects again.

    Raises InputError that names the file if it is missing, truncated or something else.
    """
    try:
        state = izvod.load(path)
        if state["format"] != FORMAT:
            raise KeyError("format")
        state["model_config"] = GPTConfig(**state["model_config"])
        state["train_config"] = TrainConfig(**state["train_config"])
        return state
    except FileNotFoundError:
        raise InputError(f"{path}: no checkpoint to resume from") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except RuntimeError as error:
        reason = _first_line(error).removeprefix(f"load: cannot read {path}: ")
        raise InputError(f"{path}: {reason}") from None
    except (KeyError, TypeError):
        raise InputError(f"{path}: not a checkpoint of this program") from None


def restore(run, state, path):
    """Puts a loaded state into a run made of the same configs and text."""
    try:
        run.model.load_state_dict(state["model"])
        run.optimizer.load_state_dict(state["optimizer"])
        run.batches.set_state(state["rng"]["batches"])
        izvod.set_rng_state(state["rng"]["global"])
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{path}: does not fit its own config: {_first_line(error)}") from None
    run.step = state["step"]
    run.train_losses = list(state["train_losses"])
    run.val_losses = [tuple(pair) for pair in state["val_losses"]]


def _first_line(error):
    return str(error).splitlines()[0] if str(error) else type(error).__name__
