"""From activations to a dictionary."""

import math
from collections.abc import Callable
from typing import Any

from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.quality import quality
from thresh.dictionaries.registry import check_atoms, learner_of
from thresh.dictionaries.rows import Rows, as_rows
from thresh.dictionaries.training import Job, Learned, train


def learn(
    x,
    method: str = "auto",
    atoms: int = 1024,
    seed: int = 0,
    device: str | None = None,
    *,
    normalise: str | None = None,
    order: int = 0,
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
        Of the first state; with `order` it fixes the result on a given machine.
    device
        'auto' or None: CUDA, then MPS, then the CPU.
    normalise
        'none', 'centre', 'scale' (mean of |x|^2 = units) or 'whiten' (PCA) before learning; folded back, so that the
        dictionary acts on raw activations. Default: that of the method.
    order
        Seed of the order of the rows.
    log
        Called with lines of progress; None for silence.
    **params
        Those of the method, see its class.

    Returns
    -------
    Dictionary, whose `facts` hold method, parameters and the quality on training rows

    Raises
    ------
    DictionaryError
        Values that are not finite, fewer rows than atoms, or a loss that diverges.
    ConfigError
        Unknown method or parameter, or a value out of range.
    """
    rows = as_rows(x)
    spec = {"method": method, "atoms": atoms, "seed": seed, "normalise": normalise, **params}
    job = job_of(method, rows, spec, device)
    found: list[Dictionary] = []

    def finished(job: Job, learned: Learned) -> None:
        found.append(with_facts(learned, job, rows, order))

    train([job], rows, order=order, log=log, finished=finished)
    return found[0]


def job_of(label: str, rows: Rows, spec: dict[str, Any], device: str | None, **options: Any) -> Job:
    """A job of the trainer, from arguments of `learn`; refuses those that cannot be used."""
    learner = learner_of(rows.shape[1], **spec, device=device)
    check_atoms(label, learner.atoms, rows.shape[0])
    return Job(label, learner, learner.treatment(spec.get("normalise") or learner.normalise), spec=spec, **options)


def with_facts(learned: Learned, job: Job, rows: Rows, order: int) -> Dictionary:
    """A finished dictionary with what is known of it."""
    dictionary, learner = learned.dictionary, job.learner
    params = {key: value for key, value in job.spec.items() if key not in ("method", "atoms", "seed", "normalise")}
    dictionary.scale = learned.moments.scale(dictionary.bias)
    dictionary.facts = {
        "method": learner.name,
        "atoms": learner.atoms,
        "units": learner.units,
        "seed": learner.seed,
        "normalise": job.spec.get("normalise") or learner.normalise,
        "params": params,
    }
    found = quality(dictionary, rows, learned.moments, order, learner.device)
    # What is not defined is null in the file, which knows no NaN.
    dictionary.facts |= {key: None if math.isnan(value) else value for key, value in found.items()}
    return dictionary
