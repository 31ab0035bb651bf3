"""Messages for names that do not exist: what was found, what comes near, how to list them all."""

import difflib
import json
import os
import shlex
from collections.abc import Iterable
from pathlib import Path

LIST_LAYERS = Path(__file__).parents[3] / "scripts" / "list_layers.py"


def nearest_names(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Names most like the one that was given, best first."""
    return difflib.get_close_matches(name, list(known), count, cutoff=0)


def unknown_module(
    system: str, layer: str, module: str, modules: Iterable[str], listing: list[str], glob: bool = False
) -> str:
    """Message for a layer whose module the model does not have, or whose glob matches none.

    Parameters
    ----------
    listing
        As `listing_of` gives it.
    """
    # From the folder that the user stands in: a workflow can run elsewhere than in its own.
    script = os.path.relpath(LIST_LAYERS) if LIST_LAYERS.exists() else "scripts/list_layers.py"
    return (
        f"systems.{system}.layers.{layer}: {module!r} {'matches no' if glob else 'is not a'} module of {listing[0]}.\n"
        f"  nearest: {', '.join(nearest_names(module, modules))}\n"
        f"  all layers: {shlex.join(['python', script, *listing])}"
    )


def listing_of(
    model: str, kind: str, *, search_path: str | None = None, arguments: dict | None = None, revision: str = "main"
) -> list[str]:
    """Arguments of `scripts/list_layers.py` that list the modules of a model; the model comes first."""
    listing = [model]
    if kind == "timm":  # its names cannot be told from those of the hub
        listing += ["--kind", kind]
    if search_path is not None:
        listing += ["--search-path", search_path]
    if arguments:
        listing += ["--arguments", json.dumps(arguments)]
    if revision != "main":
        listing += ["--revision", revision]
    return listing


def unknown_name(key: str, name: str, known: Iterable[str], what: str) -> str:
    """Message for a column, table or array that does not exist."""
    known = list(known)
    listed = ", ".join(nearest_names(name, known, 8)) if known else "none"
    return f"{key}: found no {what} {name!r}, expected one of: {listed}."


def first_line(error: BaseException) -> str:
    """Class and first line of an error, for a message of one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
