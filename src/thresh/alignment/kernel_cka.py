"""Centred kernel alignment with kernels that weigh near stimuli more than far ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import centred, paired
from thresh.alignment.cka import alignment, fewest_for_cka, unbiased_hsics
from thresh.errors import AlignmentError
from thresh.parameters import POSITIVE, TRUE_OR_FALSE, checked, one_of


@checked(kernel=one_of("rbf", "linear"), bandwidth=POSITIVE, debiased=TRUE_OR_FALSE)
def kernel_cka(
    x: ArrayLike, y: ArrayLike, *, kernel: str = "rbf", bandwidth: float = 1.0, debiased: bool = False
) -> float:
    """Centred kernel alignment of two Gram matrices of stimuli.

    CKA = <HKH, HLH>_F / (|HKH|_F |HLH|_F), H the centring. 'rbf': K_ij = exp(-|x_i - x_j|^2 / (2 s^2)), s the bandwidth
    times the median distance between two stimuli of that side, so that the score does not see isotropic scale. A
    narrow kernel compares who is near whom; as the bandwidth grows the score tends to `linear_cka`.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
    kernel
        'rbf' or 'linear', which is `linear_cka` from the stimuli's Gram matrices.
    bandwidth
        Of 'rbf', in medians of the distances.
    debiased
        Replace each HSIC by its unbiased estimator, as in `linear_cka`; needs at least 4 stimuli.

    Returns
    -------
    float
        In [0, 1]; debiased in [-1, 1].

    Raises
    ------
    AlignmentError
        As `linear_cka`; 'rbf' where at least half of the pairs of stimuli have equal responses: no median distance.
    ConfigError
        Unknown kernel; a bandwidth that is not positive.

    References
    ----------
    Cortes, Mohri and Rostamizadeh 2012; Kornblith et al. 2019 (median distance, there over all entries of
    the matrix, here over pairs of different stimuli). Agrees with scikit-learn `rbf_kernel` and `KernelCenterer`.
    """
    x, y = paired(x, y, minimum=fewest_for_cka(debiased))
    gram_x, gram_y = (centred_gram(side, kernel, bandwidth, name) for name, side in (("x", x), ("y", y)))
    products = tuple(float(np.vdot(*pair)) for pair in ((gram_x, gram_y), (gram_x, gram_x), (gram_y, gram_y)))
    return alignment(*(unbiased_hsics(products, gram_x.diagonal(), gram_y.diagonal()) if debiased else products))


def centred_gram(x: np.ndarray, kernel: str, bandwidth: float, name: str) -> np.ndarray:
    """HKH, (stimuli, stimuli)."""
    x = centred(x)
    gram = x @ x.T
    if kernel == "rbf":
        norm = gram.diagonal()
        square = np.maximum(norm[:, None] + norm - 2 * gram, 0.0)
        median = np.median(np.sqrt(square[np.triu_indices(len(x), 1)]))
        if median <= 1e-6 * np.sqrt(square.max()):
            raise AlignmentError(
                f"{name}: found equal responses for half of the pairs of stimuli, an rbf kernel has no median distance."
            )
        # Less 1, which centring does not see: a wide kernel keeps its digits.
        gram = np.expm1(square / (-2 * (bandwidth * median) ** 2))
    mean = gram.mean(axis=0)
    return gram - mean - mean[:, None] + mean.mean()
