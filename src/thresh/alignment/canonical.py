"""Canonical correlation analysis: the directions in which two systems agree, whatever their size."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import column_correlation, paired
from thresh.alignment.folds import FOLDS, PrincipalAxesByFold, split
from thresh.parameters import SEED, checked, integer, optional


@checked(components=integer(1), dimensions=optional(integer(1)), folds=FOLDS, seed=SEED)
def cca(
    x: ArrayLike,
    y: ArrayLike,
    *,
    components: int = 10,
    dimensions: int | None = None,
    folds: int = 5,
    seed: int = 0,
) -> float:
    """Mean held-out correlation of the first canonical pairs.

    On each training fold both sides are reduced to principal components, CCA finds the pairs of directions u_k, v_k
    that maximise corr(X u_k, Y v_k), each pair uncorrelated with the ones before; the score is the mean over pairs of
    the correlation on held-out rows, mean over folds. Held out, because with as many components as stimuli the
    training correlations are 1 for any data.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
    components
        Canonical pairs to score; fewer if the sides have fewer dimensions.
    dimensions
        Principal components to keep on each side; by default a fifth of the training rows.
    folds
        Shuffled with `seed`.

    Returns
    -------
    float
        In [-1, 1]. A pair that does not vary on the held-out rows counts 0.

    Raises
    ------
    AlignmentError
        As `linear_cka`; fewer than 3 stimuli a fold.
    ConfigError
        components or dimensions below 1.

    References
    ----------
    Hotelling 1936; Raghu et al. 2017 (SVCCA: principal components first). Agrees with scikit-learn `CCA`.
    """
    x, y = paired(x, y)
    axes_x, axes_y = PrincipalAxesByFold(x), PrincipalAxesByFold(y)
    scores = []
    for train, test in split(len(x), folds, seed):
        kept = dimensions or max(1, len(train) // 5)
        of_x, of_y = axes_x(train, test).first(kept), axes_y(train, test).first(kept)
        left, _, right = np.linalg.svd(of_x.left.T @ of_y.left, full_matrices=False)
        variates_x = of_x.held_out / of_x.singular @ left[:, :components]
        variates_y = of_y.held_out / of_y.singular @ right[:components].T
        scores.append(column_correlation(variates_x, variates_y).mean() if variates_x.shape[1] else 0.0)
    return float(np.mean(scores))
