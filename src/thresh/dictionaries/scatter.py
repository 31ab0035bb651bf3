"""Sums over all rows, in double precision."""

import torch
from torch import Tensor


def double(x: Tensor) -> Tensor:
    """x in double precision; on the CPU where its device has no such numbers (MPS)."""
    return x.cpu().double() if x.device.type == "mps" else x.double()


class Scatter:
    """The covariance (units, units) of rows about a known mean, from rows that come in batches."""

    def __init__(self, mean: Tensor):
        self.mean, self.count = double(mean), 0
        self.total = self.mean.new_zeros(len(mean), len(mean))

    def add(self, x: Tensor) -> None:
        """Take in (rows, units)."""
        moved = double(x) - self.mean
        self.total += moved.T @ moved
        self.count += len(x)

    def principal(self, count: int) -> tuple[Tensor, Tensor]:
        """The largest eigenvalues (count,), none below 0, and their unit eigenvectors (count, units).

        The entry of largest size of each vector is positive, so that the answer is one and not its opposite.
        """
        variance, vectors = torch.linalg.eigh(self.total / max(self.count, 1))
        vectors = vectors.flip(1)[:, :count].T
        largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
        return variance.flip(0)[:count].clamp(min=0), vectors * largest.sign()

    def state(self) -> dict[str, Tensor | int]:
        return {"total": self.total.clone(), "count": self.count}

    def restore(self, state: dict[str, Tensor | int]) -> None:
        self.total, self.count = state["total"].to(self.total), state["count"]
