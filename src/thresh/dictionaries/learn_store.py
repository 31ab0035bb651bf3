"""All dictionaries of a layer, from its store."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from thresh.dictionaries.files import write_text
from thresh.dictionaries.learn import check_atoms, learn_with_curve, learner_of
from thresh.dictionaries.rows import StoreRows, moments
from thresh.dictionaries.specs import BESIDE_PARAMS
from thresh.parameters import named

FACTS = ("atoms", "units", "method", "explained_variance", "l0", "dead")


def learn_store(
    activations,
    specs: dict[str, dict[str, Any]],
    folders: dict[str, Path],
    *,
    select: np.ndarray | None = None,
    device: str | None = None,
    log: Callable[[str], None] = print,
    finished: Callable[[str, dict], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Learn every dictionary of a layer and save each in its folder, with its curve of training.

    Parameters
    ----------
    activations
        As `thresh.store.open_activations` gives it.
    specs
        By name: method, atoms, seed, normalise and the parameters of the method, as for `learn`.
    folders
        By name: where cfg.json, sae_weights.safetensors and curves.jsonl go.
    select : (rows,) boolean, optional
        Rows to learn from; all by default.
    finished
        Called with name and facts of each dictionary once it is saved.

    Returns
    -------
    By name: atoms, units, method, explained_variance, l0, dead.

    Raises
    ------
    DictionaryError, ConfigError
        As `learn`; before any training where a spec alone shows it.
    """
    rows = StoreRows(activations, select)
    for name, spec in specs.items():
        with named(f"dictionaries.{name}", BESIDE_PARAMS):
            learner_of(rows.shape[1], **spec, device="cpu")
        check_atoms(f"{activations.path}: dictionaries.{name}", spec.get("atoms", 1024), rows.shape[0])
    known = moments(rows) if specs else None
    facts = {}
    for name, spec in specs.items():
        dictionary, curve = learn_with_curve(rows, **spec, device=device, log=log, label=name, known=known)
        dictionary.save(folders[name])
        write_text(Path(folders[name]) / "curves.jsonl", "".join(json.dumps(point) + "\n" for point in curve))
        facts[name] = {key: dictionary.facts[key] for key in FACTS}
        if finished is not None:
            finished(name, facts[name])
        log(f"{name}: " + ", ".join(f"{key} {value}" for key, value in facts[name].items()))
    return facts
