"""Linear CKA from small batches of stimuli, where not all responses are at hand at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import centred, paired
from thresh.alignment.cka import alignment, fewest_for_cka, squared_covariances, unbiased_hsics
from thresh.parameters import SEED, checked, integer

FEWEST = fewest_for_cka(debiased=True)


@checked(batch=integer(FEWEST), seed=SEED)
def minibatch_cka(x: ArrayLike, y: ArrayLike, *, batch: int = 256, seed: int = 0) -> float:
    """Linear CKA with each HSIC the mean of its unbiased estimators over minibatches.

    mean_b HSIC(X_b, Y_b) / sqrt(mean_b HSIC(X_b, X_b) mean_b HSIC(Y_b, Y_b)), HSIC as in Song et al. 2012, eq. 5. The
    expectation of the three means does not depend on the batch size. With one batch it is debiased `linear_cka`.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
    batch
        Stimuli a batch, at least: all are used once, shuffled with `seed`, and spread evenly over as many batches as
        have so many. Fewer stimuli than that are one batch.

    Returns
    -------
    float
        About -1 to 1; the sampling error of the means can carry it past 1 where batches are small.

    Raises
    ------
    AlignmentError
        As `linear_cka`; fewer than 4 stimuli; no similarity structure beyond single rows on average.
    ConfigError
        A batch below 4.

    References
    ----------
    Nguyen, Raghu and Kornblith 2021, eq. 2 and 3.
    """
    x, y = paired(x, y, minimum=FEWEST)
    x, y = centred(x), centred(y)
    parts = np.array_split(np.random.default_rng(seed).permutation(len(x)), max(1, len(x) // batch))
    return alignment(*np.mean([batch_hsics(x[part], y[part]) for part in parts], axis=0))


def batch_hsics(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Unbiased HSICs of x with y, of x and of y, on the stimuli of one batch; 0 where a side is constant in it."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    diagonals = (np.einsum("ij,ij->i", side, side) for side in (x, y))
    return unbiased_hsics(squared_covariances(x, y), *diagonals)
