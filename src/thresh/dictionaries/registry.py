"""Methods of dictionary learning by name."""

import importlib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from thresh import dictionary_methods
from thresh.dictionaries.inputs import NORMALISATION
from thresh.dictionaries.learner import Learner
from thresh.dictionary_methods import class_name_of, module_of
from thresh.errors import ConfigError, DictionaryError
from thresh.parameters import check_names, checked, optional


class Methods(Mapping[str, type[Learner]]):
    """Name -> class of every method; a class is imported when it is asked for."""

    def __getitem__(self, name: str) -> type[Learner]:
        return getattr(importlib.import_module(module_of(name)), class_name_of(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dictionary_methods.METHODS)

    def __len__(self) -> int:
        return len(dictionary_methods.METHODS)


METHODS = Methods()


@checked(normalise=optional(NORMALISATION))
def learner_of(
    units: int,
    /,
    method: str = "auto",
    atoms: int = 1024,
    seed: int = 0,
    device: str | None = None,
    *,
    normalise: str | None = None,
    **params: Any,
) -> Learner:
    """The learner that these arguments of `learn` ask for; ConfigError where they cannot be used."""
    kind = method_class(method, params, ["seed", "normalise"])
    if normalise is not None and normalise not in kind.normalisations:
        raise ConfigError("normalise", normalise, f"one of {', '.join(kind.normalisations)} for {method}")
    return kind(units, atoms, seed=seed, device=device, **params)


def check_atoms(label: str, atoms: int, rows: int) -> None:
    if atoms > rows:
        raise DictionaryError(f"{label}: found {rows} rows for {atoms} atoms, expected at least as many rows.")


def method_class(method: str, params: dict[str, Any], beside: Iterable[str]) -> type[Learner]:
    """The class of a method, after a check that it, or whoever asks (`beside`), knows all the parameters."""
    if method not in METHODS:
        raise ConfigError("method", method, f"one of {', '.join(METHODS)}")
    check_names(params, [*parameters(METHODS[method]), *beside], method)
    return METHODS[method]


def parameters(kind: type[Learner]) -> dict[str, Any]:
    """Parameters of a method with their defaults, its own first, then those it shares."""
    found = {}
    for base in kind.__mro__:
        if "__init__" in vars(base) and base is not object:
            for name, parameter in inspect.signature(base.__init__).parameters.items():
                if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name not in ("seed", "device"):
                    found.setdefault(name, parameter.default)
    return found
