"""Sparse Bayesian codes: a variance for each code, learned without ever forming their covariance."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from thresh.inference.arrays import on_tensors
from thresh.inference.conjugate_gradients import solve_systems
from thresh.parameters import POSITIVE, SEED, between, checked, integer, optional

# Numbers held at once for the systems of all rows (rows * (probes + 1) * atoms): 64 MB in float32, a few times.
SYSTEMS_LIMIT = 1 << 24
FIRST_ENERGY = 1.0  # expected of all codes together, as a share of the row's
FIRST_NOISE, LEAST_NOISE = 0.1, 1e-4  # energy of the noise as a share of the row's, where it is learned
HEAD_START = 10  # steps before atoms may leave: all begin with little energy
SYSTEM_TOLERANCE = 1e-4  # of the conjugate gradients, relative to the right side
BAYES = {
    "precision": optional(POSITIVE),
    "iterations": integer(1),
    "probes": integer(1),
    "prune": between(0, 1),
    "tolerance": between(0, 1),
    "seed": SEED,
}


@checked(**BAYES)
def sparse_bayesian(
    x,
    atoms,
    precision: float | None = None,
    iterations: int = 100,
    probes: int = 16,
    prune: float = 3e-3,
    tolerance: float = 1e-3,
    seed: int = 0,
) -> np.ndarray | Tensor:
    """Posterior means of codes z with x = z D + noise, z_j ~ N(0, 1/alpha_j), noise ~ N(0, 1/precision).

    Each alpha_j is learned from the row itself, by expectation maximisation of the evidence: alpha_j = 1/(mu_j^2 +
    Sigma_jj), where mu = precision Sigma D x, Sigma = (precision D D' + diag(alpha))^-1. Where an atom is not needed
    alpha_j grows without end. There is no penalty to choose, and what stays is not shrunken by one; codes have either
    sign. The E-step is free of covariances: conjugate gradients solve for mu, and for Sigma p with random signs p; the
    mean of p_j (Sigma p)_j estimates Sigma_jj, and is held within its bounds 1/(alpha_j + precision |d_j|^2) and
    1/alpha_j. Systems are solved to 1e-4, so that in float32 codes of other batches agree to about that.

    Parameters
    ----------
    x : (rows, units)
    atoms : (atoms, units)
        Need not have unit norm. An atom of zeros gets code 0.
    precision
        Of the noise, one over its variance in a unit, in the scale of x; None: learned, for each row, with the noise at
        least 1e-4 of the row's energy.
    iterations
        Most steps of expectation maximisation; atoms leave after the tenth.
    probes
        Vectors of random signs, the same for all rows. Their estimate is noisy by about a factor of 1/sqrt(probes).
    prune
        An atom whose expected energy |d_j|^2/alpha_j falls to so much of the row's energy leaves for good. Noise is
        explained by atoms too, each with about its energy in a unit: take more where rows have more of it.
    tolerance
        A row ends when no mean moves by more than so much of the largest.
    seed
        Of the probes.

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
    Tipping 2001, eq. 12-18 (model, EM); Lin, Song, Toyoizumi et al. 2022, "Covariance-free sparse Bayesian learning",
    algorithm 1; Bekas, Kokiopoulou & Saad 2007 (diagonal from random signs).
    """
    settings = {"iterations": int(iterations), "prune": prune, "tolerance": tolerance}
    return on_tensors(
        partial(estimate, precision=precision, probes=int(probes), seed=int(seed), settings=settings), x, atoms
    )


def estimate(
    x: Tensor, atoms: Tensor, *, precision: float | None, probes: int, seed: int, settings: dict[str, float]
) -> Tensor:
    """`sparse_bayesian` on checked tensors: rows and atoms at unit norm, in blocks of rows that fit in memory."""
    if len(atoms) == 0:
        return x.new_zeros(len(x), 0)
    tiny = torch.finfo(x.dtype).tiny
    norms, size = atoms.norm(dim=1), x.norm(dim=1, keepdim=True)
    directions, rows = atoms / norms.clamp(min=tiny).unsqueeze(1), x / size.clamp(min=tiny)
    generator = torch.Generator().manual_seed(seed)
    signs = (2 * torch.randint(2, (probes, len(atoms)), generator=generator) - 1).to(x)
    noise = None if precision is None else 1 / (precision * size.square().clamp(min=tiny))
    codes = x.new_zeros(len(x), len(atoms))
    block = max(1, SYSTEMS_LIMIT // ((probes + 1) * len(atoms)))
    for begin in range(0, len(x), block):
        part = slice(begin, begin + block)
        of_rows = None if noise is None else noise[part]
        codes[part] = maximise(rows[part], directions, signs, of_rows, **settings)
    return codes * size / norms.clamp(min=tiny)


def maximise(
    x: Tensor,
    directions: Tensor,
    signs: Tensor,
    noise: Tensor | None,
    *,
    iterations: int,
    prune: float,
    tolerance: float,
) -> Tensor:
    """Means (rows, atoms) for rows and atoms of unit norm; rows that are done leave.

    Parameters
    ----------
    signs : (probes, atoms)
    noise : (rows, 1), optional
        Variance in a unit, where it is known.
    """
    result = x.new_zeros(len(x), len(directions))
    rows = x.any(dim=1).nonzero().squeeze(1)
    alive = (directions != 0).any(dim=1).expand(len(rows), -1)
    variance = torch.full_like(result[rows], FIRST_ENERGY / len(directions))
    learned = noise is None
    noise = torch.full_like(x[:, :1], FIRST_NOISE / x.shape[1])[rows] if learned else noise[rows]
    x = x[rows]
    # First the means, then the solutions of the signs; each step begins from the last one's.
    solutions = x.new_zeros(len(rows), len(signs) + 1, len(directions))
    for step in range(1, iterations + 1):
        if len(rows) == 0:
            break
        before = solutions[:, 0]
        solutions = expected(x, directions, signs, variance, noise, alive, solutions)
        mean = solutions[:, 0]
        spread = (signs * solutions[:, 1:]).mean(dim=1)
        # Bounds that hold for the diagonal of any such covariance.
        spread = torch.minimum(torch.maximum(spread, 1 / (1 / variance + 1 / noise)), variance)
        if learned:
            noise = noise_left(x - mean @ directions, noise, torch.where(alive, 1 - spread / variance, 0.0))
        variance = mean.square() + spread
        leaving = alive & (variance <= prune) if step > HEAD_START else torch.zeros_like(alive)
        alive = alive & ~leaving
        result[rows] = torch.where(alive, mean, 0.0)
        going = (mean - before).abs().amax(dim=1) > tolerance * mean.abs().amax(dim=1)
        going |= leaving.any(dim=1) | (step <= HEAD_START)
        rows, x, alive, variance, noise, solutions = (
            each[going] for each in (rows, x, alive, variance, noise, solutions)
        )
    return result


def noise_left(left: Tensor, noise: Tensor, determined: Tensor) -> Tensor:
    """Variance of the noise (rows, 1) from residuals (rows, units) and how far data determine each code, 0 to 1."""
    energy = left.square().sum(dim=1, keepdim=True) + noise * determined.sum(dim=1, keepdim=True)
    return energy.clamp(min=LEAST_NOISE) / left.shape[1]


def expected(
    x: Tensor, directions: Tensor, signs: Tensor, variance: Tensor, noise: Tensor, alive: Tensor, start: Tensor
) -> Tensor:
    """Solutions (rows, 1 + probes, atoms) of the systems of the E-step: first the means, then those of the signs."""
    inside = alive.unsqueeze(1).to(x.dtype)
    alpha, beta = (1 / variance).unsqueeze(1), (1 / noise).unsqueeze(1)
    right = torch.cat([beta * (x @ directions.T).unsqueeze(1), signs.expand(len(x), -1, -1)], dim=1) * inside

    def product(vectors: Tensor) -> Tensor:
        return beta * ((vectors @ directions) @ directions.T) * inside + alpha * vectors

    return solve_systems(product, right, start * inside, diagonal=alpha + beta, tolerance=SYSTEM_TOLERANCE)
