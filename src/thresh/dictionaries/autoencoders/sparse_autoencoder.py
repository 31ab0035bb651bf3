"""The trainer of sparse autoencoders: everything but what makes one kind differ from another."""

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn

from thresh.dictionaries.dictionary import Dictionary
from thresh.dictionaries.learner import Learner, epochs_for, unit_rows
from thresh.dictionaries.normalise import NormalisedRows
from thresh.dictionaries.progress import Progress
from thresh.parameters import NOT_NEGATIVE, POSITIVE, checked, integer, optional

WARM_UP = 0.05  # share of the steps over which the learning rate rises
DECAY = 0.3  # share of the steps at the end over which it falls to zero


class SparseAutoencoder(Learner):
    """x_hat = z D + b_dec with z = activate((x - b_dec) W_enc + b_enc), trained by Adam.

    A kind says what `activate` does and which dictionary it `export`s, and may add to the `loss`. Shared, after Gao et
    al. 2024: b_dec starts at the geometric median, the encoder as the decoder's transpose; atoms keep unit
    norm and gradients lose their part along the atom; the loss is the squared error over the variance; dead
    latents learn to explain what is left over (AuxK).

    Parameters
    ----------
    epochs
        Default: as many as make 4000 batches.
    batch_size
    learning_rate
        Default: 2e-4 / sqrt(atoms / 16384) (Gao et al. 2024, section 2.1).
    auxiliary
        Weight of AuxK.
    auxiliary_k
        Dead latents that take part in AuxK; default: half of the units.
    dead_after
        Rows without activity after which a latent counts as dead; default: one epoch, at most 10 million.
    """

    normalise = "scale"

    @checked(
        epochs=optional(integer(1)),
        batch_size=integer(1),
        learning_rate=optional(POSITIVE),
        auxiliary=NOT_NEGATIVE,
        auxiliary_k=optional(integer(1)),
        dead_after=optional(integer(1)),
    )
    def __init__(
        self,
        units: int,
        atoms: int,
        *,
        epochs: int | None = None,
        batch_size: int = 256,
        learning_rate: float | None = None,
        auxiliary: float = 1 / 32,
        auxiliary_k: int | None = None,
        dead_after: int | None = None,
        **common,
    ):
        super().__init__(units, atoms, **common)
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate = learning_rate or 2e-4 / math.sqrt(atoms / 2**14)
        self.auxiliary, self.auxiliary_k = auxiliary, min(auxiliary_k or max(1, units // 2), atoms)
        self.dead_after = dead_after

    @abstractmethod
    def activate(self, pre: Tensor) -> Tensor:
        """Codes from pre-activations (rows, atoms)."""

    @abstractmethod
    def export(self) -> Dictionary:
        """What was learned, as a dictionary that acts on normalised rows."""

    def fit(self, rows: NormalisedRows, progress: Progress) -> Dictionary:
        batches = math.ceil(rows.shape[0] / self.batch_size)
        epochs = self.epochs or epochs_for(4000, rows.shape[0], self.batch_size)
        self.initialise(rows)
        parameters = [self.W_enc, self.b_enc, self.W_dec, self.b_dec]
        optimiser = torch.optim.Adam(parameters, lr=self.learning_rate, betas=(0.9, 0.999), eps=6.25e-10)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate(step / (epochs * batches)))
        progress.start(epochs, batches, self.atoms, self.device)
        for epoch in range(epochs):
            for batch in rows.batches(self.batch_size, self.seed, epoch):
                x = torch.from_numpy(batch).to(self.device)
                pre = (x - self.b_dec) @ self.W_enc + self.b_enc
                codes = self.activate(pre)
                residual = x - codes @ self.W_dec - self.b_dec
                loss = self.loss(residual, codes) + self.auxiliary * self.revive(residual.detach(), pre, codes)
                optimiser.zero_grad()
                loss.backward()
                self.project_gradient()
                nn.utils.clip_grad_norm_(parameters, 1.0)
                optimiser.step()
                schedule.step()
                with torch.no_grad():
                    self.W_dec.copy_(unit_rows(self.W_dec))
                progress.add(residual, codes.detach(), loss)
            progress.end_epoch(epoch)
        return self.export()

    def initialise(self, rows: NormalisedRows) -> None:
        atoms = self.gaussian_atoms()
        middle = geometric_median(torch.from_numpy(rows.sample(32768, self.seed)).to(self.device))
        self.W_dec, self.W_enc = nn.Parameter(atoms), nn.Parameter(atoms.T.clone())
        self.b_enc, self.b_dec = nn.Parameter(atoms.new_zeros(self.atoms)), nn.Parameter(middle)
        self.variance = max(rows.moments.variance, 1e-12)
        self.silent = torch.zeros(self.atoms, dtype=torch.long, device=self.device)
        self.patience = self.dead_after or min(rows.shape[0], 10_000_000)

    def loss(self, residual: Tensor, codes: Tensor) -> Tensor:
        """Share of the variance that is not explained."""
        return residual.square().sum(dim=1).mean() / self.variance

    def revive(self, residual: Tensor, pre: Tensor, codes: Tensor) -> Tensor:
        """AuxK: the error of explaining the residual by the strongest dead latents alone, over the residual."""
        self.silent = torch.where((codes != 0).any(dim=0), 0, self.silent + len(codes))
        dead = self.silent > self.patience
        if not bool(dead.any()):
            return residual.new_zeros(())
        values, index = pre.masked_fill(~dead, -torch.inf).topk(self.auxiliary_k, dim=-1)
        codes = torch.zeros_like(pre).scatter(-1, index, values.relu())
        return (residual - codes @ self.W_dec).square().mean() / residual.square().mean().clamp(min=1e-12)

    def project_gradient(self) -> None:
        """Take out the part of the decoder's gradient that only changes an atom's length."""
        with torch.no_grad():
            gradient = self.W_dec.grad
            gradient -= (gradient * self.W_dec).sum(dim=1, keepdim=True) * self.W_dec


def rate(done: float) -> float:
    """Learning rate over the run, as a share of its peak: linear rise, plateau, linear fall."""
    return min(1.0, max(done, 1e-3) / WARM_UP, max(0.0, (1 - done) / DECAY))


def geometric_median(x: Tensor, steps: int = 50) -> Tensor:
    """The point (units,) of least mean distance to the rows, by Weiszfeld's iteration from the mean."""
    middle = x.mean(dim=0)
    floor = 1e-6 * (x - middle).norm(dim=1).mean().clamp(min=1e-30)
    for _ in range(steps):
        weights = 1 / (x - middle).norm(dim=1).clamp(min=floor)
        middle = (weights @ x) / weights.sum()
    return middle
