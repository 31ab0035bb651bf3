"""Encoders that are fitted to rows, with a dictionary that is given or learned with them; and each row by Adam.

All minimise the same mean of 0.5 |x - z D|^2 + penalty |z|_1 over z >= 0 on training rows, and see no planted feature.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

BATCH_ROWS = 256
# The highest each; which is better, the training objective says.
RATES = (0.003, 0.01)
ROW_RATES = (0.01, 0.03, 0.1)


@dataclass
class Encoder:
    """Codes relu(network(x)), or of these the k largest, with the atoms (atoms, units) that they are for."""

    network: nn.Module
    W_dec: Tensor
    k: int | None = None

    def __call__(self, x: Tensor) -> Tensor:
        codes = self.network(x).relu()
        if self.k is None:
            return codes
        values, index = codes.topk(self.k, dim=1)
        return torch.zeros_like(codes).scatter(1, index, values)

    @property
    def atoms(self) -> np.ndarray:
        return nn.functional.normalize(self.W_dec.detach()).numpy()

    def encode(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return self(x)


def linear(atoms: Tensor) -> nn.Module:
    """Begins as D'."""
    network = nn.Linear(atoms.shape[1], atoms.shape[0])
    with torch.no_grad():
        network.weight.copy_(atoms)
        network.bias.zero_()
    return network


def mlp(atoms: Tensor, hidden: int) -> nn.Module:
    network = nn.Sequential(nn.Linear(atoms.shape[1], hidden), nn.ReLU(), nn.Linear(hidden, atoms.shape[0]))
    with torch.no_grad():
        # All codes begin alive for all rows: with the usual start some are silent for ever (MCC .76 for .94).
        network[2].weight.mul_(0.1)
        network[2].bias.fill_(0.3)
    return network


def objective(x: Tensor, codes: Tensor, atoms: Tensor, penalty: float) -> Tensor:
    return (0.5 * (x - codes @ atoms).square().sum(dim=1) + penalty * codes.abs().sum(dim=1)).mean()


def fitted(
    x: np.ndarray,
    network: Callable[[Tensor], nn.Module],
    penalty: float,
    *,
    atoms: np.ndarray | None = None,
    count: int = 0,
    k: int | None = None,
    steps: int = 4000,
) -> Encoder:
    """The encoder, of those with different learning rates, whose objective on the training rows is the lowest.

    Parameters
    ----------
    x : (rows, units)
    network
        Makes a network for atoms (atoms, units).
    atoms
        Held fixed; None: `count` atoms are learned with the encoder.
    k
        Keep the k largest codes, and do without a penalty.
    """
    rows = torch.from_numpy(x)
    found = []
    for rate in RATES:
        torch.manual_seed(0)
        given = torch.randn(count, x.shape[1]) if atoms is None else torch.as_tensor(atoms, dtype=torch.float32)
        given = nn.functional.normalize(given)
        encoder = Encoder(network(given), nn.Parameter(given, requires_grad=atoms is None), k)
        cost = 0.0 if k else penalty
        train(encoder, rows, cost, rate, steps)
        found.append((float(objective(rows, encoder.encode(rows), torch.from_numpy(encoder.atoms), cost)), encoder))
    return min(found, key=lambda pair: pair[0])[1]


def train(encoder: Encoder, rows: Tensor, penalty: float, rate: float, steps: int) -> None:
    """Adam at one cycle of the learning rate; atoms are held at unit norm by the objective."""
    parameters = [*encoder.network.parameters(), encoder.W_dec]
    optimiser = torch.optim.Adam([each for each in parameters if each.requires_grad])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.05)
    for _ in range(steps):
        x = rows[torch.randint(len(rows), (BATCH_ROWS,))]
        loss = objective(x, encoder(x), nn.functional.normalize(encoder.W_dec), penalty)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def codes_by_adam(x: np.ndarray, encoder: Encoder, penalty: float, steps: int, chosen_on: np.ndarray) -> np.ndarray:
    """Codes of each row by Adam on the objective, from the encoder's; with the rate that is best on other rows."""
    rows, others = torch.from_numpy(x), torch.from_numpy(chosen_on)
    atoms = torch.from_numpy(encoder.atoms)
    costs = [objective(others, descended(others, encoder, penalty, steps, rate), atoms, penalty) for rate in ROW_RATES]
    return descended(rows, encoder, penalty, steps, ROW_RATES[int(np.argmin(costs))]).numpy()


def descended(rows: Tensor, encoder: Encoder, penalty: float, steps: int, rate: float) -> Tensor:
    atoms = torch.from_numpy(encoder.atoms)
    codes = encoder.encode(rows).clone().requires_grad_()
    optimiser = torch.optim.Adam([codes], rate)
    for _ in range(steps):
        optimiser.zero_grad()
        # A sum over rows: Adam does not see its size, but its epsilon does.
        (len(rows) * objective(rows, codes, atoms, penalty)).backward()
        optimiser.step()
        with torch.no_grad():
            codes.clamp_(min=0)
    return codes.detach()
