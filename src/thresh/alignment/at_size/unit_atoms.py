"""Columns of sparse codes, centred and of unit norm by algebra: what is not stored is one number a column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from thresh.alignment.at_size.sparse import varying


@dataclass(frozen=True, eq=False)
class UnitAtoms:
    """Column j, centred and of unit norm, is entries[:, j] - offset[j]; a constant column is zeros.

    Attributes
    ----------
    entries : (rows, atoms) CSC float64
    offset : (atoms,)
    """

    entries: sparse.csc_array
    offset: np.ndarray

    @property
    def rows(self) -> int:
        return self.entries.shape[0]

    def of(self, atoms: np.ndarray) -> UnitAtoms:
        return UnitAtoms(self.entries[:, atoms], self.offset[atoms])

    def correlation(self, other: UnitAtoms) -> np.ndarray:
        """Pearson correlation of each column with the same column of the other side, (atoms,)."""
        together = self.entries.multiply(other.entries).sum(axis=0)
        return np.asarray(together).ravel() - self.rows * self.offset * other.offset


def unit_atoms(codes: sparse.csc_array) -> UnitAtoms:
    """Columns of codes (rows, atoms) whose stored entries are not zero."""
    rows, active = codes.shape[0], np.diff(codes.indptr)
    column = np.repeat(np.arange(codes.shape[1]), active)
    mean = np.asarray(codes.sum(axis=0)).ravel() / rows
    squares = np.bincount(column, (codes.data - mean[column]) ** 2, minlength=len(mean)) + (rows - active) * mean**2
    varies = varying(codes) & (squares > 0)
    scale = np.where(varies, 1 / np.sqrt(np.where(varies, squares, 1.0)), 0.0)
    entries = sparse.csc_array((codes.data * scale[column], codes.indices, codes.indptr), shape=codes.shape)
    return UnitAtoms(entries, mean * scale)


def live_atoms(codes: sparse.csc_array, min_active: int) -> np.ndarray:
    """Atoms that vary and are not zero in at least so many rows, ascending."""
    return np.flatnonzero(varying(codes) & (np.diff(codes.indptr) >= min_active))
