"""A dictionary without an encoder: its codes are those of the lasso, solved exactly."""

from typing import Any

import numpy as np
from torch import Tensor

from thresh.dictionaries.dictionary import Dictionary
from thresh.inference.fista import fista


class LassoDictionary(Dictionary):
    """Codes are the non-negative minimisers of 0.5 |x - b - z D|^2 + penalty |z|_1.

    Attributes
    ----------
    penalty : float
        In the scale of raw activations.
    """

    architecture = "thresh_lasso"

    def __init__(self, atoms, penalty: float, bias=None):
        super().__init__(atoms, bias)
        self.penalty = float(penalty)

    def codes_of(self, x: Tensor) -> Tensor:
        return fista(x - self.b_dec.to(x), self.W_dec.to(x), self.penalty)

    def folded(self, shift: np.ndarray, factor: float) -> "LassoDictionary":
        return LassoDictionary(self.W_dec, self.penalty / factor, self.folded_bias(shift, factor))

    def settings(self) -> dict[str, Any]:
        return {"penalty": self.penalty}

    @classmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "LassoDictionary":
        return cls(tensors["W_dec"], config["penalty"], tensors["b_dec"])
