"""A dictionary with a linear encoder, as sparse autoencoders have it."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from thresh.dictionaries.dictionary import Dictionary
from thresh.errors import DictionaryError
from thresh.inference.arrays import as_tensor


class TopKDictionary(Dictionary):
    """Codes are the k largest of relu((x - b_dec) W_enc + b_enc), the rest zero.

    Attributes
    ----------
    W_enc : (units, atoms) tensor
    b_enc : (atoms,) tensor
    k : int
    """

    architecture = "topk"

    def __init__(self, atoms, W_enc, b_enc, k: int, bias=None):
        super().__init__(atoms, bias)
        self.W_enc = as_tensor(W_enc, device="cpu", dtype=torch.float32)
        self.b_enc = as_tensor(b_enc, device="cpu", dtype=torch.float32)
        self.k = int(k)

    def codes_of(self, x: Tensor) -> Tensor:
        return keep_largest((x - self.b_dec.to(x)) @ self.W_enc.to(x) + self.b_enc.to(x), self.k)

    def folded(self, shift: np.ndarray, factor: float) -> "TopKDictionary":
        # relu and top-k commute with a positive factor: codes / factor are the codes of x in raw scale.
        return TopKDictionary(self.W_dec, self.W_enc, self.b_enc / factor, self.k, self.folded_bias(shift, factor))

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {"W_enc": self.W_enc, "b_enc": self.b_enc}

    def settings(self) -> dict[str, Any]:
        return {"k": self.k, "rescale_acts_by_decoder_norm": False}

    @classmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "TopKDictionary":
        if config.get("rescale_acts_by_decoder_norm"):
            raise DictionaryError("cfg.json: found rescale_acts_by_decoder_norm true, expected false.")
        b_enc = tensors["b_enc"]
        if not config.get("apply_b_dec_to_input", True):
            b_enc = b_enc + tensors["b_dec"] @ tensors["W_enc"]
        return cls(tensors["W_dec"], tensors["W_enc"], b_enc, config["k"], tensors["b_dec"])


def keep_largest(pre: Tensor, k: int) -> Tensor:
    """The k largest entries of each row where positive, zeros elsewhere; `pre` is (rows, atoms)."""
    values, index = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter_(-1, index, values.relu())
