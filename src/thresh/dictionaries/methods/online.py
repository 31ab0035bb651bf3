"""Online dictionary learning: sparse codes and atoms in turn, batch by batch."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.first_atoms import rows_as_atoms
from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.kinds.lasso import LassoDictionary
from thresh.dictionaries.kinds.pursuit import PursuitDictionary
from thresh.dictionaries.learner import Learner, Run, Start, Step, gaussian_atoms
from thresh.dictionaries.median import geometric_median
from thresh.dictionaries.remembered import RememberedCodes
from thresh.dictionaries.renewal import Renewal
from thresh.dictionaries.statistics import Statistics, strict_then_mild, usual_coherence
from thresh.errors import ConfigError
from thresh.inference import lasso, omp
from thresh.inference.lasso import Lasso
from thresh.parameters import POSITIVE, TRUE_OR_FALSE, checked, integer, one_of, optional

ANNEALED = 0.7  # share of the run over which the penalty falls; after it atoms settle at the final one
WIDENED = (0.4, 0.8)  # of the run: between them the window grows
REWEIGHTED = 0.75  # share of the run after which large codes are penalised less
LEVEL = 0.13  # of the usual strength of codes: a code as large has half the penalty
UPDATES = 10  # at least, in an epoch
FEW_ROWS = 15  # rows for each atom with which twice as many steps are taken as with very many
FEWEST_ROWS = 2  # rows for each atom from which on no more steps are taken
BATCH = 512
WARM = 0.75  # share of the FISTA steps from remembered codes: pays for keeping them; half was too few for some seeds


class OnlineDictionary(Learner):
    """Minimises the mean of 0.5 |x - z D|^2 + penalty |z|_1 over codes z >= 0 and unit-norm atoms.

    For each batch: codes by FISTA at the present penalty; running statistics A = <z'z>, B = <z'x> that
    forget rows older than a window; then for each atom in turn d_j += (B_j - A_j D) / A_jj, to unit norm.

    Atoms start as rows of the data. A large penalty at the start makes the first atoms explain whole rows
    by few features, and falls while they sharpen. A short window lets atoms follow few rows at a time, which
    takes them out of poor optima as heat would; it grows, and they settle. Twice an epoch, atoms that are weak
    or close to a stronger one are set to the residuals of the worst explained rows: the local minima that matter
    are two atoms that share a feature while another feature has none, and one atom for two features beside one
    for noise. The rule is strict at first and mild later, because real features can be close to each other, or
    rare. Runs of many epochs also begin atoms anew that stand for no feature (`thresh.dictionaries.renewal`).

    In the last quarter of a run with remembered codes, the penalty of a code is divided by 1 + |z| / level, z its
    last value and level .13 of the usual strength: atoms then come from codes that are hardly shrunk, and few. It is
    an l1 penalty reweighted to stand for the logarithm, of which each epoch is one step. The loss that is reported is
    that of the plain penalty throughout; in an epoch without faint atoms it is that of the others.

    Assumes that rows are sums of few features and little else. Choose `codes='omp'` where rows have about the same
    number of features and their strengths matter: least squares does not shrink them. Choose `nonnegative=False` where
    a feature may count in either direction, as in a basis; concepts rather are there or not.

    Parameters
    ----------
    penalty, start_penalty
        At the end and at the start, as multiples of the rows' root mean square norm.
    steps
        FISTA steps for each batch; three quarters of them from codes of the last epoch. Raise it with a small penalty
        where codes start from zero (400 features in 74 units, penalty .02: cosine .997 and 43 active atoms a row with
        20 steps, .9999 and 4.2 with 60; from codes of the last epoch the latter with 20, and already with 10).
    window, final_window
        Epochs over which A and B remember, at the start and at the end; the latter is at least the former.
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
    warm_start
        Whether FISTA starts from the codes that a row had in the last epoch: its 32 largest, 256 bytes a row (fewer
        with fewer atoms), which are part of every checkpoint. None: if these are 256 MiB or less, a million rows.
        Codes start from zero in the first epoch, where atoms were replaced since, for 'omp', and for rows of a source
        without `numbers` (see `thresh.dictionaries.rows.Rows`). Without them the penalty is not reweighted.
    batch_size
        Rows of a step. None: 512, or a tenth of all rows if that is less.

    References
    ----------
    Mairal et al. 2009, algorithms 1 and 2; reweighting: Candes, Wakin & Boyd 2008, eq. 6.
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
        warm_start=optional(TRUE_OR_FALSE),
        bias=TRUE_OR_FALSE,
        batch_size=optional(integer(1)),
    )
    def __init__(
        self,
        units: int,
        atoms: int,
        *,
        penalty: float = 0.05,
        start_penalty: float = 0.2,
        steps: int = 20,
        window: float = 0.2,
        final_window: float = 0.5,
        duplicate: float | None = None,
        codes: str = "fista",
        k: int | None = None,
        nonnegative: bool = True,
        warm_start: bool | None = None,
        bias: bool = True,
        batch_size: int | None = None,
        **common,
    ):
        super().__init__(units, atoms, batch_size=batch_size or BATCH, **common)
        self.asked_rows = batch_size
        if codes == "fista" and k is not None:
            raise ConfigError("k", k, "null: codes by fista have no fixed number of active atoms")
        if codes == "omp" and not (k and k <= atoms):
            raise ConfigError("k", k, f"between 1 and the number of atoms ({atoms}): codes by omp need it")
        if codes == "omp" and warm_start:
            raise ConfigError("warm_start", warm_start, "false or null: codes by omp begin with no atom")
        self.codes, self.k, self.nonnegative, self.warm_start, self.bias = codes, k, nonnegative, warm_start, bias
        self.penalty, self.start_penalty = penalty, max(start_penalty, penalty)
        self.steps, self.window, self.final_window = steps, window, max(final_window, window)
        self.duplicate = duplicate

    def begin(self, members: Sequence[Learner], start: Start) -> Run:
        return OnlineRun(self, start)

    def steps_of_run(self, rows: int) -> float:
        """The fewer rows there are for an atom, the more often each is needed."""
        return self.usual_steps * (1 + FEW_ROWS / max(FEWEST_ROWS, rows / self.atoms))

    def rows_of_step(self, rows: int) -> int:
        """If nobody asked for a number, so few that an epoch of few rows has some updates."""
        return self.asked_rows or min(BATCH, math.ceil(rows / UPDATES))

    def memory(self, start: Start) -> RememberedCodes | None:
        """For the codes of all rows, if it is wanted and of use."""
        rows = start.rows
        wanted = RememberedCodes.fits(rows, self.atoms) if self.warm_start is None else self.warm_start
        if not (wanted and start.numbered and self.codes == "fista" and self.passes(rows) > 1):
            return None
        return RememberedCodes(rows, self.atoms, start.sample.device)

    def penalty_at(self, done: float) -> float:
        """Geometric descent from the first penalty to the last; 0 where codes are not penalised."""
        if self.codes == "omp":
            return 0.0
        return self.start_penalty * (self.penalty / self.start_penalty) ** min(1.0, done / ANNEALED)

    def window_at(self, done: float) -> float:
        """Geometric growth from the first window to the last."""
        begin, end = WIDENED
        share = min(1.0, max(0.0, (done - begin) / (end - begin)))
        return self.window * (self.final_window / self.window) ** share


