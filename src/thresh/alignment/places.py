"""Parts of stimuli that are compared with each other, and positions as such parts: of a grid, frames, tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from thresh.errors import AlignmentError
from thresh.store.pooling import Rows, blocks_of_stimuli


@dataclass(frozen=True)
class Places:
    """Places of stimuli, each the mean of some rows of a store; in the order of those rows.

    Attributes
    ----------
    stimulus : (places,) int
    names : (places,) str
        What stands behind the id of the stimulus; they sort as the places follow each other.
    contents : (places,) str
        What two systems must agree on where they have a place of the same name.
    weights : (places, rows) CSR
        Lines sum to 1.
    owner : (rows,) int
        The stimulus of each row.
    left_out
        Places of these stimuli that the rows do not hold whole.
    """

    stimulus: np.ndarray
    names: np.ndarray
    contents: np.ndarray
    weights: sparse.csr_array
    owner: np.ndarray
    left_out: int = 0

    def read(self, store: Rows, block_rows: int = 65536) -> np.ndarray | sparse.csr_array:
        """(places, units) float32 of activations, or CSR of codes, from blocks of so many rows."""
        first, found = self.weights.indices[self.weights.indptr[:-1]], []
        for start, stop in blocks_of_stimuli(self.owner, block_rows):
            low, high = np.searchsorted(first, [start, stop])
            if low < high:
                values = self.weights[low:high, start:stop] @ store.read(start, stop)
                found.append(values.astype(np.float32, copy=False))
        return sparse.vstack(found, format="csr") if sparse.issparse(found[0]) else np.concatenate(found)


def positions(rows: pd.DataFrame, keep: np.ndarray, layer: str) -> Places:
    """Every row a place of its own: a frame, a pixel of a map, a patch, a token, or one of these in a frame.

    Two systems agree on a place where their grids have the same size, or their tokens the same characters (the same
    token, where characters are not known).

    Parameters
    ----------
    rows
        Table of the rows of a store (`thresh.store.row_table`).
    keep : (rows,) boolean
        Rows to compare.
    layer
        As system/layer, for messages.

    Raises
    ------
    AlignmentError
        Each row stands for a whole stimulus.
    """
    chosen = rows[keep]
    known = [name for name in ("frame", "position") if name in chosen and (chosen[name] >= 0).any()]
    if not known:
        raise AlignmentError(
            f"{layer}: found {len(chosen)} rows that stand for whole stimuli, expected rows of positions to compare"
            " position by position (`pooling: positions` of the layer)."
        )
    return Places(
        stimulus=chosen["stimulus"].to_numpy(),
        names=numbered(chosen[name] for name in known),
        contents=agreed(rows, chosen),
        weights=sparse.eye_array(len(rows), format="csr")[np.flatnonzero(keep)],
        owner=rows["stimulus"].to_numpy(),
    )


def agreed(rows: pd.DataFrame, chosen: pd.DataFrame) -> np.ndarray:
    """In words what the number of a position alone does not tell."""
    if "token" in rows and "start" not in rows and (rows["token"] == rows["position"]).all():  # no grid is known
        return np.full(len(chosen), f"one of {rows['position'].max() + 1} places")
    if "y" in rows:
        return np.full(len(chosen), f"a grid of {rows['y'].max() + 1} x {rows['x'].max() + 1}")
    if "start" in rows:
        return np.array([f"characters {a} to {b}" for a, b in zip(chosen["start"], chosen["end"], strict=True)])
    return np.array([f"token {token}" for token in chosen["token"]] if "token" in rows else [""] * len(chosen))


def numbered(columns: Iterable[Iterable[int]]) -> np.ndarray:
    """Numbers of each row as text that sorts as they do: '@000003:000017'."""
    return np.array(["@" + ":".join(f"{number:06d}" for number in numbers) for numbers in zip(*columns, strict=True)])
