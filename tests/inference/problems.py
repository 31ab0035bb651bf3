"""Small problems with known parts, and what solutions are measured by."""

import numpy as np


def directions(atoms, units, seed=0):
    """(atoms, units) of unit norm."""
    d = np.random.default_rng(seed).normal(size=(atoms, units))
    return d / np.linalg.norm(d, axis=1, keepdims=True)


def planted(rows=200, atoms=60, units=40, active=3, seed=0, signed=False):
    """Rows z D, with z on `active` atoms a row, between .5 and 1.5 in size; gives rows, z and D."""
    random = np.random.default_rng(seed + 1)
    truth = np.zeros((rows, atoms))
    for row in truth:
        row[random.choice(atoms, active, replace=False)] = random.uniform(0.5, 1.5, active)
    if signed:
        truth *= random.choice([-1, 1], truth.shape)
    d = directions(atoms, units, seed)
    return truth @ d, truth, d


def objective(x, codes, atoms, penalty):
    """(rows,) of the lasso."""
    return 0.5 * np.square(x - codes @ atoms).sum(axis=1) + penalty * np.abs(codes).sum(axis=1)


def ista_by_hand(x, atoms, penalty, steps, nonnegative=True):
    """Plain proximal gradient steps from zeros."""
    largest = np.linalg.eigvalsh(atoms @ atoms.T)[-1]
    codes = np.zeros((len(x), len(atoms)))
    for _ in range(steps):
        codes = codes + (x - codes @ atoms) @ atoms.T / largest
        codes = np.sign(codes) * np.maximum(np.abs(codes) - penalty / largest, 0)
        codes = np.maximum(codes, 0) if nonnegative else codes
    return codes
