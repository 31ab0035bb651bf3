"""A dictionary whose codes are rectified."""

from typing import Any

from torch import Tensor

from thresh.dictionaries.kinds.linear import LinearDictionary


class ReLUDictionary(LinearDictionary):
    """Codes are relu((x - b_dec) W_enc + b_enc)."""

    architecture = "standard"

    def activate(self, pre: Tensor) -> Tensor:
        return pre.relu()

    def moved(self, atoms: Tensor, W_enc: Tensor, bias: Tensor, lengths: Tensor) -> "ReLUDictionary":
        return ReLUDictionary(atoms, W_enc * lengths, self.b_enc * lengths, bias)

    @classmethod
    def read(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "ReLUDictionary":
        return cls(tensors["W_dec"], tensors["W_enc"], tensors["b_enc"], tensors["b_dec"])
