"""Sparse Bayesian codes against expectation maximisation with the whole covariance, and planted truth."""

import numpy as np
import pytest
import torch
from scipy.linalg import hadamard

from thresh.inference import sparse_bayesian
from thresh.inference.conjugate_gradients import solve_systems

from .problems import planted

MODULE = sparse_bayesian.__wrapped__.__globals__  # the module, which its function hides


def by_hand(x, d, steps, precision=None):
    """One row and atoms of unit norm; the covariance as it is."""
    units, atoms = len(x), len(d)
    alpha, beta = np.full(atoms, float(atoms)), precision or units / 0.1
    for _ in range(steps):
        covariance = np.linalg.inv(beta * d @ d.T + np.diag(alpha))
        mean, spread = beta * covariance @ d @ x, np.diag(covariance)
        if precision is None:
            left = np.square(x - mean @ d).sum() + (1 - alpha * spread).sum() / beta
            beta = units / max(left, 1e-4)
        alpha = 1 / (mean**2 + spread)
    return mean


@pytest.mark.parametrize("precision", [None, 300.0])
def test_it_is_expectation_maximisation_without_the_covariance(precision, monkeypatch):
    """Signs that are orthogonal make the estimate of the diagonal exact."""
    x, _, d = planted(rows=5, atoms=32, units=20, active=3)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    x = x + np.random.default_rng(0).normal(scale=0.02, size=x.shape)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    monkeypatch.setitem(MODULE, "SYSTEM_TOLERANCE", 1e-11)
    noise = None if precision is None else torch.full((5, 1), 1 / precision, dtype=torch.float64)
    tensors = [torch.from_numpy(each).double() for each in (x, d, hadamard(32))]
    for steps in (1, 12):
        means = MODULE["maximise"](*tensors, noise, iterations=steps, prune=0.0, tolerance=0.0)
        expected = np.stack([by_hand(row, d, steps, precision) for row in x])
        assert np.abs(means.numpy() - expected).max() < 1e-6


def test_with_random_signs_it_is_nearly_that():
    x, _, d = planted(rows=5, atoms=32, units=20, active=3)
    size = np.linalg.norm(x, axis=1, keepdims=True)
    codes = sparse_bayesian(x, d, probes=2000, iterations=10, tolerance=0)
    expected = size * np.stack([by_hand(row, d, 10) for row in x / size])
    assert np.abs(codes - expected).max() < 0.03 * np.abs(expected).max()


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_planted_supports_are_found_and_codes_are_not_shrunken(noise):
    x, truth, d = planted(rows=60, atoms=128, units=48, active=4, signed=True)
    x = x + np.random.default_rng(3).normal(scale=noise, size=x.shape)
    codes = sparse_bayesian(x, d)
    assert ((codes != 0) == (truth != 0)).all(axis=1).mean() > 0.9
    found = truth != 0
    assert np.abs(codes[found] / truth[found]).mean() == pytest.approx(1, abs=0.01)


def test_a_known_precision_is_in_the_scale_of_the_rows():
    x, truth, d = planted(rows=40, atoms=64, units=32, active=3)
    x = x + np.random.default_rng(3).normal(scale=0.02, size=x.shape)
    codes = sparse_bayesian(x, d, precision=1 / 0.02**2)
    assert ((codes != 0) == (truth != 0)).all(axis=1).mean() > 0.9
    assert np.abs(sparse_bayesian(10 * x, d, precision=1 / 0.2**2) - 10 * codes).max() < 1e-6
    # Where all could be noise, nothing is left.
    assert np.abs(sparse_bayesian(x, d, precision=1e-4)).max() < 1e-3


def test_lengths_of_atoms_and_rows_only_rescale_codes():
    x, _, d = planted(rows=20, atoms=40, units=20)
    lengths = np.random.default_rng(2).uniform(0.1, 10, size=40)
    codes = sparse_bayesian(x, d)
    assert np.abs(sparse_bayesian(1e3 * x, d * lengths[:, None]) * lengths / 1e3 - codes).max() < 1e-8


def test_the_same_signs_for_all_rows_and_others_for_other_seeds():
    x, _, d = planted(rows=20, atoms=40, units=20)
    settings = {"iterations": 5}
    together = sparse_bayesian(x, d, **settings)
    assert np.abs(np.concatenate([sparse_bayesian(row[None], d, **settings) for row in x]) - together).max() < 1e-6
    assert np.abs(sparse_bayesian(x, d, **settings, seed=1) - together).max() > 1e-4


def test_conjugate_gradients_solve_each_system():
    random = np.random.default_rng(0)
    factors = random.normal(size=(3, 12, 12))
    matrices = factors @ factors.transpose(0, 2, 1) + 0.1 * np.eye(12)
    right = random.normal(size=(3, 4, 12))
    right[1, 2] = 0
    a, b = torch.from_numpy(matrices), torch.from_numpy(right)
    diagonal = a.diagonal(dim1=1, dim2=2).unsqueeze(1)
    found = solve_systems(lambda v: v @ a, b, torch.ones_like(b), diagonal=diagonal, tolerance=1e-12).numpy()
    expected = np.stack([np.linalg.solve(m, r.T).T for m, r in zip(matrices, right, strict=True)])
    assert np.abs(found - expected).max() < 1e-8
