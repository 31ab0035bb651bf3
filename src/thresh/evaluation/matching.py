"""Pairing of latents with features, one to one."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def matched(similarity: np.ndarray) -> np.ndarray:
    """Similarity of each column's partner under the best one-to-one assignment (Hungarian), 0 where it has none.

    Parameters
    ----------
    similarity : (latents, features)
        Entries below zero count as zero: a partner that points the other way is no better than none.

    Returns
    -------
    (features,)
    """
    similarity = np.clip(np.asarray(similarity, dtype=np.float64), 0, None)
    found = np.zeros(similarity.shape[1])
    latents, features = linear_sum_assignment(similarity, maximize=True)
    found[features] = similarity[latents, features]
    return found


def unit(directions: np.ndarray) -> np.ndarray:
    """Rows at unit norm in float64; rows of zeros stay zero, so that they match nothing."""
    directions = np.asarray(directions, dtype=np.float64)
    norms = np.linalg.norm(directions, axis=1, keepdims=True)
    return directions / np.where(norms > 0, norms, 1)
