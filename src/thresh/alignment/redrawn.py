"""Scores of stimuli and units that are drawn again, of all metrics that read one measure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from thresh.alignment.metric import GROUPS, Metric
from thresh.alignment.rotation import thin
from thresh.alignment.uncertainty import Population, Selection, Uncertainty, selections, subsets, taken
from thresh.errors import AlignmentError


@dataclass(frozen=True)
class Asked:
    """A metric with its parameters, in one direction."""

    metric: Metric
    of_measure: dict
    of_summary: dict
    reverse: bool

    @property
    def measured(self) -> tuple:
        """Names what is measured once for all metrics that read it."""
        return (self.metric.measure, json.dumps(self.of_measure, sort_keys=True, default=repr), self.reverse)

    def of_rows(self, groups: np.ndarray | None) -> dict:
        """Parameters of the measure of some rows, which belong to these groups."""
        return self.of_measure | ({GROUPS: groups} if groups is not None and self.metric.takes_groups else {})


@dataclass(frozen=True)
class Drawn:
    """Scores of one metric under all draws, NaN where it was not defined.

    Attributes
    ----------
    null : (permutations,)
    halves
        'stimuli', 'units', 'subjects' or 'together' -> (resamples,).
    subsets
        Number of stimuli -> (subsets,).
    """

    null: np.ndarray
    halves: dict[str, np.ndarray]
    subsets: dict[int, np.ndarray]


def drawn(asked: list[Asked], x: np.ndarray, y: np.ndarray, population: Population, plan: Uncertainty) -> list[Drawn]:
    """Of each metric in turn; all of them share their measure.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
        In the direction of `asked`.
    """
    metric, params, groups = asked[0].metric, asked[0].of_measure, population.groups
    narrow = reduced(metric, x, y, params)

    def scores(found: list[Selection]) -> np.ndarray:
        """(metrics, draws)"""
        made = []
        for one in found:
            of_x, of_y = narrow if one.has_all_units else (taken(x, one.units_x, 1), taken(y, one.units_y, 1))
            of_rows = asked[0].of_rows(None if groups is None else taken(groups, one.rows))
            measure = partial(metric.measure, taken(of_x, one.rows), taken(of_y, one.rows), **of_rows)
            made.append(summaries(asked, measure, one.units_y))
        return np.array(made).reshape(-1, len(asked)).T

    null = nulls(asked, *narrow, population, plan)
    halves = {kind: scores(found) for kind, found in selections(plan, population).items()}
    parts = {size: scores(found) for size, found in subsets(plan, population.rows)}
    return [
        Drawn(
            null[place],
            {kind: found[place] for kind, found in halves.items()},
            {size: found[place] for size, found in parts.items()},
        )
        for place in range(len(asked))
    ]


def nulls(asked: list[Asked], x: np.ndarray, y: np.ndarray, population: Population, plan: Uncertainty) -> np.ndarray:
    """(metrics, permutations): scores of y given to other stimuli."""
    metric, of_rows = asked[0].metric, asked[0].of_rows(population.groups)
    if metric.permuted is not None:
        measure = metric.permuted(x, y, **metric.measured_with(of_rows))
    else:

        def measure(order: np.ndarray) -> Any:
            return metric.measure(x, y[order], **of_rows)

    made = [summaries(asked, partial(measure, order)) for order in population.orders(plan)]
    return np.array(made).reshape(-1, len(asked)).T


def summaries(asked: list[Asked], measure: Callable[[], Any], units: np.ndarray | None = None) -> list[float]:
    """Scores of all metrics that read one measure; NaN where it, or a summary of it, is not defined."""
    try:
        measured = measure()
    except AlignmentError:
        return [math.nan] * len(asked)
    found = []
    for one in asked:
        of_summary = one.of_summary
        if of_summary.get("ceiling") is not None:
            of_summary = of_summary | {"ceiling": taken(np.asarray(of_summary["ceiling"]), units)}
        try:
            found.append(one.metric.summarise(measured, **of_summary)[0])
        except AlignmentError:
            found.append(math.nan)
    return found


def reduced(metric: Metric, x: np.ndarray, y: np.ndarray, params: dict) -> tuple[np.ndarray, np.ndarray]:
    """Both sides, rotated into no more units than there are stimuli, where the metric cannot tell.

    The scores are the same, and a thousand permutations of a layer of 32,768 units cost what those of a small one do.
    """
    if params.get("bands") is not None:  # these name columns of x
        return x, y
    sides = []
    for name, side in (("x", x), ("y", y)):
        wide = side.shape[1] > len(side) and name in metric.blind_to_rotation
        sides.append(thin(side - side.mean(axis=0)) if wide else side)
    return sides[0], sides[1]
