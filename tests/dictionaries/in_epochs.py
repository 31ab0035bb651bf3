"""Runs of methods that act at the end of an epoch, driven by hand."""

import io

import numpy as np
import torch

from thresh.dictionaries.learner import Run

from .by_hand import begin, same

BATCH, BATCHES, EPOCHS = 100, 4, 4


def drive(run: Run, x: np.ndarray, first: int = 0, last: int = BATCHES * EPOCHS) -> Run:
    """Steps `first` to `last`, each epoch over the same rows in another order."""
    for step in range(first, last):
        epoch, batch = divmod(step, BATCHES)
        order = np.random.default_rng(epoch).permutation(BATCH * BATCHES)
        run.step(torch.from_numpy(x[order[batch * BATCH : (batch + 1) * BATCH]]), step / (BATCHES * EPOCHS))
        if batch == BATCHES - 1:
            run.end_epoch()
    return run


def goes_on_as_if_uninterrupted(method: str, x: np.ndarray, atoms: int, **params) -> bool:
    """With the state through a file, in the middle of the first epoch and of a later one, and between two."""
    x = x[: BATCH * BATCHES]
    whole = drive(begin(method, x, atoms, **params), x).dictionaries()[0]
    for middle in (2, 2 * BATCHES, 2 * BATCHES + 3):
        file = io.BytesIO()
        torch.save(drive(begin(method, x, atoms, **params), x, last=middle).state(0), file)
        file.seek(0)
        resumed = begin(method, x, atoms, **params)
        resumed.restore(0, torch.load(file, weights_only=True))
        if not same(whole, drive(resumed, x, first=middle).dictionaries()[0]):
            return False
    return True
