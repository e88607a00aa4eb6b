"""Rows of the products of matrices."""

from op_samples.recipes import DTYPES, E, Op, S, T, V

MATRICES = [S(T(2, 3), T(3, 4)), S(T(1, 3), T(3, 1)), S(T(0, 3), T(3, 2)), S(T(2, 0), T(0, 3))]
BATCHES = [S(T(2, 3, 4), T(2, 4, 2)), S(T(0, 3, 4), T(0, 4, 2)), S(T(2, 3, 0), T(2, 0, 2))]
VECTORS = [S(T(5), T(5)), S(T(0), T(0)), S(T(1), T(1))]
LEFT = [S(T(3, 4), T(4)), S(T(0, 4), T(4)), S(T(3, 0), T(0))]


def product(name, samples, **options):
    dtypes = tuple(t for t in DTYPES if t != "bool")
    return Op(name, samples, ulps=16, scale=1.0, dtypes=dtypes, **options)


def affine(*shapes):
    """Samples of beta x + alpha a b with x of several shapes."""
    x, a, b = shapes
    wide = [T(*x), T(x[-1]), T(), *([T(x[-2], 1)] if len(x) > 1 else [])]
    samples = [S(y, T(*a), T(*b)) for y in wide]
    numbers = [(0.5, 2.0), (0, 1), (2, 0), (1, -1)]
    return samples + [S(T(*x), T(*a), T(*b), beta=p, alpha=q) for p, q in numbers]


EINSUM = [
    S("ij,jk->ik", T(2, 3), T(3, 4)),
    S("ij,jk", T(2, 3), T(3, 4)),
    S("bij,bjk->bik", T(2, 3, 2), T(2, 2, 4)),
    S("ii", T(3, 3)),
    S("ii->i", T(3, 3)),
    S("ij->ji", T(2, 3)),
    S("ij->", T(2, 3)),
    S("ij->j", T(2, 3)),
    S("i,j->ij", T(2), T(3)),
    S("...ij,...jk->...ik", T(2, 2, 3), T(3, 4)),
    S("i,ij,j", T(2), T(2, 3), T(3)),
    S("bhqd,bhkd->bhqk", T(1, 2, 3, 2), T(1, 2, 4, 2)),
    S("ij,kj->ik", T(2, 3), T(1, 3)),
    S(" i j , j -> i ", T(2, 3), T(3)),
]

