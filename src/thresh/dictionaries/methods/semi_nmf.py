"""Semi-non-negative matrix factorisation: codes that are not negative, atoms that may be."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from thresh.dictionaries.first_atoms import rows_as_atoms
from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.kinds.lasso import LassoDictionary
from thresh.dictionaries.learner import Learner, Run, Start, Step
from thresh.dictionaries.median import geometric_median
from thresh.dictionaries.statistics import Mending, Statistics
from thresh.inference import lasso
from thresh.inference.lasso import Lasso
from thresh.parameters import POSITIVE, TRUE_OR_FALSE, checked, integer

# Atoms that are hardly used, or copies, are replaced in the first half. Factors may well be close: they are not made to
# differ.
MENDING = Mending(0.5, 1e-4, 0.999)


class SemiNonnegative(Learner):
    """Minimises the sum of 0.5 |x - b - z D|^2 over codes z >= 0, atoms D of either sign and a bias b.

    For each batch: codes by accelerated projected gradient; running means of z'z and z'x; block-coordinate descent for
    the atoms. This is the online form of Ding et al.'s alternation: whole rows are not kept, and atoms have unit norm,
    which changes nothing, as codes carry the lengths.

    Assumes that rows are sums of parts that are only ever added, not that few parts are active. Rows then lie in a cone
    whose edges are the atoms; without a penalty, any wider cone fits as well, and with as many atoms as units almost
    all do. The penalty prefers the narrowest. Choose fewer atoms than units, or a method with sparse codes (`online`).

    Parameters
    ----------
    penalty
        Of the sum of codes, as a multiple of the rows' root mean square norm. Near 0 it is the method of the paper.
    steps
        Of the accelerated gradient for each batch.
    window
        Epochs over which the means remember.
    bias
        Whether b is learned, from the geometric median on; else it is 0, as in the paper, and rows with a mean that is
        no sum of parts are not explained.

    References
    ----------
    Ding, Li & Jordan 2010; Mairal et al. 2010, section 5 (online); Beck & Teboulle 2009 (codes).
    """

    name = "semi_nmf"
    usual_steps = 600
    parts_only: ClassVar[bool] = False  # whether atoms are not negative either

    @checked(penalty=POSITIVE, steps=integer(1), window=POSITIVE, bias=TRUE_OR_FALSE)
    def __init__(
        self,
        units: int,
        atoms: int,
        *,
        penalty: float = 0.01,
        steps: int = 50,
        window: float = 1.0,
        bias: bool = False,
        **common,
    ):
        super().__init__(units, atoms, **common)
        self.penalty, self.steps, self.window, self.bias = penalty, steps, window, bias

    def begin(self, members: Sequence[Learner], start: Start) -> Run:
        return FactorRun(self, start)

    def check(self, x: Tensor) -> None:
        """Refuse rows that the method is not for."""


class FactorRun(Run):
    """Codes and atoms in turn."""

    def __init__(self, learner: SemiNonnegative, start: Start):
        learner.check(start.sample)
        bias = geometric_median(start.sample) if learner.bias else None
        start = start if bias is None else start.less(bias)
        self.learner, self.scale = learner, start.moments.scale()
        self.batches = -(-start.rows // learner.batch_size)
        self.taken = 0
        generator = learner.generator()
        atoms = rows_as_atoms(start, learner.atoms, generator)
        if learner.parts_only:
            atoms = atoms.abs()  # Of the noise that stands in for missing rows.
        self.statistics = Statistics(atoms, generator, bias=bias, nonnegative=learner.parts_only)

    def step(self, x: Tensor, done: float) -> Step:
        learner, state = self.learner, self.statistics
        learner.check(x)
        problem = Lasso(x - state.bias, state.atoms, learner.penalty * self.scale)
        codes = problem.advance(lasso.start(torch.zeros_like(problem.correlations)), learner.steps).codes
        residual = problem.x - codes @ state.atoms
        loss = 0.5 * residual.square().sum(dim=1).mean() + problem.penalty * codes.sum(dim=1).mean()
        self.taken += 1
        state.remember(codes, x, min(self.taken, max(2.0, learner.window * self.batches)))
        state.update()
        if done < MENDING.until and self.taken % max(1, self.batches // 2) == 0:
            state.replace_atoms(residual.clamp(min=0) if learner.parts_only else residual, MENDING)
        return Step.of(loss, residual, codes)

    def dictionaries(self) -> list[Dictionary]:
        return [LassoDictionary(self.statistics.atoms, self.learner.penalty * self.scale, self.statistics.bias)]

    def state(self, member: int) -> dict[str, Any]:
        return {"taken": self.taken} | self.statistics.state()

    def restore(self, member: int, state: dict[str, Any]) -> None:
        self.taken = state["taken"]
        self.statistics.restore(state)
