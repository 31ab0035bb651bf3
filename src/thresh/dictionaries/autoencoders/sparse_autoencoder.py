"""What sparse autoencoders share: their parameters, how these begin, and how dead latents come back."""

import math
from abc import abstractmethod
from collections.abc import Hashable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from thresh.dictionaries.autoencoders.sparse import squared_norms
from thresh.dictionaries.autoencoders.stack import Forward, Stack
from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.learner import Learner, Run, Start, gaussian_atoms, unit_rows
from thresh.parameters import NOT_NEGATIVE, POSITIVE, checked, integer, one_of, optional

# Longest silence before a latent is dead, where an epoch is longer.
DEAD_AFTER_BATCHES = 50
RESAMPLED_AFTER_ROWS = 10_000_000
RESAMPLED_ENCODER = 0.2  # norm of a resampled latent's encoder, as a share of the mean norm of those alive


class SparseAutoencoder(Learner):
    """x_hat = z D + b_dec with codes z made by an encoder, trained by Adam; the base of all sparse autoencoders.

    Shared, after Gao et al. 2024: b_dec starts at the geometric median, the encoder as the decoder's transpose; atoms
    keep unit norm and gradients lose their part along the atom; the loss is the squared error over the variance; dead
    latents learn to explain what is left over (AuxK). On CUDA the products are computed in bfloat16.

    A method says what its codes are (`forward`) and which dictionary it gives (`export`). It is written for n
    autoencoders at once: parameters and codes have a first axis for them.

    Parameters
    ----------
    learning_rate
        At its peak; default: 2e-4 / sqrt(atoms / 16384) (Gao et al. 2024, section 2.1).
    decay
        How the learning rate falls over the last 30 % of the run: 'linear' or 'cosine'.
    auxiliary
        Weight of AuxK.
    auxiliary_k
        Dead latents that take part in AuxK; default: half of the units.
    dead_after
        Rows without activity after which a latent counts as dead; default: one epoch, at most 50 batches; where dead
        latents are resampled, and with that lost, at most 10 million rows.
    resample_every
        Steps after which dead latents are set to badly explained rows (Bricken et al. 2023), in the first half of the
        run; default: never.
    """

    normalise = "centre"
    usual_steps = 4000
    sums_over_ranks = True
    # Parameters that may differ between autoencoders that are trained as one stack.
    varying: ClassVar[tuple[str, ...]] = ("seed", "learning_rate", "auxiliary")
    # First parameters that are not learned.
    fixed: ClassVar[tuple[str, ...]] = ()

    @checked(
        learning_rate=optional(POSITIVE),
        decay=one_of("linear", "cosine"),
        auxiliary=NOT_NEGATIVE,
        auxiliary_k=optional(integer(1)),
        dead_after=optional(integer(1)),
        resample_every=optional(integer(1)),
    )
    def __init__(
        self,
        units: int,
        atoms: int,
        *,
        learning_rate: float | None = None,
        decay: str = "linear",
        auxiliary: float = 1 / 32,
        auxiliary_k: int | None = None,
        dead_after: int | None = None,
        resample_every: int | None = None,
        batch_size: int = 256,
        **common,
    ):
        super().__init__(units, atoms, batch_size=batch_size, **common)
        self.learning_rate = learning_rate or 2e-4 / math.sqrt(atoms / 2**14)
        self.decay = decay
        self.auxiliary, self.auxiliary_k = auxiliary, min(auxiliary_k or max(1, units // 2), atoms)
        self.dead_after, self.resample_every = dead_after, resample_every

    def begin(self, members: Sequence[Learner], start: Start) -> Run:
        from thresh.dictionaries.autoencoders.run import AutoencoderRun

        return AutoencoderRun(members, start)

    def patience(self, rows: int) -> int:
        """Rows of silence after which a latent is dead, where an epoch has so many rows."""
        if self.dead_after is not None:
            return self.dead_after
        resampled = self.resample_every is not None
        return min(rows, RESAMPLED_AFTER_ROWS if resampled else DEAD_AFTER_BATCHES * self.batch_size)

    def alike(self) -> Hashable:
        return tuple((key, repr(value)) for key, value in sorted(vars(self).items()) if key not in self.varying)

    def treatment(self, normalise: str) -> str:
        """Steps of Adam have a size of their own, so rows are always brought to one; angles stay, and it is undone."""
        return {"none": "scale", "centre": "centre_scale"}.get(normalise, normalise)

    def first_parameters(self, start: Start, middle: Tensor) -> dict[str, Tensor]:
        """Parameters of one autoencoder before training; the encoder stands as (atoms, units).

        Parameters
        ----------
        middle : (units,)
            Geometric median of the rows.
        """
        atoms = gaussian_atoms(self.atoms, self.units, self.generator()).to(self.device)
        return {"W_enc": atoms.clone(), "b_enc": atoms.new_zeros(self.atoms), "W_dec": atoms, "b_dec": middle.clone()}

    @abstractmethod
    def forward(self, stack: Stack, x: Tensor, done: float) -> Forward:
        """What the autoencoders of a stack make of x (rows, units)."""

    @abstractmethod
    def export(self, tensors: dict[str, Tensor]) -> Dictionary:
        """One autoencoder as a dictionary, from its parameters and buffers."""

    def rows(self, stack: Stack, x: Tensor) -> Tensor:
        """Rows as encoders and decoders see them."""
        return x

    def squared_errors(self, stack: Stack, residual: Tensor) -> Tensor:
        """(n,) sums of squares of the residual (n, rows, units), in the size of the rows that the run was given."""
        return squared_norms(residual)

    def latents(self, stack: Stack) -> tuple[Tensor, Tensor, Tensor]:
        """Encoder (n, atoms, units), its bias (n, atoms) and atoms (n, atoms, units), as AuxK uses them."""
        return stack.W_enc, stack.b_enc, stack.W_dec

    def revived(self, stack: Stack, x: Tensor, residual: Tensor) -> Tensor:
        """(n,) the loss that dead latents learn from: AuxK."""
        return stack.revived(self.rows(stack, x), residual)

    def place(self, stack: Stack, member: int, chosen: Tensor, rows: Tensor) -> None:
        """Resample latents: each atom becomes its row less b_dec at unit norm, its encoder the same but shorter."""
        directions = unit_rows(rows)
        alive = ~stack.dead[member]
        usual = stack.W_enc[member][alive].norm(dim=1).mean() if bool(alive.any()) else rows.new_ones(())
        stack.W_dec.data[member, chosen] = directions
        stack.W_enc.data[member, chosen] = RESAMPLED_ENCODER * usual * directions
        stack.b_enc.data[member, chosen] = 0

    def before_step(self, stack: Stack) -> None:
        """Take out the part of the decoder's gradient that only changes an atom's length."""
        along = torch.linalg.vecdot(stack.W_dec.grad, stack.W_dec).unsqueeze(-1)
        stack.W_dec.grad.addcmul_(along, stack.W_dec, value=-1)

    def after_step(self, stack: Stack) -> None:
        """Bring atoms back to unit norm."""
        stack.W_dec.div_(stack.W_dec.norm(dim=-1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny))
