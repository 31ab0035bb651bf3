"""Products with a matrix, the same for a row whichever rows stand beside it."""

import torch
from torch import Tensor
from torch.nn.functional import pad

# BLAS takes other kernels, which round otherwise, for a handful of rows.
LEAST_ROWS = 16


def product(rows: Tensor, matrix: Tensor) -> Tensor:
    """`rows` @ `matrix`."""
    count = len(rows)
    return rows @ matrix if count >= LEAST_ROWS else (filled(rows) @ matrix)[:count]


def less_product(start: Tensor, rows: Tensor, matrix: Tensor) -> Tensor:
    """`start` - `rows` @ `matrix`."""
    count = len(rows)
    if count >= LEAST_ROWS:
        return torch.addmm(start, rows, matrix, alpha=-1)
    return torch.addmm(filled(start), filled(rows), matrix, alpha=-1)[:count]


def filled(rows: Tensor) -> Tensor:
    return pad(rows, (0, 0, 0, LEAST_ROWS - len(rows)))
