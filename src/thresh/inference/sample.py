"""Rows that a solver is fitted to: chosen by number alone, so that they do not depend on blocks or batches."""

import numpy as np
import torch
from torch import Tensor

from thresh.inference.arrays import as_tensor, check_rows

READ_ROWS = 16384


def spaced(rows: int, count: int) -> np.ndarray:
    """Numbers of `count` rows, evenly spaced among so many; of all where there are no more."""
    count = min(rows, count)
    return np.arange(count) * rows // max(count, 1)


def sampled(x, units: int, count: int, device: torch.device) -> Tensor:
    """`count` evenly spaced rows of an array, a tensor or a store that is read once in order.

    Raises
    ------
    DictionaryError
        A value is not finite (names the row), or the number of units differs.
    """
    rows = x.shape[0]
    numbers = spaced(rows, count)
    if not hasattr(x, "read"):
        chosen = as_tensor(x[numbers], device=device)
    else:
        blocks = [x.read(start, min(start + READ_ROWS, rows))[inside(numbers, start)] for start in starts(rows)]
        chosen = as_tensor(np.concatenate(blocks) if blocks else np.empty((0, units), "float32"), device=device)
    check_rows(chosen, units, numbers=numbers)
    return chosen


def starts(rows: int) -> range:
    return range(0, rows, READ_ROWS)


def inside(numbers: np.ndarray, start: int) -> np.ndarray:
    """Places within the block that begins at `start`."""
    first, last = np.searchsorted(numbers, [start, start + READ_ROWS])
    return numbers[first:last] - start
