"""Sparse codes of a whole store, block of rows by block of rows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from thresh.bar import Bar
from thresh.errors import DictionaryError
from thresh.inference import infer, prepare
from thresh.store import Activations, write_codes

BLOCK_ROWS = 16384


def infer_store(
    activations: Activations, dictionary: object, folder: Path, *, solver: str, params: dict, device: str | None = None
) -> dict:
    """Infer the codes of every row of a store and write them as CSR.

    Parameters
    ----------
    activations
        Sealed activations.
    dictionary
        A `thresh.dictionaries.Dictionary` of the same units.
    folder
        Where the codes go.
    solver, params
        A name of `thresh.inference.SOLVERS` and its parameters.

    Returns
    -------
    facts: shape, entries, l0 (mean number of active atoms a row).

    Raises
    ------
    DictionaryError
        The dictionary was learned on another number of units.
    """
    rows, units = activations.shape
    atoms = len(dictionary.atoms)
    if dictionary.atoms.shape[1] != units:
        raise DictionaryError(
            f"{activations.path}: found {units} units, expected the {dictionary.atoms.shape[1]} of the dictionary."
        )
    blocks = code_blocks(activations, dictionary, solver, params, device)
    facts = write_codes(folder, blocks, rows, atoms, {"solver": solver, "params": params})
    return facts | {"l0": facts["entries"] / rows}


def code_blocks(
    activations: Activations, dictionary: object, solver: str, params: dict, device: str | None
) -> Iterator[csr_array]:
    prepared = prepare(activations, dictionary, solver, device, **params)
    starts = range(0, activations.shape[0], BLOCK_ROWS)
    for start in Bar(starts, desc=f"codes by {solver}", unit="blocks"):
        x = activations.read(start, min(start + BLOCK_ROWS, activations.shape[0]))
        codes = csr_array(infer(x, dictionary, solver=prepared, device=device))
        if not np.isfinite(codes.data).all():
            raise DictionaryError(f"{activations.path}: {solver} gave codes that are not finite from row {start} on.")
        yield codes
