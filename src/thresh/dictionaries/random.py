"""A dictionary that was not learned, as a control."""

from thresh.dictionaries.lasso import LassoDictionary
from thresh.dictionaries.learner import Learner, positive
from thresh.dictionaries.normalise import NormalisedRows
from thresh.dictionaries.progress import Progress


class RandomDictionary(Learner):
    """Gaussian atoms of unit norm; codes by the lasso, as for a learned dictionary.

    Parameters
    ----------
    penalty
        Of its own codes, as a multiple of the rows' root mean square norm.
    """

    name = "random"

    def __init__(self, units: int, atoms: int, *, penalty: float = 0.05, **common):
        super().__init__(units, atoms, **common)
        positive(penalty=penalty)
        self.penalty = penalty

    def fit(self, rows: NormalisedRows, progress: Progress) -> LassoDictionary:
        return LassoDictionary(self.gaussian_atoms(), self.penalty * rows.moments.scale())