class OnlineRun(Run):
    """Codes and atoms in turn."""

    def __init__(self, learner: OnlineDictionary, start: Start):
        bias = geometric_median(start.sample) if learner.bias else None
        start = start if bias is None else start.less(bias)
        self.learner, self.scale = learner, start.moments.scale()
        self.batches = -(-start.rows // learner.rows_of_step(start.rows))
        self.taken = 0
        generator = learner.generator()
        duplicate = learner.duplicate or max(
            0.65, usual_coherence(gaussian_atoms(learner.atoms, learner.units, generator))
        )
        self.mending = strict_then_mild(duplicate, signed=not learner.nonnegative)
        self.statistics = Statistics(rows_as_atoms(start, learner.atoms, generator), generator, bias=bias)
        self.memory = learner.memory(start)
        self.wants_numbers = self.memory is not None
        self.renewal = Renewal(learner.passes(start.rows), self.statistics, signed=not learner.nonnegative)

    def step(self, x: Tensor, done: float) -> Step:
        state, penalty = self.statistics, self.scale * self.learner.penalty_at(done)
        codes = self.codes(x - state.bias, penalty, reweighted=done >= REWEIGHTED)
        residual = x - state.bias - codes @ state.atoms
        loss = 0.5 * residual.square().sum(dim=1).mean() + penalty * codes.abs().sum(dim=1).mean()
        self.taken += 1
        if self.renewal.looking:
            self.renewal.add(residual)
        else:
            self.learn(x, codes, residual, done)
        return Step.of(loss, residual, codes)

    def end_epoch(self) -> None:
        self.renewal.end_epoch()
        if self.renewal.looking:
            self.forget(self.renewal.faint)

    def learn(self, x: Tensor, codes: Tensor, residual: Tensor, done: float) -> None:
        """Move the atoms."""
        state = self.statistics
        window = self.batches * self.learner.window_at(done)
        state.remember(codes, x, min(self.taken, max(2.0, window)))
        state.update()
        rule = next((rule for rule in self.mending if done < rule.until), None)
        if rule and self.taken % max(1, self.batches // 2) == 0:
            self.forget(state.replace_atoms(residual, rule))

    def forget(self, atoms: Tensor) -> None:
        """What rows had of these atoms."""
        if self.memory is not None:
            self.memory.forget(atoms)

    def codes(self, x: Tensor, penalty: float, reweighted: bool) -> Tensor:
        learner, atoms = self.learner, self.renewal.others() if self.renewal.looking else self.statistics.atoms
        if learner.codes == "omp":
            return omp(x, atoms, learner.k, learner.nonnegative)
        if self.memory is None:
            problem = Lasso(x, atoms, penalty, learner.nonnegative)
            return problem.advance(lasso.start(torch.zeros_like(problem.correlations)), learner.steps).codes
        steps = learner.steps if self.taken < self.batches else math.ceil(WARM * learner.steps)
        known = self.memory.recall(self.numbers)
        if reweighted:
            penalty = penalty * self.weights(known)
        codes = Lasso(x, atoms, penalty, learner.nonnegative).advance(lasso.start(known), steps).codes
        self.memory.keep(self.numbers, codes)
        return codes

    def weights(self, codes: Tensor) -> Tensor:
        """Of the penalty of each code, by what it was; all 1 as long as no atom is in use."""
        level = LEVEL * self.statistics.usual_strength()
        return torch.where(level > 0, level / (codes.abs() + level), 1.0)

    def dictionaries(self) -> list[Dictionary]:
        learner, atoms, bias = self.learner, self.statistics.atoms, self.statistics.bias
        if learner.codes == "omp":
            return [PursuitDictionary(atoms, learner.k, bias, nonnegative=learner.nonnegative)]
        return [LassoDictionary(atoms, learner.penalty * self.scale, bias, nonnegative=learner.nonnegative)]

    def state(self, member: int) -> dict[str, Any]:
        remembered = {} if self.memory is None else {"memory": self.memory.state()}
        return {"taken": self.taken, "renewal": self.renewal.state()} | self.statistics.state() | remembered

    def restore(self, member: int, state: dict[str, Any]) -> None:
        self.taken = state["taken"]
        self.statistics.restore(state)
        self.renewal.restore(state["renewal"])
        if self.memory is not None:
            self.memory.restore(state["memory"])
