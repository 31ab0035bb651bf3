"""Two views on the same stimuli, and what has been measured on them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from thresh.alignment.arrays import paired
from thresh.alignment.face import Face
from thresh.alignment.facts import Facts
from thresh.alignment.population import Population
from thresh.alignment.redrawn import Asked, Drawn, drawn
from thresh.alignment.statistics import chance, interval
from thresh.alignment.uncertainty import TOGETHER, Uncertainty
from thresh.errors import AlignmentError


@dataclass
class Comparison:
    """Two faces on the same stimuli; `problem` says why they cannot be compared at all."""

    representation: str
    role: str
    a: Face
    b: Face
    blocks: np.ndarray | None = None
    groups: np.ndarray | None = None
    words_left_out: tuple[int, int] = (0, 0)
    problem: AlignmentError | None = None
    is_at_size: ClassVar[bool] = False

    def __post_init__(self):
        try:
            self.a.values, self.b.values = paired(self.a.values, self.b.values, names=(self.a.name, self.b.name))
        except AlignmentError as error:
            self.problem = error

    @property
    def rows(self) -> int:
        """Stimuli, or their positions or words."""
        return self.a.values.shape[0]

    @property
    def stimuli(self) -> int:
        return self.rows if self.groups is None else len(np.unique(self.groups))

    @property
    def is_like_with_like(self) -> bool:
        return (self.a.view == "raw") == (self.b.view == "raw")

    @property
    def detail(self) -> dict[str, Any]:
        left_out = {"atoms_left_out": [self.a.left_out, self.b.left_out], "words_left_out": list(self.words_left_out)}
        return {"views": [self.a.view, self.b.view]} | {
            name: counts for name, counts in left_out.items() if any(counts)
        }

    def facing(self, reverse: bool) -> tuple[Face, Face]:
        """Who is x and who is y."""
        return (self.b, self.a) if reverse else (self.a, self.b)

    def facts(self, reverse: bool) -> Facts:
        """What metrics may ask of the rows."""
        x, y = self.facing(reverse)
        return Facts(self.groups, x.repeats, y.repeats)


@dataclass
class Scored:
    """The scores of a comparison, and what each is worth; what several metrics read is measured once."""

    comparison: Comparison
    asked: list[Asked]
    plan: Uncertainty
    measured: dict[tuple, Any] = field(default_factory=dict)
    draws: dict[tuple, Drawn] = field(default_factory=dict)

    def score(self, asked: Asked) -> tuple[float, dict, str]:
        """Score, detail, and why there is no score."""
        try:
            if self.comparison.problem is not None:
                raise self.comparison.problem
            if asked.measured not in self.measured:
                x, y = self.comparison.facing(asked.reverse)
                self.measured[asked.measured] = asked.metric.measure(
                    x.values, y.values, **asked.of_rows(self.comparison.facts(asked.reverse))
                )
            score, detail = asked.metric.summarise(self.measured[asked.measured], **self.of_summary(asked))
        except AlignmentError as error:
            return math.nan, {}, str(error)
        return score, detail, ""

    def of_summary(self, asked: Asked) -> dict:
        """Parameters of the summary, with the ceilings of what is predicted where there are some."""
        ceiling = self.comparison.facing(asked.reverse)[1].ceiling
        if asked.metric.takes_ceiling and ceiling is not None:
            return {"ceiling": ceiling, **asked.of_summary}
        return asked.of_summary

    def worth(self, asked: Asked, score: float) -> dict[str, Any]:
        """Interval, chance and convergence of a score, as columns."""
        if not math.isfinite(score):
            return {"over": "", "null": [], "convergence": "[]"}
        of = self.drawn(asked)
        found: dict[str, Any] = {"over": "", "null": of.null.tolist()}
        found["convergence"] = convergence(of)
        if of.null.size:
            found["tested"] = score if of.tested is None else of.tested
            found["tested_rows"] = of.tested_rows
            calibrated = chance(found["tested"], of.null, best=asked.metric.best, level=1 - self.plan.level)
            found |= {"chance": calibrated.mean, "critical": calibrated.critical}
            found |= {"p": calibrated.p, "calibrated": calibrated.calibrated}
        kinds = {kind: scores for kind, scores in of.halves.items() if kind != TOGETHER}
        population = self.population(asked)
        if self.plan.resamples and population.has_halves(list(kinds)):
            items = population.fewest(list(kinds))
            around = interval(score, kinds, of.halves.get(TOGETHER), level=self.plan.level, items=items)
            found |= {"low": around.low, "high": around.high, "standard_error": around.standard_error}
            found["over"] = " and ".join(kinds)
        return found

    def population(self, asked: Asked) -> Population:
        """What halves are drawn of."""
        x, y = self.comparison.facing(asked.reverse)
        return Population(
            rows=self.comparison.rows,
            units=(x.values.shape[1], y.values.shape[1]),
            blocks=self.comparison.blocks,
            keep_blocks=self.plan.keep_blocks,
            groups=self.comparison.groups,
            subjects=(x.subjects, y.subjects),
        )

    def drawn(self, asked: Asked) -> Drawn:
        """Of this metric; others that read the same measure are drawn with it."""
        key = (asked.metric.name, asked.measured)
        if key not in self.draws:
            together = [one for one in self.asked if one.measured == asked.measured]
            x, y = self.comparison.facing(asked.reverse)
            population, facts = self.population(asked), self.comparison.facts(asked.reverse)
            with_ceilings = [Asked(one.metric, one.of_measure, self.of_summary(one), one.reverse) for one in together]
            for one, found in zip(
                together, drawn(with_ceilings, x.values, y.values, population, self.plan, facts), strict=True
            ):
                self.draws[one.metric.name, one.measured] = found
        return self.draws[key]


def convergence(of: Drawn) -> str:
    """JSON: [mean number of stimuli, mean, standard deviation] of subsets and halves, those that have two scores."""
    known = [(size, scores[np.isfinite(scores)]) for size, scores in of.subsets]
    return json.dumps(
        [[size, float(scores.mean()), float(scores.std(ddof=1))] for size, scores in known if len(scores) > 1]
    )
