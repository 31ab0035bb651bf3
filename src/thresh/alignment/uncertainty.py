"""What is computed beside each score, and which stimuli and units that takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from thresh.alignment.population import Population
from thresh.alignment.statistics.draws import halves
from thresh.errors import ConfigError

OVER = ("stimuli", "units", "subjects", "stimuli and units", "stimuli and subjects")
TOGETHER = "together"
SUBSETS = (8, 4)  # parts of the stimuli whose scores tell of convergence, beside halves and all
OF_SUBSETS = 3  # beside the draws of `statistics.draws`


@dataclass(frozen=True)
class Uncertainty:
    """How many draws stand beside a score, and of what.

    Attributes
    ----------
    permutations
        Of the stimuli, for chance; 0 for none.
    resamples
        Halves, for intervals; 0 for none.
    over
        Of what halves are drawn, one of `OVER`.
    level
        Of confidence; chance exceeds the critical value with a probability of 1 - level.
    subsets
        Of an eighth and of a quarter of the stimuli (of their blocks, where there are some) each, for convergence; 0
        for none.
    seed
        Of all draws.
    keep_blocks
        Whether stimuli of one block are drawn together.
    """

    permutations: int = 0
    resamples: int = 0
    over: str = "stimuli"
    level: float = 0.95
    subsets: int = 0
    seed: int = 0
    keep_blocks: bool = True

    def __post_init__(self):
        if self.over not in OVER:
            raise ConfigError("over", self.over, f"one of {', '.join(OVER)}")

    @property
    def kinds(self) -> list[str]:
        return self.over.split(" and ")


@dataclass(frozen=True)
class Selection:
    """Indices of some stimuli, some units of x and some of y; None: all of them."""

    rows: np.ndarray | None = None
    units_x: np.ndarray | None = None
    units_y: np.ndarray | None = None

    @property
    def has_all_units(self) -> bool:
        return self.units_x is None and self.units_y is None


def taken(values: np.ndarray, chosen: np.ndarray | None, axis: int = 0) -> np.ndarray:
    return values if chosen is None else values.take(chosen, axis=axis)


def selections(plan: Uncertainty, population: Population) -> dict[str, list[Selection]]:
    """Kind of halves -> draws. Without subjects, only stimuli are drawn where subjects were asked for."""
    stimuli = [Selection(rows) for rows in indices(population.rows, plan, 0, population.together)]
    kinds = [kind for kind in plan.kinds if kind != "subjects" or population.has_subjects] or ["stimuli"]
    other = next((kind for kind in kinds if kind != "stimuli"), None)
    found = {"stimuli": stimuli} if "stimuli" in kinds else {}
    if other is not None:
        of_x, of_y = (of_side(plan, population, side, other) for side in (0, 1))
        found[other] = [Selection(units_x=x, units_y=y) for x, y in zip(of_x, of_y, strict=True)]
        if "stimuli" in kinds:
            parts = zip(stimuli, found[other], strict=True)
            found[TOGETHER] = [Selection(rows.rows, units.units_x, units.units_y) for rows, units in parts]
    return found


def of_side(plan: Uncertainty, population: Population, side: int, kind: str) -> list[np.ndarray | None]:
    labels = population.subjects[side] if kind == "subjects" else None
    if kind == "subjects" and (labels is None or len(np.unique(labels)) < 2):
        return [None] * plan.resamples
    return indices(population.units[side], plan, 1 + side, labels)


def indices(items: int, plan: Uncertainty, stream: int, groups: np.ndarray | None) -> list[np.ndarray]:
    """Halves as indices; stimuli, units of x and units of y are drawn independently of each other."""
    found = halves(items, plan.resamples, groups=groups, seed=3 * plan.seed + stream)
    return [np.flatnonzero(half) for half in found]


def subsets(plan: Uncertainty, population: Population) -> Iterator[list[Selection]]:
    """Random subsets of fewer than half of the stimuli, or of their blocks: all of one size in turn."""
    together = np.arange(population.rows) if population.together is None else population.together
    labels = np.unique(together)
    for part in SUBSETS if plan.subsets else ():
        size = len(labels) // part
        if size:
            generators = [
                np.random.default_rng([plan.seed, OF_SUBSETS, size, number]) for number in range(plan.subsets)
            ]
            chosen = [labels[one.choice(len(labels), size, replace=False)] for one in generators]
            yield [Selection(np.flatnonzero(np.isin(together, some))) for some in chosen]
