"""From rows to stimuli: one vector a stimulus, by a stated rule."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array, issparse, vstack

from thresh.errors import ConfigError, StoreError
from thresh.store.sparse_pooling import pooled_sparse

RULES = ("mean", "max", "sum", "flatten")


class Rows(Protocol):
    """Rows that are read a range at a time: activations or codes."""

    def read(self, start: int, stop: int) -> np.ndarray | csr_array: ...


def pool(
    values: np.ndarray | csr_array, stimulus: np.ndarray, rule: str = "mean", *, sparse: bool = False
) -> tuple[np.ndarray, np.ndarray | csr_array]:
    """Pool the rows of each stimulus.

    Parameters
    ----------
    values
        (rows, units), dense or CSR.
    stimulus
        (rows,) index of each row's stimulus; the rows of one stimulus are neighbours, in order of position.
    rule
        'mean', 'max', 'sum' over the stimulus's rows, or 'flatten': all of them side by side, which needs equally
        many for each stimulus and keeps where something was.
    sparse
        Of codes, give pooled values as CSR; the numbers are the same.

    Returns
    -------
    stimuli (n,) and pooled values (n, units) or, flattened, (n, positions * units), float32.

    Raises
    ------
    ConfigError
        The rule is not known.
    StoreError
        'flatten' with different numbers of rows.
    """
    if rule not in RULES:
        raise ConfigError("pooling", rule, f"one of {', '.join(RULES)}")
    first = first_rows(stimulus)
    counts = np.diff(np.r_[first, len(stimulus)])
    if sparse:
        if rule == "flatten":
            check_equal(counts)
        return stimulus[first], pooled_sparse(values, first, counts, rule)
    if rule == "flatten":
        return stimulus[first], flattened(values, counts)
    if rule == "max":
        return stimulus[first], largest(values, first)
    sums = summed(values, first, counts)
    return stimulus[first], (sums / counts[:, None] if rule == "mean" else sums).astype(np.float32, copy=False)


def pool_store(
    store: Rows,
    stimulus: np.ndarray,
    keep: np.ndarray,
    rule: str = "mean",
    block_rows: int = 65536,
    *,
    sparse: bool = False,
) -> tuple[np.ndarray, np.ndarray | csr_array]:
    """As `pool`, of the rows of a store, with no more than a block of them in memory (or the rows of one stimulus).

    Parameters
    ----------
    store
        Activations or codes: `read(start, stop)` gives rows.
    keep : (rows,) boolean
        Rows to pool, all of a stimulus or none.
    sparse
        Of codes, give pooled values as CSR.
    """
    if rule == "flatten":
        # Blocks know nothing of each other, and a difference between two of them would go unseen.
        check_equal(np.unique(stimulus[keep], return_counts=True)[1])
    found = []
    for start, stop in blocks_of_stimuli(stimulus, block_rows):
        some = keep[start:stop]
        if some.any():
            found.append(pool(store.read(start, stop)[some], stimulus[start:stop][some], rule, sparse=sparse))
    if not found:
        return pool(store.read(0, 0), stimulus[:0], rule, sparse=sparse)
    stimuli, values = zip(*found, strict=True)
    return np.concatenate(stimuli), vstack(values, format="csr") if sparse else np.concatenate(values)


def blocks_of_stimuli(stimulus: np.ndarray, rows: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most so many rows that cut no stimulus; a longer stimulus is a range of its own."""
    edges = np.r_[first_rows(stimulus), len(stimulus)]
    start = 0
    while start < len(stimulus):
        last = np.searchsorted(edges, start + rows, side="right") - 1
        stop = int(max(edges[last], edges[np.searchsorted(edges, start, side="right")]))
        yield start, stop
        start = stop


def first_rows(stimulus: np.ndarray) -> np.ndarray:
    """Index of the first row of each stimulus."""
    return np.flatnonzero(np.r_[True, stimulus[1:] != stimulus[:-1]]) if len(stimulus) else np.empty(0, int)


def flattened(values: np.ndarray | csr_array, counts: np.ndarray) -> np.ndarray:
    check_equal(counts)
    side_by_side = values.reshape((len(counts), -1))
    return (side_by_side.toarray() if issparse(side_by_side) else side_by_side).astype(np.float32, copy=False)


def check_equal(counts: np.ndarray) -> None:
    if len(set(counts.tolist())) > 1:
        raise StoreError(
            f"pooling: found {counts.min()} to {counts.max()} rows a stimulus; 'flatten' needs equally many."
        )


def largest(values: np.ndarray | csr_array, first: np.ndarray) -> np.ndarray:
    """Largest value of each stimulus; sparse values are made dense some thousand rows at a time."""
    if not issparse(values):
        return np.maximum.reduceat(values, first, axis=0).astype(np.float32, copy=False)
    edges = np.r_[first, values.shape[0]]
    found = np.empty((len(first), values.shape[1]), np.float32)
    for start in range(0, len(first), 1024):
        stop = min(start + 1024, len(first))
        block = values[edges[start] : edges[stop]].toarray()
        found[start:stop] = np.maximum.reduceat(block, first[start:stop] - edges[start], axis=0)
    return found


def summed(values: np.ndarray | csr_array, first: np.ndarray, counts: np.ndarray) -> np.ndarray:
    if not issparse(values):
        return np.add.reduceat(values, first, axis=0, dtype=np.float64)
    owner = np.repeat(np.arange(len(first)), counts)
    indicator = csr_array((np.ones(len(owner)), (owner, np.arange(len(owner)))), shape=(len(first), len(owner)))
    return (indicator @ values).toarray()
