"""Dead latents take the place of badly explained rows."""

import torch
from torch import Tensor

from thresh.dictionaries.autoencoders.stack import Stack
from thresh.dictionaries.training.ranks import gathered


def resample(
    stack: Stack, optimiser: torch.optim.Optimizer, parts: list[list[Tensor]], x: Tensor, residual: Tensor, steps: int
) -> None:
    """Set each dead latent to a row drawn with probability proportional to its squared loss.

    What it becomes there is up to the method (`place`); Adam forgets it (Bricken et al. 2023, 'Neuron Resampling').

    Parameters
    ----------
    parts
        Of each autoencoder, its part of each parameter as the optimiser knows it.
    x : (rows, units)
        Of this process; rows are drawn from those of all, in which all agree.
    residual : (n, rows, units)
    steps
        Taken so far: with the seed of each autoencoder, it fixes which rows are drawn.
    """
    x, losses = gathered(x), gathered(residual.square().sum(dim=2).T).T.square()
    for member, learner in enumerate(stack.members):
        dead = stack.dead[member].nonzero().squeeze(1)
        if len(dead) == 0:
            continue
        generator = torch.Generator().manual_seed(learner.seed * 1_000_003 + steps)
        # A dictionary whose loss is no number goes on in its stack until that is looked at.
        weights = losses[member].cpu().double().nan_to_num().clamp(min=1e-30)
        chosen = torch.multinomial(weights, len(dead), replacement=len(dead) > len(weights), generator=generator)
        rows = x[chosen.to(x.device)] - stack.b_dec[member]
        stack.recipe.place(stack, member, dead, rows)
        stack.silent[member, dead] = 0
        for (name, _), part in zip(stack.named_parameters(), parts[member], strict=True):
            # b_dec belongs to the units, of which there may be as many.
            if name != "b_dec" and part.shape[:1] == stack.silent.shape[1:]:
                for moment in ("exp_avg", "exp_avg_sq"):
                    optimiser.state[part][moment][dead] = 0
