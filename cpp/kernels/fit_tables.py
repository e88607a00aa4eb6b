"""Fits the polynomials of GaussianTanhTable in vec_math_special.h, and prints them.

python cpp/kernels/fit_tables.py  # needs mpmath and numpy
"""

import mpmath
import numpy

mpmath.mp.dps = 40
ENTRIES = 16  # floats of a register; the last one is zero


def as_float(x):
    return mpmath.mpf(float(numpy.float32(float(x))))


def fitted(f, low, high, centre, degree):
    """Coefficients, floats, of a P with P(x - centre) close to f(x) on [low, high].

    By least squares in Chebyshev's nodes, where the largest error comes close to the smallest
    possible. One after the other is rounded, the highest first, and those below make it good.
    """
    angles = [(2 * i + 1) * mpmath.pi / 80 for i in range(40)]
    nodes = [(low + high) / 2 + (high - low) / 2 * mpmath.cos(a) for a in angles]
    rest, rounded = mpmath.matrix([f(x) for x in nodes]), []
    for k in range(degree, -1, -1):
        powers = mpmath.matrix([[(x - centre) ** i for i in range(k + 1)] for x in nodes])
        rounded.append(as_float(mpmath.lu_solve(powers, rest)[k]))
        rest -= rounded[-1] * powers[:, k]
    return rounded[::-1]


def error(f, low, high, centre, coefficients):
    points = [low + (high - low) * i / 200 for i in range(201)]
    values = [sum(c * (x - centre) ** k for k, c in enumerate(coefficients)) for x in points]
    return max(abs(y - f(x)) for x, y in zip(points, values, strict=True))


def literal(x):
    digits, exponent = float(x).hex().split("p")
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}p{int(exponent)}f"


def print_table(name, f, step, degree):
    """f by polynomials of that degree around the multiples of `step`, from 0 on."""
    step = as_float(step)
    columns, worst = [], 0
    for i in range(ENTRIES - 1):
        place = max(mpmath.mpf(0), (i - 0.5) * step), (i + 0.5) * step, i * step
        columns.append(fitted(f, *place, degree))
        worst = max(worst, error(f, *place, columns[-1]))
    print(f"{name}: err 2^{float(mpmath.log(worst, 2)):.1f}")
    print(f"step = {literal(step)}, per_one = {literal(as_float(1 / step))}")
    for k in range(degree + 1):
        print("{" + ", ".join([literal(c[k]) for c in columns] + ["0x0p0f"]) + "},")


def below_one(a):
    """1 - tanh(sqrt(2 / pi) (a + 0.044715 a^3)); at 14.5 * 0.37 it is below 2^-27."""
    argument = mpmath.sqrt(2 / mpmath.pi) * (a + mpmath.mpf("0.044715") * a**3)
    return 2 / (mpmath.exp(2 * argument) + 1)


if __name__ == "__main__":
    print_table("GaussianTanhTable", below_one, 0.37, 6)
