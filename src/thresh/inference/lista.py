"""Lasso codes by a few learned shrinkage steps: an encoder that is fitted to a given dictionary."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from thresh.inference.arrays import on_tensors
from thresh.inference.lasso import largest_eigenvalue
from thresh.inference.products import less_product, product
from thresh.inference.sample import spaced
from thresh.parameters import POSITIVE, SEED, TRUE_OR_FALSE, checked, integer

BATCH_ROWS = 256
# Of Adam. Entries of W move in units of their own root mean square, logarithms of sizes in units of 1.
RATE = 0.02
WARM_UP, DECAY = 0.05, 0.5  # shares of the steps in which the rate rises and falls
LISTA = {
    "penalty": POSITIVE,
    "nonnegative": TRUE_OR_FALSE,
    "layers": integer(1),
    "epochs": integer(1),
    "training_rows": integer(1),
    "seed": SEED,
}


@checked(**LISTA)
def lista(
    x,
    atoms,
    penalty: float,
    nonnegative: bool = True,
    layers: int = 8,
    epochs: int = 10,
    training_rows: int = 65536,
    seed: int = 0,
) -> np.ndarray | Tensor:
    """Codes near the minimum of 0.5 |x - z D|^2 + penalty |z|_1, by layers that are first trained to reach it.

    z_{t+1} = shrink(z_t + s_t (x - z_t D) W, theta_t) from z_0 = 0, where one W and a step size s_t and a threshold for
    each layer are learned and D stays. Before training W = D', s_t = 1/L and theta_t = penalty/L: the steps of ISTA.
    Adam then lowers the objective itself on a sample of the rows, with no solved codes to imitate.

    The training pays where many rows follow, with the same dictionary and penalty: a row costs 2 `layers` products
    with the atoms, and some six times that for each epoch if it is in the sample. Codes are near the optimum on
    average, and how near is known of no single row; but no row's objective rises from layer to layer, for where a layer
    would raise it the row takes a step of ISTA instead.

    Parameters
    ----------
    x : (rows, units)
    atoms : (atoms, units)
        Need not have unit norm. An atom of zeros gets code 0.
    penalty
        Positive, in the scale of x.
    nonnegative
        False gives the signed lasso.
    layers
        Shrinkage steps.
    epochs
        Passes over the sample.
    training_rows
        Rows to train on, evenly spaced among all: by number alone.
    seed
        Of the order of training rows.

    Returns
    -------
    (rows, atoms), of the kind and dtype of x

    Raises
    ------
    DictionaryError
        A value of x or of the atoms is not finite (names the row), or widths differ.
    ConfigError
        A parameter has a value that cannot be used.

    References
    ----------
    Gregor & LeCun 2010, eq. 4; Chen et al. 2018, theorem 1 (coupled weights); Liu et al. 2019 (one W for all layers);
    Ablin, Moreau, Massias & Gramfort 2019, eq. 5 (the objective as the loss); Heaton et al. 2023, "Safeguarded learned
    convex optimization" (the step in place of a layer's).
    """

    def solve(rows: Tensor, directions: Tensor) -> Tensor:
        sample = rows[spaced(len(rows), training_rows)]
        return fit_layers(sample, directions, penalty, nonnegative, layers, epochs, seed)(rows)

    return on_tensors(solve, x, atoms)


@dataclass(frozen=True)
class Layers:
    """The learned steps: dictionary (atoms, units), W (units, atoms), one step size and threshold a layer."""

    atoms: Tensor
    encoder: Tensor
    steps: Tensor
    thresholds: Tensor
    nonnegative: bool = True

    def __call__(self, x: Tensor) -> Tensor:
        # Rows may have another dtype, or be elsewhere, than those that the layers were trained on.
        atoms, encoder, steps, thresholds = (
            each.to(x) for each in (self.atoms, self.encoder, self.steps, self.thresholds)
        )
        codes = x.new_zeros(len(x), len(atoms))
        for layer, (step, threshold) in enumerate(zip(steps, thresholds, strict=True)):
            left = x - codes @ atoms if layer > 0 else x
            codes = shrink(codes + step * (left @ encoder), threshold, self.nonnegative)
        return codes

    def safely(self, x: Tensor, penalty: float) -> Tensor:
        """The same, but where a layer raises the objective of a row it takes a step of ISTA in its place.

        Layers are trained on rows on the average, and beyond those nothing keeps a row from growing with every layer.
        A step of ISTA never raises the objective.
        """
        atoms, encoder, steps, thresholds = (
            each.to(x) for each in (self.atoms, self.encoder, self.steps, self.thresholds)
        )
        largest = largest_eigenvalue(atoms) or 1.0
        codes, left = x.new_zeros(len(x), len(atoms)), x
        before = objective(left, codes, penalty)
        for step, threshold in zip(steps, thresholds, strict=True):
            new = shrink(codes + step * product(left, encoder), threshold, self.nonnegative)
            new_left = less_product(x, new, atoms)
            after = objective(new_left, new, penalty)
            rows = (~(after <= before)).nonzero().squeeze(1)
            if len(rows):
                slope = product(left[rows], atoms.T)
                new[rows] = shrink(codes[rows] + slope / largest, atoms.new_tensor(penalty / largest), self.nonnegative)
                new_left[rows] = less_product(x[rows], new[rows], atoms)
                after[rows] = objective(new_left[rows], new[rows], penalty)
            codes, left, before = new, new_left, after
        return codes


def objective(left: Tensor, codes: Tensor, penalty: float) -> Tensor:
    """(rows,) of the lasso, from what the codes leave of the rows."""
    return 0.5 * left.square().sum(dim=1) + penalty * codes.abs().sum(dim=1)


def shrink(values: Tensor, threshold: Tensor, nonnegative: bool) -> Tensor:
    return (values - threshold).relu() if nonnegative else values - values.clamp(-threshold, threshold)


def fit_layers(
    sample: Tensor, atoms: Tensor, penalty: float, nonnegative: bool, layers: int, epochs: int, seed: int
) -> Callable[[Tensor], Tensor]:
    """Train the layers on a sample (rows, units); what comes back maps rows to codes."""
    # Gradients also where the caller has switched them off; tensors of inference mode cannot have any.
    with torch.inference_mode(False), torch.enable_grad():
        sample, atoms = sample.clone(), atoms.clone()
        largest = largest_eigenvalue(atoms)
        if largest == 0 or len(sample) == 0:
            largest, epochs = largest or 1.0, 0
        parameters = [
            atoms.T.clone(),
            atoms.new_full((layers,), -math.log(largest)),
            atoms.new_full((layers,), math.log(penalty / largest)),
        ]
        train(parameters, partial(made, atoms=atoms, nonnegative=nonnegative), sample, penalty, epochs, seed)
        encoder, steps, thresholds = (parameter.detach() for parameter in parameters)
        # What a dead atom's column has become is of no use: its code would only cost penalty.
        encoder[:, (atoms == 0).all(dim=1)] = 0
        return partial(made([encoder, steps, thresholds], atoms, nonnegative).safely, penalty=penalty)


def made(parameters: list[Tensor], atoms: Tensor, nonnegative: bool) -> Layers:
    encoder, log_steps, log_thresholds = parameters
    return Layers(atoms, encoder, log_steps.exp(), log_thresholds.exp(), nonnegative)


def train(
    parameters: list[Tensor],
    layers_of: Callable[[list[Tensor]], Layers],
    sample: Tensor,
    penalty: float,
    epochs: int,
    seed: int,
) -> None:
    """Adam on the objective in units of what codes of zero leave, so that the size of rows does not matter."""
    encoder, *sizes = (parameter.requires_grad_() for parameter in parameters)
    spread = encoder.detach().square().mean().sqrt()
    optimiser = torch.optim.Adam([{"params": [encoder], "share": float(spread)}, {"params": sizes, "share": 1.0}])
    energy = 0.5 * sample.square().sum(dim=1).mean().clamp(min=torch.finfo(sample.dtype).tiny)
    generator = torch.Generator().manual_seed(seed)
    total, step = epochs * math.ceil(len(sample) / BATCH_ROWS), 0
    for _ in range(epochs):
        for numbers in torch.randperm(len(sample), generator=generator).split(BATCH_ROWS):
            for group in optimiser.param_groups:
                group["lr"] = (
                    RATE * group["share"] * min(1.0, (step + 1) / (WARM_UP * total), (1 - step / total) / DECAY)
                )
            x = sample[numbers.to(sample.device)]
            layers = layers_of(parameters)
            codes = layers(x)
            loss = objective(x - codes @ layers.atoms, codes, penalty).mean() / energy
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1
