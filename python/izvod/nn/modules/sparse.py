"""Tables of vectors that are looked up by index."""

import izvod
from izvod.nn import functional as F
from izvod.nn import init
from izvod.nn.modules.module import Module
from izvod.nn.parameter import Parameter


class Embedding(Module):
    """Rows of a table: indices (*) -> (*, embedding_dim); weight (num_embeddings, embedding_dim),
    normal at first.

    Args: padding_idx - a row that starts as zeros and gets no gradient; max_norm, norm_type - rows
    that are looked up are scaled down to this norm, in place; scale_grad_by_freq - gradients are
    divided by how often the index occurs. Raises AssertionError for a padding_idx out of range.
    """

    num_embeddings: int
    embedding_dim: int

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        padding_idx=None,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        sparse=False,
        _weight=None,
        _freeze=False,
        device=None,
        dtype=None,
    ):
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < max(num_embeddings, 1):
                raise AssertionError("Padding_idx must be within num_embeddings")
            padding_idx += num_embeddings if padding_idx < 0 else 0
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if _weight is None:
            data = izvod.empty((num_embeddings, embedding_dim), device=device, dtype=dtype)
            self.weight = Parameter(data, requires_grad=not _freeze)
            self.reset_parameters()
        else:
            if list(_weight.shape) != [num_embeddings, embedding_dim]:
                raise AssertionError(
                    "Shape of weight does not match num_embeddings and embedding_dim"
                )
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self):
        init.normal_(self.weight)
        self._fill_padding_idx_with_zero()

    def _fill_padding_idx_with_zero(self):
        if self.padding_idx is not None:
            with izvod.no_grad():
                self.weight[self.padding_idx].fill_(0)

    def forward(self, input):
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self):
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        unusual = {
            "padding_idx": self.padding_idx is not None,
            "max_norm": self.max_norm is not None,
            "norm_type": self.norm_type != 2,
            "scale_grad_by_freq": self.scale_grad_by_freq is not False,
            "sparse": self.sparse is not False,
        }
        return ", ".join(
            parts + [f"{name}={getattr(self, name)}" for name, shown in unusual.items() if shown]
        )

    @classmethod
    def from_pretrained(
        cls,
        embeddings,
        freeze=True,
        padding_idx=None,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        sparse=False,
    ):
        """An Embedding over the given table (rows, columns), whose memory it shares; `freeze` stops
        its training.
        """
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        return cls(
            *embeddings.shape,
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
            _weight=embeddings,
            _freeze=freeze,
        )
