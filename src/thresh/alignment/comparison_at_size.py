"""Two views of which one at least does not fit in memory, and the metrics that are measured on such."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from inspect import signature
from typing import Any

import numpy as np
from scipy import sparse

from thresh.alignment import at_size
from thresh.alignment.at_size.sources import ArrayRows, Source, SparseRows
from thresh.alignment.comparison import Comparison, Scored
from thresh.alignment.face import Face
from thresh.alignment.metric import Metric
from thresh.alignment.metrics import METRICS
from thresh.alignment.redrawn import Asked
from thresh.alignment.sides import Side, View
from thresh.alignment.uncertainty import Uncertainty
from thresh.errors import AlignmentError

NO_STATISTICS = "none at size"  # in the detail of a score, for the report


@dataclass
class ComparisonAtSize(Comparison):
    """Two faces whose values are sources of `at_size`, which metrics check as they read them."""

    is_at_size = True

    def __post_init__(self):
        pass

    @property
    def detail(self) -> dict[str, Any]:
        return super().detail | {"statistics": NO_STATISTICS}


class ScoredAtSize(Scored):
    """Scores alone: a permutation, or a half, would be a pass over everything."""

    def worth(self, asked: Asked, score: float) -> dict[str, Any]:
        return {"over": "", "null": [], "convergence": "[]"}


def comparison_at_size(
    a: Side,
    b: Side,
    views: tuple[str, str, str, str],
    rows_a: np.ndarray,
    rows_b: np.ndarray,
    active: int,
) -> ComparisonAtSize:
    """The common stimuli in the order in which stores have them.

    Parameters
    ----------
    views
        Representation, role, view of a, view of b; one of these at least is at size.
    rows_a, rows_b : (stimuli,)
        Rows of both sides that show the same stimuli.
    active
        The fewest stimuli on which an atom has to be active.
    """
    representation, role, view_a, view_b = views
    places, problem = [rows_a, rows_b], None
    on_disk = [rows for rows, view in zip(places, (a.views[view_a], b.views[view_b]), strict=True) if keeps_order(view)]
    if on_disk:
        order = np.argsort(on_disk[0])
        places = [rows[order] for rows in places]
        if (np.diff(on_disk[-1][order]) < 0).any():
            problem = AlignmentError(
                f"{a.name} and {b.name}: found their {len(rows_a)} common stimuli in different orders in the two"
                " stores, expected one order, for they are too many to be sorted in memory: harvest both systems on one"
                " set of stimuli, or choose a smaller split."
            )
            places = [np.sort(rows) for rows in places]
    return ComparisonAtSize(
        representation=representation,
        role=role,
        a=face_at_size(a, view_a, places[0], active),
        b=face_at_size(b, view_b, places[1], active),
        groups=None if a.groups is None else a.groups[places[0]],
        words_left_out=(a.words_left_out, b.words_left_out),
        problem=problem,
    )


def keeps_order(view: View) -> bool:
    """Whether rows can only be read in the order in which they stand."""
    return view.is_at_size and not isinstance(view.values, SparseRows)


def face_at_size(side: Side, view: str, rows: np.ndarray, active: int) -> Face:
    values, name = source_of(side.views[view], view, rows), f"{side.name} ({view})"
    if view == "raw":
        return Face(view, name, values, side.ceiling, side.subjects)
    used = at_size.active_on(values, None if side.groups is None else side.groups[rows]) >= active
    if used.all() or not used.any():  # as in memory
        return Face(view, name, values, None, None)
    return Face(view, name, at_size.picked_units(values, np.flatnonzero(used)), None, None, int((~used).sum()))


def source_of(view: View, name: str, rows: np.ndarray) -> Source:
    """Some rows of a view; codes are sparse, also those of the other side, which may fit in memory."""
    if keeps_order(view):
        return at_size.picked(view.values, rows)
    values = view.values.codes if isinstance(view.values, SparseRows) else view.values
    if name != "raw" or sparse.issparse(values):
        return SparseRows(sparse.csr_array(values)[rows])
    return ArrayRows(values[rows])


def scored_at_size(comparison: ComparisonAtSize, asked: list[Asked], scheduler: str) -> ScoredAtSize:
    """Every metric measured at size; one that is not says so in place of a score."""
    measures = {one.metric.measure: measure_at_size(one.metric, scheduler) for one in asked}
    metrics = [replace(one.metric, measure=measures[one.metric.measure]) for one in asked]
    asked = [replace(one, metric=metric) for one, metric in zip(asked, metrics, strict=True)]
    return ScoredAtSize(comparison, asked, Uncertainty())


def measure_at_size(metric: Metric, scheduler: str) -> Callable:
    """As the metric's `measure`, of sources: the same parameters and defaults."""
    form = metric.at_size

    @wraps(metric.measure)
    def measure(x: Source, y: Source, **params: Any) -> Any:
        if form is None or not form.takes(x.sparse, y.sparse):
            raise too_many(x, y)
        function = getattr(at_size, form.measure)
        takes, defaults = signature(function).parameters, metric.measured_with({})
        given = metric.measured_with(params)
        for key in given:
            if key not in takes and given[key] != defaults[key]:
                raise AlignmentError(
                    f"{metric.name}: found {key} for responses that are too many for memory, expected none:"
                    f" at size it takes {', '.join(key for key in takes if key in defaults)}."
                )
        return function(x, y, scheduler=scheduler, **{key: given[key] for key in given if key in takes})

    return measure


def too_many(x: Source, y: Source) -> AlignmentError:
    known = [name for name, metric in METRICS.items() if metric.at_size and metric.at_size.takes(x.sparse, y.sparse)]
    return AlignmentError(
        f"found {x.shape[0]} stimuli x {max(x.shape[1], y.shape[1])} units, too many for memory; expected one of"
        f" {', '.join(known)}, or a smaller split."
    )
