"""All dictionaries of a layer, from its store: those that are learned, and those that others learned."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from thresh.dictionaries.imported import import_dictionary
from thresh.dictionaries.kinds import Dictionary, write_text
from thresh.dictionaries.learn import job_of, with_facts
from thresh.dictionaries.moments import moments
from thresh.dictionaries.rows import StoreRows
from thresh.dictionaries.specs import BESIDE_PARAMS
from thresh.dictionaries.training import Job, Learned, Rhythm, drop_checkpoint, train
from thresh.dictionaries.training.ranks import rank_and_size
from thresh.dictionaries.training.tensorboard import TensorBoard
from thresh.parameters import named

FACTS = ("atoms", "units", "method", "explained_variance", "l0", "dead")
CURVES = "curves.jsonl"


def learn_store(
    activations,
    specs: dict[str, dict[str, Any]],
    folders: dict[str, Path],
    *,
    select: np.ndarray | None = None,
    order: int = 0,
    device: str | None = None,
    rhythm: Rhythm | None = None,
    tensorboard: Path | None = None,
    log: Callable[[str], None] = print,
    finished: Callable[[str, dict], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Learn every dictionary of a layer in one pass over its store, and save each in its folder.

    Parameters
    ----------
    activations
        As `thresh.store.open_activations` gives it.
    specs
        By name: method, atoms, seed, normalise and the parameters of the method, as for `learn`; or `source`: path,
        subfolder and revision of a dictionary that is imported.
    folders
        By name: where cfg.json, sae_weights.safetensors and curves.jsonl go. A checkpoint that stands there, of the
        same spec, is gone on with.
    select : (rows,) boolean, optional
        Rows to learn from; all by default.
    order
        Seed of the order of the rows.
    rhythm
        When checkpoints are written; default: every ten minutes.
    tensorboard
        Folder for curves that TensorBoard shows; None for none.
    finished
        Called with name and facts of each dictionary once it is saved.

    Returns
    -------
    By name: atoms, units, method, explained_variance, l0, dead.

    Raises
    ------
    DictionaryError, ConfigError
        As `learn` and `load`; before any training where a spec alone shows it, or a source. TensorBoard is asked for
        and not installed.
    """
    rows = StoreRows(activations, select)
    watch = watched(tensorboard)
    jobs = []
    imports = {name: spec["source"] for name, spec in specs.items() if "source" in spec}
    for name, spec in specs.items():
        if name in imports:
            continue
        with named(f"dictionaries.{name}", BESIDE_PARAMS):
            jobs.append(job_of(name, rows, spec, device, folder=Path(folders[name])))
    facts: dict[str, dict[str, Any]] = {}

    def save(job: Job, learned: Learned) -> None:
        dictionary = with_facts(learned, job, rows, order)
        dictionary.save(job.folder)
        write_curve(job, learned.curve)
        drop_checkpoint(job.folder)
        tell(job.label, dictionary)

    def tell(name: str, dictionary: Dictionary) -> None:
        facts[name] = {key: dictionary.facts[key] for key in FACTS}
        if finished is not None:
            finished(name, facts[name])
        log(f"{name}: " + ", ".join(f"{key} {value}" for key, value in facts[name].items()))
        if (facts[name]["explained_variance"] or 0) < 0:
            log(f"{name}: explains rows worse than their mean does; lower the learning rate, or centre the rows.")

    if imports and rank_and_size()[0] == 0:
        raw = moments(rows)
        for name, source in imports.items():
            dictionary = import_dictionary(name, source, rows, raw, order, device)
            dictionary.save(folders[name])
            tell(name, dictionary)
    if jobs:
        train(jobs, rows, order=order, rhythm=rhythm or Rhythm(), log=log, watch=watch, finished=save)
    return facts


def watched(tensorboard: Path | None) -> Callable[[Job, list[dict]], None]:
    """Keeps the curve of a dictionary beside it, and where TensorBoard finds it, if a folder is given for that."""
    board = None if tensorboard is None else TensorBoard(tensorboard)

    def watch(job: Job, points: list[dict]) -> None:
        write_curve(job, points)
        if board is not None:
            board.write(job.label, points)

    return watch


def write_curve(job: Job, points: list[dict]) -> None:
    job.folder.mkdir(parents=True, exist_ok=True)
    plain = ({key: None if math.isnan(value) else value for key, value in point.items()} for point in points)
    write_text(job.folder / CURVES, "".join(json.dumps(point) + "\n" for point in plain))
