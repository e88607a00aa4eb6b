"""Linear algebra; more will follow."""

from izvod._C import matmul, vector_norm  # noqa: F401
