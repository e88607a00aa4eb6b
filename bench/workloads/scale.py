"""The workloads of scale.py: one call at growing sizes, and the backward pass of growing chains."""

SIZES = {  # family: what its size counts, and the sizes
    "matmul": ("n, of n x n matrices", [4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]),
    "add": ("elements", [10**k for k in range(1, 9)]),
    "softmax": ("elements, in rows of 1000", [10**k for k in range(3, 8)]),
    "chain_backward": ("operations, the graph kept", [10**k for k in range(2, 7)]),
    "chain_both_ways": ("operations, built, passed and freed", [10**k for k in range(2, 7)]),
}


def matmul(lib, n):
    a, b = lib.torch.randn(n, n), lib.torch.randn(n, n)
    return lambda: a @ b


def add(lib, n):
    a, b = lib.torch.ones(n), lib.torch.ones(n)
    return lambda: a + b


def softmax(lib, n):
    x = lib.torch.randn(n // 1000, 1000)
    return lambda: lib.torch.softmax(x, dim=-1)


def chain(lib, n):
    """A leaf, and a function that multiplies it n times by another tensor."""
    leaf, factor = lib.torch.ones(1, requires_grad=True), lib.torch.ones(1)

    def forward():
        x = leaf
        for _ in range(n):
            x = x * factor
        return x

    return leaf, forward


def chain_backward(lib, n):
    leaf, forward = chain(lib, n)
    y = forward()

    def run():
        leaf.grad = None
        y.backward(retain_graph=True)

    return run


def chain_both_ways(lib, n):
    leaf, forward = chain(lib, n)

    def run():
        leaf.grad = None
        forward().backward()

    return run


def sized(make, n):
    def workload(lib):
        return make(lib, n)

    workload.__name__ = f"{make.__name__}_{n}"
    return workload


FAMILIES = (matmul, add, softmax, chain_backward, chain_both_ways)
WORKLOADS = [sized(make, n) for make in FAMILIES for n in SIZES[make.__name__][1]]
