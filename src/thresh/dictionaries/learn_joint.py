"""One dictionary for several layers, from their stores: a part for each, whose atoms go together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.learn import job_of
from thresh.dictionaries.learn_store import FACTS, watched, write_curve
from thresh.dictionaries.moments import moments
from thresh.dictionaries.quality import quality
from thresh.dictionaries.rows import ColumnsOfRows, StoreRows
from thresh.dictionaries.specs import BESIDE_PARAMS
from thresh.dictionaries.training import Job, Learned, Rhythm, drop_checkpoint, train
from thresh.parameters import named


def learn_joint(
    name: str,
    activations,
    places: list[str],
    spec: dict[str, Any],
    folders: dict[str, Path],
    *,
    select: np.ndarray | None = None,
    order: int = 0,
    device: str | None = None,
    rhythm: Rhythm | None = None,
    tensorboard: Path | None = None,
    log: Callable[[str], None] = print,
) -> dict[str, dict[str, Any]]:
    """Learn one dictionary from the rows of several layers, and save each layer's part as a dictionary of its own.

    Parameters
    ----------
    name
        Of the dictionary, in messages.
    activations
        As `thresh.store.JoinedActivations` gives them.
    places
        Name of each layer, in the order of the stores.
    spec
        method (one that takes `blocks`), atoms, seed and parameters, as for `learn`.
    folders
        By place; the first has the checkpoint. A place that is left out is learned from and not saved.
    select : (rows,) boolean, optional
        Joined rows to learn from; all by default.

    Returns
    -------
    By place: atoms, units, method, explained_variance, l0, dead, each from its own codes.
    """
    rows, blocks = StoreRows(activations, select), activations.blocks
    watch = watched(tensorboard)
    with named(f"dictionaries.{name}", BESIDE_PARAMS):
        asked = job_of(name, rows, spec | {"blocks": blocks}, device, folder=Path(next(iter(folders.values()))))
    facts: dict[str, dict[str, Any]] = {}

    def save(job: Job, learned: Learned) -> None:
        begin = 0
        for place, part in zip(places, learned.dictionary.parts, strict=True):
            own = ColumnsOfRows(rows, begin, begin + part.units)
            begin += part.units
            if place not in folders:
                continue
            tell_of(part, own, job, places, order)
            part.save(folders[place])
            facts[place] = {key: part.facts[key] for key in FACTS}
            log(f"{name} of {place}: " + ", ".join(f"{key} {value}" for key, value in facts[place].items()))
        write_curve(job, learned.curve)
        drop_checkpoint(job.folder)

    train([asked], rows, order=order, rhythm=rhythm or Rhythm(), log=log, watch=watch, finished=save)
    return facts


def tell_of(part: Dictionary, rows: ColumnsOfRows, job: Job, places: list[str], order: int) -> None:
    """Note with a part what is known of it: how it was made, and how good it is by itself."""
    raw, learner = moments(rows), job.learner
    part.scale = raw.scale(part.bias)
    part.facts = {
        "method": learner.name,
        "atoms": learner.atoms,
        "units": part.units,
        "seed": learner.seed,
        "together": places,
        "params": {key: value for key, value in job.spec.items() if key not in (*BESIDE_PARAMS, "blocks")},
    }
    part.facts |= quality(part, rows, raw, order, learner.device)
