"""Training of a stack of autoencoders, batch by batch."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from thresh.devices import computes_in_half, on_cpu
from thresh.dictionaries.autoencoders.resample import resample
from thresh.dictionaries.autoencoders.schedule import rate
from thresh.dictionaries.autoencoders.sparse_autoencoder import SparseAutoencoder
from thresh.dictionaries.autoencoders.stack import Stack
from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.learner import Run, Start, Step
from thresh.dictionaries.median import geometric_median
from thresh.dictionaries.training.ranks import rank_and_size, summed

LOOK_FOR_DEAD = 8  # steps between two looks: each look waits for the device
CLIP = 1.0  # largest norm of the gradient of one autoencoder


class AutoencoderRun(Run):
    """Adam on a stack; each autoencoder has its own learning rate, moments and bound of the gradient."""

    def __init__(self, members: Sequence[SparseAutoencoder], start: Start):
        self.recipe, self.members = members[0], list(members)
        self.device = self.recipe.device
        middle = geometric_median(start.sample)
        patience = self.recipe.patience(start.rows)
        parameters = [member.first_parameters(start, middle) for member in members]
        self.stack = Stack(self.recipe, self.members, parameters, max(start.moments.variance, 1e-12), patience)
        # The optimiser sees each autoencoder's part of each parameter as a parameter of its own.
        self.parts = [[each.detach()[i] for each in self.stack.parameters()] for i in range(len(members))]
        rates = {member.learning_rate for member in members}
        groups = [{"params": self.parts_with(peak), "lr": peak, "initial_lr": peak} for peak in sorted(rates)]
        fused = self.device.type in ("cpu", "cuda")
        self.optimiser = torch.optim.Adam(groups, betas=(0.9, 0.999), eps=6.25e-10, fused=fused)
        self.steps = 0
        distributed = rank_and_size()[1] > 1
        self.module: nn.Module = (
            DistributedDataParallel(self.stack, broadcast_buffers=False) if distributed else self.stack
        )

    def step(self, x: Tensor, done: float) -> Step:
        if self.steps % LOOK_FOR_DEAD == 0 and any(each.auxiliary for each in self.members):
            self.stack.reviving = self.stack.dead.any(dim=1).tolist()
        self.stack.taken = self.steps
        with torch.autocast(self.device.type, torch.bfloat16, enabled=computes_in_half(self.device)):
            found = self.module(x, done)
        found.loss.sum().backward()
        with torch.no_grad():
            self.update(done)
            self.steps += 1
            every = self.recipe.resample_every
            if every is not None and self.steps % every == 0 and done < 0.5:
                rows = self.recipe.rows(self.stack, x)
                resample(self.stack, self.optimiser, self.parts, rows, found.residual.detach(), self.steps)
            error = self.recipe.squared_errors(self.stack, found.residual.detach())
        return of_whole_batch(Step(found.loss.detach(), error, found.active, found.used))

    def parts_with(self, learning_rate: float) -> list[Tensor]:
        pairs = zip(self.members, self.parts, strict=True)
        return [part for member, parts in pairs if member.learning_rate == learning_rate for part in parts]

    def update(self, done: float) -> None:
        """One step of Adam along the gradients that stand in the stack."""
        self.recipe.before_step(self.stack)
        gradients = [[whole.grad[member] for whole in self.stack.parameters()] for member in range(len(self.members))]
        clip(gradients)
        for parts, own in zip(self.parts, gradients, strict=True):
            for part, gradient in zip(parts, own, strict=True):
                part.grad = gradient
        for group in self.optimiser.param_groups:
            group["lr"] = group["initial_lr"] * rate(done, self.recipe.decay)
        self.optimiser.step()
        self.recipe.after_step(self.stack)
        self.stack.zero_grad(set_to_none=True)

    def dictionaries(self) -> list[Dictionary]:
        named = {**dict(self.stack.named_parameters()), **dict(self.stack.named_buffers())}
        return [
            self.recipe.export({name: tensor.detach()[i].cpu() for name, tensor in named.items()})
            for i in range(len(self.members))
        ]

    def state(self, member: int) -> dict[str, Any]:
        names = [name for name, _ in self.stack.named_parameters()]
        parts = self.parts[member]
        return {
            "parameters": {name: part.clone() for name, part in zip(names, parts, strict=True)},
            "buffers": {name: buffer[member].clone() for name, buffer in self.stack.named_buffers()},
            "adam": {name: dict(self.optimiser.state[part]) for name, part in zip(names, parts, strict=True)},
            "steps": self.steps,
            "reviving": self.stack.reviving[member],
        }

    def restore(self, member: int, state: dict[str, Any]) -> None:
        for (name, _), part in zip(self.stack.named_parameters(), self.parts[member], strict=True):
            part.copy_(state["parameters"][name])
            moved = {key: value.to(self.device) for key, value in state["adam"][name].items()}
            self.optimiser.state[part] = moved
        for name, buffer in self.stack.named_buffers():
            buffer[member] = state["buffers"][name]
        self.steps = state["steps"]
        self.stack.reviving[member] = state["reviving"]


def of_whole_batch(step: Step) -> Step:
    """What the parts of all processes showed together; `used` is that already.

    So all know at the same step that a loss is no number any more.
    """
    size = rank_and_size()[1]
    if size == 1:
        return step
    loss, error, active = summed(torch.stack([step.loss.float() / size, step.error, step.active.float()]))
    return Step(loss, error, active, step.used)


def clip(gradients: list[list[Tensor]]) -> None:
    """Shorten the gradient of each autoencoder to the bound, where it is longer."""
    every = [gradient for own in gradients for gradient in own]
    norms = torch.stack(torch._foreach_norm(every)).view(len(gradients), -1).norm(dim=1)
    shares = (CLIP / norms.clamp(min=1e-12)).clamp(max=1.0)
    if on_cpu(shares) and bool((shares == 1).all()):
        return  # A product with 1 changes nothing but the time it takes.
    torch._foreach_mul_(every, list(shares.repeat_interleave(len(gradients[0])).unbind()))
