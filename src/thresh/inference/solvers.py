"""The registry of solvers: what each asks of a dictionary, and its parameters."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from thresh.errors import ConfigError, DictionaryError
from thresh.inference.arrays import as_tensor
from thresh.inference.budget import keep_largest
from thresh.inference.coordinate_descent import coordinate_descent
from thresh.inference.fista import fista
from thresh.inference.gradient_pursuit import gradient_pursuit
from thresh.inference.ista import ista
from thresh.inference.ito import ito
from thresh.inference.lista import fit_layers, lista
from thresh.inference.matching_pursuit import matching_pursuit
from thresh.inference.omp import omp
from thresh.inference.products import LEAST_ROWS, filled
from thresh.inference.sparse_bayesian import sparse_bayesian
from thresh.parameters import POSITIVE, check_names, check_values, checked, integer, one_of, optional

# What stands in the signature of a solver and is no parameter of a study.
GIVEN = ("x", "dictionary", "warm")


@dataclass(frozen=True)
class Solver:
    """How codes of rows are made under a dictionary.

    Attributes
    ----------
    function
        Of rows (rows, units), a dictionary and parameters by name: gives codes (rows, atoms). One that has a parameter
        `warm` takes codes to begin from.
    fitted
        The function is to be given a sample of `training_rows` rows first; what it gives is the function of rows.
    """

    function: Callable[..., Any]
    fitted: bool = False

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        signature = inspect.signature(self.function).parameters
        return {name: parameter for name, parameter in signature.items() if name not in GIVEN}

    @property
    def takes_warm(self) -> bool:
        return "warm" in inspect.signature(self.function).parameters

    def on(self, dictionary, params: dict[str, Any], sample: Callable[[int], Tensor]) -> Callable[..., Tensor]:
        """The function of rows alone; `sample` gives so many rows, for a solver that is fitted first."""
        if not self.fitted:
            return partial(self.function, dictionary=dictionary, **params)
        rows = params.get("training_rows", self.parameters["training_rows"].default)
        return self.function(sample(rows), dictionary, **params)


def check_solver(solver: str, params: dict[str, Any]) -> None:
    """Look at the parameters of a solver before there is anything to solve.

    Raises
    ------
    ConfigError
        The solver is unknown; one of its parameters is, or has a value that cannot be used, or is missing.
    """
    if solver not in SOLVERS:
        raise ConfigError("solver", solver, f"one of {', '.join(SOLVERS)}")
    known = SOLVERS[solver].parameters
    check_names(params, known, solver)
    check_values(SOLVERS[solver].function, params)
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in params:
            raise ConfigError(name, None, f"a value: {solver} needs it")


def centred(x: Tensor, dictionary) -> Tensor:
    bias = getattr(dictionary, "bias", None)
    return x if bias is None else x - as_tensor(bias, device=x.device, dtype=x.dtype)


def problem(x: Tensor, dictionary) -> tuple[Tensor, Tensor]:
    """Rows less the bias, and the atoms, where the rows are."""
    return centred(x, dictionary), as_tensor(dictionary.atoms, device=x.device, dtype=x.dtype)


def encoded(x: Tensor, dictionary) -> Tensor:
    if not hasattr(dictionary, "encode"):
        raise DictionaryError("this dictionary has no encoder, expected one with `encode`, or another solver or start.")
    # An encoder's products with a handful of rows would be rounded otherwise than with many.
    codes = dictionary.encode(filled(x) if 0 < len(x) < LEAST_ROWS else x)
    return as_tensor(codes, device=x.device, dtype=x.dtype)[: len(x)]


def absolute_penalty(dictionary, penalty: float | None, relative: float | None) -> float:
    """The penalty in the scale of x: as given, a multiple of the dictionary's scale, or the dictionary's own."""
    if penalty is not None:
        return penalty
    known = "scale" if relative is not None else "penalty"
    value, lacking = getattr(dictionary, known, None), f"this dictionary has no {known} of its own"
    if value is not None:
        return value if relative is None else relative * value
    if relative is not None:
        raise ConfigError("relative_penalty", relative, f"penalty in its place, for {lacking}")
    raise ConfigError(
        "penalty", None, f"a value, or relative_penalty, for {lacking}; or solver='encoder' for its codes"
    )


def within(k: int | None, codes: Tensor, x: Tensor, atoms: Tensor, nonnegative: bool) -> Tensor:
    """The codes, or what a budget of k leaves of them."""
    return codes if k is None else keep_largest(x, atoms, codes, k, nonnegative)


def one_penalty(penalty: float | None = None, relative_penalty: float | None = None, **_: Any) -> None:
    if penalty is not None and relative_penalty is not None:
        raise ConfigError("penalty", penalty, f"either penalty or relative_penalty ({relative_penalty}), not both")


# What solvers of the lasso have in common: two ways to give the penalty, and a budget that is kept afterwards.
LASSO = {"penalty": optional(POSITIVE), "relative_penalty": optional(POSITIVE), "k": optional(integer(1))}
START = one_of("zeros", "encoder")


def by_encoder(x: Tensor, dictionary) -> Tensor:
    """The codes that the dictionary's own encoder gives."""
    return encoded(x, dictionary)


