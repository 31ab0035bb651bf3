"""What the trainer is asked for, and what it gives."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.learner import Learner
from thresh.dictionaries.moments import Moments


@dataclass(frozen=True)
class Job:
    """A dictionary that is asked for.

    Attributes
    ----------
    label
        Its name in messages.
    normalise
        How its learner sees rows.
    spec
        All that decides the result but the rows; a checkpoint of another spec is not gone on with.
    folder
        Where checkpoints go; None for none.
    """

    label: str
    learner: Learner
    normalise: str
    spec: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None


@dataclass(frozen=True)
class Learned:
    """A dictionary that acts on raw rows, the curve of its training, and the moments of the raw rows."""

    dictionary: Dictionary
    curve: list[dict]
    moments: Moments
