"""Gradient pursuit by hand, its falling residual, and the tolerance at which pursuits end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.errors import ConfigError
from thresh.inference import gradient_pursuit, matching_pursuit, omp

from .problems import directions, planted


def by_hand(x, d, k):
    """One row, step by step, as the paper has it."""
    support, z, r = [], np.zeros(len(d)), x.copy()
    for _ in range(k):
        support = sorted({*support, int(np.abs(d @ r).argmax())})
        gradient = d[support] @ r
        change = gradient @ d[support]
        step = (r @ change) / (change @ change)
        z[support] += step * gradient
        r = x - z @ d
    return z


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 12))
def test_steps_are_those_of_the_paper(seed, k):
    d = directions(60, 20, seed)
    x = np.random.default_rng(seed + 1).normal(size=(5, 20))
    assert np.abs(gradient_pursuit(x, d, k) - [by_hand(row, d, k) for row in x]).max() < 1e-9


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), atoms=st.integers(2, 80), nonnegative=st.booleans())
def test_the_residual_never_grows(seed, atoms, nonnegative):
    d = directions(atoms, 12, seed)
    x = np.random.default_rng(seed + 1).normal(size=(6, 12))
    last = np.linalg.norm(x, axis=1)
    for k in range(1, min(atoms, 20)):
        codes = gradient_pursuit(x, d, k, nonnegative)
        left = np.linalg.norm(x - codes @ d, axis=1)
        assert (left <= last * (1 + 1e-12)).all()
        assert (codes != 0).sum(axis=1).max() <= k
        assert not nonnegative or codes.min() >= 0
        last = left


@pytest.mark.parametrize("nonnegative", [False, True])
def test_it_finds_planted_features_and_its_residual_is_between_those_of_its_neighbours(nonnegative):
    x, truth, d = planted(rows=300, atoms=128, units=64, active=4)
    codes = gradient_pursuit(x, d, 4, nonnegative)
    assert ((codes != 0) == (truth != 0)).all(axis=1).mean() > 0.85
    left, plain, exact = (
        np.linalg.norm(x - each @ d, axis=1).mean()
        for each in (codes, matching_pursuit(x, d, 4, nonnegative), omp(x, d, 4, nonnegative))
    )
    assert exact < left < plain


@pytest.mark.parametrize("nonnegative", [False, True])
def test_lengths_of_atoms_only_rescale_codes(nonnegative):
    d = directions(40, 20)
    lengths = np.random.default_rng(2).uniform(0.1, 10, size=40)
    x = np.random.default_rng(1).normal(size=(10, 20))
    codes = gradient_pursuit(x, d, 5, nonnegative)
    assert np.abs(gradient_pursuit(x, d * lengths[:, None], 5, nonnegative) * lengths - codes).max() < 1e-10


@pytest.mark.parametrize("solve", [omp, matching_pursuit, gradient_pursuit])
@pytest.mark.parametrize("nonnegative", [False, True])
def test_a_row_ends_at_its_tolerance_with_what_it_had_then(solve, nonnegative):
    x, _, d = planted(rows=50, atoms=80, active=4)
    found = solve(x, d, 30, nonnegative, residual=0.2)
    relative = np.linalg.norm(x - found @ d, axis=1) / np.linalg.norm(x, axis=1)
    assert relative.max() <= 0.2
    seen = set()
    for row, codes in zip(x, found, strict=True):
        steps = next(k for k in range(1, 31) if is_within(row, solve(row[None], d, k, nonnegative), d, 0.2))
        seen.add(steps)
        assert np.abs(solve(row[None], d, steps, nonnegative) - codes).max() < 1e-10
    assert len(seen) > 1


def is_within(row, codes, d, share):
    return np.linalg.norm(row - codes @ d) <= share * np.linalg.norm(row)


@pytest.mark.parametrize("solve", [omp, matching_pursuit, gradient_pursuit])
def test_a_tolerance_that_cannot_be_used_is_named(solve):
    with pytest.raises(ConfigError, match="residual: found 2, expected a number between 0 and 1"):
        solve(np.ones((3, 8)), directions(6, 8), 2, residual=2)
