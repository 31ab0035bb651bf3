"""A dictionary that was not learned, as a control."""

from collections.abc import Sequence

from torch import Tensor

from thresh.dictionaries.kinds.lasso import LassoDictionary
from thresh.dictionaries.learner import Finished, Learner, Run, Start, gaussian_atoms
from thresh.parameters import POSITIVE, checked


class RandomDictionary(Learner):
    """Gaussian atoms of unit norm; codes by the lasso, as for a learned dictionary.

    Parameters
    ----------
    penalty
        Of its own codes, as a multiple of the rows' root mean square norm.
    """

    name = "random"

    @checked(penalty=POSITIVE)
    def __init__(self, units: int, atoms: int, *, penalty: float = 0.05, **common):
        super().__init__(units, atoms, **common)
        self.penalty = penalty

    def passes(self, rows: int) -> int:
        return 0

    def begin(self, members: Sequence[Learner], start: Start) -> Run:
        return Finished(LassoDictionary(self.atoms_of(start), self.penalty * start.moments.scale()))

    def atoms_of(self, start: Start) -> Tensor:
        return gaussian_atoms(self.atoms, self.units, self.generator())
