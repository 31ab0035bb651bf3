"""Autoencoders of one recipe as one module: each parameter has a first axis for them."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from thresh.dictionaries.autoencoders.sparse import Reconstruction, Support, decode, products, squared_norms
from thresh.dictionaries.training.ranks import rank_and_size, summed, union


@dataclass
class Forward:
    """What n autoencoders made of a batch.

    Attributes
    ----------
    loss : (n,)
        With its gradient.
    residual : (n, rows, units)
        x - x_hat.
    active : (n,)
        Active codes of the batch.
    used : (n, atoms) boolean
    """

    loss: Tensor
    residual: Tensor
    active: Tensor
    used: Tensor


class Recipe(Protocol):
    """What a stack asks of its method; `fixed` names tensors that are not learned."""

    fixed: tuple[str, ...]

    def latents(self, stack: "Stack") -> tuple[Tensor, Tensor, Tensor]: ...

    def revived(self, stack: "Stack", x: Tensor, residual: Tensor) -> Tensor: ...

    def forward(self, stack: "Stack", x: Tensor, done: float) -> Forward: ...


class Stack(nn.Module):
    """Parameters of n autoencoders, (n, ...) each, and since when each latent is silent.

    Parameters
    ----------
    recipe
        The method; parameters in which members differ are asked of `each`.
    members
        The n learners.
    parameters
        Of each member, by name.
    variance
        Mean squared distance of rows from their mean.
    patience
        Rows of silence after which a latent is dead.

    Attributes
    ----------
    taken : int
        Steps of training that were taken.
    reviving : list of bool
        Of each autoencoder, whether some latent was dead when that was last looked at.
    """

    def __init__(
        self, recipe: Recipe, members: list, parameters: list[dict[str, Tensor]], variance: float, patience: int
    ):
        super().__init__()
        self.recipe, self.members, self.variance, self.patience = recipe, members, variance, patience
        for name in parameters[0]:
            tensor = torch.stack([each[name] for each in parameters])
            if name in recipe.fixed:
                self.register_buffer(name, tensor)
            else:
                self.register_parameter(name, nn.Parameter(tensor))
        silent = torch.zeros(len(members), members[0].atoms, dtype=torch.int64, device=members[0].device)
        self.register_buffer("silent", silent)
        self.taken = 0
        self.reviving = [False] * len(members)
        self.numbers: dict[str, Tensor] = {}

    def each(self, name: str) -> Tensor:
        """(n,) a number that members may differ in; it goes to the device once."""
        if name not in self.numbers:
            values = [getattr(member, name) for member in self.members]
            self.numbers[name] = torch.tensor(values, device=self.silent.device)
        return self.numbers[name]

    @property
    def dead(self) -> Tensor:
        """(n, atoms) boolean."""
        return self.silent > self.patience

    def forward(self, x: Tensor, done: float) -> Forward:
        found = self.recipe.forward(self, x, done)
        found.used = union(found.used)
        self.silent += len(x) * rank_and_size()[1]
        self.silent.masked_fill_(found.used, 0)
        if any(self.reviving):
            # What one autoencoder learns does not depend on whether latents of another are dead.
            weight = self.each("auxiliary") * torch.tensor(self.reviving, device=x.device)
            found.loss = found.loss + weight * self.recipe.revived(self, x, found.residual.detach())
        return found

    def revived(self, x: Tensor, residual: Tensor) -> Tensor:
        """AuxK (n,): the error of explaining the residual by the strongest dead latents alone, over the residual."""
        counts = self.dead.sum(dim=1).tolist()
        # Taken from all autoencoders at once: the gradient of each taking is as large as the parameter.
        dead = self.dead.flatten().nonzero().squeeze(1)
        W_enc, b_enc, atoms = (each.flatten(0, 1)[dead].split(counts) for each in self.recipe.latents(self))
        centres = self.b_dec.unbind()
        # The share of the whole batch is the mean of its parts' errors over that of their residuals.
        whole = summed(residual.square().mean(dim=(1, 2))) / rank_and_size()[1]
        found = [
            self.missed(residual[i], (x - centres[i]) @ W_enc[i].T + b_enc[i], atoms[i]) / whole[i].clamp(min=1e-12)
            if count
            else x.new_zeros(())
            for i, count in enumerate(counts)
        ]
        return torch.stack(found)

    def missed(self, residual: Tensor, pre: Tensor, atoms: Tensor) -> Tensor:
        """Mean square of what the strongest of the latents leave of a residual (rows, units)."""
        codes, strongest = pre.float(), self.recipe.auxiliary_k
        if codes.shape[1] > strongest:
            values, index = codes.topk(strongest, dim=1)
            codes = torch.zeros_like(codes).scatter(1, index, values)
        return (residual - codes.relu() @ atoms).square().mean()


def centred(stack: Stack, x: Tensor) -> Tensor:
    """x - b_dec, (n, rows, units)."""
    return x - stack.b_dec.unsqueeze(1)


def pre_activations(stack: Stack, inputs: Tensor) -> Tensor:
    """inputs W_enc + b_enc (n, rows, atoms), of inputs as `centred` gives them."""
    return products(inputs, stack.W_enc.transpose(1, 2)) + stack.b_enc.unsqueeze(1)


def forward_of_dense(stack: Stack, x: Tensor, codes: Tensor, atoms: Tensor, penalty: Tensor | float = 0.0) -> Forward:
    """Of codes (n, rows, atoms) that carry their own gradient; `penalty` (n,) is added to the loss."""
    residual = x - products(codes, atoms) - stack.b_dec.unsqueeze(1)
    active = codes.detach() != 0
    return Forward(unexplained(residual, stack.variance) + penalty, residual, active.sum(dim=(1, 2)), active.any(dim=1))


def forward_of_sparse(stack: Stack, x: Tensor, values: Tensor, support: Support, atoms: Tensor) -> Forward:
    """Of the codes (active,) that stand where the support says."""
    residual = x - decode(values, atoms, support) - stack.b_dec.unsqueeze(1)
    codes = values.detach()
    return Forward(unexplained(residual, stack.variance), residual, support.active(codes), support.used(codes))


def forward_of_rectified(stack: Stack, inputs: Tensor, pre: Tensor, support: Support, atoms: Tensor) -> Forward:
    """Of rectified pre-activations (active,) that stand where the support says; the gradient of all is known.

    Parameters
    ----------
    inputs : (n, rows, units)
        As `centred` gives them, without gradient.
    """
    error, residual, codes = Reconstruction.apply(pre, inputs, stack.W_enc, stack.b_enc, stack.b_dec, atoms, support)
    loss = error / (residual.shape[1] * stack.variance)
    return Forward(loss, residual, support.active(codes), support.used(codes))


def unexplained(residual: Tensor, variance: float) -> Tensor:
    """(n,) mean squared norm of the residual (n, rows, units) over the variance of the rows."""
    return squared_norms(residual) / (residual.shape[1] * variance)
