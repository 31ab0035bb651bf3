"""Planted superposition: rows y = z A with known sparse z and unit-norm directions A."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Planted:
    rows: np.ndarray
    features: np.ndarray
    directions: np.ndarray


def plant(rows: int, features: int, units: int, active: float, seed: int = 0) -> Planted:
    """Features are on with probability active / features, then uniform on [.5, 1.5]."""
    random = np.random.default_rng([seed, 7])
    z = (random.random((rows, features)) < active / features) * random.uniform(0.5, 1.5, (rows, features))
    directions = random.normal(size=(features, units))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return Planted((z @ directions).astype(np.float32), z, directions)
