"""A dictionary whose codes are projections, of either sign."""

from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.kinds.linear import LinearDictionary


class ProjectionDictionary(LinearDictionary):
    """Codes are (x - b_dec) W_enc: coordinates along the atoms, dense and of either sign."""

    architecture = "thresh_projection"

    def __init__(self, atoms, W_enc, bias=None):
        super().__init__(atoms, W_enc, torch.zeros(len(atoms)), bias)

    def activate(self, pre: Tensor) -> Tensor:
        return pre

    def moved(self, atoms: Tensor, W_enc: Tensor, bias: Tensor, lengths: Tensor) -> "ProjectionDictionary":
        return ProjectionDictionary(atoms, W_enc * lengths, bias)

    def tensors(self) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in super().tensors().items() if name != "b_enc"}

    @classmethod
    def read(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "ProjectionDictionary":
        return cls(*(tensors[name] for name in ("W_dec", "W_enc", "b_dec")))
