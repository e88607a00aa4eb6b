"""The sample table: one row for every public op."""

from op_samples import composed, indexing, nn, pointwise, products, reductions, views

ROWS = [
    *pointwise.ROWS,
    *products.ROWS,
    *views.ROWS,
    *reductions.ROWS,
    *indexing.ROWS,
    *nn.ROWS,
    *composed.ROWS,
]
