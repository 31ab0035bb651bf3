"""Principal components, as a baseline."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.kinds.projection import ProjectionDictionary
from thresh.dictionaries.learner import Learner, Run, Start, Step
from thresh.dictionaries.scatter import Scatter
from thresh.errors import ConfigError


class PrincipalComponents(Learner):
    """Maximises the variance that z = (x - mean) D' keeps, with orthonormal atoms D.

    One pass over the rows sums their covariance in double precision; atoms are its eigenvectors, largest eigenvalue
    first, the largest entry of each positive. Codes are dense and of either sign.

    Assumes that what matters is what varies most, and that there are no more features than units: features in
    superposition share components. A baseline: how much do a few dense directions explain that a sparse dictionary
    must beat. `ica` turns the same space to independent directions.

    References
    ----------
    Hotelling 1933. Agrees with scikit-learn's `PCA` to 1e-5.
    """

    name = "pca"

    def __init__(self, units: int, atoms: int, **common):
        super().__init__(units, atoms, **common)
        if atoms > units:
            raise ConfigError("atoms", atoms, f"at most the number of units ({units}): components are orthogonal")

    def passes(self, rows: int) -> int:
        return 1

    def begin(self, members: Sequence[Learner], start: Start) -> Run:
        return PrincipalComponentsRun(self, start)


class PrincipalComponentsRun(Run):
    """One epoch of sums; until it ends there are no components, and nothing is explained."""

    def __init__(self, learner: PrincipalComponents, start: Start):
        self.learner = learner
        self.mean = torch.from_numpy(start.moments.mean).to(start.sample)
        self.scatter = Scatter(self.mean)

    def step(self, x: Tensor, done: float) -> Step:
        self.scatter.add(x)
        residual = x - self.mean
        return Step.of(residual.square().sum(dim=1).mean(), residual, x.new_zeros(len(x), self.learner.atoms))

    def dictionaries(self) -> list[Dictionary]:
        _, atoms = self.scatter.principal(self.learner.atoms)
        return [ProjectionDictionary(atoms, atoms.T, self.mean)]

    def state(self, member: int) -> dict[str, Any]:
        return self.scatter.state()

    def restore(self, member: int, state: dict[str, Any]) -> None:
        self.scatter.restore(state)
