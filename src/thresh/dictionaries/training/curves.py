"""How dictionaries come along: curves of their training."""

import math

import torch

from thresh.dictionaries.learner import Step
from thresh.dictionaries.scatter import double

POINTS = 200  # of a curve, about
PATIENCE = 10_000_000  # rows of silence after which an atom is dead, or one epoch, if that is shorter


class Curves:
    """Gathers, over stretches of equal length, what the batches of the dictionaries of one run showed.

    Parameters
    ----------
    steps, rows
        Of the whole run, and of an epoch.
    variance
        Mean squared distance of rows from their mean, for the explained variance.

    Attributes
    ----------
    points : for each dictionary, a list of dict
        step, epoch (a fraction), loss, explained_variance, l0, dead.
    """

    def __init__(self, shape: tuple[int, int], steps: int, rows: int, variance: float, device: torch.device):
        self.steps, self.epoch_rows, self.variance = steps, rows, variance
        self.every = max(1, math.ceil(steps / POINTS))
        self.points: list[list[dict]] = [[] for _ in range(shape[0])]
        self.silent = torch.zeros(shape, dtype=torch.int64, device=device)
        # Sums stay on the device until a point is due, so that nobody waits.
        self.sums = double(torch.zeros(shape[0], 3, device=device))
        self.step = self.seen = self.rows = self.batches = 0

    def add(self, found: Step, rows: int) -> bool:
        """Count one batch; says whether it completed a point."""
        self.step += 1
        self.rows += rows
        self.seen += rows
        self.batches += 1
        self.sums += torch.stack([double(each) for each in (found.loss, found.error, found.active)], dim=1)
        self.silent += rows
        self.silent.masked_fill_(found.used, 0)
        if self.step % self.every and self.step != self.steps:
            return False
        dead = (self.silent >= min(self.epoch_rows, PATIENCE)).float().mean(dim=1)
        for points, (loss, error, active), share in zip(self.points, self.sums.tolist(), dead.tolist(), strict=True):
            points.append(
                {
                    "step": self.step,
                    "epoch": self.seen / self.epoch_rows,
                    "loss": loss / self.batches,
                    "explained_variance": explained(error / self.rows, self.variance),
                    "l0": active / self.rows,
                    "dead": share,
                }
            )
        self.sums.zero_()
        self.rows = self.batches = 0
        return True

    def finite(self) -> list[bool]:
        """Whether the loss of each dictionary is a number still; waits for the device."""
        sums = self.sums[:, 0].tolist()
        latest = [points[-1]["loss"] if points else 0.0 for points in self.points]
        return [math.isfinite(total) and math.isfinite(last) for total, last in zip(sums, latest, strict=True)]

    def state(self, member: int) -> dict:
        return {
            "points": self.points[member],
            "silent": self.silent[member],
            "sums": self.sums[member],
            "counts": [self.step, self.seen, self.rows, self.batches],
        }

    def restore(self, member: int, state: dict) -> None:
        self.points[member] = list(state["points"])
        self.silent[member], self.sums[member] = state["silent"], state["sums"].to(self.sums)
        self.step, self.seen, self.rows, self.batches = state["counts"]


def explained(error: float, variance: float) -> float:
    """1 - error / variance; NaN where rows do not vary."""
    return 1 - error / variance if variance > 0 else math.nan
