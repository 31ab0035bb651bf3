"""Independent components, as a baseline."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.kinds.dictionary import unit_atoms
from thresh.dictionaries.kinds.projection import ProjectionDictionary
from thresh.dictionaries.learner import Learner, Run, Start, Step
from thresh.dictionaries.scatter import Scatter, double
from thresh.errors import ConfigError

SILENT = 1e-10  # of the largest variance; directions that vary less are left out


class IndependentComponents(Learner):
    """Turns the principal components, at unit variance, to directions whose codes are least Gaussian (FastICA).

    The first epoch sums the covariance. With white rows y = K (x - mean), each further epoch is one step for all
    components together: W <- <tanh(W y) y'> - diag<1 - tanh^2(W y)> W, then W <- (W W')^-1/2 W. Codes are
    W K (x - mean), times the lengths of the atoms, which are the rows of W K^-1'. A component and its opposite are the
    same to the method: each is turned so that its codes have positive skewness, as those of features that are there or
    not. Codes are dense, of either sign, and have mean 0.

    Assumes that rows are sums of independent features of which at most one is Gaussian, as many as components and no
    more than units. Choose it as a baseline for layers without superposition; with more features than units it
    cannot find them.

    Parameters
    ----------
    epochs
        One for the covariance and one for each step; default: 40. Steps converge quadratically or faster once near.

    References
    ----------
    Hyvärinen 1999, the fixed-point algorithm with g = tanh and symmetric decorrelation. Agrees with scikit-learn's
    `FastICA` up to order and sign.
    """

    name = "ica"

    def __init__(self, units: int, atoms: int, **common):
        super().__init__(units, atoms, **common)
        if atoms > units:
            raise ConfigError("atoms", atoms, f"at most the number of units ({units})")
        if self.epochs == 1:
            raise ConfigError("epochs", 1, "2 or more: the first sums the covariance")

    def passes(self, rows: int) -> int:
        return self.epochs or 40

    def begin(self, members: Sequence[Learner], start: Start) -> Run:
        return IndependentComponentsRun(self, start)


class IndependentComponentsRun(Run):
    """Covariance in the first epoch, then a step of FastICA an epoch.

    Attributes
    ----------
    whitening, mixing : (atoms, units)
        K, and its pseudoinverse, transposed; None in the first epoch.
    turn : (atoms, atoms)
        W, orthogonal.
    signs : (atoms,)
        That make the skewness of codes positive.
    """

    def __init__(self, learner: IndependentComponents, start: Start):
        self.learner = learner
        self.mean = torch.from_numpy(start.moments.mean).to(start.sample)
        self.scatter = Scatter(self.mean)
        self.whitening: Tensor | None = None
        self.forget()

    def forget(self) -> None:
        zeros = self.scatter.total.new_zeros
        self.cross, self.slope = zeros(self.learner.atoms, self.learner.atoms), zeros(self.learner.atoms)
        self.cube, self.count = zeros(self.learner.atoms), 0

    def step(self, x: Tensor, done: float) -> Step:
        if self.whitening is None:
            self.scatter.add(x)
            residual = x - self.mean
            return Step.of(residual.square().sum(dim=1).mean(), residual, x.new_zeros(len(x), self.learner.atoms))
        turn = self.turn.to(x)
        white = (x - self.mean) @ self.whitening.T
        sources = white @ turn.T
        bent = sources.tanh()
        self.cross += double(bent.T @ white)
        self.slope += double((1 - bent.square()).sum(dim=0))
        self.cube += double(sources.pow(3).sum(dim=0))
        self.count += len(x)
        residual = x - self.mean - sources @ (turn @ self.mixing)
        return Step.of(residual.square().sum(dim=1).mean(), residual, sources)

    def end_epoch(self) -> None:
        if self.whitening is None:
            self.whiten()
            return
        slope = (self.slope / self.count).unsqueeze(1)
        left, _, right = torch.linalg.svd(self.cross / self.count - slope * self.turn)
        turned = left @ right
        # The step may turn a component to its opposite.
        self.signs = torch.where(self.cube * (turned * self.turn).sum(dim=1) < 0, -1.0, 1.0)
        self.turn = turned
        self.forget()

    def whiten(self) -> None:
        variance, vectors = self.scatter.principal(self.learner.atoms)
        live = variance > SILENT * variance.max()
        deviation = variance.sqrt().unsqueeze(1)
        # Directions without variance keep codes of 0, and are not mixed with the others.
        self.whitening = torch.where(live.unsqueeze(1), vectors / deviation, 0.0).to(self.mean)
        self.mixing = (vectors * deviation).to(self.mean)
        count = int(live.sum())
        gaussian = torch.randn(count, count, generator=self.learner.generator(), dtype=torch.float64)
        self.turn = torch.eye(self.learner.atoms, dtype=torch.float64)
        self.turn[:count, :count] = torch.linalg.qr(gaussian).Q
        self.turn = self.turn.to(self.cross)
        self.signs = torch.ones_like(self.slope)

    def dictionaries(self) -> list[Dictionary]:
        turn = self.turn * self.signs.unsqueeze(1)
        atoms, lengths = unit_atoms(turn @ double(self.mixing))
        encoder = double(self.whitening).T @ turn.T
        return [ProjectionDictionary(atoms, encoder * lengths, self.mean)]

    def state(self, member: int) -> dict[str, Any]:
        sums = {"cross": self.cross, "slope": self.slope, "cube": self.cube}
        state = {name: each.clone() for name, each in sums.items()} | {"count": self.count}
        if self.whitening is None:
            return state | {"scatter": self.scatter.state()}
        names = ("whitening", "mixing", "turn", "signs")
        return state | {name: getattr(self, name).clone() for name in names}

    def restore(self, member: int, state: dict[str, Any]) -> None:
        for name in ("cross", "slope", "cube"):
            setattr(self, name, state[name].to(self.cross))
        self.count = state["count"]
        if "scatter" in state:
            self.scatter.restore(state["scatter"])
            return
        self.whitening, self.mixing = (state[name].to(self.mean) for name in ("whitening", "mixing"))
        self.turn, self.signs = (state[name].to(self.cross) for name in ("turn", "signs"))
