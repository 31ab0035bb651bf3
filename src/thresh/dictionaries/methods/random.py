"""A dictionary that was not learned, as a control."""

from collections.abc import Sequence

from torch import Tensor

from thresh.dictionaries.kinds.lasso import LassoDictionary
from thresh.dictionaries.learner import Finished, Learner, Run, Start, gaussian_atoms
from thresh.dictionaries.median import geometric_median
from thresh.parameters import POSITIVE, TRUE_OR_FALSE, checked


class RandomDictionary(Learner):
    """Gaussian atoms of unit norm; codes by the lasso, as for a learned dictionary.

    Parameters
    ----------
    penalty
        Of its own codes, as a multiple of the root mean square norm of the rows less the bias.
    bias
        Whether rows are seen from their geometric median, as those dictionaries see them that it is a control for; else
        from the origin, and where rows have a mean of their own, codes are mostly about that.
    """

    name = "random"

    @checked(penalty=POSITIVE, bias=TRUE_OR_FALSE)
    def __init__(self, units: int, atoms: int, *, penalty: float = 0.05, bias: bool = True, **common):
        super().__init__(units, atoms, **common)
        self.penalty, self.bias = penalty, bias

    def passes(self, rows: int) -> int:
        return 0

    def begin(self, members: Sequence[Learner], start: Start) -> Run:
        bias = geometric_median(start.sample) if self.bias else start.sample.new_zeros(self.units)
        seen = start.less(bias)
        return Finished(LassoDictionary(self.atoms_of(seen), self.penalty * seen.moments.scale(), bias))

    def atoms_of(self, start: Start) -> Tensor:
        return gaussian_atoms(self.atoms, self.units, self.generator())
