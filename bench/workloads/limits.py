"""What limits.py compares kernels and calls with."""

# Bytes per element of kernels at 1e7 float32 numbers, each input read once and each result written
# once, and the plain loop of bench/cpp/limits_bench.cpp that moves memory in the same way.
BYTES = {
    "relu": ("copy", 8),
    "exp": ("copy", 8),
    "add": ("add", 12),
    "mul": ("add", 12),
    "add_row": ("copy", 8),
    "gt": ("add", 9),
    "where": ("add", 13),
    "to_float64": ("copy", 12),
    "to_bfloat16": ("copy", 6),
    "int64_to_float32": ("copy", 12),
    "sum": ("read", 4),
    "sum_dim_0": ("read", 4),
    "sum_dim_1": ("read", 4),
    "amax_dim_0": ("read", 4),
    "amax_dim_1": ("read", 4),
    "var_dim_1": ("read", 4),
    "argmax_dim_1": ("read", 4),
    "softmax_dim_1": ("copy", 8),
    "log_softmax_dim_1": ("copy", 8),
    "cumsum": ("copy", 8),
    "transposed_copy": ("copy", 8),
    "cat": ("copy", 6),
    "index_select": ("copy", 8),
    "gather": ("add", 16),
}


# Bytes of what is larger than any cache. For a token GPT-2 reads the token embeddings once (as the
# last layer) and 12 layers: of 4 d^2 weights of attention, 8 d^2 of the perceptron and 13 d biases
# and norms, where d is 768.
LARGE = {
    "generate_50_tokens_gpt2_124m": (
        "read_large",
        50 * 4 * (50257 * 768 + 12 * (12 * 768**2 + 13 * 768) + 2 * 768),
    ),
}


def nothing(lib):
    """The loop around a call, and a function of Python."""
    return lambda: None


def float_method(lib):
    """A method of a built-in type, without arguments."""
    x = 1.5
    return lambda: x.is_integer()


def numpy_add(lib):
    import numpy

    a, b = numpy.ones(1, numpy.float32), numpy.ones(1, numpy.float32)
    return lambda: a + b


WORKLOADS = [nothing, float_method, numpy_add]
