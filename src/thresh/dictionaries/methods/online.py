"""Online dictionary learning: sparse codes and atoms in turn, batch by batch."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from thresh.dictionaries.lasso import LassoDictionary
from thresh.dictionaries.learner import Learner, epochs_for, unit_rows
from thresh.dictionaries.normalise import NormalisedRows
from thresh.dictionaries.progress import Progress
from thresh.inference.lasso import Lasso, start
from thresh.parameters import POSITIVE, checked, integer, optional

ANNEALED = 0.7  # share of the run over which the penalty falls; after it atoms settle at the final one


@dataclass(frozen=True)
class Mending:
    """When an atom is replaced: energy of its codes below `weak` of the median, or cosine with a stronger one."""

    until: float  # share of the run
    weak: float
    duplicate: float


class OnlineDictionary(Learner):
    """Minimises the mean of 0.5 |x - z D|^2 + penalty |z|_1 over codes z >= 0 and unit-norm atoms.

    For each batch: codes by FISTA at the present penalty; running statistics A = <z'z>, B = <z'x> that
    forget rows older than a window; then for each atom in turn d_j += (B_j - A_j D) / A_jj, to unit norm.

    Atoms start as rows of the data. A large penalty at the start makes the first atoms explain whole rows
    by few features, and falls while they sharpen. Twice an epoch, atoms that are weak or close to a stronger
    one are set to the residuals of the worst explained rows: the local minima that matter are two atoms that
    share a feature while another feature has none, and one atom for two features beside one for noise. The
    rule is strict at first and mild later, because real features can be close to each other, or rare.

    Parameters
    ----------
    penalty, start_penalty
        At the end and at the start, as multiples of the rows' root mean square norm.
    epochs
        Default: as many as make 600 batches.
    batch_size
    steps
        FISTA steps for each batch.
    window, final_window
        Epochs over which A and B remember, at the start and at the end.
    duplicate
        Cosine from which on the weaker of two atoms is replaced in the first 30 % of the run. None: 0.65, or the
        90 % quantile of the nearest neighbour's cosine in a random dictionary of this shape, whichever is larger.

    References
    ----------
    Mairal et al. 2009, algorithms 1 and 2.
    """

    name = "online"

    @checked(
        penalty=POSITIVE,
        start_penalty=POSITIVE,
        epochs=optional(integer(1)),
        batch_size=integer(1),
        steps=integer(1),
        window=POSITIVE,
        final_window=POSITIVE,
        duplicate=optional(POSITIVE),
    )
    def __init__(
        self,
        units: int,
        atoms: int,
        *,
        penalty: float = 0.05,
        start_penalty: float = 0.2,
        epochs: int | None = None,
        batch_size: int = 512,
        steps: int = 20,
        window: float = 0.3,
        final_window: float = 1.0,
        duplicate: float | None = None,
        **common,
    ):
        super().__init__(units, atoms, **common)
        self.penalty, self.start_penalty = penalty, max(start_penalty, penalty)
        self.epochs, self.batch_size, self.steps = epochs, batch_size, steps
        self.window, self.final_window = window, final_window
        self.duplicate = duplicate

    def fit(self, rows: NormalisedRows, progress: Progress) -> LassoDictionary:
        scale = rows.moments.scale()
        batches = math.ceil(rows.shape[0] / self.batch_size)
        epochs = self.epochs or epochs_for(600, rows.shape[0], self.batch_size)
        duplicate = self.duplicate or max(0.65, usual_coherence(self.gaussian_atoms()))
        mending = (Mending(0.3, 0.2, duplicate), Mending(0.55, 1e-3, max(duplicate, 0.95)))
        state = Statistics(self.first_atoms(rows), self.generator)
        progress.start(epochs, batches, self.atoms, self.device)
        mend_every = max(1, batches // 2)
        for epoch in range(epochs):
            for batch in rows.batches(self.batch_size, self.seed, epoch):
                done = progress.step / (epochs * batches)
                penalty = scale * self.penalty_at(done)
                x = torch.from_numpy(batch).to(self.device)
                codes = self.codes(x, state.atoms, penalty)
                residual = x - codes @ state.atoms
                loss = 0.5 * residual.square().sum(dim=1).mean() + penalty * codes.sum(dim=1).mean()
                progress.add(residual, codes, loss)
                window = batches * (self.window + (self.final_window - self.window) * done)
                state.remember(codes, x, min(progress.step, max(2.0, window)))
                state.update_atoms()
                rule = next((rule for rule in mending if done < rule.until), None)
                if rule and progress.step % mend_every == 0:
                    state.replace_atoms(residual, rule)
            progress.end_epoch(epoch)
        return LassoDictionary(state.atoms, self.penalty * scale)

    def first_atoms(self, rows: NormalisedRows) -> Tensor:
        """Rows of the data, the near-silent ones left out, with a little noise where too few are left."""
        x = torch.from_numpy(rows.sample(8 * self.atoms, self.seed))
        loud = x[x.norm(dim=1) > 0.1 * rows.moments.scale()]
        atoms = loud[: self.atoms]
        missing = self.atoms - len(atoms)
        return unit_rows(torch.cat([atoms, torch.randn(missing, self.units, generator=self.generator)])).to(self.device)

    def penalty_at(self, done: float) -> float:
        """Geometric descent from the first penalty to the last."""
        return self.start_penalty * (self.penalty / self.start_penalty) ** min(1.0, done / ANNEALED)

    def codes(self, x: Tensor, atoms: Tensor, penalty: float) -> Tensor:
        lasso = Lasso(x, atoms, penalty)
        return lasso.advance(start(torch.zeros_like(lasso.correlations)), self.steps).codes


class Statistics:
    """Atoms, and what the codes so far say about them: A (atoms, atoms) and B (atoms, units)."""

    def __init__(self, atoms: Tensor, generator: torch.Generator):
        self.atoms, self.generator = atoms, generator
        self.A = atoms.new_zeros(len(atoms), len(atoms))
        self.B = torch.zeros_like(atoms)

    def remember(self, codes: Tensor, x: Tensor, window: float) -> None:
        """Take in one batch, and forget with a memory of `window` batches."""
        kept = 1 - 1 / window
        self.A = kept * self.A + (1 - kept) * (codes.T @ codes) / len(x)
        self.B = kept * self.B + (1 - kept) * (codes.T @ x) / len(x)

    def update_atoms(self) -> None:
        """One round of block-coordinate descent over the atoms that are in use, in random order."""
        energy = self.A.diagonal()
        order = torch.randperm(len(energy), generator=self.generator)
        used = (energy > 1e-6 * energy.max()).cpu()
        for j in order[used[order]].tolist():
            step = (self.B[j] - self.A[j] @ self.atoms) / energy[j]
            moved = self.atoms[j] + step
            self.atoms[j] = moved / moved.norm().clamp(min=1e-12)

    def replace_atoms(self, residual: Tensor, rule: Mending) -> None:
        """Set weak atoms, and the weaker of two that are close, to the residuals of the worst explained rows."""
        energy = self.A.diagonal()
        close = self.atoms @ self.atoms.T > rule.duplicate
        stronger = energy.unsqueeze(0) > energy.unsqueeze(1)
        redundant = (close & stronger).any(dim=1)
        replaced = ((energy < rule.weak * energy.median()) | redundant).nonzero().squeeze(1)[: len(residual)]
        worst = residual.norm(dim=1).topk(len(replaced)).indices
        self.atoms[replaced] = unit_rows(residual[worst])
        self.A[replaced] = 0
        self.A[:, replaced] = 0
        self.B[replaced] = 0


def usual_coherence(atoms: Tensor) -> float:
    """Cosine with the nearest neighbour that 90 % of the atoms stay below."""
    cosine = (atoms @ atoms.T).fill_diagonal_(-1)
    return float(cosine.amax(dim=1).quantile(0.9)) if len(atoms) > 1 else 1.0
