"""Sparse coding with a weighted l1 penalty: rows as mixtures of near prototypes."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.distances import squared_distances
from thresh.dictionaries.first_atoms import spread_rows
from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.kinds.weighted import Mixture, WeightedDictionary
from thresh.dictionaries.learner import Learner, Run, Start, Step
from thresh.parameters import POSITIVE, TRUE_OR_FALSE, checked, integer

SEEDING_ROWS = 16  # an atom, from which first prototypes are drawn; at least 4096
# Prototypes with less than this share of the median weight are replaced; the share falls to 0 over half of the run, so
# that at first no two may sit where one would do, and rare ones may stay in the end.
WEAK, UNTIL = 0.6, 0.5


class WeightedSparseCoding(Learner):
    """Minimises the mean of 0.5 |x - w P|^2 + penalty sum_j w_j |x - p_j|^2 over prototypes P and weights w >= 0.

    The penalty is an l1 norm with a weight for each entry, the squared distance of the prototype from the row: rows are
    explained by few prototypes near them. With `simplex` the weights of a row sum to 1 (K-deep simplex): rows are
    points within the cells of a triangulation, prototypes its vertices. For rows in cells of a Delaunay triangulation,
    the penalty is least for the vertices of their own cell (Tankala et al. 2023).

    For each batch: weights by accelerated projected gradient; running means A = <w'w>, B = <w'x>, c = <w>; then for
    each prototype in turn (A_jj + 2 penalty c_j) p_j = (1 + 2 penalty) B_j - sum_{l != j} A_jl p_l. The paper learns
    the same cost by gradients through the steps of the solver. First prototypes are rows far from each other
    (k-means++). Twice an epoch in the first half of the run, prototypes with little weight become badly explained rows:
    strictly at first, because the local minima that matter have two prototypes where one would do.

    Assumes that rows lie on sheets that a few near prototypes span, rather than being sums of features: choose it where
    a layer is organised by likeness (clusters, or a continuum), not for superposition. A larger penalty makes mixtures
    more local, down to one prototype, and pulls prototypes inwards.

    With `simplex` nothing depends on where the origin lies: rows are centred unless `normalise` says otherwise, so that
    atoms, the directions of prototypes, point from the mean. Without it, `normalise: none` keeps the origin.

    Parameters
    ----------
    penalty
        Without unit, as both terms are squared distances. The authors use 1 for two circles in the plane; the default
        comes from planted mixtures, where prototypes stay in place and mixtures are about as sparse as planted.
    simplex
        Whether weights sum to 1, as in the paper.
    steps
        Of the accelerated gradient for each batch.
    window, final_window
        Epochs over which A, B and c remember, at the start and at the end.

    References
    ----------
    Tankala, Tasissa, Murphy & Ba 2023, 'K-Deep Simplex' (arXiv 2012.02134).
    """

    name = "wlsc"
    normalise = "centre"
    usual_steps = 600

    @checked(penalty=POSITIVE, simplex=TRUE_OR_FALSE, steps=integer(1), window=POSITIVE, final_window=POSITIVE)
    def __init__(
        self,
        units: int,
        atoms: int,
        *,
        penalty: float = 0.03,
        simplex: bool = True,
        steps: int = 30,
        window: float = 0.3,
        final_window: float = 1.0,
        **common,
    ):
        super().__init__(units, atoms, **common)
        self.penalty, self.simplex, self.steps = penalty, simplex, steps
        self.window, self.final_window = window, final_window

    def begin(self, members: Sequence[Learner], start: Start) -> Run:
        return WeightedSparseCodingRun(self, start)


class WeightedSparseCodingRun(Run):
    """Weights and prototypes in turn."""

    def __init__(self, learner: WeightedSparseCoding, start: Start):
        self.learner = learner
        self.batches = -(-start.rows // learner.batch_size)
        self.taken = 0
        self.generator = learner.generator()
        seeding = start.sample[: max(4096, SEEDING_ROWS * learner.atoms)]
        self.prototypes = spread_rows(seeding, learner.atoms, self.generator)
        self.A = self.prototypes.new_zeros(learner.atoms, learner.atoms)
        self.B = torch.zeros_like(self.prototypes)
        self.c = self.prototypes.new_zeros(learner.atoms)

    def step(self, x: Tensor, done: float) -> Step:
        learner = self.learner
        problem = Mixture.of(x, self.prototypes, learner.penalty, learner.simplex)
        weights = problem.advance(problem.begin(), learner.steps).codes
        residual = x - weights @ self.prototypes
        spread = (weights * squared_distances(x, self.prototypes)).sum(dim=1)
        cost = 0.5 * residual.square().sum(dim=1) + learner.penalty * spread
        self.taken += 1
        window = self.batches * (learner.window + (learner.final_window - learner.window) * done)
        self.remember(weights, x, min(self.taken, max(2.0, window)))
        self.update_prototypes()
        if done < UNTIL and self.taken % max(1, self.batches // 2) == 0:
            self.replace_prototypes(x, cost, WEAK * (1 - done / UNTIL))
        return Step.of(cost.mean(), residual, weights)

    def remember(self, weights: Tensor, x: Tensor, window: float) -> None:
        """Take in one batch, and forget with a memory of `window` batches."""
        kept, share = 1 - 1 / window, 1 / window / len(x)
        self.A = kept * self.A + share * (weights.T @ weights)
        self.B = kept * self.B + share * (weights.T @ x)
        self.c = kept * self.c + share * weights.sum(dim=0)

    def update_prototypes(self) -> None:
        """One round over the prototypes that are in use, in random order, each to its optimum."""
        order = torch.randperm(len(self.c), generator=self.generator)
        used = (self.c > 1e-6 * self.c.max()).cpu()
        twice = 2 * self.learner.penalty
        for j in order[used[order]].tolist():
            others = self.A[j] @ self.prototypes - self.A[j, j] * self.prototypes[j]
            self.prototypes[j] = ((1 + twice) * self.B[j] - others) / (self.A[j, j] + twice * self.c[j])

    def replace_prototypes(self, x: Tensor, cost: Tensor, weak: float) -> None:
        """Prototypes with little weight become, one after the other, the row that costs most with those before."""
        replaced = (self.c < weak * self.c.median()).nonzero().squeeze(1)[: len(x)]
        for j in replaced.tolist():
            row = x[cost.argmax()]
            self.prototypes[j] = row
            alone = squared_distances(x, row.unsqueeze(0)).squeeze(1)
            cost = torch.minimum(cost, (0.5 + self.learner.penalty) * alone)
        self.A[replaced] = 0
        self.A[:, replaced] = 0
        self.B[replaced] = 0
        self.c[replaced] = 0

    def dictionaries(self) -> list[Dictionary]:
        learner = self.learner
        return [WeightedDictionary.of_prototypes(self.prototypes, learner.penalty, simplex=learner.simplex)]

    def state(self, member: int) -> dict[str, Any]:
        tensors = {"prototypes": self.prototypes, "A": self.A, "B": self.B, "c": self.c}
        kept = {name: each.clone() for name, each in tensors.items()}
        return kept | {"taken": self.taken, "generator": self.generator.get_state()}

    def restore(self, member: int, state: dict[str, Any]) -> None:
        for name in ("prototypes", "A", "B", "c"):
            setattr(self, name, state[name].to(self.prototypes.device))
        self.taken = state["taken"]
        self.generator.set_state(state["generator"])
