"""A dictionary that keeps the largest codes of each row."""

from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.kinds.linear import LinearDictionary
from thresh.inference.arrays import as_tensor


class TopKDictionary(LinearDictionary):
    """Codes are the k largest of relu((x - b_dec) W_enc + b_enc), the rest zero, times `lengths`.

    Attributes
    ----------
    k : int
    lengths : (atoms,) tensor
        Ones, but where atoms had other norms when the k largest were chosen.
    """

    architecture = "topk"

    def __init__(self, atoms, W_enc, b_enc, k: int, bias=None, lengths=None):
        super().__init__(atoms, W_enc, b_enc, bias)
        self.k = int(k)
        lengths = torch.ones(len(self.b_enc)) if lengths is None else lengths
        self.lengths = as_tensor(lengths, device="cpu", dtype=torch.float32)

    def activate(self, pre: Tensor) -> Tensor:
        return keep_largest(pre, self.k) * self.lengths.to(pre)

    def moved(self, atoms: Tensor, W_enc: Tensor, bias: Tensor, lengths: Tensor) -> "TopKDictionary":
        if bool((lengths == lengths[0]).all()) and lengths[0] > 0:
            # One positive factor changes neither sign nor order.
            return TopKDictionary(atoms, W_enc * lengths, self.b_enc * lengths, self.k, bias, self.lengths)
        return TopKDictionary(atoms, W_enc, self.b_enc, self.k, bias, self.lengths * lengths)

    def tensors(self) -> dict[str, Tensor]:
        # Others choose before they know the lengths of atoms: there the lengths stay with the atoms.
        return super().tensors() | {"W_dec": self.W_dec * self.lengths.unsqueeze(1)}

    def settings(self) -> dict[str, Any]:
        return {"k": self.k, "rescale_acts_by_decoder_norm": False}

    @classmethod
    def read(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "TopKDictionary":
        W_dec, W_enc, b_enc = (tensors[name] for name in ("W_dec", "W_enc", "b_enc"))
        made = cls(W_dec, W_enc, b_enc, config["k"], tensors["b_dec"])
        if not config.get("rescale_acts_by_decoder_norm"):
            return made
        # Codes times norms are what is chosen from, and what atoms of unit norm are to be multiplied with.
        norms = W_dec.norm(dim=1)
        return cls(W_dec / norms.unsqueeze(1), W_enc * norms, b_enc * norms, config["k"], tensors["b_dec"])


def keep_largest(pre: Tensor, k: int) -> Tensor:
    """The k largest entries of each row where positive, zeros elsewhere; `pre` is (rows, atoms)."""
    values, index = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter_(-1, index, values.relu())
