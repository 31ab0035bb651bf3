"""Ridge regression from second moments alone: weights, penalties and held-out scores."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from thresh.alignment.at_size.fold_moments import Moments


def ridge(train: Moments, alphas: np.ndarray, components: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Weights on the units of x, (units_x, units_y), and the penalty that each unit of y chose, (units_y,).

    The choice of the metric in memory, with the loadings of y on the principal axes of x found from moments.
    """
    squared, axes = linalg.eigh(train.xx, driver="evd", overwrite_a=True, check_finite=False)
    squared, axes = squared[::-1], axes[:, ::-1]
    kept = np.count_nonzero(squared > squared[0] * len(squared) * np.finfo(float).eps)
    kept = min(kept, train.rows - 1, len(squared) if components is None else components)
    squared, axes = squared[:kept], axes[:, :kept]
    scale = np.sqrt(squared.sum() / train.rows) if kept else 1.0
    loading = axes.T @ train.xy / np.sqrt(squared)[:, None]
    singular = np.sqrt(squared)[:, None] / scale
    outside = np.zeros(len(train.yy))
    if kept < train.rows - 1:  # else the axes span all that varies, and the difference would be nothing but rounding
        outside = np.maximum(train.yy - np.square(loading).sum(axis=0), 0.0)
    left_over = alphas[:, None] / (singular[:, 0] ** 2 + alphas[:, None])
    residual = left_over**2 @ loading**2 + outside
    freedom = train.rows - 1 - kept + left_over.sum(axis=1)
    best = alphas[np.argmin(residual / freedom[:, None] ** 2, axis=0)]
    return axes @ (singular / (singular**2 + best) * loading) / scale, best


def scores(train: Moments, test: Moments, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every unit of y: r, squared errors, and squared deviations from the training mean, on the held-out rows."""
    covariance = np.einsum("ij,ij->j", weights, test.xy)
    variance = np.einsum("ij,ij->j", weights, test.xx @ weights)
    norm = np.sqrt(np.maximum(variance, 0)) * np.sqrt(test.yy)
    r = np.where(norm > 0, covariance / np.where(norm > 0, norm, 1.0), 0.0)
    shift = (test.mean_y - train.mean_y) - (test.mean_x - train.mean_x) @ weights
    errors = np.maximum(variance - 2 * covariance + test.yy, 0) + test.rows * shift**2
    return r, errors, test.yy + test.rows * (test.mean_y - train.mean_y) ** 2
