"""Columns of numbers and text that stand beside stimuli."""

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

# Longer texts are contents and no labels; as attributes they would be held in memory.
MAXIMUM_TEXT = 256


class Columns:
    """Gathers columns from records, one record a stimulus; what is neither number nor short text is left out.

    Parameters
    ----------
    keep
        Columns whose texts may be of any length.
    """

    def __init__(self, keep: Collection[str] = ()):
        self.keep = frozenset(keep)
        self.found: dict[str, list] = {}
        self.left_out: set[str] = set()
        self.count = 0

    def add(self, record: dict[str, Any]) -> None:
        for name, value in record.items():
            if name in self.left_out:
                continue
            if not is_plain(value) or (isinstance(value, str) and len(value) > MAXIMUM_TEXT and name not in self.keep):
                self.left_out.add(name)
                self.found.pop(name, None)
                continue
            self.padded(name).append(value)
        self.count += 1

    def padded(self, name: str) -> list:
        column = self.found.setdefault(name, [])
        column.extend([None] * (self.count - len(column)))
        return column

    def arrays(self) -> dict[str, np.ndarray]:
        """Name -> (records,), of the columns that are plain throughout."""
        columns = {name: column_array(self.padded(name)) for name in self.found}
        return {name: column for name, column in columns.items() if column is not None}


def column_array(values: Sequence) -> np.ndarray | None:
    """One column as bool, int64, float64 or text; None where it has anything else, both numbers and text, or nothing.

    What is missing (None, NaN) is NaN among numbers, which then are float64, and '' among texts.
    """
    present = [value for value in values if not is_missing(value)]
    whole = len(present) == len(values)
    if not present or not all(is_plain(value) for value in present):
        return None
    if all(isinstance(value, str) for value in present):
        return np.array(["" if is_missing(value) else value for value in values], dtype=str)
    if any(isinstance(value, str) for value in present):
        return None
    if whole and all(isinstance(value, bool | np.bool_) for value in present):
        return np.array(values, dtype=bool)
    if whole and all(isinstance(value, int | np.integer) and -(2**63) <= value < 2**63 for value in present):
        return np.array(values, dtype=np.int64)
    return np.array([math.nan if is_missing(value) else float(value) for value in values])


def is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | bool | int | float | np.integer | np.floating | np.bool_)


def is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def spelled(column: np.ndarray) -> list:
    """Values as JSON can say them: numbers that are missing or not finite by their names."""
    return [str(value) if isinstance(value, float) and not math.isfinite(value) else value for value in column.tolist()]
