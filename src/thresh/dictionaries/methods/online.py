"""Online dictionary learning: sparse codes and atoms in turn, batch by batch."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.first_atoms import rows_as_atoms
from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.kinds.lasso import LassoDictionary
from thresh.dictionaries.kinds.pursuit import PursuitDictionary
from thresh.dictionaries.learner import Learner, Run, Start, Step, gaussian_atoms
from thresh.dictionaries.statistics import Statistics, strict_then_mild, usual_coherence
from thresh.errors import ConfigError
from thresh.inference import lasso, omp
from thresh.inference.lasso import Lasso
from thresh.parameters import POSITIVE, TRUE_OR_FALSE, checked, integer, one_of, optional

ANNEALED = 0.7  # share of the run over which the penalty falls; after it atoms settle at the final one


class OnlineDictionary(Learner):
    """Minimises the mean of 0.5 |x - z D|^2 + penalty |z|_1 over codes z >= 0 and unit-norm atoms.

    For each batch: codes by FISTA at the present penalty; running statistics A = <z'z>, B = <z'x> that
    forget rows older than a window; then for each atom in turn d_j += (B_j - A_j D) / A_jj, to unit norm.

    Atoms start as rows of the data. A large penalty at the start makes the first atoms explain whole rows
    by few features, and falls while they sharpen. Twice an epoch, atoms that are weak or close to a stronger
    one are set to the residuals of the worst explained rows: the local minima that matter are two atoms that
    share a feature while another feature has none, and one atom for two features beside one for noise. The
    rule is strict at first and mild later, because real features can be close to each other, or rare.

    Assumes that rows are sums of few features and little else. Choose `codes='omp'` where rows have about the same
    number of features and their strengths matter: least squares does not shrink them. Choose `nonnegative=False` where
    a feature may count in either direction, as in a basis; concepts rather are there or not.

    Parameters
    ----------
    penalty, start_penalty
        At the end and at the start, as multiples of the rows' root mean square norm.
    steps
        FISTA steps for each batch, from codes of zero: batches come in shuffled order and do not say which rows they
        hold, so the codes that a row had in the last epoch cannot be found again in bounded memory. Raise it with a
        small penalty (400 features in 74 units, penalty .02: cosine .972 with 20 steps, .994 with 60).
    window, final_window
        Epochs over which A and B remember, at the start and at the end.
    duplicate
        Cosine from which on the weaker of two atoms is replaced in the first 30 % of the run. None: 0.65, or the
        90 % quantile of the nearest neighbour's cosine in a random dictionary of this shape, whichever is larger.
    codes
        'fista': the lasso. 'omp': at most k atoms a row, by orthogonal matching pursuit; the penalties and `steps` are
        without meaning then.
    k
        Active atoms of a row, for 'omp'.
    nonnegative
        Whether codes are held at or above 0.

    References
    ----------
    Mairal et al. 2009, algorithms 1 and 2.
    """

    name = "online"
    usual_steps = 600

    @checked(
        penalty=POSITIVE,
        start_penalty=POSITIVE,
        steps=integer(1),
        window=POSITIVE,
        final_window=POSITIVE,
        duplicate=optional(POSITIVE),
        codes=one_of("fista", "omp"),
        k=optional(integer(1)),
        nonnegative=TRUE_OR_FALSE,
    )
    def __init__(
        self,
        units: int,
        atoms: int,
        *,
        penalty: float = 0.05,
        start_penalty: float = 0.2,
        steps: int = 20,
        window: float = 0.3,
        final_window: float = 1.0,
        duplicate: float | None = None,
        codes: str = "fista",
        k: int | None = None,
        nonnegative: bool = True,
        **common,
    ):
        super().__init__(units, atoms, **common)
        if codes == "fista" and k is not None:
            raise ConfigError("k", k, "null: codes by fista have no fixed number of active atoms")
        if codes == "omp" and not (k and k <= atoms):
            raise ConfigError("k", k, f"between 1 and the number of atoms ({atoms}): codes by omp need it")
        self.codes, self.k, self.nonnegative = codes, k, nonnegative
        self.penalty, self.start_penalty = penalty, max(start_penalty, penalty)
        self.steps, self.window, self.final_window = steps, window, final_window
        self.duplicate = duplicate

    def begin(self, members: Sequence[Learner], start: Start) -> Run:
        return OnlineRun(self, start)

    def penalty_at(self, done: float) -> float:
        """Geometric descent from the first penalty to the last; 0 where codes are not penalised."""
        if self.codes == "omp":
            return 0.0
        return self.start_penalty * (self.penalty / self.start_penalty) ** min(1.0, done / ANNEALED)


class OnlineRun(Run):
    """Codes and atoms in turn."""

    def __init__(self, learner: OnlineDictionary, start: Start):
        self.learner, self.scale = learner, start.moments.scale()
        self.batches = -(-start.rows // learner.batch_size)
        self.taken = 0
        generator = learner.generator()
        duplicate = learner.duplicate or max(
            0.65, usual_coherence(gaussian_atoms(learner.atoms, learner.units, generator))
        )
        self.mending = strict_then_mild(duplicate, signed=not learner.nonnegative)
        self.statistics = Statistics(rows_as_atoms(start, learner.atoms, generator), generator)

    def step(self, x: Tensor, done: float) -> Step:
        learner, state = self.learner, self.statistics
        penalty = self.scale * learner.penalty_at(done)
        codes = self.codes(x, penalty)
        residual = x - codes @ state.atoms
        loss = 0.5 * residual.square().sum(dim=1).mean() + penalty * codes.abs().sum(dim=1).mean()
        self.taken += 1
        window = self.batches * (learner.window + (learner.final_window - learner.window) * done)
        state.remember(codes, x, min(self.taken, max(2.0, window)))
        state.update_atoms()
        rule = next((rule for rule in self.mending if done < rule.until), None)
        if rule and self.taken % max(1, self.batches // 2) == 0:
            state.replace_atoms(residual, rule)
        return Step.of(loss, residual, codes)

    def codes(self, x: Tensor, penalty: float) -> Tensor:
        learner, atoms = self.learner, self.statistics.atoms
        if learner.codes == "omp":
            return omp(x, atoms, learner.k, learner.nonnegative)
        problem = Lasso(x, atoms, penalty, learner.nonnegative)
        return problem.advance(lasso.start(torch.zeros_like(problem.correlations)), learner.steps).codes

    def dictionaries(self) -> list[Dictionary]:
        learner, atoms = self.learner, self.statistics.atoms
        if learner.codes == "omp":
            return [PursuitDictionary(atoms, learner.k, nonnegative=learner.nonnegative)]
        return [LassoDictionary(atoms, learner.penalty * self.scale, nonnegative=learner.nonnegative)]

    def state(self, member: int) -> dict[str, Any]:
        return {"taken": self.taken} | self.statistics.state()

    def restore(self, member: int, state: dict[str, Any]) -> None:
        self.taken = state["taken"]
        self.statistics.restore(state)
