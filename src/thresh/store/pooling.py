"""From rows to stimuli: one vector a stimulus, by a stated rule."""

import numpy as np
from scipy.sparse import csr_array, issparse

from thresh.errors import ConfigError, StoreError

RULES = ("mean", "max", "sum", "flatten")


def pool(values: np.ndarray | csr_array, stimulus: np.ndarray, rule: str = "mean") -> tuple[np.ndarray, np.ndarray]:
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
    first = np.flatnonzero(np.r_[True, stimulus[1:] != stimulus[:-1]]) if len(stimulus) else np.empty(0, int)
    counts = np.diff(np.r_[first, len(stimulus)])
    if rule == "flatten":
        return stimulus[first], flattened(values, counts)
    if rule == "max":
        return stimulus[first], largest(values, first)
    sums = summed(values, first, counts)
    return stimulus[first], (sums / counts[:, None] if rule == "mean" else sums).astype(np.float32, copy=False)


def flattened(values: np.ndarray | csr_array, counts: np.ndarray) -> np.ndarray:
    if len(set(counts.tolist())) > 1:
        raise StoreError(
            f"pooling: found {counts.min()} to {counts.max()} rows a stimulus; 'flatten' needs equally many."
        )
    side_by_side = values.reshape((len(counts), -1))
    return (side_by_side.toarray() if issparse(side_by_side) else side_by_side).astype(np.float32, copy=False)


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
