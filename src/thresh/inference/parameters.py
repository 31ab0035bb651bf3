"""Parameters of the solvers, checked before any work."""

import inspect

from thresh.errors import ConfigError
from thresh.inference.infer import SOLVERS


def check_solver(solver: str, params: dict) -> None:
    """Raise ConfigError where a solver is unknown, one of its parameters is, or a required one is missing."""
    if solver not in SOLVERS:
        raise ConfigError("solver", solver, f"one of {', '.join(SOLVERS)}")
    _, _, *known = inspect.signature(SOLVERS[solver]).parameters.values()
    names = [parameter.name for parameter in known]
    for name in params:
        if name not in names:
            raise ConfigError(
                f"params.{name}", params[name], f"a parameter of {solver}: {', '.join(names) or 'it has none'}"
            )
    for parameter in known:
        if parameter.default is parameter.empty and parameter.name not in params:
            raise ConfigError(f"params.{parameter.name}", None, f"a value: {solver} needs it")
