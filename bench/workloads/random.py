"""Ten million random numbers."""

MANY = 10_000_000


def rand(lib):
    return lambda: lib.torch.rand(MANY)


def randn(lib):
    return lambda: lib.torch.randn(MANY)


def dropout(lib):
    x = lib.torch.ones(MANY)
    return lambda: lib.F.dropout(x, 0.1)


def bernoulli_of_number(lib):
    x = lib.torch.empty(MANY)
    return lambda: x.bernoulli_(0.5)


def bernoulli_of_tensor(lib):
    p = lib.torch.full((MANY,), 0.3)
    return lambda: lib.torch.bernoulli(p)


WORKLOADS = [rand, randn, dropout, bernoulli_of_number, bernoulli_of_tensor]
