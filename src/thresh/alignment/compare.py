"""Every metric on every representation that two systems share: the rows of the score table."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from thresh.alignment.comparison import Comparison, Scored
from thresh.alignment.face import Face
from thresh.alignment.metric import Metric
from thresh.alignment.metrics import METRICS
from thresh.alignment.planted import expected_score
from thresh.alignment.population import Population
from thresh.alignment.redrawn import Asked
from thresh.alignment.sides import Side, View, joined, representations
from thresh.alignment.uncertainty import Uncertainty
from thresh.errors import AlignmentError

__all__ = ["COLUMNS", "Side", "View", "align_pair"]

COLUMNS = [
    *("a_system", "a_layer", "b_system", "b_layer", "representation", "role", "metric", "direction"),
    *("score", "expected", "ceiling", "low", "high", "standard_error", "over", "chance", "critical", "p", "calibrated"),
    *("tested", "tested_rows", "stimuli", "rows", "units_a", "units_b", "error", "detail", "null", "convergence"),
]


def align_pair(
    a: Side,
    b: Side,
    metrics: dict[str, dict],
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
    *,
    uncertainty: Uncertainty | None = None,
    active: int = 1,
    scheduler: str = "threads",
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
    uncertainty
        Which permutations and halves are drawn for all scores but the control's; by default none.
    active
        The fewest stimuli, of those that both sides share, on which an atom has to be active: others are left out of
        codes. What is left out is told in `detail`.
    scheduler
        Of dask, for representations of which one side at least is a source of `at_size`. These are compared by the
        metrics that `at_size` has, without statistics; the other metrics have NaN and an error there. The common
        stimuli are taken in the order of the stores, and so are their folds.

    Returns
    -------
    pandas.DataFrame
        One row a score, in the order of representations and metrics. `direction` is 'both', 'a_to_b' (b predicted
        from, or matched into, a) or 'b_to_a'; `expected` is theory's prediction for planted pairs, else NaN;
        `ceiling` is the median noise ceiling of the units that a score is relative to, NaN where it is relative to
        none. A metric that is not defined for a pair has score NaN and says why in `error`; `detail` is JSON. `low`,
        `high` and `standard_error` are those of `statistics.interval`, `chance` (the mean of the null), `critical`,
        `p` and `calibrated` those of `statistics.chance`; NaN where nothing was drawn. `tested` is the score that they
        compare with chance, of the `tested_rows` that permutations exchange: where stimuli are equally long, of all.
        `over` is what halves were drawn of: 'stimuli' where subjects were asked for and neither side has two, '' where
        there are no halves.
        `null` is the list of null scores, by permutation; `convergence` is JSON, [mean number of stimuli, mean,
        standard deviation] of subsets of one size, whole blocks where there are some. `rows` are the stimuli, or their
        positions or words where sides have `groups`.

    Raises
    ------
    AlignmentError
        No common stimulus; the same id with different content; a side that does not fit together.
    ConfigError
        An unknown metric or parameter: before anything is computed.
    """
    asked = [one for name, params in metrics.items() for one in directions(METRICS[name], params, seed)]
    rows_a, rows_b = joined(a, b)
    views = representations(a, b)
    total, rows = len(views) * len(asked), []
    for comparison in _comparisons(a, b, views, rows_a, rows_b, seed, active):
        plan = uncertainty if comparison.role != "shuffled" else None
        scored = _scored(comparison, asked, plan or Uncertainty(), scheduler)
        for one in scored.asked:
            rows.append(_row(a, b, scored, one))
            if progress is not None:
                progress(len(rows), total, f"{comparison.representation}: {one.metric.name}")
    return pd.DataFrame(rows, columns=COLUMNS)


def directions(metric: Metric, params: dict | None, seed: int) -> list[Asked]:
    """Once, or both ways."""
    params = dict(params or {})
    if "seed" in metric.parameters:
        params = {"seed": seed, **params}
    split = metric.split_parameters(params)
    return [Asked(metric, *split, reverse) for reverse in ((False,) if metric.symmetric else (False, True))]


def _comparisons(
    a: Side, b: Side, views: list, rows_a: np.ndarray, rows_b: np.ndarray, seed: int, active: int
) -> Iterator[Comparison]:
    """One at a time, so that no more than two views are held as dense matrices."""
    blocks = next((side.blocks[rows] for side, rows in ((a, rows_a), (b, rows_b)) if side.blocks is not None), None)
    groups = None if a.groups is None else a.groups[rows_a]
    for representation, role, view_a, view_b in views:
        if a.views[view_a].is_at_size or b.views[view_b].is_at_size:
            from thresh.alignment.comparison_at_size import comparison_at_size

            yield comparison_at_size(a, b, (representation, role, view_a, view_b), rows_a, rows_b, active)
            continue
        kept, order = np.arange(len(rows_a)), None
        if role == "shuffled":
            kept, order = shuffled(len(rows_a), blocks, groups, seed)
        found = Comparison(
            representation=representation,
            role=role,
            blocks=None if blocks is None else blocks[kept],
            groups=None if groups is None else groups[kept],
            words_left_out=(a.words_left_out, b.words_left_out),
            a=Face.of(a, view_a, rows_a[kept] if order is None else rows_a[order], active),
            b=Face.of(b, view_b, rows_b[kept], active),
        )
        if role == "shuffled" and order is None:
            found.problem = AlignmentError("found no two stimuli that may change places, expected some for a control.")
        yield found


def _scored(comparison: Comparison, asked: list[Asked], plan: Uncertainty, scheduler: str) -> Scored:
    if comparison.is_at_size:
        from thresh.alignment.comparison_at_size import scored_at_size

        return scored_at_size(comparison, asked, scheduler)
    return Scored(comparison, asked, plan)


def shuffled(
    rows: int, blocks: np.ndarray | None, groups: np.ndarray | None, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows of the control, and those that are put in their place; None where no two stimuli may change places."""
    if blocks is None and groups is None:
        return np.arange(rows), np.random.default_rng(seed).permutation(rows)
    population = Population(rows, (0, 0), blocks=blocks, groups=groups)
    kept = np.arange(rows) if population.exchangeable is None else population.exchangeable
    order = next(population.of(kept).orders(1, seed), None)
    return kept, None if order is None else kept[order]


def _row(a: Side, b: Side, scored: Scored, asked: Asked) -> dict:
    """One row of the table; a metric that is not defined here leaves NaN and its message."""
    comparison, metric = scored.comparison, asked.metric
    score, detail, problem = scored.score(asked)
    expected = math.nan
    if a.planted is not None and b.planted is not None and comparison.is_like_with_like:
        predictor, predicted = (b.planted, a.planted) if asked.reverse else (a.planted, b.planted)
        params = asked.of_measure | asked.of_summary
        expected = expected_score(metric.name, params, predictor, predicted, comparison.role, comparison.rows)
    return {
        "a_system": a.system,
        "a_layer": a.layer,
        "b_system": b.system,
        "b_layer": b.layer,
        "representation": comparison.representation,
        "role": comparison.role,
        "metric": metric.name,
        "direction": "both" if metric.symmetric else ("b_to_a" if asked.reverse else "a_to_b"),
        "score": score,
        "expected": expected,
        "ceiling": detail.get("ceiling") or math.nan,
        "stimuli": comparison.stimuli,
        "rows": comparison.rows,
        "units_a": comparison.a.values.shape[1],
        "units_b": comparison.b.values.shape[1],
        "error": problem,
        "detail": json.dumps({**comparison.detail, **detail}),
        **scored.worth(asked, score),
    }
