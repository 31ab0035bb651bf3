"""Messages for names that do not exist: what was found, what comes near, how to list them all."""

import difflib
from collections.abc import Iterable


def nearest_names(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Names most like the one that was given, best first."""
    return difflib.get_close_matches(name, list(known), count, cutoff=0)


def unknown_module(system: str, layer: str, module: str, modules: Iterable[str], model: str) -> str:
    """Message for a layer whose module the model does not have."""
    return (
        f"systems.{system}.layers.{layer}: {module!r} is not a module of {model}.\n"
        f"  nearest: {', '.join(nearest_names(module, modules))}\n"
        f"  all layers: python scripts/list_layers.py {model}"
    )


def unknown_name(key: str, name: str, known: Iterable[str], what: str) -> str:
    """Message for a column, table or array that does not exist."""
    known = list(known)
    listed = ", ".join(nearest_names(name, known, 8)) if known else "none"
    return f"{key}: found no {what} {name!r}, expected one of: {listed}."


def first_line(error: BaseException) -> str:
    """Class and first line of an error, for a message of one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
