"""Datasets, samplers and the DataLoader that makes batches of them.

Whatever is drawn at random is drawn from the generator in torch's order: the batches, and the
generator's state afterwards, are torch's bit for bit. numpy is not imported here.
"""

from izvod.utils.data._utils.collate import default_collate, default_convert
from izvod.utils.data._utils.worker import get_worker_info
from izvod.utils.data.dataloader import DataLoader
from izvod.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from izvod.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
]
