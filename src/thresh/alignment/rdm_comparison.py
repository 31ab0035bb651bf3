"""How alike two matrices of distances between the same stimuli (RDMs) are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from thresh.errors import AlignmentError
from thresh.parameters import checked, one_of

FEWEST = 3  # stimuli: two have only one distance
AROUND_THE_MEAN = ("spearman", "pearson", "whitened_correlation")
COMPARISONS = (*AROUND_THE_MEAN, "cosine", "whitened_cosine")


@checked(compare=one_of(*COMPARISONS))
def compare_rdms(first: ArrayLike, second: ArrayLike, compare: str = "spearman") -> float:
    """Similarity of two RDMs, each given as its upper triangle, row by row.

    The distances of an RDM share stimuli, so that the errors of their estimates are correlated. The whitened forms
    compare distances in the metric of the inverse of that covariance V, which is 4 between a pair and itself, 1
    between pairs that share a stimulus and else 0 (stimuli measured alike and independently, none apart):
    d1' V^-1 d2 / sqrt(d1' V^-1 d1 d2' V^-1 d2). V is never formed, see `whitened_product`. The whitened cosine of
    squared Euclidean distances is biased linear CKA, that of `unbiased_distances` the whitened unbiased cosine.

    Parameters
    ----------
    first, second : (stimuli * (stimuli - 1) / 2,)
        Of the same stimuli in the same order, as from `scipy.spatial.distance.pdist` or `unbiased_distances`.
    compare
        'spearman' (average ranks for ties), 'pearson', 'cosine', 'whitened_cosine', or 'whitened_correlation', the
        whitened cosine of the distances less their mean.

    Returns
    -------
    float
        In [-1, 1].

    Raises
    ------
    AlignmentError
        Not two such vectors of at least 3 stimuli; a value is not finite; all distances of one side are equal (for
        cosines: are 0).
    ConfigError
        Unknown comparison.

    References
    ----------
    Diedrichsen et al. 2020 (whitened). Agrees with rsatoolbox `compare`: 'spearman', 'corr', 'cosine',
    'cosine_cov' and 'corr_cov'.
    """
    first, second = as_distances(first, "first"), as_distances(second, "second")
    if len(first) != len(second):
        raise AlignmentError(
            f"first and second: found {len(first)} and {len(second)} distances, expected the same stimuli on both."
        )
    for name, side in (("first", first), ("second", second)):
        if spread(side, compare) <= 1e-12 * np.abs(side).max():
            raise AlignmentError(f"{name}: found equal distances between all stimuli, {compare} is undefined.")
    # Squares of what is scaled to a largest entry of 1 neither overflow nor vanish.
    first, second = first / np.abs(first).max(), second / np.abs(second).max()
    if compare == "spearman":
        first, second = rankdata(first), rankdata(second)
    if compare in AROUND_THE_MEAN:
        first, second = first - first.mean(), second - second.mean()
    product = whitened_product if compare.startswith("whitened") else np.dot
    return float(product(first, second) / (math.sqrt(product(first, first)) * math.sqrt(product(second, second))))


def as_distances(values: ArrayLike, name: str) -> np.ndarray:
    """A vector of as many finite distances as some number of stimuli has pairs, float64."""
    vector = np.asarray(values, dtype=np.float64)
    stimuli = round((1 + math.sqrt(1 + 8 * vector.size)) / 2)
    if vector.ndim != 1 or stimuli < FEWEST or stimuli * (stimuli - 1) // 2 != vector.size:
        raise AlignmentError(
            f"{name}: found shape {vector.shape}, expected (stimuli * (stimuli - 1) / 2,), stimuli {FEWEST} or more."
        )
    if not np.isfinite(vector).all():
        raise AlignmentError(f"{name}: found a distance that is not finite, expected finite values.")
    return vector


def spread(distances: np.ndarray, compare: str) -> float:
    """What is left to compare: differences between distances, or for cosines the distances themselves."""
    if compare in AROUND_THE_MEAN:
        return float(distances.max() - distances.min())
    return float(np.abs(distances).max())


def whitened_product(first: np.ndarray, second: np.ndarray) -> float:
    """2 d1' V^-1 d2, from the vectors and the row sums r of their RDMs, n stimuli.

    With B the incidence of stimuli and pairs V = 2 I + B'B and BB' = (n - 2) I + 11', so that by Woodbury's identity
    2 V^-1 = I - B' (I - 11'/(2n)) B / n. It equals 2 <G1, G2>_F for the centred similarities G = -1/2 H D H.
    """
    rows = [squareform(distances, checks=False).sum(axis=1) for distances in (first, second)]
    stimuli = len(rows[0])
    additive = rows[0] @ rows[1] - rows[0].sum() * rows[1].sum() / (2 * stimuli)
    return float(first @ second - additive / stimuli)
