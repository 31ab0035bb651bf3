"""What is known of rows beside their responses, and which metrics ask for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thresh.alignment.metric import Metric
from thresh.alignment.uncertainty import Selection, taken


@dataclass(frozen=True)
class Facts:
    """Of the rows of x and y; None where it is not known.

    Attributes
    ----------
    groups : (rows,)
        The stimulus of each row, where rows are parts of stimuli.
    repeats_x, repeats_y : (repeats, rows, units)
        Single presentations, whose means x and y are.
    """

    groups: np.ndarray | None = None
    repeats_x: np.ndarray | None = None
    repeats_y: np.ndarray | None = None

    def of(self, metric: Metric) -> dict[str, np.ndarray]:
        """As parameters of the metric's measure: those that it takes."""
        return {name: getattr(self, name) for name in metric.facts if getattr(self, name) is not None}

    def for_metric(self, metric: Metric) -> Facts:
        """Without those that the metric does not ask for: repeats are large."""
        return Facts(**self.of(metric))

    def chosen(self, one: Selection) -> Facts:
        """Of some rows and units."""
        repeats = [
            None if side is None else taken(taken(side, one.rows, 1), units, 2)
            for side, units in ((self.repeats_x, one.units_x), (self.repeats_y, one.units_y))
        ]
        return Facts(None if self.groups is None else taken(self.groups, one.rows), *repeats)

    def exchanged(self, order: np.ndarray) -> Facts:
        """With the rows of y in another order."""
        repeats = None if self.repeats_y is None else self.repeats_y[:, order]
        return Facts(self.groups, self.repeats_x, repeats)
