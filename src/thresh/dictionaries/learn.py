"""From activations to a dictionary."""

import inspect
from collections.abc import Callable
from typing import Any

import torch

from thresh.dictionaries.dictionary import Dictionary
from thresh.dictionaries.learner import Learner
from thresh.dictionaries.normalise import NORMALISATION, NormalisedRows
from thresh.dictionaries.online import OnlineDictionary
from thresh.dictionaries.progress import Progress, explained
from thresh.dictionaries.random import RandomDictionary
from thresh.dictionaries.rows import Moments, Rows, as_rows, moments
from thresh.dictionaries.topk import TopK
from thresh.errors import ConfigError, DictionaryError
from thresh.parameters import check_names, checked, optional

# To add a method: one file with its class, one line here.
METHODS: dict[str, type[Learner]] = {
    "auto": OnlineDictionary,
    "topk": TopK,
    "online": OnlineDictionary,
    "random": RandomDictionary,
}

MEASURED_ROWS = 16384  # rows on which the quality of a finished dictionary is measured


def learn(
    x,
    method: str = "auto",
    atoms: int = 1024,
    seed: int = 0,
    device: str | None = None,
    *,
    normalise: str | None = None,
    log: Callable[[str], None] | None = None,
    **params: Any,
) -> Dictionary:
    """Learn a dictionary from activations.

    Parameters
    ----------
    x : (rows, units)
        NumPy or torch; or rows of another source (see `thresh.dictionaries.rows.Rows`).
    method
        A name of `METHODS`; 'auto' is online dictionary learning.
    atoms
        At most the number of rows.
    seed
        Fixes the result on a given machine.
    device
        'auto' or None: CUDA, then MPS, then the CPU.
    normalise
        'none', 'centre' or 'scale' (mean of |x|^2 = units) before learning; folded back, so that the
        dictionary acts on raw activations. Default: that of the method.
    log
        Called with lines of progress; None for silence.
    **params
        Those of the method, see its class.

    Returns
    -------
    Dictionary, whose `facts` hold method, parameters, curve and the quality on training rows

    Raises
    ------
    DictionaryError
        Values that are not finite, fewer rows than atoms, or a loss that diverges.
    ConfigError
        Unknown method or parameter, or a value out of range.
    """
    return learn_with_curve(x, method, atoms, seed, device, normalise=normalise, log=log, **params)[0]


def learn_with_curve(
    x,
    method: str = "auto",
    atoms: int = 1024,
    seed: int = 0,
    device: str | None = None,
    *,
    normalise: str | None = None,
    log: Callable[[str], None] | None = None,
    label: str | None = None,
    known: Moments | None = None,
    **params: Any,
) -> tuple[Dictionary, list[dict]]:
    """As `learn`, with the curve of training; `known` moments of the rows save a pass over them."""
    rows, label = as_rows(x), label or method
    learner = learner_of(rows.shape[1], method, atoms, seed, device, normalise=normalise, **params)
    check_atoms(label, atoms, rows.shape[0])
    raw = known or moments(rows)
    seen = NormalisedRows(rows, raw, normalise or learner.normalise)
    progress = Progress(label, seen.moments.variance, log)
    dictionary = learner.fit(seen, progress).folded(seen.shift, seen.factor)
    progress.close()
    dictionary.scale = raw.scale(dictionary.bias)
    dictionary.facts = {"method": learner.name, "atoms": atoms, "units": rows.shape[1], "seed": seed, "params": params}
    dictionary.facts |= quality(dictionary, rows, raw, seed, learner.device)
    return dictionary, progress.curve


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
    return method_class(method, params)(units, atoms, seed=seed, device=device, **params)


def check_atoms(label: str, atoms: int, rows: int) -> None:
    if atoms > rows:
        raise DictionaryError(f"{label}: found {rows} rows for {atoms} atoms, expected at least as many rows.")


def method_class(method: str, params: dict[str, Any]) -> type[Learner]:
    """The class of a method, after a check that it knows all the parameters."""
    if method not in METHODS:
        raise ConfigError("method", method, f"one of {', '.join(METHODS)}")
    check_names(params, parameters(METHODS[method]), method)
    return METHODS[method]


def parameters(kind: type[Learner]) -> dict[str, Any]:
    """Parameters of a method with their defaults, its own first, then those it shares."""
    found = {}
    for base in kind.__mro__:
        if "__init__" in vars(base) and base not in (Learner, object):
            for name, parameter in inspect.signature(base.__init__).parameters.items():
                if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                    found.setdefault(name, parameter.default)
    return found


def quality(dictionary: Dictionary, rows: Rows, raw: Moments, seed: int, device: torch.device) -> dict[str, float]:
    """Explained variance, mean number of active atoms and share of dead ones of the finished dictionary."""
    error, active, count = 0.0, 0, 0
    used = torch.zeros(len(dictionary.atoms), dtype=torch.bool, device=device)
    for batch in rows.batches(4096, seed, 0):
        x = torch.from_numpy(batch).to(device)
        codes = dictionary.encode(x)
        error += float((x - dictionary.decode(codes)).square().sum())
        active += int((codes != 0).sum())
        used |= (codes != 0).any(dim=0)
        count += len(batch)
        if count >= MEASURED_ROWS:
            break
    return {
        "explained_variance": explained(error / count, raw.variance),
        "l0": active / count,
        "dead": float((~used).float().mean()),
    }
