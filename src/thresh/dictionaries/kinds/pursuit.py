"""A dictionary without an encoder: its codes have a fixed number of active atoms, chosen greedily."""

from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.inputs import Transform
from thresh.dictionaries.kinds.dictionary import Dictionary
from thresh.inference.omp import omp


class PursuitDictionary(Dictionary):
    """Codes of x - b have at most k active atoms, chosen by orthogonal matching pursuit, with least squares on these.

    Attributes
    ----------
    k : int
    nonnegative : bool
        Whether codes are held at or above 0.
    """

    architecture = "thresh_pursuit"

    def __init__(self, atoms, k: int, bias=None, *, nonnegative: bool = True):
        super().__init__(atoms, bias)
        self.k, self.nonnegative = int(k), bool(nonnegative)

    def codes_of(self, x: Tensor) -> Tensor:
        return omp(x - self.b_dec.to(x), self.W_dec.to(x), self.k, self.nonnegative)

    def folded(self, transform: Transform) -> Dictionary:
        if not transform.is_scalar:
            return super().folded(transform)
        # The choice of atoms does not depend on the scale of rows.
        bias = torch.from_numpy(transform.shift) + self.b_dec * transform.inverse
        return PursuitDictionary(self.W_dec, self.k, bias, nonnegative=self.nonnegative)

    def settings(self) -> dict[str, Any]:
        return {"k": self.k, "nonnegative": self.nonnegative}

    @classmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "PursuitDictionary":
        return cls(tensors["W_dec"], config["k"], tensors["b_dec"], nonnegative=config["nonnegative"])
