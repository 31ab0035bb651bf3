"""Every metric on every representation that two systems share: the rows of the score table."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import sparse

from thresh.alignment.arrays import paired
from thresh.alignment.metrics import METRICS, Metric
from thresh.alignment.planted import expected_score
from thresh.alignment.sides import Side, View, joined, representations
from thresh.errors import AlignmentError

__all__ = ["COLUMNS", "Side", "View", "align_pair"]

COLUMNS = [
    *("a_system", "a_layer", "b_system", "b_layer", "representation", "role", "metric", "direction"),
    *("score", "expected", "stimuli", "units_a", "units_b", "error", "detail"),
]


@dataclass
class Comparison:
    """Two views on the same stimuli, and what has been measured on them so far."""

    representation: str
    role: str
    views: tuple[str, str]
    a: ArrayLike
    b: ArrayLike
    names: tuple[str, str]
    problem: AlignmentError | None = None
    measured: dict = field(default_factory=dict)

    def __post_init__(self):
        try:
            self.a, self.b = paired(self.a, self.b, names=self.names)
        except AlignmentError as error:
            self.problem = error

    def score(self, metric: Metric, params: dict, reverse: bool, ceiling: np.ndarray | None) -> tuple[float, dict]:
        """Score of one metric; measures that several metrics read are computed once."""
        if self.problem is not None:
            raise self.problem
        of_measure, of_summary = metric.split_parameters(params)
        key = (metric.measure, json.dumps(of_measure, sort_keys=True, default=repr), reverse)
        if key not in self.measured:
            x, y = (self.b, self.a) if reverse else (self.a, self.b)
            self.measured[key] = metric.measure(x, y, **of_measure)
        if metric.takes_ceiling and ceiling is not None:
            of_summary = {"ceiling": ceiling, **of_summary}
        return metric.summarise(self.measured[key], **of_summary)


def align_pair(
    a: Side,
    b: Side,
    metrics: dict[str, dict],
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> pd.DataFrame:
    """Score two layers with every metric on every representation.

    Codes that only one side has are compared with the other's raw responses if that side has no codes at all. Metrics
    that are not symmetric are computed both ways. At the end comes a control: raw responses of a, given to the wrong
    stimuli.

    Parameters
    ----------
    metrics
        Parameters by metric name. A metric with a `seed` gets this function's unless it has its own.
    seed
        Of the folds and of the shuffled control.
    progress
        Called as progress(done, total, label) after each score.

    Returns
    -------
    pandas.DataFrame
        One row a score, in the order of representations and metrics. `direction` is 'both', 'a_to_b' (b predicted
        from, or matched into, a) or 'b_to_a'; `expected` is theory's prediction for planted pairs, else NaN; a metric
        that is not defined for a pair has score NaN and says why in `error`; `detail` is JSON.

    Raises
    ------
    AlignmentError
        No common stimulus; the same id with different content; a side that does not fit together.
    ConfigError
        An unknown metric or parameter: before anything is computed.
    """
    plan = [(METRICS[name], _with_seed(METRICS[name], params, seed)) for name, params in metrics.items()]
    for metric, params in plan:
        metric.split_parameters(params)
    rows_a, rows_b = joined(a, b)
    views = representations(a, b)
    runs = [
        (metric, params, reverse)
        for metric, params in plan
        for reverse in ((False,) if metric.symmetric else (False, True))
    ]
    total, rows = len(views) * len(runs), []
    for comparison in _comparisons(a, b, views, rows_a, rows_b, seed):
        for metric, params, reverse in runs:
            rows.append(_row(a, b, comparison, metric, params, reverse, len(rows_a)))
            if progress is not None:
                progress(len(rows), total, f"{comparison.representation}: {metric.name}")
    return pd.DataFrame(rows, columns=COLUMNS)


def _with_seed(metric: Metric, params: dict | None, seed: int) -> dict:
    params = dict(params or {})
    return {"seed": seed, **params} if "seed" in metric.parameters else params


def _comparisons(
    a: Side, b: Side, views: list, rows_a: np.ndarray, rows_b: np.ndarray, seed: int
) -> Iterator[Comparison]:
    """One at a time, so that no more than two views are held as dense matrices."""
    shuffled = np.random.default_rng(seed).permutation(rows_a)
    for representation, role, view_a, view_b in views:
        yield Comparison(
            representation=representation,
            role=role,
            views=(view_a, view_b),
            a=_rows(a.views[view_a].values, shuffled if role == "shuffled" else rows_a),
            b=_rows(b.views[view_b].values, rows_b),
            names=(f"{a.name} ({view_a})", f"{b.name} ({view_b})"),
        )


def _rows(values: ArrayLike, rows: np.ndarray) -> ArrayLike:
    return values.tocsr()[rows] if sparse.issparse(values) else values[rows]


def _row(a: Side, b: Side, comparison: Comparison, metric: Metric, params: dict, reverse: bool, stimuli: int) -> dict:
    """One row of the table; a metric that is not defined here leaves NaN and its message."""
    target, view = (a, comparison.views[0]) if reverse else (b, comparison.views[1])
    score, detail, problem = math.nan, {}, ""
    try:
        ceiling = target.ceiling if view == "raw" else None
        score, detail = comparison.score(metric, params, reverse, ceiling)
    except AlignmentError as error:
        problem = str(error)
    expected = math.nan
    same_kind = (comparison.views[0] == "raw") == (comparison.views[1] == "raw")
    if a.planted is not None and b.planted is not None and same_kind:
        predictor, predicted = (b.planted, a.planted) if reverse else (a.planted, b.planted)
        expected = expected_score(metric.name, params, predictor, predicted, comparison.role, stimuli)
    return {
        "a_system": a.system,
        "a_layer": a.layer,
        "b_system": b.system,
        "b_layer": b.layer,
        "representation": comparison.representation,
        "role": comparison.role,
        "metric": metric.name,
        "direction": "both" if metric.symmetric else ("b_to_a" if reverse else "a_to_b"),
        "score": score,
        "expected": expected,
        "stimuli": stimuli,
        "units_a": comparison.a.shape[1],
        "units_b": comparison.b.shape[1],
        "error": problem,
        "detail": json.dumps({"views": list(comparison.views), **detail}),
    }
