"""Planted superposition: systems whose features are known."""

from functools import cached_property

import numpy as np

from thresh.errors import HarvestError
from thresh.systems.base import LayerShape, System

# Rows are computed in blocks of one size: the last digits of a matrix product depend on its shape.
BLOCK = 1024


class PlantedSystem(System):
    """y = z A + noise: features z of the stimulus set, A (features, units) with unit-norm Gaussian rows.

    More features than units share the units in superposition.

    Parameters
    ----------
    units
        Number of units.
    features
        First feature that the system holds and the one after the last; default: all of the stimulus set.
    noise
        Standard deviation of Gaussian noise on each unit.
    seed
        Seed of A and of the noise.
    """

    batch_size = BLOCK

    def __init__(
        self,
        name,
        stimuli,
        *,
        layers,
        units: int,
        features: tuple[int, int] | None = None,
        noise: float = 0.0,
        seed: int = 0,
        device=None,
    ):
        super().__init__(name, stimuli, layers=layers, device=device)
        self.units = units
        self.features = tuple(features) if features is not None else (0, stimuli.feature_count)
        self.noise = noise
        self.seed = seed

    @cached_property
    def mixing(self) -> np.ndarray:
        """A (features, units), float32."""
        drawn = np.random.default_rng(self.seed).standard_normal((self.features[1] - self.features[0], self.units))
        return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)

    def check(self) -> None:
        """See `System.check`."""
        self.require("features")
        known = self.stimuli.feature_count
        start, stop = self.features
        if not 0 <= start < stop <= known:
            raise HarvestError(
                f"systems.{self.name}.features: found {list(self.features)}, expected a range within 0 to {known},"
                f" the features of {self.stimuli.name!r}."
            )
        self.check_one_layer()

    def layer_shape(self, layer: str) -> LayerShape:
        """See `System.layer_shape`."""
        return LayerShape(1, self.units, {"unit": np.arange(self.units)})

    def responses(self, start: int, stop: int, layers: list[str]) -> dict[str, np.ndarray]:
        """See `System.responses`."""
        stop = min(stop, len(self.stimuli))
        blocks = [np.empty((0, self.units), np.float32)]
        for first in range(start - start % BLOCK, stop, BLOCK):
            blocks.append(self.block(first)[max(start - first, 0) : stop - first])
        return dict.fromkeys(layers, np.concatenate(blocks))

    def block(self, first: int) -> np.ndarray:
        """Responses (BLOCK, units) to the stimuli from `first` on; zeros stand for stimuli after the last."""
        features = self.stimuli.features(first, first + BLOCK)[:, slice(*self.features)]
        padded = np.zeros((BLOCK, features.shape[1]), np.float32)
        padded[: len(features)] = features
        values = padded @ self.mixing
        if self.noise:
            generator = np.random.default_rng([self.seed, 1, first])
            values += generator.standard_normal(values.shape, dtype=np.float32) * np.float32(self.noise)
        return values

    def recipe(self, layer: str) -> dict:
        """See `System.recipe`."""
        return {
            "kind": "planted",
            "units": self.units,
            "features": list(self.features),
            "noise": self.noise,
            "seed": self.seed,
            "numpy": np.__version__,
        }

    def truth(self, layer: str) -> dict:
        """See `System.truth`."""
        return {"mixing": self.mixing, "features": np.arange(*self.features)}

    def facts(self, layer: str) -> dict:
        """See `System.facts`."""
        planted = {
            "features": [f"feature{index:03d}" for index in range(*self.features)],
            "units": self.units,
            "mixing": "unit_norm",
            "noise": self.noise,
            **{key: self.stimuli.parameters.get(key) for key in ("probability", "amplitude")},
        }
        return {"simulated": True, "source": "planted superposition", "planted": planted}