def by_lasso(solve: Callable[..., Tensor], most: int) -> Callable[..., Tensor]:
    """A solver of the lasso up to a duality gap, from zeros, from the encoder's codes or from given ones."""

    @checked(one_penalty, **solve.rules | LASSO | {"start": START})
    def codes(
        x: Tensor,
        dictionary,
        penalty: float | None = None,
        relative_penalty: float | None = None,
        nonnegative: bool = True,
        tolerance: float = 1e-6,
        max_steps: int = most,
        k: int | None = None,
        start: str = "zeros",
        warm: Tensor | None = None,
    ) -> Tensor:
        penalty = absolute_penalty(dictionary, penalty, relative_penalty)
        if warm is None and start == "encoder":
            warm = encoded(x, dictionary)
        rows, atoms = problem(x, dictionary)
        found = solve(rows, atoms, penalty, nonnegative, tolerance, max_steps, warm)
        return within(k, found, rows, atoms, nonnegative)

    return codes


@checked(one_penalty, **ito.rules | LASSO)
def by_ito(
    x: Tensor,
    dictionary,
    penalty: float | None = None,
    relative_penalty: float | None = None,
    nonnegative: bool = True,
    steps: int = 20,
    k: int | None = None,
    warm: Tensor | None = None,
) -> Tensor:
    """`ito` from the encoder's codes, or from given ones."""
    penalty = absolute_penalty(dictionary, penalty, relative_penalty)
    warm = encoded(x, dictionary) if warm is None else warm
    rows, atoms = problem(x, dictionary)
    return within(k, ito(rows, atoms, penalty, warm, nonnegative, steps), rows, atoms, nonnegative)


@checked(one_penalty, **lista.rules | LASSO)
def by_lista(
    x: Tensor,
    dictionary,
    penalty: float | None = None,
    relative_penalty: float | None = None,
    nonnegative: bool = True,
    layers: int = 8,
    epochs: int = 10,
    training_rows: int = 65536,
    seed: int = 0,
    k: int | None = None,
) -> Callable[[Tensor], Tensor]:
    """The layers of `lista`, trained on a sample: a function of rows."""
    penalty = absolute_penalty(dictionary, penalty, relative_penalty)
    layers_of = fit_layers(*problem(x, dictionary), penalty, nonnegative, layers, epochs, seed)

    def codes(x: Tensor) -> Tensor:
        rows, atoms = problem(x, dictionary)
        return within(k, layers_of(rows), rows, atoms, nonnegative)

    return codes


def by_pursuit(solve: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A solver that chooses at most k atoms, one after the other."""

    @checked(**solve.rules)
    def codes(x: Tensor, dictionary, k: int, nonnegative: bool = False, residual: float | None = None) -> Tensor:
        return solve(*problem(x, dictionary), k, nonnegative, residual)

    return codes


@checked(**sparse_bayesian.rules)
def by_sparse_bayesian(
    x: Tensor,
    dictionary,
    precision: float | None = None,
    iterations: int = 100,
    probes: int = 16,
    prune: float = 3e-3,
    tolerance: float = 1e-3,
    seed: int = 0,
) -> Tensor:
    return sparse_bayesian(*problem(x, dictionary), precision, iterations, probes, prune, tolerance, seed)


SOLVERS: dict[str, Solver] = {
    "encoder": Solver(by_encoder),
    "fista": Solver(by_lasso(fista, 5000)),
    "ista": Solver(by_lasso(ista, 100_000)),
    "coordinate_descent": Solver(by_lasso(coordinate_descent, 1000)),
    "ito": Solver(by_ito),
    "lista": Solver(by_lista, fitted=True),
    "omp": Solver(by_pursuit(omp)),
    "matching_pursuit": Solver(by_pursuit(matching_pursuit)),
    "gradient_pursuit": Solver(by_pursuit(gradient_pursuit)),
    "sparse_bayesian": Solver(by_sparse_bayesian),
}
