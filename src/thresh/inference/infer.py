"""Codes of many rows under a dictionary, by any solver of the registry."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from scipy.sparse import csr_array, vstack
from torch import Tensor

from thresh.devices import pick_device
from thresh.errors import ConfigError, DictionaryError
from thresh.inference.arrays import as_tensor, check_rows
from thresh.inference.fista import fista
from thresh.inference.matching_pursuit import matching_pursuit
from thresh.inference.omp import PURSUIT, omp
from thresh.inference.sparse import sparse
from thresh.parameters import POSITIVE, check_names, check_values, checked, integer, optional


@checked(batch_rows=integer(1))
def infer(
    x, dictionary, solver: str = "fista", batch_rows: int = 4096, device: str | None = None, **params: Any
) -> csr_array:
    """Sparse codes of activations under a dictionary.

    The dictionary's bias is subtracted first, so that decoding is codes @ atoms + bias. Every row is solved
    for itself: codes do not depend on `batch_rows` beyond rounding.

    Parameters
    ----------
    x : (rows, units)
        NumPy or torch.
    dictionary
        Anything with `atoms` (atoms, units) and, where it has one, `bias` (units,); for solver `encoder`
        also `encode`. `fista` without a penalty takes the dictionary's `penalty`, if it has one.
    solver
        A name of `SOLVERS`.
    batch_rows
        Rows solved at once.
    device
        'auto' or None: CUDA, then MPS, then the CPU.
    **params
        Those of the solver. `fista` knows two ways to give its penalty: `penalty`, in the scale of x, and
        `relative_penalty`, a multiple of the dictionary's `scale` (root mean square norm of the rows it was
        learned on, less the bias), which carries over between layers.

    Returns
    -------
    csr_array (rows, atoms) float32 (float64 for float64 input)

    Raises
    ------
    DictionaryError
        A value is not finite (names the row) or widths differ.
    ConfigError
        As `check_solver`, or k above the number of atoms.
    """
    check_solver(solver, params)
    if not hasattr(dictionary, "atoms"):
        raise DictionaryError(
            f"expected activations and then a dictionary with `atoms`, found {type(dictionary).__name__} in its place."
        )
    atoms, units = dictionary.atoms.shape
    place = pick_device(device)
    blocks = []
    for begin in range(0, len(x), batch_rows):
        rows = as_tensor(x[begin : begin + batch_rows], device=place)
        check_rows(rows, units, begin)
        with torch.no_grad():
            codes = SOLVERS[solver](rows, dictionary, **params)
        blocks.append(sparse(codes))
    return vstack(blocks, format="csr") if blocks else csr_array((0, atoms), dtype="float32")


def check_solver(solver: str, params: dict[str, Any]) -> None:
    """Look at the parameters of a solver before there is anything to solve.

    Raises
    ------
    ConfigError
        The solver is unknown; one of its parameters is, or has a value that cannot be used, or is missing.
    """
    if solver not in SOLVERS:
        raise ConfigError("solver", solver, f"one of {', '.join(SOLVERS)}")
    _, _, *known = inspect.signature(SOLVERS[solver]).parameters.values()
    check_names(params, [parameter.name for parameter in known], solver)
    for parameter in known:
        if parameter.default is parameter.empty and parameter.name not in params:
            raise ConfigError(parameter.name, None, f"a value: {solver} needs it")
    check_values(SOLVERS[solver], params)


def centred(x: Tensor, dictionary) -> Tensor:
    bias = getattr(dictionary, "bias", None)
    return x if bias is None else x - as_tensor(bias, device=x.device, dtype=x.dtype)


def directions(x: Tensor, dictionary) -> Tensor:
    return as_tensor(dictionary.atoms, device=x.device, dtype=x.dtype)


def by_encoder(x: Tensor, dictionary) -> Tensor:
    """The codes that the dictionary's own encoder gives."""
    return dictionary.encode(x)


def one_penalty(penalty: float | None = None, relative_penalty: float | None = None, **_: Any) -> None:
    if penalty is not None and relative_penalty is not None:
        raise ConfigError("penalty", penalty, f"either penalty or relative_penalty ({relative_penalty}), not both")


@checked(one_penalty, **fista.rules | {"penalty": optional(POSITIVE), "relative_penalty": optional(POSITIVE)})
def by_fista(
    x: Tensor,
    dictionary,
    penalty: float | None = None,
    relative_penalty: float | None = None,
    nonnegative: bool = True,
    tolerance: float = 1e-6,
    max_steps: int = 5000,
) -> Tensor:
    """`fista` at the given penalty, a multiple of the dictionary's scale, or the dictionary's own penalty."""
    penalty = absolute_penalty(dictionary, penalty, relative_penalty)
    return fista(centred(x, dictionary), directions(x, dictionary), penalty, nonnegative, tolerance, max_steps)


@checked(**PURSUIT)
def by_omp(x: Tensor, dictionary, k: int, nonnegative: bool = False) -> Tensor:
    return omp(centred(x, dictionary), directions(x, dictionary), k, nonnegative)


@checked(**PURSUIT)
def by_matching_pursuit(x: Tensor, dictionary, k: int, nonnegative: bool = False) -> Tensor:
    return matching_pursuit(centred(x, dictionary), directions(x, dictionary), k, nonnegative)


def absolute_penalty(dictionary, penalty: float | None, relative: float | None) -> float:
    if penalty is not None:
        return penalty
    known = "scale" if relative is not None else "penalty"
    value = getattr(dictionary, known, None)
    if value is None:
        others = "or relative_penalty; or solver='encoder' for its own codes" if known == "penalty" else "in its place"
        raise DictionaryError(
            f"fista: this dictionary has no {known} of its own, expected the parameter penalty, {others}."
        )
    return value if relative is None else relative * value


# To add a solver: one file with the function, one line here.
SOLVERS: dict[str, Callable[..., Tensor]] = {
    "encoder": by_encoder,
    "fista": by_fista,
    "omp": by_omp,
    "matching_pursuit": by_matching_pursuit,
}
