"""The TopK sparse autoencoder."""

import torch
from torch import Tensor

from thresh.dictionaries.autoencoders.sparse import Support, chosen, largest
from thresh.dictionaries.autoencoders.sparse_autoencoder import SparseAutoencoder
from thresh.dictionaries.autoencoders.stack import Forward, Stack, centred, forward_of_rectified
from thresh.dictionaries.kinds.topk import TopKDictionary
from thresh.errors import ConfigError
from thresh.parameters import checked, integer


class TopK(SparseAutoencoder):
    """Keeps the k largest latents of each row (Gao et al. 2024, eq. 4).

    Assumes that every row mixes about the same number of concepts. Choose online dictionary learning where
    atoms should be as exact as the data allow, TopK where codes must be cheap.

    Parameters
    ----------
    k
        Latents that stay active, between 1 and the number of atoms.
    """

    name = "topk"

    @checked(k=integer(1))
    def __init__(self, units: int, atoms: int, *, k: int = 8, **common):
        super().__init__(units, atoms, **common)
        if k > atoms:
            raise ConfigError("k", k, f"between 1 and the number of atoms ({atoms})")
        self.k = k

    def forward(self, stack: Stack, x: Tensor, done: float) -> Forward:
        with torch.no_grad():
            inputs = centred(stack, x)
            values, index = chosen(inputs, stack.W_enc, stack.b_enc, lambda pre: largest(pre, self.k))
            support = Support.of_index(index, self.atoms)
        return forward_of_rectified(stack, inputs, values.flatten().float(), support, stack.W_dec)

    def export(self, tensors: dict[str, Tensor]) -> TopKDictionary:
        return TopKDictionary(tensors["W_dec"], tensors["W_enc"].T, tensors["b_enc"], self.k, tensors["b_dec"])
