"""Distances between rows and points."""

import torch
from torch import Tensor


def squared_distances(x: Tensor, points: Tensor) -> Tensor:
    """|x_i - p_j|^2 (rows, points), never negative."""
    norms = x.square().sum(dim=1, keepdim=True) + points.square().sum(dim=1)
    return torch.addmm(norms, x, points.T, alpha=-2).clamp_(min=0)
