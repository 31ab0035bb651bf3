"""Centred kernel alignment with the linear kernel, biased and debiased; what the other forms share."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import centred, paired
from thresh.errors import AlignmentError
from thresh.parameters import TRUE_OR_FALSE, checked


def fewest_for_cka(debiased: bool = False, **_: object) -> int:
    return 4 if debiased else 2


@checked(debiased=TRUE_OR_FALSE)
def linear_cka(x: ArrayLike, y: ArrayLike, *, debiased: bool = False) -> float:
    """Linear centred kernel alignment between two sets of responses.

    CKA = |Xc' Yc|_F^2 / (|Xc' Xc|_F |Yc' Yc|_F), columns centred. It is 1 for a rotation or an isotropic scaling of
    the same responses. Under superposition it falls with compression (see `theory.expected_cka`); with few stimuli
    and many units the biased form rises towards 1 even for independent responses (see `theory.chance_cka`).

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
        Same stimuli in the same order.
    debiased
        Replace each HSIC by its unbiased estimator (Song et al. 2012, eq. 5): about 0 for independent responses
        whatever the sizes, hence sometimes negative; needs at least 4 stimuli.

    Returns
    -------
    float
        In [0, 1]; debiased in [-1, 1].

    Raises
    ------
    AlignmentError
        Row counts differ, a value is not finite, or all units of one side are constant.

    References
    ----------
    Kornblith et al. 2019, eq. 3; Song et al. 2012, eq. 5; Murphy et al. 2024. Biased CKA equals rsatoolbox
    `cosine_cov` on squared Euclidean RDMs.
    """
    x, y = paired(x, y, minimum=fewest_for_cka(debiased))
    x, y = centred(x), centred(y)
    products = squared_covariances(x, y)
    if not debiased:
        return alignment(*products)
    return alignment(*unbiased_hsics(products, np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)))


def linear_cka_debiased(x: ArrayLike, y: ArrayLike) -> float:
    """`linear_cka` with unbiased estimators of HSIC."""
    return linear_cka(x, y, debiased=True)


def squared_covariances(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """|X'Y|^2, |X'X|^2, |Y'Y|^2 of centred columns, over units or over stimuli, whichever is less work."""
    units = x.shape[1] + y.shape[1]
    by_units = x.shape[1] * y.shape[1] + x.shape[1] ** 2 + y.shape[1] ** 2
    if by_units <= len(x) * units:
        products = x.T @ y, x.T @ x, y.T @ y
        return tuple(float(np.vdot(product, product)) for product in products)
    gram_x, gram_y = x @ x.T, y @ y.T
    return float(np.vdot(gram_x, gram_y)), float(np.vdot(gram_x, gram_x)), float(np.vdot(gram_y, gram_y))


def unbiased_hsics(
    products: tuple[float, float, float], diagonal_x: np.ndarray, diagonal_y: np.ndarray
) -> tuple[float, float, float]:
    """The three HSICs of a CKA (x with y, x, y) without bias, from <K, L>, <K, K>, <L, L> of centred Gram matrices.

    An HSIC of a side with itself that is nothing but rounding is 0: all pairs of stimuli are alike.
    """
    cross, own_x, own_y = products
    return (
        unbiased_hsic(cross, diagonal_x, diagonal_y),
        above_rounding(unbiased_hsic(own_x, diagonal_x, diagonal_x), own_x / len(diagonal_x) ** 2),
        above_rounding(unbiased_hsic(own_y, diagonal_y, diagonal_y), own_y / len(diagonal_y) ** 2),
    )


def above_rounding(value: float, scale: float) -> float:
    return value if abs(value) > 1e-12 * scale else 0.0


def alignment(cross: float, own_x: float, own_y: float) -> float:
    """Three HSICs as one cosine."""
    for name, own in (("x", own_x), ("y", own_y)):
        if own <= 0:
            raise AlignmentError(f"{name}: found no similarity structure beyond single rows, CKA is 0/0.")
    return float(cross / math.sqrt(own_x) / math.sqrt(own_y))


def unbiased_hsic(product: float, diagonal_x: np.ndarray, diagonal_y: np.ndarray) -> float:
    """Song et al. 2012, eq. 5, from <K, L> and the diagonals of two Gram matrices with centred rows and columns.

    The estimator does not see this centring, and row i of a centred Gram matrix without its diagonal sums to
    -K_ii: its three terms need nothing but the diagonals, for the linear kernel squared norms of rows.
    """
    rows = len(diagonal_x)
    diagonal = float(diagonal_x @ diagonal_y)
    offset = float(diagonal_x.sum() * diagonal_y.sum()) / ((rows - 1) * (rows - 2))
    return (product - diagonal + offset - 2 * diagonal / (rows - 2)) / (rows * (rows - 3))
