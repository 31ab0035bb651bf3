"""Toy models of superposition (Elhage et al. 2022): sparse features that are squeezed through few units.

x_hat = ReLU(W' W x + b), trained by Adam to reconstruct features x of given importance, each active with a given
probability and then uniform on [0, 1]. Many models of one size are trained side by side.
"""

from dataclasses import dataclass

import numpy as np
import torch

REPRESENTED = 0.5  # norm of a feature's direction from which on a model counts as holding it; most are near 1 or near 0


@dataclass(frozen=True)
class ToyModels:
    """Weights (models, units, features), bias (models, features) and the final loss of each model (models,)."""

    weights: np.ndarray
    bias: np.ndarray
    loss: np.ndarray

    def hidden(self, model: int, x: np.ndarray) -> np.ndarray:
        """Activations W x of one model's units, (rows, units)."""
        return (x @ self.weights[model].T).astype(np.float32)

    def represented(self, model: int) -> np.ndarray:
        """Features that the model holds, (held,)."""
        return np.flatnonzero(np.linalg.norm(self.weights[model], axis=0) > REPRESENTED)

    def directions(self, model: int) -> np.ndarray:
        """Their unit-norm directions among the units, (held, units)."""
        columns = self.weights[model][:, self.represented(model)].T
        return columns / np.linalg.norm(columns, axis=1, keepdims=True)


def falling_importance(features: int, last: float = 0.1) -> np.ndarray:
    """Importance of each feature, falling geometrically from 1 to `last`."""
    return last ** (np.arange(features) / max(features - 1, 1))


def sparse_uniform(shape: tuple[int, ...], active: float, generator: torch.Generator) -> torch.Tensor:
    """Features that are uniform on [0, 1] with probability `active` and otherwise 0."""
    values = torch.rand(shape, generator=generator)
    return values * (torch.rand(shape, generator=generator) < active)


def trained(
    units: int,
    seeds: list[int],
    *,
    active: float,
    importance: np.ndarray,
    steps: int = 4000,
    batch: int = 512,
    learning_rate: float = 1e-2,
) -> ToyModels:
    """Models of one size, a seed each, from initial weights and data of their own.

    Parameters
    ----------
    active
        Probability of each feature.
    importance : (features,)
        Weight of each feature's squared error.
    steps, batch, learning_rate
        Of Adam; the learning rate falls along a cosine to 0.
    """
    features = len(importance)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    weights = torch.stack([torch.randn(units, features, generator=one) for one in generators])
    weights = (weights * (2 / (units + features)) ** 0.5).requires_grad_()
    bias = torch.zeros(len(seeds), 1, features, requires_grad=True)
    weight_of_error = torch.as_tensor(importance, dtype=torch.float32)
    adam = torch.optim.Adam([weights, bias], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        x = torch.stack([sparse_uniform((batch, features), active, one) for one in generators])
        loss = losses(weights, bias, x, weight_of_error)
        adam.zero_grad()
        loss.sum().backward()
        adam.step()
        schedule.step()
    with torch.no_grad():
        x = torch.stack([sparse_uniform((8192, features), active, one) for one in generators])
        final = losses(weights, bias, x, weight_of_error)
    return ToyModels(weights.detach().numpy(), bias.detach().squeeze(1).numpy(), final.numpy())


def losses(weights: torch.Tensor, bias: torch.Tensor, x: torch.Tensor, importance: torch.Tensor) -> torch.Tensor:
    """Importance-weighted squared error of each model, mean over rows and features, (models,)."""
    reconstructed = torch.relu(x @ weights.mT @ weights + bias)
    return (importance * (x - reconstructed).square()).mean(dim=(1, 2))
