"""Planted superposition for benchmarks: rows y = z A + m with known sparse z, unit-norm directions A and a mean m."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Planted:
    """Rows (rows, units) float32, features (rows, features) and directions (features, units)."""

    rows: np.ndarray
    features: np.ndarray
    directions: np.ndarray


def plant(
    rows: int,
    features: int,
    units: int,
    active: float,
    seed: int = 0,
    *,
    decades: float = 0.0,
    mean: float = 0.0,
    positive: bool = False,
) -> Planted:
    """Features are on independently, `active` of them in a row on average, then uniform on [.5, 1.5].

    Parameters
    ----------
    decades
        Over which their probabilities are spread; the last features are the rarest.
    mean
        Length of a vector that is added to all rows, in root mean square norms of these.
    positive
        Whether directions have no negative entries, and half of them are 0.
    """
    random = np.random.default_rng([seed, 7])
    probability = 10.0 ** -np.linspace(0, decades, features)
    probability *= active / probability.sum()
    directions = random.normal(size=(features, units))
    if positive:
        directions = directions.clip(min=0)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    z = (random.random((rows, features)) < probability) * random.uniform(0.5, 1.5, (rows, features))
    y = z @ directions
    shift = random.normal(size=units)
    shift *= mean * np.sqrt(np.square(y).sum(axis=1).mean()) / np.linalg.norm(shift)
    return Planted((y + shift).astype(np.float32), z, directions)
