"""The loss curve."""

import os

from .errors import InputError


def save_loss_curve(run, path):
    """Draws training and validation loss over the steps into a PNG, written whole or not at all."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="loss (nats per character)")
    steps = range(1, len(run.train_losses) + 1)
    axes.plot(steps, run.train_losses, linewidth=0.7, alpha=0.6, label="training")
    axes.plot(*zip(*run.val_losses, strict=True), marker="o", markersize=4, label="validation")
    axes.grid(alpha=0.3)
    axes.legend()

    unfinished = f"{path}.{os.getpid()}.tmp"
    try:
        with open(unfinished, "wb") as file:
            FigureCanvasAgg(figure).print_png(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        if os.path.exists(unfinished):
            os.remove(unfinished)
