"""Long sequences in pieces of bounded size."""

from collections.abc import Iterator

import numpy as np


def pieces(edges: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of items, one after the other, each of which holds at most so much, or is one item.

    Parameters
    ----------
    edges : (items + 1,)
        Where each item begins in what they hold (rows, bytes), and the end.
    """
    start, count = 0, len(edges) - 1
    while start < count:
        stop = max(int(np.searchsorted(edges, edges[start] + most, side="right")) - 1, start + 1)
        yield start, stop
        start = stop
