"""Factories of torch modules: `package.module:callable`, imported and called without weights."""

import contextlib
import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from thresh.errors import HarvestError
from thresh.systems.telling import first_line


def imported_factory(where: str, factory: str, search_path: str | None) -> Callable[..., torch.nn.Module]:
    """The callable that `package.module:callable` names.

    Raises
    ------
    HarvestError
        The text has another form, or there is no such module or callable.
    """
    key = f"{where}.factory"
    module_name, colon, callable_name = factory.partition(":")
    if not colon:
        raise HarvestError(f"{key}: found {factory!r}, expected the form package.module:callable.")
    if search_path is not None and not Path(search_path).is_dir():
        raise HarvestError(f"{where}.search_path: {search_path}: found no folder.")
    try:
        with searched(search_path):
            module = importlib.import_module(module_name)
    # The user's own code may raise anything, a SyntaxError for one.
    except Exception as error:
        raise HarvestError(f"{key}: {module_name!r} cannot be imported ({first_line(error)}).") from error
    found = getattr(module, callable_name, None)
    if not callable(found):
        raise HarvestError(f"{key}: found no callable {callable_name!r} in {module_name}.")
    return found


@contextlib.contextmanager
def searched(folder: str | None) -> Iterator[None]:
    """Let a folder be searched for modules first."""
    if folder is None:
        yield
        return
    path = str(Path(folder).resolve())
    sys.path.insert(0, path)
    try:
        yield
    finally:
        sys.path.remove(path)


def empty_module(make: Callable[..., torch.nn.Module], arguments: dict, where: str) -> torch.nn.Module:
    """The module without weights."""
    try:
        with torch.random.fork_rng(devices=[]):
            try:
                with torch.device("meta"):
                    model = make(**arguments)
            except (NotImplementedError, RuntimeError):
                # Some factories look at values, which meta tensors do not have; a mistake of its own comes again.
                model = make(**arguments)
    except Exception as error:
        raise HarvestError(f"{where}: cannot be called with {arguments} ({first_line(error)}).") from error
    if not isinstance(model, torch.nn.Module):
        raise HarvestError(f"{where}: returned a {type(model).__name__}, expected a torch.nn.Module.")
    return model


def source_digest(factory: Callable) -> str | None:
    """SHA-256 of the file that a factory stands in; None where it is not Python."""
    file = inspect.getsourcefile(factory) if inspect.isfunction(factory) or inspect.isclass(factory) else None
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else None
