"""The TopK sparse autoencoder."""

from torch import Tensor

from thresh.dictionaries.encoder import TopKDictionary, keep_largest
from thresh.dictionaries.sparse_autoencoder import SparseAutoencoder
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

    def activate(self, pre: Tensor) -> Tensor:
        return keep_largest(pre, self.k)

    def export(self) -> TopKDictionary:
        return TopKDictionary(self.W_dec, self.W_enc, self.b_enc, self.k, self.b_dec)
