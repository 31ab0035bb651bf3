"""Codes of many rows under a dictionary, by any solver of the registry."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from scipy.sparse import csr_array, issparse, vstack
from torch import Tensor

from thresh.devices import pick_device
from thresh.errors import ConfigError, DictionaryError
from thresh.inference.arrays import as_tensor, check_rows
from thresh.inference.sample import sampled
from thresh.inference.solvers import SOLVERS, check_solver
from thresh.inference.sparse import sparse
from thresh.parameters import checked, integer


@dataclass(frozen=True)
class Prepared:
    """A solver with its parameters, fitted if it is one that is fitted first: rows to codes."""

    name: str
    solve: Callable[..., Tensor]
    takes_warm: bool


def prepare(x, dictionary, solver: str = "fista", device: str | None = None, **params: Any) -> Prepared:
    """A solver that can be given to `infer` in place of its name, for codes that are made in several calls.

    Only for solvers that are fitted first (`lista`) is it more than the name: they are fitted here, once, and all
    calls then give codes of the same function.

    Parameters
    ----------
    x : (rows, units)
        What such a solver is fitted to: NumPy, torch, or activations of `thresh.store`. It takes a sample, by the
        number of rows alone; other solvers look at none.
    dictionary, solver, device, **params
        As for `infer`.

    Raises
    ------
    ConfigError, DictionaryError
        As `infer`.
    """
    check_solver(solver, params)
    _, units = shape_of(dictionary)
    place = pick_device(device)
    entry = SOLVERS[solver]
    solve = entry.on(dictionary, params, lambda count: sampled(x, units, count, place))
    return Prepared(solver, solve, entry.takes_warm)


@checked(batch_rows=integer(1))
def infer(
    x,
    dictionary,
    solver: str | Prepared = "fista",
    batch_rows: int = 4096,
    device: str | None = None,
    warm=None,
    **params: Any,
) -> csr_array:
    """Sparse codes of activations under a dictionary.

    The dictionary's bias is subtracted first, so that decoding is codes @ atoms + bias. Every row is solved
    for itself: codes do not depend on `batch_rows` beyond rounding. A solver that is fitted first (`lista`) is fitted
    to a sample of all rows of the call; `prepare` keeps what was fitted.

    Parameters
    ----------
    x : (rows, units)
        NumPy or torch.
    dictionary
        Anything with `atoms` (atoms, units) and, where it has one, `bias` (units,); for the solvers `encoder` and `ito`
        also `encode`. Solvers of the lasso that are given no penalty take the dictionary's `penalty`, if it has one.
    solver
        A name of `SOLVERS`, or what `prepare` gave.
    batch_rows
        Rows solved at once.
    device
        'auto' or None: CUDA, then MPS, then the CPU.
    warm : (rows, atoms), optional
        Codes to begin from, sparse or dense, for solvers that can: `fista`, `ista`, `coordinate_descent`, `ito`. They
        take the place of the encoder's.
    **params
        Those of the solver (docs/inference.md). Solvers of the lasso know two ways to give the penalty: `penalty`, in
        the scale of x, and `relative_penalty`, a multiple of the dictionary's `scale` (root mean square norm of the
        rows it was learned on, less the bias), which carries over between layers.

    Returns
    -------
    csr_array (rows, atoms) float32 (float64 for float64 input)

    Raises
    ------
    DictionaryError
        A value is not finite (names the row) or shapes differ.
    ConfigError
        As `check_solver`, k above the number of atoms, no penalty where the dictionary has none of its own, or `warm`
        for a solver that cannot use it.
    """
    atoms, units = shape_of(dictionary)
    if isinstance(solver, str):
        solver = prepare(x, dictionary, solver, device, **params)
    elif params:
        raise ConfigError(
            *next(iter(params.items())), f"none: the parameters of {solver.name} are those it was made with"
        )
    warm = csr_array(warm) if issparse(warm) else warm
    check_warm(warm, (len(x), atoms), solver)
    place = pick_device(device)
    blocks = []
    for begin in range(0, len(x), batch_rows):
        rows = as_tensor(x[begin : begin + batch_rows], device=place)
        check_rows(rows, units, begin)
        given = {} if warm is None else {"warm": dense(warm[begin : begin + batch_rows], rows)}
        with torch.no_grad():
            codes = solver.solve(rows, **given)
        blocks.append(sparse(codes))
    return vstack(blocks, format="csr") if blocks else csr_array((0, atoms), dtype="float32")


def shape_of(dictionary) -> tuple[int, int]:
    if not hasattr(dictionary, "atoms"):
        raise DictionaryError(
            f"expected activations and then a dictionary with `atoms`, found {type(dictionary).__name__} in its place."
        )
    return dictionary.atoms.shape


def check_warm(warm, shape: tuple[int, int], solver: Prepared) -> None:
    if warm is None:
        return
    if not solver.takes_warm:
        able = ", ".join(name for name, entry in SOLVERS.items() if entry.takes_warm)
        raise ConfigError("warm", f"codes for {solver.name}", f"none, or a solver that begins from codes: {able}")
    if tuple(warm.shape) != shape:
        raise DictionaryError(f"warm codes have shape {tuple(warm.shape)}, expected {shape}, those of the rows.")
    values = warm.data if issparse(warm) else warm
    if not bool(torch.isfinite(as_tensor(values)).all()):
        raise DictionaryError("warm codes hold values that are not finite, expected none.")


def dense(codes, rows: Tensor) -> Tensor:
    """A block of sparse or dense codes, where the rows are."""
    return as_tensor(codes.toarray() if issparse(codes) else codes, device=rows.device, dtype=rows.dtype)
