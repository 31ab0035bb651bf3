"""How good a dictionary is on the rows that it was learned from."""

import torch

from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.moments import Moments
from thresh.dictionaries.rows import Rows
from thresh.dictionaries.training.curves import explained

MEASURED_ROWS = 16384
BATCH_ROWS = 4096


def quality(dictionary: Dictionary, rows: Rows, raw: Moments, order: int, device: torch.device) -> dict[str, float]:
    """Explained variance, mean number of active atoms and share of dead ones, on the first rows of an epoch."""
    error, active, count = 0.0, 0, 0
    used = torch.zeros(len(dictionary.atoms), dtype=torch.bool, device=device)
    for batch in rows.batches(BATCH_ROWS, order, 0):
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
