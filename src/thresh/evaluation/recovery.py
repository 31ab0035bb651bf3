"""Was the planted truth found? Each number beside what a random dictionary would score."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from thresh.errors import DictionaryError
from thresh.evaluation.matching import matched, unit
from thresh.inference import infer


def matched_correlation(codes, truth) -> float:
    """Mean correlation coefficient (MCC) between planted features and the codes that match them best.

    Pearson correlation of every latent with every feature, Hungarian assignment, mean over the features that
    vary in these rows. A feature without a partner counts 0; latents and features that are constant match nothing.

    Parameters
    ----------
    codes : (rows, atoms)
        Dense or sparse; sparse codes are never made dense.
    truth : (rows, features)
        Dense or sparse.

    Returns
    -------
    float in [0, 1]; NaN if no feature varies

    Raises
    ------
    DictionaryError
        Row counts differ, or a value is not finite.
    """
    correlation, varies = cross_correlation(codes, truth)
    return float(matched(correlation[:, varies]).mean()) if varies.any() else float("nan")


def cross_correlation(codes, truth) -> tuple[np.ndarray, np.ndarray]:
    """Pearson correlations (atoms, features), 0 for constant columns, and which features vary (features,)."""
    if codes.shape[0] != truth.shape[0] or codes.shape[0] < 2:
        raise DictionaryError(
            f"codes have {codes.shape[0]} rows and the truth {truth.shape[0]}, expected the same, 2 or more."
        )
    z, t = (
        csr_array(each, dtype=np.float64) if issparse(each) else np.asarray(each, np.float64) for each in (codes, truth)
    )
    means, deviations = zip(*(mean_and_deviation(each) for each in (z, t)), strict=True)
    cross = z.T @ t
    # In place: of many atoms and features each of these matrices is large.
    cross = cross.toarray() if issparse(cross) else cross
    cross /= z.shape[0]
    for row, mean, deviation in zip(cross, *(each[0] for each in (means, deviations)), strict=True):
        row -= mean * means[1]
        row[:] = np.divide(row, deviation * deviations[1], out=np.zeros_like(row), where=deviation * deviations[1] > 0)
    return np.clip(cross, -1, 1, out=cross), deviations[1] > 0


def mean_and_deviation(x: np.ndarray | csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of columns; exactly 0 for the deviation of a constant column."""
    values = x.data if issparse(x) else x
    if not np.isfinite(values).all():
        raise DictionaryError("codes or truth hold values that are not finite, expected none.")
    mean = np.asarray(x.mean(axis=0)).ravel()
    square = np.asarray((x * x).mean(axis=0)).ravel()
    variance = square - mean**2
    # A difference below rounding is what a constant column leaves.
    return mean, np.sqrt(np.where(variance > 1e-12 * square, variance, 0.0))


def matched_cosine(atoms, truth) -> float:
    """Mean cosine between planted directions and the atoms that match them best.

    With its sign: codes are not negative, so an opposite atom is not the feature. Where |cosine| is reported
    (arXiv 2603.28744), the null of a random dictionary is higher: .335 for .316 at 93 units and 1000 atoms.

    Parameters
    ----------
    atoms
        A dictionary, or its atoms (atoms, units).
    truth : (features, units)
        Directions of the features. Directions of zero are left out; one without a partner counts 0.

    Returns
    -------
    float in [0, 1]; NaN if there is no direction
    """
    atoms, truth = unit(getattr(atoms, "atoms", atoms)), unit(truth)
    if atoms.shape[1] != truth.shape[1]:
        raise DictionaryError(f"atoms have {atoms.shape[1]} units and the truth {truth.shape[1]}, expected the same.")
    truth = truth[truth.any(axis=1)]
    return float(matched(atoms @ truth.T).mean()) if len(truth) else float("nan")


def random_null(
    x,
    mixing,
    truth,
    atoms: int,
    seed: int = 0,
    device: str | None = None,
    *,
    solver: str = "fista",
    like: object | None = None,
    **params: Any,
) -> dict[str, float]:
    """What a Gaussian dictionary of the same shape scores on the same rows, with codes by the same solver.

    Parameters
    ----------
    x : (rows, units)
        Activations.
    mixing : (features, units)
        Planted directions.
    truth : (rows, features)
        Planted features.
    atoms
        Of the random dictionary.
    solver, **params
        As for `infer`; by default FISTA at a relative penalty of .05.
    like
        A dictionary whose bias, scale and penalty the random one takes; by default there is no bias, and the scale is
        the rows' root mean square norm.

    Returns
    -------
    random_matched_correlation, random_matched_cosine
    """
    x = np.asarray(x)
    # A stream of its own: a planted system drawn from the same plain seed would be its own null.
    random = np.random.default_rng([seed, 0x6E756C6C])
    directions = Directions(unit(random.standard_normal((atoms, x.shape[1]))))
    directions.scale = float(np.sqrt(np.mean(np.sum(np.square(x, dtype=np.float64), axis=1))))
    for name in ("bias", "scale", "penalty"):
        if getattr(like, name, None) is not None:
            setattr(directions, name, getattr(like, name))
    if solver == "fista" and not params and not hasattr(directions, "penalty"):
        params = {"relative_penalty": 0.05}
    codes = infer(x, directions, solver, device=device, **params)
    return {
        "random_matched_correlation": matched_correlation(codes, truth),
        "random_matched_cosine": matched_cosine(directions.atoms, mixing),
    }


def as_sparse_as(codes, units: int) -> dict[str, Any]:
    """Parameters of orthogonal matching pursuit, in so many units, for codes as sparse as these, of the same sign."""
    active = csr_array(codes)
    k = round(active.count_nonzero() / active.shape[0])
    return {"k": int(np.clip(k, 1, min(units, active.shape[1]))), "nonnegative": bool((active.data >= 0).all())}


class Directions:
    """Atoms without a file or an encoder: what `infer` needs, and may be told more of."""

    def __init__(self, atoms: Any):
        self.atoms = atoms
