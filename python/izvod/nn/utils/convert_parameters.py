"""All parameters as one vector, and back."""

import izvod
from izvod._C import Tensor
from izvod.utils import typename


def parameters_to_vector(parameters):
    """The values of all parameters, one after the other, shape (total,); part of the graph."""
    return izvod.cat([param.view(-1) for param in parameters])


def vector_to_parameters(vec, parameters):
    """Makes the parameters views of `vec`, which holds their values one after the other. Raises
    TypeError.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {typename(vec)}")
    start = 0
    for param in parameters:
        end = start + param.numel()
        param.data = vec[start:end].view_as(param).data
        start = end
