"""Scores of stimuli and units that are drawn again, of all metrics that read one measure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from thresh.alignment.facts import Facts
from thresh.alignment.metric import Metric
from thresh.alignment.population import Population
from thresh.alignment.rotation import thin
from thresh.alignment.uncertainty import Selection, Uncertainty, selections, subsets, taken
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

    def of_rows(self, facts: Facts) -> dict:
        """Parameters of the measure of rows of which so much is known."""
        return self.of_measure | facts.of(self.metric)


@dataclass(frozen=True)
class Drawn:
    """Scores of one metric under all draws, NaN where it was not defined.

    Attributes
    ----------
    null : (permutations,)
    halves
        'stimuli', 'units', 'subjects' or 'together' -> (resamples,).
    subsets
        Mean number of stimuli, and the scores of so many (draws,); of halves last, where there are some of stimuli.
    tested_rows
        Number of rows that permutations exchange.
    tested
        The score of these; None where they are all, and nothing was measured anew.
    """

    null: np.ndarray
    halves: dict[str, np.ndarray]
    subsets: list[tuple[float, np.ndarray]]
    tested_rows: int
    tested: float | None


def drawn(
    asked: list[Asked], x: np.ndarray, y: np.ndarray, population: Population, plan: Uncertainty, facts: Facts
) -> list[Drawn]:
    """Of each metric in turn; all of them share their measure.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
        In the direction of `asked`.
    """
    metric, groups = asked[0].metric, population.groups
    facts = facts.for_metric(metric)
    narrow = reduced(metric, x, y, asked[0].of_rows(facts))

    def scores(found: list[Selection]) -> np.ndarray:
        """(metrics, draws)"""
        made = []
        for one in found:
            of_x, of_y = narrow if one.has_all_units else (taken(x, one.units_x, 1), taken(y, one.units_y, 1))
            parameters = of_units(asked[0].of_rows(facts.chosen(one)), one)
            measure = partial(metric.measure, taken(of_x, one.rows), taken(of_y, one.rows), **parameters)
            made.append(summaries(asked, measure, one.units_y))
        return np.array(made).reshape(-1, len(asked)).T

    null, tested, tested_rows = exchanged(asked, *narrow, population, plan, facts)
    chosen = selections(plan, population)
    halves = {kind: scores(found) for kind, found in chosen.items()}
    parts = [(stimuli_of(found, groups), scores(found)) for found in subsets(plan, population)]
    if parts and "stimuli" in halves:
        parts.append((stimuli_of(chosen["stimuli"], groups), halves["stimuli"]))
    return [
        Drawn(
            null[place],
            {kind: found[place] for kind, found in halves.items()},
            [(size, found[place]) for size, found in parts],
            tested_rows,
            tested[place],
        )
        for place in range(len(asked))
    ]


def exchanged(
    asked: list[Asked], x: np.ndarray, y: np.ndarray, population: Population, plan: Uncertainty, facts: Facts
) -> tuple[np.ndarray, list[float | None], int]:
    """Null scores (metrics, permutations), the scores of the same rows where these are not all, and their number."""
    nothing = [None] * len(asked)
    if not plan.permutations:
        return np.empty((len(asked), 0)), nothing, 0
    rows = population.exchangeable
    if rows is None:
        return nulls(asked, x, y, population, plan, facts), nothing, population.rows
    x, y, facts = taken(x, rows), taken(y, rows), facts.chosen(Selection(rows))
    tested = summaries(asked, partial(asked[0].metric.measure, x, y, **asked[0].of_rows(facts)))
    return nulls(asked, x, y, population.of(rows), plan, facts), tested, len(rows)


def of_units(params: dict, one: Selection) -> dict:
    """Parameters of a measure, with the bands of the chosen units of x where there are bands."""
    bands = params.get("bands")
    return params if bands is None else params | {"bands": taken(np.asarray(bands, dtype=object), one.units_x)}


def stimuli_of(found: list[Selection], groups: np.ndarray | None) -> float:
    """How many were drawn, on average: whole blocks may differ in size."""
    return float(np.mean([len(one.rows if groups is None else np.unique(groups[one.rows])) for one in found]))


def nulls(
    asked: list[Asked], x: np.ndarray, y: np.ndarray, population: Population, plan: Uncertainty, facts: Facts
) -> np.ndarray:
    """(metrics, permutations): scores of y given to other stimuli."""
    metric = asked[0].metric

    def anew(order: np.ndarray) -> Any:
        return metric.measure(x, y[order], **asked[0].of_rows(facts.exchanged(order)))

    measure = anew
    if metric.permuted is not None:
        with suppress(AlignmentError):  # of any order; `anew` finds it again, and each score is then not defined
            measure = metric.permuted(x, y, **metric.measured_with(asked[0].of_rows(facts)))
    made = [summaries(asked, partial(measure, order)) for order in population.orders(plan.permutations, plan.seed)]
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
        rotated = name in metric.blind_to_rotation and params.get(f"repeats_{name}") is None  # repeats keep their units
        wide = side.shape[1] > len(side) and rotated
        sides.append(thin(side - side.mean(axis=0)) if wide else side)
    return sides[0], sides[1]
