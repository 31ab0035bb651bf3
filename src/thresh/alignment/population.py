"""What stimuli, units and subjects are drawn from, and which of them may change places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from thresh.alignment.statistics.draws import equally_long, permutations, permutations_of_groups


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

    def orders(self, count: int, seed: int) -> Iterator[np.ndarray]:
        """Rows of y for the rows of x, one permutation of the stimuli after another; all rows are exchangeable."""
        if not self.can_exchange:
            return
        if self.groups is None:
            yield from permutations(self.rows, count, blocks=self.blocks, seed=seed)
        else:
            yield from permutations_of_groups(self.groups, count, blocks=self.blocks, seed=seed)

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
