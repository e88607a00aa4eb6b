"""An epoch of batches."""

import importlib


def tensor_dataset_epoch(lib, samples=10_000, features=20, batch=64):
    """Shuffled batches of a TensorDataset with labels, nothing done with them."""
    data = importlib.import_module(f"{lib.name}.utils.data")
    x, y = lib.torch.randn(samples, features), lib.torch.randint(0, 10, (samples,))
    loader = data.DataLoader(data.TensorDataset(x, y), batch_size=batch, shuffle=True)

    def run():
        for _ in loader:
            pass

    return run


def wide_tensor_dataset_epoch(lib):
    """The same with samples of 784 numbers."""
    return tensor_dataset_epoch(lib, features=784)


WORKLOADS = [tensor_dataset_epoch, wide_tensor_dataset_epoch]
