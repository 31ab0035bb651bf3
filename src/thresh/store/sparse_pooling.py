"""Pooling of sparse codes that stay sparse: what `thresh.store.pooling` gives, without a dense row."""

import numpy as np
from scipy.sparse import csr_array


def pooled_sparse(values: csr_array, first: np.ndarray, counts: np.ndarray, rule: str) -> csr_array:
    """Rows of codes pooled to stimuli, of the numbers that pooling them dense would give.

    Parameters
    ----------
    values
        (rows, atoms).
    first, counts
        First row and number of rows of each stimulus; equally many rows for 'flatten'.
    rule
        'mean', 'max', 'sum' or 'flatten'.

    Returns
    -------
    (stimuli, atoms) or, flattened, (stimuli, positions * atoms), float32; no zero is stored.
    """
    if rule == "flatten":
        found = csr_array(values.reshape((len(first), -1)))
    elif rule == "max":
        found = largest_sparse(values, counts)
    else:
        edges = np.r_[first, values.shape[0]]
        members = csr_array((np.ones(values.shape[0]), np.arange(values.shape[0]), edges))
        found = members @ values
        if rule == "mean":
            found.data /= np.repeat(counts, np.diff(found.indptr))
    found = found.astype(np.float32)
    found.eliminate_zeros()
    found.sort_indices()
    return found


def largest_sparse(values: csr_array, counts: np.ndarray) -> csr_array:
    """Largest value of each stimulus and atom; where fewer rows than the stimulus has are stored, 0 is among them."""
    atoms = values.shape[1]
    stimulus = np.repeat(np.repeat(np.arange(len(counts)), counts), np.diff(values.indptr))
    place = stimulus * atoms + values.indices
    order = np.argsort(place, kind="stable")
    place, first, stored = np.unique(place[order], return_index=True, return_counts=True)
    stimulus, atom = np.divmod(place, atoms)
    most = np.maximum.reduceat(values.data[order], first) if len(first) else values.data[:0]
    most = np.where(stored < counts[stimulus], np.maximum(most, 0), most)
    return csr_array((most, (stimulus, atom)), shape=(len(counts), atoms))
