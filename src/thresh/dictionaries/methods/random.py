"""A dictionary that was not learned, as a control."""

from thresh.dictionaries.lasso import LassoDictionary
from thresh.dictionaries.learner import Learner
from thresh.dictionaries.normalise import NormalisedRows
from thresh.dictionaries.progress import Progress
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

    def fit(self, rows: NormalisedRows, progress: Progress) -> LassoDictionary:
        return LassoDictionary(self.gaussian_atoms(), self.penalty * rows.moments.scale())
