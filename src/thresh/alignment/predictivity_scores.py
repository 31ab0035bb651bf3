"""One number from the held-out predictions of all units: relative to noise ceilings, or explained variance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import as_matrix
from thresh.alignment.predictivity import Predictivity
from thresh.errors import AlignmentError
from thresh.parameters import Rule, checked, each, optional

NUMBERS = optional(each(Rule("a number", lambda value: isinstance(value, int | float))))


@checked(ceiling=NUMBERS)
def median_over_ceiling(result: Predictivity, ceiling: ArrayLike | None = None) -> tuple[float, dict]:
    """Median over units of held-out r, each divided by its ceiling where ceilings are given. Never clipped at 1.

    Parameters
    ----------
    ceiling : (units_y,)
        The highest r that a unit's own noise allows: sqrt of its Spearman-Brown reliability. Units whose ceiling is
        not a positive number are left out and counted.

    Returns
    -------
    float, dict
        The score; mean_r, mean_r2, median_r (without ceiling), ceiling (its median, or None), units_scored,
        units_left_out, and what was chosen (see `choices`).
    """
    ceilings, scored = within(ceiling, np.isfinite(result.r))
    finite = np.isfinite(result.r)
    detail = {
        "mean_r": float(result.r[finite].mean()),
        "mean_r2": mean_r2(result)[0],
        "median_r": float(np.median(result.r[finite])),
        **counts(ceiling, ceilings, scored),
        **choices(result),
    }
    return float(np.median(result.r[scored] / ceilings[scored])), detail


@checked(ceiling=NUMBERS)
def mean_r2(result: Predictivity, ceiling: ArrayLike | None = None) -> tuple[float, dict]:
    """Mean of R2 over the units that vary, each divided by its reliability where ceilings are given.

    Parameters
    ----------
    ceiling : (units_y,)
        As for `median_over_ceiling`; its square is the reliability, the R2 that a perfect model reaches.

    Returns
    -------
    float, dict
        The score, never clipped at 1; ceiling (its median, or None), units_scored, units_left_out, and what was chosen
        (see `choices`).
    """
    ceilings, scored = within(ceiling, np.isfinite(result.r2))
    score = float((result.r2[scored] / ceilings[scored] ** 2).mean())
    return score, {**counts(ceiling, ceilings, scored), **choices(result)}


def within(ceiling: ArrayLike | None, finite: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ceilings, 1 where there is none, and the units that are scored."""
    if not finite.any():
        raise AlignmentError("found no unit whose held-out responses vary, expected at least one.")
    if ceiling is None:
        return np.ones(len(finite)), finite
    ceilings = as_matrix(np.nan_to_num(np.atleast_2d(ceiling), nan=0.0, posinf=0.0, neginf=0.0), "ceiling")[0]
    if len(ceilings) != len(finite):
        raise AlignmentError(f"ceiling: found {len(ceilings)} values, expected one for each of {len(finite)} units.")
    scored = finite & (ceilings > 0)
    if not scored.any():
        raise AlignmentError("found no unit that varies and has a positive ceiling, expected at least one.")
    return np.where(ceilings > 0, ceilings, 1.0), scored


def counts(ceiling: ArrayLike | None, ceilings: np.ndarray, scored: np.ndarray) -> dict:
    return {
        "ceiling": None if ceiling is None else float(np.median(ceilings[scored])),
        "units_scored": int(scored.sum()),
        "units_left_out": int((~scored).sum()),
    }


def choices(result: Predictivity) -> dict:
    """What training folds chose: medians of penalties, and means of the shares of bands, over units and folds.

    alpha_at_edge is the share of choices at the lowest or highest penalty of the grid. At the highest x tells nothing
    of the unit; at the lowest hardly any penalty is needed. 0 where there was no choice.
    """
    chosen = result.alphas[np.isfinite(result.alphas)]
    at_edge = np.isin(chosen, (result.grid.min(), result.grid.max())) & (result.grid.size > 1)
    found = {"alpha": float(np.median(chosen)), "alpha_at_edge": float(at_edge.mean())}
    if result.bands:
        shares = np.nanmean(result.shares, axis=(0, 1))
        found["band_shares"] = {label: float(share) for label, share in zip(result.bands, shares, strict=True)}
    return found
