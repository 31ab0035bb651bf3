"""Runs that are driven by hand, and what must hold for each that is learned in a stack."""

import io

import numpy as np
import torch

from thresh.dictionaries import METHODS, load
from thresh.dictionaries.autoencoders.sparse_autoencoder import SparseAutoencoder
from thresh.dictionaries.learner import Run, Start
from thresh.dictionaries.moments import moments
from thresh.dictionaries.registry import learner_of
from thresh.dictionaries.rows import ArrayRows

AUTOENCODERS = [name for name, kind in METHODS.items() if issubclass(kind, SparseAutoencoder)]
BATCH, STEPS = 64, 24
# A latent that is silent for one batch is dead, and dead ones are resampled a few times.
RESTLESS = {"dead_after": 60, "resample_every": 7}


def begin(method: str, x: np.ndarray, atoms: int, *members: dict, **params) -> Run:
    """A run before its first step; `members` hold what differs between those of a stack."""
    learners = [learner_of(x.shape[1], method, atoms, device="cpu", **params, **own) for own in members or ({},)]
    return learners[0].begin(learners, Start(torch.from_numpy(x), moments(ArrayRows(x)), len(x)))


def drive(run: Run, x: np.ndarray, first: int = 0, last: int = STEPS) -> Run:
    for step in range(first, last):
        chosen = np.random.default_rng(step).permutation(len(x))[:BATCH]
        run.step(torch.from_numpy(x[chosen]), step / STEPS)
    return run


def same(a: dict, b: dict) -> bool:
    return all(torch.equal(*pair) for pair in zip(a.tensors().values(), b.tensors().values(), strict=True))


def learned_in_a_stack_is_learned_alone(method: str, x: np.ndarray, atoms: int, **params) -> bool:
    members = [{"seed": 3}, {"seed": 4, "learning_rate": 3e-3}, {"seed": 5, "auxiliary": 0.5}]
    together = drive(begin(method, x, atoms, *members, **params), x).dictionaries()
    alone = [drive(begin(method, x, atoms, own, **params), x).dictionaries()[0] for own in members]
    return all(same(*pair) for pair in zip(together, alone, strict=True)) and not same(*together[:2])


def goes_on_as_if_uninterrupted(method: str, x: np.ndarray, atoms: int, **params) -> bool:
    """With the state through a file in the middle."""
    run = drive(begin(method, x, atoms, **params), x)
    file = io.BytesIO()
    torch.save(drive(begin(method, x, atoms, **params), x, last=STEPS // 2).state(0), file)
    file.seek(0)
    resumed = begin(method, x, atoms, **params)
    resumed.restore(0, torch.load(file, weights_only=True))
    return same(run.dictionaries()[0], drive(resumed, x, first=STEPS // 2).dictionaries()[0])


def comes_back_from_its_file(dictionary, x: np.ndarray, folder) -> bool:
    """To rounding: some kinds keep the lengths of their atoms in the atoms."""
    dictionary.save(folder)
    codes = dictionary.encode(x)
    return np.allclose(load(folder).encode(x), codes, rtol=1e-4, atol=1e-5 * codes.max())
