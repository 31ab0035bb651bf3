"""Canonical correlation analysis: the directions in which two systems agree, whatever their size."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import paired
from thresh.alignment.canonical_pairs import held_out_pairs, pairs_of_folds
from thresh.alignment.folds import FOLDS, PrincipalAxesByFold, split
from thresh.parameters import SEED, SHARE, checked, integer, optional


@checked(components=integer(1), dimensions=optional(integer(1)), folds=FOLDS, seed=SEED)
def cca(
    x: ArrayLike,
    y: ArrayLike,
    *,
    components: int = 10,
    dimensions: int | None = None,
    folds: int = 5,
    seed: int = 0,
    groups: ArrayLike | None = None,
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
    groups : (stimuli,)
        Labels of stimuli that stay on one side of every fold; see `folds.split`.

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
    Hotelling 1936; Raghu et al. 2017 (principal components first). Agrees with scikit-learn `CCA`.
    """
    x, y = paired(x, y)
    axes_x, axes_y = PrincipalAxesByFold(x), PrincipalAxesByFold(y)
    scores = []
    for train, test in split(len(x), folds, seed, groups):
        kept = dimensions or max(1, len(train) // 5)
        _, correlation = held_out_pairs(axes_x(train, test).first(kept), axes_y(train, test).first(kept))
        scores.append(correlation[:components].mean() if len(correlation) else 0.0)
    return float(np.mean(scores))


@checked(variance=SHARE, folds=optional(FOLDS), seed=SEED)
def svcca(
    x: ArrayLike,
    y: ArrayLike,
    *,
    variance: float = 0.99,
    folds: int | None = 5,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> float:
    """Mean correlation of all canonical pairs, after the principal components that hold most of the variance.

    Each side keeps its first principal components, as many as hold the share `variance` and, held out, at most half as
    many as there are training rows; the score is the mean over the
    canonical pairs of these, as many as the smaller side keeps dimensions. Components and directions come from
    training rows, correlations from held-out ones, mean over folds.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
    variance
        Share of each side's variance to keep, above 0 and at most 1.
    folds
        Shuffled with `seed`; None for the published form, where all rows both fit and score: 1 for any data that
        keep as many dimensions as there are stimuli.
    groups : (stimuli,)
        Labels of stimuli that stay on one side of every fold; see `folds.split`.

    Returns
    -------
    float
        In [-1, 1]; in [0, 1] with folds=None. A pair that does not vary on the held-out rows counts 0.

    Raises
    ------
    AlignmentError
        As `linear_cka`; fewer than 3 stimuli a fold.
    ConfigError
        A variance that is not a share.

    References
    ----------
    Raghu et al. 2017, section 2. Agrees with scikit-learn `PCA` and `CCA`.
    """
    x, y = paired(x, y)
    pairs = pairs_of_folds(x, y, variance, folds, seed, groups)
    return float(np.mean([correlation.mean() if len(correlation) else 0.0 for _, _, correlation in pairs]))


@checked(variance=SHARE, folds=optional(FOLDS), seed=SEED)
def pwcca(
    x: ArrayLike,
    y: ArrayLike,
    *,
    variance: float = 1.0,
    folds: int | None = 5,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> float:
    """Canonical correlations, weighted by how much of the units of x each canonical direction accounts for.

    sum_k w_k corr(X u_k, Y v_k), w_k = sum_j |<h_k, x_j>| / sum_kj |<h_k, x_j>|, h_k the canonical variates of x and
    x_j its units, all centred. Directions that carry little of x count for little; hence asymmetric. Directions and
    weights come from training rows, correlations from held-out ones, mean over folds.

    Parameters
    ----------
    x : (stimuli, units_x)
        The side that gives the weights. With more dimensions than y, those of its directions count that have a pair.
    y : (stimuli, units_y)
    variance
        Share of each side's variance that its principal components keep beforehand; 1 keeps all, held out at most half
        as many as there are training rows.
    folds
        Shuffled with `seed`; None for the published form, as in `svcca`.
    groups : (stimuli,)
        Labels of stimuli that stay on one side of every fold; see `folds.split`.

    Returns
    -------
    float
        In [-1, 1]; in [0, 1] with folds=None. A pair that does not vary on the held-out rows counts 0.

    Raises
    ------
    AlignmentError
        As `linear_cka`; fewer than 3 stimuli a fold.
    ConfigError
        A variance that is not a share.

    References
    ----------
    Morcos, Raghu and Bengio 2018, section 3, whose released code gives other numbers: it weighs by directions that are
    not whitened, adds the means back, and takes the side with fewer units.
    """
    x, y = paired(x, y)
    scores = []
    for train, variates, correlation in pairs_of_folds(x, y, variance, folds, seed, groups):
        weights = np.abs(variates.T @ (x[train] - x[train].mean(axis=0))).sum(axis=1)
        scores.append(weights @ correlation / weights.sum() if len(correlation) else 0.0)
    return float(np.mean(scores))
