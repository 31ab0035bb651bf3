"""A dictionary of clusters: its codes name the nearest centroid."""

from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.distances import squared_distances
from thresh.dictionaries.inputs import Transform
from thresh.dictionaries.kinds.dictionary import Dictionary, unit_atoms
from thresh.inference.arrays import as_tensor


class NearestDictionary(Dictionary):
    """Codes of a row have one active atom, that of the nearest centroid, and decoding gives the centroid.

    Centroid j is b + lengths_j d_j with an atom d_j of unit norm; its code is lengths_j. A centroid that lies on b has
    no direction: its rows have no active atom.

    Attributes
    ----------
    lengths : (atoms,) tensor
        Distances of the centroids from b.
    """

    architecture = "thresh_nearest"

    def __init__(self, atoms, lengths, bias=None):
        super().__init__(atoms, bias)
        self.lengths = as_tensor(lengths, device="cpu", dtype=torch.float32)

    @classmethod
    def of_centroids(cls, centroids: Tensor) -> "NearestDictionary":
        """With b = 0."""
        return cls(*unit_atoms(centroids))

    def codes_of(self, x: Tensor) -> Tensor:
        lengths = self.lengths.to(x)
        distance = squared_distances(x - self.b_dec.to(x), self.W_dec.to(x) * lengths.unsqueeze(1))
        nearest = distance.argmin(dim=1, keepdim=True)
        return torch.zeros_like(distance).scatter_(1, nearest, lengths[nearest])

    def folded(self, transform: Transform) -> Dictionary:
        if not transform.is_scalar:
            return super().folded(transform)
        bias = torch.from_numpy(transform.shift) + self.b_dec * transform.inverse
        return NearestDictionary(self.W_dec, self.lengths * transform.inverse, bias)

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {"lengths": self.lengths}

    @classmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "NearestDictionary":
        return cls(*(tensors[name] for name in ("W_dec", "lengths", "b_dec")))
