"""What the DataLoader is made of."""

from izvod.utils.data._utils import collate, fetch, worker  # noqa: F401
