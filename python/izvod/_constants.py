"""torch's layouts and memory formats: names only: a tensor is strided memory on a CPU."""


class _Named:
    def __init__(self, name):
        self._name = name

    def __repr__(self):
        return f"torch.{self._name}"

    def __reduce__(self):
        return self._name


class layout(_Named):  # noqa: N801  (torch's name)
    pass


class memory_format(_Named):  # noqa: N801  (torch's name)
    pass


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
