"""Responses of one layer by stimulus: in memory where they are small, by ranges of rows where they are not."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from thresh.alignment.at_size.picked import picked
from thresh.alignment.at_size.sources import Source, SparseRows
from thresh.alignment.places import Places
from thresh.store import Activations, Codes, pool_store

LARGE_BYTES = 2**30  # of stimuli x units in float64, as metrics in memory hold them, some times over


def responses(
    store: Activations | Codes, stimulus: np.ndarray, keep: np.ndarray, pooling: str
) -> tuple[np.ndarray, np.ndarray | Source]:
    """As `pool_store`, but what is large is not held as a dense matrix.

    Large responses whose rows are one a stimulus stay in the store, and are read when they are compared. Large codes
    with several rows a stimulus are pooled to sparse rows in memory. Large activations with several rows a stimulus are
    pooled in memory like small ones.

    Parameters
    ----------
    stimulus : (rows,)
        Index of each row's stimulus; the rows of one stimulus are neighbours.
    keep : (rows,) boolean
        Rows to take, all of a stimulus or none.

    Returns
    -------
    stimuli (n,) and responses (n, units): float32, or a source of `at_size`.
    """
    of_rows = stimulus[keep]
    stimuli = np.unique(of_rows)
    vectors = len(of_rows) if pooling == "flatten" else len(stimuli)
    if 8 * vectors * store.shape[1] > LARGE_BYTES:
        if len(stimuli) == len(of_rows):
            return of_rows, picked(store, np.flatnonzero(keep))
        if isinstance(store, Codes):
            found, values = pool_store(store, stimulus, keep, pooling, sparse=True)
            return found, SparseRows(sparse.csr_array(values))
    return pool_store(store, stimulus, keep, pooling)


def of_places(store: Activations | Codes, places: Places) -> np.ndarray | sparse.csr_array | Source:
    """As `Places.read`, but what is large stays in the store where each place is one row, and codes stay sparse."""
    if 8 * len(places.stimulus) * store.shape[1] <= LARGE_BYTES:
        return places.read(store)
    row = places.weights.indices
    if len(row) == len(places.stimulus) and (np.diff(row) > 0).all():
        return picked(store, row)
    values = places.read(store)
    return SparseRows(values) if sparse.issparse(values) else values
