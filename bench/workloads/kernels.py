"""One op each, forward and, for some, both ways, at the sizes and shapes that models use."""

SIZES = {"1e3": 1_000, "1e5": 100_000, "1e6": 1_000_000, "1e7": 10_000_000}
WORKLOADS = []


def workload(name, make):
    """A workload of this name: make(lib) returns the call."""

    def function(lib):
        return make(lib)

    function.__name__ = name.replace(" ", "_")
    WORKLOADS.append(function)


def forward(name, make):
    """Times f(*tensors), where make(lib) returns f and the tensors."""

    def run(lib):
        f, *tensors = make(lib)
        return lambda: f(*tensors)

    workload(name, run)


def both_ways(name, make):
    """Times f(*tensors) and the gradients of its result to all tensors of floats."""

    def run(lib):
        f, *tensors = make(lib)
        leaves = [x.requires_grad_() for x in tensors if x.is_floating_point()]
        weights = lib.torch.ones_like(f(*tensors).detach())

        def call():
            for x in leaves:
                x.grad = None
            f(*tensors).backward(weights)

        return call

    workload(name + " grad", run)


def forward_and_both_ways(name, make):
    forward(name, make)
    both_ways(name, make)


# ---- Elementwise

for label, n in SIZES.items():
    for op in ("exp", "tanh", "relu"):
        forward_and_both_ways(
            f"{op} {label}", lambda lib, n=n, op=op: (getattr(lib.torch, op), lib.torch.randn(n))
        )
    forward_and_both_ways(f"gelu {label}", lambda lib, n=n: (lib.F.gelu, lib.torch.randn(n)))
    for op in ("add", "mul"):
        forward_and_both_ways(
            f"{op} {label}",
            lambda lib, n=n, op=op: (
                getattr(lib.torch, op),
                lib.torch.randn(n),
                lib.torch.randn(n),
            ),
        )
    forward(f"times number {label}", lambda lib, n=n: (lambda x: x * 1.5, lib.torch.randn(n)))
    forward(
        f"add in place {label}",
        lambda lib, n=n: (
            lambda x, y: x.add_(y, alpha=-1e-9),
            lib.torch.randn(n),
            lib.torch.randn(n),
        ),
    )
    forward(f"fill {label}", lambda lib, n=n: (lambda x: x.zero_(), lib.torch.randn(n)))
    forward(f"every second {label}", lambda lib, n=n: (lambda x: x[::2] * 2, lib.torch.randn(n)))
    forward(
        f"dot {label}", lambda lib, n=n: (lib.torch.dot, lib.torch.randn(n), lib.torch.randn(n))
    )
    rows, columns = (n // 1000, 1000) if n > 1000 else (10, 100)
    forward(
        f"add row {label}",
        lambda lib, r=rows, c=columns: (lib.torch.add, lib.torch.randn(r, c), lib.torch.randn(c)),
    )
    both_ways(
        f"mul column {label}",
        lambda lib, r=rows, c=columns: (
            lib.torch.mul,
            lib.torch.randn(r, c),
            lib.torch.randn(r, 1),
        ),
    )
    forward(f"gt {label}", lambda lib, n=n: (lib.torch.gt, lib.torch.randn(n), lib.torch.randn(n)))
    forward(
        f"where {label}",
        lambda lib, n=n: (
            lib.torch.where,
            lib.torch.randn(n) > 0,
            lib.torch.randn(n),
            lib.torch.randn(n),
        ),
    )
    forward(f"to float64 {label}", lambda lib, n=n: (lambda x: x.double(), lib.torch.randn(n)))
    forward(f"to bfloat16 {label}", lambda lib, n=n: (lambda x: x.bfloat16(), lib.torch.randn(n)))
    forward(
        f"int64 to float32 {label}", lambda lib, n=n: (lambda x: x.float(), lib.torch.arange(n))
    )

    # ---- Reductions, scans and sorting

    forward_and_both_ways(f"sum {label}", lambda lib, n=n: (lib.torch.sum, lib.torch.randn(n)))
    for dim in (0, 1):
        for op in ("sum", "amax", "var", "softmax", "log_softmax", "argmax"):
            timed = forward_and_both_ways if op in ("var", "softmax") else forward
            timed(
                f"{op} dim {dim} {label}",
                lambda lib, r=rows, c=columns, op=op, dim=dim: (
                    lambda x: getattr(lib.torch, op)(x, dim=dim),
                    lib.torch.randn(r, c),
                ),
            )
    forward(
        f"cumsum {label}",
        lambda lib, r=rows, c=columns: (lambda x: x.cumsum(1), lib.torch.randn(r, c)),
    )
    forward(
        f"sort {label}", lambda lib, r=rows, c=columns: (lambda x: x.sort(1), lib.torch.randn(r, c))
    )
    forward(
        f"topk {label}",
        lambda lib, r=rows, c=columns: (lambda x: x.topk(10), lib.torch.randn(r, c)),
    )

    # ---- Rows moved

    forward(
        f"transposed copy {label}",
        lambda lib, r=rows, c=columns: (lambda x: x.T.contiguous(), lib.torch.randn(r, c)),
    )
    forward(
        f"cat {label}",
        lambda lib, r=rows, c=columns: (
            lambda x: lib.torch.cat([x, x], 1),
            lib.torch.randn(r, c // 2),
        ),
    )
    forward(
        f"index_select {label}",
        lambda lib, r=rows, c=columns: (
            lambda x, i: x.index_select(0, i),
            lib.torch.randn(r, c),
            lib.torch.randint(0, r, (r,)),
        ),
    )
    forward(
        f"gather {label}",
        lambda lib, r=rows, c=columns: (
            lambda x, i: x.gather(1, i),
            lib.torch.randn(r, c),
            lib.torch.randint(0, c, (r, c)),
        ),
    )

# Scores of a causal attention written by hand: half of them are -inf.
for label, n in (("1e5", 40), ("1e6", 400)):

    def masked(lib, n=n):
        later = lib.torch.ones(50, 50).triu(1) > 0
        return lib.torch.randn(n, 50, 50).masked_fill(later, float("-inf"))

    forward_and_both_ways(
        f"softmax masked {label}", lambda lib, m=masked: (lambda x: x.softmax(-1), m(lib))
    )

# ---- Short rows: few channels, small heads, tables of a few columns

for rows, columns in ((6144, 2), (12500, 16), (4000, 50)):
    label = f"{rows}x{columns}"

    def matrix(lib, r=rows, c=columns):
        return lib.torch.randn(r, c)

    forward_and_both_ways(
        f"add row {label}",
        lambda lib, m=matrix, c=columns: (lib.torch.add, m(lib), lib.torch.randn(c)),
    )
    forward(
        f"mul column {label}",
        lambda lib, m=matrix, r=rows: (lib.torch.mul, m(lib), lib.torch.randn(r, 1)),
    )
    forward(
        f"add slices {label}",
        lambda lib, r=rows, c=columns: (
            lambda x: x[:, :c] + x[:, c:],
            lib.torch.randn(r, 2 * c),
        ),
    )
    for op in ("sum", "softmax", "cumsum", "sort"):
        forward(f"{op} {label}", lambda lib, m=matrix, op=op: (lambda x: getattr(x, op)(1), m(lib)))
    forward(f"sum dim 0 {label}", lambda lib, m=matrix: (lambda x: x.sum(0), m(lib)))
    forward(
        f"gather {label}",
        lambda lib, m=matrix, r=rows, c=columns: (
            lambda x, i: x.gather(1, i),
            m(lib),
            lib.torch.randint(0, c, (r, c)),
        ),
    )
    forward(
        f"index_add {label}",
        lambda lib, m=matrix, r=rows: (
            lambda x, i: lib.torch.zeros_like(x).index_add_(0, i, x),
            m(lib),
            lib.torch.randint(0, r, (r,)),
        ),
    )

# ---- Counting

for label, n in (("1e3", 1_000), ("1e5", 100_000), ("1e6", 1_000_000)):

    def classes(lib, n=n):
        return lib.torch.randint(0, 100, (n,))

    forward(f"bincount {label}", lambda lib, c=classes: (lib.torch.bincount, c(lib)))
    forward(f"unique {label}", lambda lib, c=classes: (lib.torch.unique, c(lib)))
    forward(
        f"isin {label}",
        lambda lib, c=classes: (lib.torch.isin, c(lib), lib.torch.arange(0, 100, 7)),
    )
    forward(
        f"bucketize {label}",
        lambda lib, n=n: (lib.torch.bucketize, lib.torch.randn(n), lib.torch.linspace(-2, 2, 50)),
    )

# ---- Masks

for label, n in (("1e3", 1_000), ("1e5", 100_000)):
    forward(
        f"and not {label}",
        lambda lib, n=n: (
            lambda a, b: a & ~b,
            lib.torch.randn(n) > 0,
            lib.torch.randn(n) > 0,
        ),
    )

# ---- Layers

for rows in (64, 2048):
    forward_and_both_ways(
        f"layer_norm {rows}x768",
        lambda lib, r=rows: (
            lambda x, w, b: lib.F.layer_norm(x, (768,), w, b),
            lib.torch.randn(r, 768),
            lib.torch.ones(768),
            lib.torch.zeros(768),
        ),
    )
forward_and_both_ways(
    "cross_entropy 256x50257",
    lambda lib: (
        lib.F.cross_entropy,
        lib.torch.randn(256, 50257),
        lib.torch.randint(0, 50257, (256,)),
    ),
)
forward_and_both_ways(
    "embedding 512 of 50257x256",
    lambda lib: (lib.F.embedding, lib.torch.randint(0, 50257, (512,)), lib.torch.randn(50257, 256)),
)
for shape in ((4, 12, 256, 64), (1, 4, 2048, 64)):
    forward_and_both_ways(
        "attention " + "x".join(map(str, shape)),
        lambda lib, shape=shape: (
            lambda q, k, v: lib.F.scaled_dot_product_attention(q, k, v, is_causal=True),
            *(lib.torch.randn(shape) for _ in range(3)),
        ),
    )

# ---- Matrix products


def product(m, k, n, left="N", right="N", timed=forward):
    def make(lib):
        a = lib.torch.randn(m, k) if left == "N" else lib.torch.randn(k, m).T
        b = lib.torch.randn(k, n) if right == "N" else lib.torch.randn(n, k).T
        return lib.torch.matmul, a, b

    timed(f"matmul {m}x{k}x{n} {left}{right}", make)


for n in (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048):
    product(n, n, n)
product(512, 512, 512, timed=both_ways)
for kinds in ("NT", "TN", "TT"):
    product(512, 512, 512, *kinds)
for shape in ((1, 768, 3072), (8, 768, 768), (2048, 64, 2048), (256, 768, 50257), (4096, 16, 16)):
    product(*shape)
    product(*shape, "N", "T")
for b, m, k, n in ((48, 64, 32, 64), (48, 256, 64, 256), (512, 8, 8, 8), (1000, 4, 4, 4)):
    forward(
        f"bmm {b}x{m}x{k}x{n}",
        lambda lib, b=b, m=m, k=k, n=n: (
            lib.torch.bmm,
            lib.torch.randn(b, m, k),
            lib.torch.randn(b, k, n),
        ),
    )
for n in (64, 1024, 4096):
    forward(
        f"matvec {n}", lambda lib, n=n: (lib.torch.mv, lib.torch.randn(n, n), lib.torch.randn(n))
    )
