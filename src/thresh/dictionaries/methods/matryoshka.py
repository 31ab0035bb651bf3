"""The Matryoshka sparse autoencoder."""

from collections.abc import Sequence

import torch
from torch import Tensor

from thresh.dictionaries.autoencoders.sparse import EncoderGradient, Support, decode
from thresh.dictionaries.autoencoders.stack import Forward, Stack, unexplained
from thresh.dictionaries.methods.batchtopk import BatchTopK, counted
from thresh.errors import ConfigError
from thresh.parameters import POSITIVE, checked, each


class Matryoshka(BatchTopK):
    """BatchTopK whose first atoms explain rows by themselves (Bussmann et al. 2025).

    Minimises the mean over prefixes m of |x - z_1..m D_1..m - b_dec|^2 over the variance. The paper takes the sum; the
    mean leaves the weight of AuxK what it is elsewhere. Codes, threshold and file are those of `BatchTopK`.

    Assumes that concepts form a hierarchy, whose general part early atoms hold. A sparse autoencoder saves latents by
    letting a special concept absorb the general one that it always comes with, and leaves the latent of the general one
    silent there; here the prefix that has no room for the special one needs the general one in every row. Choose
    `BatchTopK` where concepts are independent: prefixes then only cost reconstruction, and early atoms mix concepts.

    Parameters
    ----------
    groups
        Prefixes: shares of the atoms, or numbers of atoms if one is above 1. All atoms are always the last prefix.
        Default: each twice the one before.
    """

    name = "matryoshka"

    @checked(groups=each(POSITIVE))
    def __init__(self, units: int, atoms: int, *, groups: Sequence[float] = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1), **common):
        super().__init__(units, atoms, **common)
        self.prefixes = prefixes_of(groups, atoms)

    def explain(self, stack: Stack, x: Tensor, inputs: Tensor, pre: Tensor, support: Support) -> Forward:
        values = EncoderGradient.apply(pre, inputs, stack.W_enc, stack.b_enc, stack.b_dec, support).relu()
        # What each group of atoms beyond the prefix before adds; the sums over groups are the prefixes.
        n, rows, _ = support.shape
        added = decode(values, stack.W_dec, by_group(support, self.prefixes)).view(n, rows, len(self.prefixes), -1)
        residuals = (x - stack.b_dec.unsqueeze(1)).unsqueeze(2) - added.cumsum(dim=2)
        loss = unexplained(residuals.flatten(1, 2), stack.variance)
        codes = values.detach()
        return Forward(loss, residuals[:, :, -1], support.active(codes), support.used(codes))


def prefixes_of(groups: Sequence[float], atoms: int) -> tuple[int, ...]:
    """Sizes of the prefixes, each once, the last of them all atoms."""
    groups = groups if isinstance(groups, list | tuple) else [groups]
    sizes = [max(1, round(group * atoms)) for group in groups] if max(groups) <= 1 else groups
    if any(size != int(size) or size > atoms for size in sizes):
        raise ConfigError("groups", groups, f"shares up to 1, or whole numbers up to the number of atoms ({atoms})")
    return tuple(sorted({*map(int, sizes), atoms}))


def by_group(support: Support, prefixes: tuple[int, ...]) -> Support:
    """The same entries, those of a row parted into one row for each group of atoms between two prefixes."""
    n, rows, atoms = support.shape
    first = torch.tensor(prefixes[:-1], device=support.columns.device)
    group = torch.bucketize(support.columns % atoms, first, right=True)
    counts = counted(support.rows * len(prefixes) + group, n * rows * len(prefixes))
    return Support(counts, support.columns, (n, rows * len(prefixes), atoms))
