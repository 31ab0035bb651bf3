"""How well a recording agrees with itself: split halves of the repeats."""

import numpy as np


def split_half_reliability(repeats: np.ndarray, *, splits: int = 100, seed: int = 0) -> np.ndarray:
    """Reliability of the mean over the repeats, for each unit.

    For each random split, every stimulus' repeats (those that exist) are divided into two halves; r is the Pearson
    correlation over stimuli between the means of the halves, averaged over the splits. Spearman-Brown gives the
    reliability of the mean of both halves, 2 r / (1 + r). Its square root is the ceiling: the largest correlation
    that a perfect model can reach with the mean over the repeats.

    Parameters
    ----------
    repeats : (stimuli, repeats, units)
        NaN where a repeat was not shown, or a unit not recorded.
    splits
        Number of random splits.
    seed
        Seed of the splits.

    Returns
    -------
    (units,) float64; NaN for a unit with fewer than three stimuli of two or more repeats, or whose halves never
    vary. It can be negative.

    References
    ----------
    Spearman 1910; Brown 1910. Schoppe et al. 2016 discuss this ceiling for neurons.
    """
    present = np.isfinite(repeats)
    count = present.sum(axis=1)
    values = np.where(present, repeats, 0.0).astype(np.float64)
    total = values.sum(axis=1)
    usable = count >= 2
    # Where all units were recorded together, one draw serves them all.
    together = present[..., :1] if (present == present[..., :1]).all() else present
    generator = np.random.default_rng(seed)
    found = np.full((splits, repeats.shape[2]), np.nan)
    for split in range(splits):
        order = np.where(together, generator.random(together.shape), np.inf)
        # Ranks of the repeats that exist come first; an odd repeat goes to the second half.
        rank = order.argsort(axis=1).argsort(axis=1)
        first = np.where(rank < count[:, None] // 2, values, 0.0).sum(axis=1)
        halves = [divided(first, count // 2), divided(total - first, count - count // 2)]
        found[split] = column_correlation(*halves, usable)
    with np.errstate(invalid="ignore", divide="ignore"):
        defined = np.isfinite(found)
        mean = np.where(defined, found, 0.0).sum(axis=0) / defined.sum(axis=0)
        return 2 * mean / (1 + mean)


def ceiling(reliability: np.ndarray) -> np.ndarray:
    """Square root of the reliability; NaN where it is not positive, for nothing can be explained there."""
    return np.sqrt(np.where(reliability > 0, reliability, np.nan))


def divided(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return total / np.maximum(count, 1)


def column_correlation(x: np.ndarray, y: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Pearson correlation of each column over the rows that are usable for it; NaN where one side is constant."""
    count = np.maximum(usable.sum(axis=0), 1)
    x, y = (np.where(usable, side - np.where(usable, side, 0.0).sum(axis=0) / count, 0.0) for side in (x, y))
    norm = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    enough = (usable.sum(axis=0) >= 3) & (norm > 1e-12)
    return np.where(enough, (x * y).sum(axis=0) / np.where(enough, norm, 1.0), np.nan)
