"""Non-negative matrix factorisation."""

from torch import Tensor

from thresh.dictionaries.methods.semi_nmf import SemiNonnegative
from thresh.errors import ConfigError, DictionaryError


class Nonnegative(SemiNonnegative):
    """Minimises the sum of 0.5 |x - z D|^2 over codes z >= 0 and atoms D >= 0.

    As `semi_nmf`, with each atom set to the best vector of unit norm without negative entries, in turn. Rows must not
    be negative, as after a ReLU or for firing rates; they can be scaled, not centred or whitened.

    Assumes that rows are sums of parts that are only ever added, and that parts differ in which units they leave
    silent: where every unit takes part in everything, many factorisations fit equally well. Not sparse by itself:
    choose `online` where features outnumber units.

    Parameters
    ----------
    penalty
        As for `semi_nmf`; entries of atoms at 0 bound the cone by themselves, so that the default is as good as none.
    bias
        There is none.

    References
    ----------
    Lee & Seung 2001, the Euclidean objective; Cichocki & Phan 2009 (FAST-HALS); Mairal et al. 2010, section 5 (online).
    Objective as scikit-learn's `NMF`.
    """

    name = "nmf"
    normalisations = ("none", "scale")
    parts_only = True

    def __init__(self, units: int, atoms: int, *, penalty: float = 1e-3, bias: bool = False, **common):
        super().__init__(units, atoms, penalty=penalty, bias=bias, **common)
        if bias:
            raise ConfigError("bias", bias, "false: parts of nmf are added to nothing")

    def check(self, x: Tensor) -> None:
        least = x.amin(dim=0)
        if bool((least < 0).any()):
            unit = int(least.argmin())
            raise DictionaryError(
                f"activations: unit {unit} has the value {float(least[unit]):.4g}, expected none below 0 for nmf; "
                "semi_nmf takes them."
            )