ROWS = [
    product(
        "matmul",
        [
            *MATRICES,
            *BATCHES,
            *VECTORS,
            *LEFT,
            S(T(3), T(3, 4)),
            S(T(2, 3, 4), T(4)),
            S(T(4), T(2, 4, 3)),
            S(T(2, 3, 4), T(4, 2)),
            S(T(3, 4), T(2, 4, 2)),
            S(T(2, 1, 3, 4), T(5, 4, 2)),
            S(T(2, 0, 4), T(4, 2)),
        ],
        reference=lambda np, a, b: np.matmul(a, b),
        nodes=False,
        errors=[
            E(
                "RuntimeError",
                "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x2)",
                T(2, 3),
                T(4, 2),
            ),
            E("RuntimeError", "both arguments to matmul need to be at least 1D", T(), T(2)),
            E("RuntimeError", "inconsistent tensor size", T(2), T(3)),
            E("RuntimeError", "size mismatch", T(2, 3), T(4)),
            E("RuntimeError", "", T(2, 3), T(3, 2, dtype="float64")),
            E("RuntimeError", "", T(2, 2, 3), T(3, 3, 2)),
            E("TypeError", "", T(2), 3),
        ],
    ),
    product(
        "mm",
        MATRICES,
        reference=lambda np, a, b: a @ b,
        errors=[
            E("RuntimeError", "mat1 and mat2 shapes cannot be multiplied", T(2, 3), T(2, 3)),
            E("RuntimeError", "", T(3), T(3, 2)),
        ],
    ),
    product(
        "bmm",
        BATCHES,
        reference=lambda np, a, b: a @ b,
        errors=[
            E("RuntimeError", "batch1 must be a 3D tensor", T(2, 3), T(3, 2)),
            E("RuntimeError", "", T(2, 3, 4), T(3, 4, 2)),
            E("RuntimeError", "", T(2, 3, 4), T(2, 3, 2)),
        ],
    ),
    product(
        "mv",
        LEFT,
        reference=lambda np, a, b: a @ b,
        errors=[
            E("RuntimeError", "size mismatch", T(2, 3), T(2)),
            E("RuntimeError", "", T(3), T(3)),
        ],
    ),
    product(
        "dot",
        VECTORS,
        blocks=[S(T(200000), T(200000))],
        reference=lambda np, a, b: a @ b,
        errors=[
            E("RuntimeError", "1D tensors expected", T(2, 2), T(2)),
            E("RuntimeError", "inconsistent tensor size", T(2), T(3)),
        ],
    ),
    product(
        "inner",
        nodes=False,
        samples=[*VECTORS, S(T(2, 3), T(4, 3)), S(T(2, 2, 3), T(3)), S(T(), T(2))],
        reference=lambda np, a, b: np.inner(a, b),
        errors=[E("RuntimeError", "", T(2, 3), T(2, 4))],
    ),
    product(
        "outer",
        [S(T(2), T(3)), S(T(0), T(3)), S(T(1), T(1))],
        aliases=("ger",),
        reference=lambda np, a, b: np.outer(a, b),
        errors=[E("RuntimeError", "", T(2, 2), T(2))],
    ),
    product(
        "addmm",
        affine((2, 4), (2, 3), (3, 4)),
        reference=lambda np, x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b),
        errors=[
            E("RuntimeError", "", T(2), T(2, 3), T(3, 4)),
            E("RuntimeError", "", T(2, 4), T(2, 3), T(2, 4)),
        ],
    ),
    product(
        "_addmm_activation",
        [
            *affine((2, 4), (2, 3), (3, 4)),
            S(T(4), T(2, 3), T(3, 4), use_gelu=True),
            S(T(2, 4), T(2, 3), T(3, 4), alpha=0.5, use_gelu=True),
        ],
        grad=False,  # torch has no derivative of it
        errors=[
            E("RuntimeError", "", T(2), T(2, 3), T(3, 4)),
            E("NotImplementedError", "GeluKernelImpl", V([1]), V([[1]]), V([[1]]), use_gelu=True),
        ],
    ),
    product(
        "addmv",
        nodes=False,
        samples=affine((2,), (2, 3), (3,)),
        reference=lambda np, x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b),
        errors=[E("RuntimeError", "", T(3), T(2, 3), T(3))],
    ),
    product(
        "baddbmm",
        nodes=False,
        samples=affine((2, 2, 4), (2, 2, 3), (2, 3, 4)),
        reference=lambda np, x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b),
        errors=[E("RuntimeError", "", T(2, 3, 4), T(2, 2, 3), T(2, 3, 4))],
    ),
    product(
        "einsum",
        EINSUM,
        nodes=False,
        reference=lambda np, e, *x: np.einsum(e.replace(" ", ""), *x),
        strides="none",
        errors=[
            E("RuntimeError", "", "ij,jk->ik", T(2, 3), T(4, 2)),
            E("RuntimeError", "", "ij->ik", T(2, 3)),
            E("RuntimeError", "", "ij,jk->ik", T(2, 3)),
            E("RuntimeError", "", "ijk->i", T(2, 3)),
        ],
    ),
    product(
        "nn.functional.linear",
        nodes=False,
        samples=[
            S(T(2, 3), T(4, 3), T(4)),
            S(T(2, 3), T(4, 3)),
            S(T(3), T(4, 3), T(4)),
            S(T(2, 2, 3), T(4, 3), T(4)),
            S(T(2, 3), T(3)),
            S(T(0, 3), T(4, 3), T(4)),
            S(T(2, 0, 3), T(4, 3)),
        ],
        reference=lambda np, x, w, b=0: x @ w.T + b,
        errors=[
            E(
                "RuntimeError",
                "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)",
                T(2, 3),
                T(5, 4),
            ),
            E("RuntimeError", "", T(2, 3), T(4, 3), T(3)),
        ],
    ),
]
