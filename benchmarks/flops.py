"""Floating-point operations a row, from x to codes and back to z D: M units, N atoms.

A product of a row with an M x N matrix is 2MN; everything element by element is one for each number it makes. Whatever
is done once for all rows (the Gram matrix, fitting an encoder) counts nothing. `tests/benchmarks/test_flops.py` holds
the products against `torch.utils.flop_counter`.
"""


def linear(N: int, M: int) -> int:
    """relu(x W + b) D, as the paper counts it: 4MN + N."""
    return 4 * M * N + N


def mlp(N: int, M: int, hidden: int) -> int:
    """relu(relu(x U + c) W + b) D: 2MH + H + 2HN + N + 2MN."""
    return 2 * M * hidden + hidden + 2 * hidden * N + N + 2 * M * N


def adam(N: int, M: int, steps: int) -> int:
    """Optimisation of each row by Adam, as the paper counts it: MN + N + T (4MN + 2M + 11N)."""
    return M * N + N + steps * (4 * M * N + 2 * M + 11 * N)


def fista_step(N: int, M: int) -> int:
    """The gradient, 4MN, or 2NN by the Gram matrix if that is less; step, shrinkage, restart and momentum, 11N + 8."""
    return min(4 * M * N, 2 * N * N) + 11 * N + 8


def fista(N: int, M: int, steps: int) -> int:
    """x D', T steps, z D: 4MN + T (min(4MN, 2NN) + 11N + 8)."""
    return 4 * M * N + steps * fista_step(N, M)


def counted_fista(N: int, M: int, products: float) -> float:
    """Where rows differ in their steps: products as they were counted, and the 11N + 8 of a step in proportion."""
    return products * fista_step(N, M) / min(4 * M * N, 2 * N * N) + 2 * M * N


def ito(N: int, M: int, steps: int) -> int:
    """A linear encoder's codes, 2MN + N, and from there as FISTA."""
    return 2 * M * N + N + fista(N, M, steps)


def lista(N: int, M: int, layers: int) -> int:
    """T (4MN + 4N) + (T - 1) M: in each layer x - z D, but in the first, where z is 0; its product with W, and four for
    each code. At the end z D. Left out is the safeguard of rows: their objective, 2M + 3N a layer, 2MN for it at the
    last one, and a step of ISTA where it rises.
    """
    return layers * (4 * M * N + 4 * N) + (layers - 1) * M


def omp(N: int, M: int, k: int) -> int:
    """Step j of k: x D' and the best, 2MN + N; the atom's products with j others, 2jM; Cholesky factor and weights by
    three triangular solves, 3jj; the residual, 2jM. At the end z D."""
    return sum(2 * M * N + N + 4 * j * M + 3 * j * j for j in range(1, k + 1)) + 2 * M * N
