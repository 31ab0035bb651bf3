"""On how many stimuli each atom is active."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from thresh.alignment.at_size.reading import blocks, step_of
from thresh.alignment.at_size.sources import as_source

BLOCK_ROWS = 65536  # of codes


def active_on(values: Any, groups: ArrayLike | None = None) -> np.ndarray:
    """On how many stimuli each atom is not zero; one pass.

    Parameters
    ----------
    values : (rows, atoms)
        Whatever the functions of `at_size` take.
    groups : (rows,), optional
        The stimulus of each row: an atom that is active in several of its rows counts once. By default each row is a
        stimulus of its own.

    Returns
    -------
    (atoms,) int64
    """
    source = as_source(values)
    step = BLOCK_ROWS if source.sparse else step_of(source)
    atoms, starts = source.shape[1], range(0, source.shape[0], step)
    count, pairs = np.zeros(atoms, np.int64), [np.empty(0, np.int64)]
    stimulus = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    for start, block in zip(starts, blocks(source, 0, source.shape[0], step), strict=True):
        block = sparse.csr_array(block)
        active = block.data != 0
        if stimulus is None:
            count += np.bincount(block.indices[active], minlength=atoms)
        else:
            owner = np.repeat(stimulus[start : start + block.shape[0]], np.diff(block.indptr))
            pairs.append(np.unique(owner[active] * atoms + block.indices[active]))
    # Rows of a stimulus may lie in several blocks.
    return count + np.bincount(np.unique(np.concatenate(pairs)) % atoms, minlength=atoms)
