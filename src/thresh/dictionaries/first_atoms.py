"""Where atoms begin: rows of the data."""

import math

import torch
from torch import Tensor

from thresh.dictionaries.distances import squared_distances
from thresh.dictionaries.learner import Start, unit_rows

SILENT = 0.1  # of the root mean square norm; rows below show noise rather than features


def rows_as_atoms(start: Start, atoms: int, generator: torch.Generator) -> Tensor:
    """Rows of the data at unit norm, the near-silent ones left out, with a little noise where too few are left."""
    drawn = torch.randperm(len(start.sample), generator=generator)[: 8 * atoms]
    x = start.sample[drawn.to(start.sample.device)]
    loud = x[x.norm(dim=1) > SILENT * start.moments.scale()][:atoms]
    noise = torch.randn(atoms - len(loud), x.shape[1], generator=generator)
    return unit_rows(torch.cat([loud, noise.to(loud)]))


def spread_rows(x: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Rows far from each other, (count, units): k-means++.

    Each next row is drawn with probability proportional to the squared distance from the nearest one drawn so far; of
    a few draws, the one that leaves the least distance counts (Arthur & Vassilvitskii 2007, with the greedy choice that
    scikit-learn makes). Rows are drawn twice only where there are fewer distinct ones than are asked for.
    """
    draws = 2 + int(math.log(count))
    chosen = torch.randint(len(x), (1,), generator=generator)
    rows = [x[chosen.to(x.device)]]
    nearest = squared_distances(x, rows[0]).squeeze(1)
    for _ in range(count - 1):
        weights = nearest.double().cpu()
        weights = weights if bool(weights.sum() > 0) else torch.ones_like(weights)
        drawn = torch.multinomial(weights, draws, replacement=True, generator=generator).to(x.device)
        left = torch.minimum(nearest.unsqueeze(1), squared_distances(x, x[drawn]))
        best = left.sum(dim=0).argmin()
        nearest = left[:, best]
        rows.append(x[drawn[best]].unsqueeze(0))
    return torch.cat(rows)
