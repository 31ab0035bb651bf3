"""What a training run shows: a bar on a terminal, lines in a log, a curve in a file."""

import math
import sys
from collections.abc import Callable

import torch
from torch import Tensor
from tqdm import tqdm

from thresh.errors import DictionaryError

CHECK_EVERY = 50  # steps between two looks at the loss: each look waits for the device
LOG_LINES = 20  # at most about so many lines a run


class Progress:
    """Gathers, over each epoch, loss, explained variance, active and dead atoms of the batches seen.

    Parameters
    ----------
    label
        Name of the run in messages.
    variance
        Mean squared distance of rows from their mean, for the explained variance.
    log
        Where lines go where there is no terminal; None for silence.

    Attributes
    ----------
    curve : list of dict
        One an epoch: step, epoch, loss, explained_variance, l0, dead.
    """

    def __init__(self, label: str, variance: float, log: Callable[[str], None] | None = None):
        self.label, self.variance, self.log = label, variance, log
        self.curve: list[dict] = []
        self.step = 0
        self.bar: tqdm | None = None

    def start(self, epochs: int, batches: int, atoms: int, device: torch.device) -> None:
        self.epochs = epochs
        self.every = max(1, math.ceil(epochs / LOG_LINES))
        terminal = self.log is not None and sys.stderr.isatty()
        self.bar = tqdm(total=epochs * batches, desc=self.label, unit="step", disable=not terminal)
        self.used = torch.zeros(atoms, dtype=torch.bool, device=device)
        self.reset()

    def reset(self) -> None:
        self.rows, self.batches, self.loss, self.error, self.active = 0, 0, 0.0, 0.0, 0.0
        self.used = torch.zeros_like(self.used)

    def add(self, residual: Tensor, codes: Tensor, loss: Tensor) -> None:
        """Count one batch: residual (rows, units), codes (rows, atoms), and its loss."""
        active = codes != 0
        self.rows += len(residual)
        self.batches += 1
        self.step += 1
        # Sums stay tensors until the epoch ends, so that the device does not wait.
        self.loss = self.loss + loss.detach()
        self.error = self.error + residual.detach().square().sum()
        self.active = self.active + active.sum()
        self.used |= active.any(dim=0)
        if self.step % CHECK_EVERY == 0:
            self.check()
        self.bar.update()

    def check(self) -> None:
        if not math.isfinite(float(self.loss)):
            raise DictionaryError(
                f"{self.label}: the loss is not finite at step {self.step}; lower the learning rate or check the input."
            )

    def end_epoch(self, epoch: int) -> None:
        self.check()
        point = {
            "step": self.step,
            "epoch": epoch,
            "loss": float(self.loss) / self.batches,
            "explained_variance": explained(float(self.error) / self.rows, self.variance),
            "l0": float(self.active) / self.rows,
            "dead": float((~self.used).float().mean()),
        }
        self.curve.append(point)
        self.bar.set_postfix_str(f"explained variance {point['explained_variance']:.3f}, l0 {point['l0']:.1f}")
        if self.log and self.bar.disable and ((epoch + 1) % self.every == 0 or epoch + 1 == self.epochs):
            self.log(
                f"{self.label}: epoch {epoch + 1}/{self.epochs}, loss {point['loss']:.4g}, explained variance "
                f"{point['explained_variance']:.4f}, l0 {point['l0']:.2f}, dead {point['dead']:.3f}"
            )
        self.reset()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def explained(error: float, variance: float) -> float:
    """1 - error / variance; NaN where rows do not vary."""
    return 1 - error / variance if variance > 0 else math.nan
