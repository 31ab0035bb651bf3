"""What is computed beside each score, and which stimuli and units that takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from thresh.alignment.statistics.draws import equally_long, halves, permutations, permutations_of_groups
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


@dataclass(frozen=True)
class Population:
    """What draws are made from.

    Attributes
    ----------
    rows
        Stimuli, or their positions or words.
    units
        Numbers of units of x and of y.
    blocks
        (rows,) labels of stimuli that are exchangeable only with each other; None: all are.
    keep_blocks
        Whether stimuli of one block are drawn together.
    groups
        (rows,) the stimulus of each row; None: each its own.
    subjects
        (units,) labels of the units of x and of y; None where a side has no subjects.
    """

    rows: int
    units: tuple[int, int]
    blocks: np.ndarray | None = None
    keep_blocks: bool = True
    groups: np.ndarray | None = None
    subjects: tuple[np.ndarray | None, np.ndarray | None] = (None, None)

    @property
    def together(self) -> np.ndarray | None:
        """(rows,) labels of the rows that are drawn together; None: each alone."""
        return self.blocks if self.keep_blocks and self.blocks is not None else self.groups

    @cached_property
    def exchangeable(self) -> np.ndarray | None:
        """Rows that permutations give to other stimuli; None: all."""
        if self.groups is None:
            return None
        kept = equally_long(self.groups)
        return None if len(kept) == self.rows else kept

    def of(self, rows: np.ndarray) -> Population:
        """The population of some rows."""
        blocks, groups = (None if labels is None else labels[rows] for labels in (self.blocks, self.groups))
        return replace(self, rows=len(rows), blocks=blocks, groups=groups)

    @property
    def can_exchange(self) -> bool:
        """Whether two stimuli at least may change places."""
        _, first = np.unique(np.arange(self.rows) if self.groups is None else self.groups, return_index=True)
        blocks = np.zeros(len(first), int) if self.blocks is None else self.blocks[first]
        return len(np.unique(blocks)) < len(first)

    def orders(self, plan: Uncertainty) -> Iterator[np.ndarray]:
        """Rows of y for the rows of x, one permutation of the stimuli after another; all rows are exchangeable."""
        if not self.can_exchange:
            return
        if self.groups is None:
            yield from permutations(self.rows, plan.permutations, blocks=self.blocks, seed=plan.seed)
        else:
            yield from permutations_of_groups(self.groups, plan.permutations, blocks=self.blocks, seed=plan.seed)

    @property
    def has_subjects(self) -> bool:
        """Two at least on some side: of one nothing can be drawn."""
        return any(labels is not None and len(np.unique(labels)) > 1 for labels in self.subjects)

    def has_halves(self, kinds: list[str]) -> bool:
        """Whether halves of all kinds differ: of two blocks one may be too small, and the other is all there is."""
        return self.fewest(kinds) > 1 and ("stimuli" not in kinds or self.fewest(["stimuli"]) > 2)

    def fewest(self, kinds: list[str]) -> int:
        """Of the things that are drawn, the number of those of which there are fewest."""
        found = []
        if "stimuli" in kinds:
            found.append(self.rows if self.together is None else len(np.unique(self.together)))
        if "units" in kinds:
            found += self.units
        if "subjects" in kinds:
            counts = [len(np.unique(labels)) for labels in self.subjects if labels is not None]
            found += [count for count in counts if count > 1]
        return min(found)


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
