"""Coordinate descent and plain proximal gradient against scikit-learn, FISTA, and the edges of working sets."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso

from thresh.inference import coordinate_descent, fista, gram, ista, sets

from .problems import directions, ista_by_hand, objective, planted

EXACT = {"tolerance": 1e-14}


@pytest.mark.parametrize("penalty", [0.1, 0.01, 0.001])
@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("atoms", [30, 100])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # its tolerance here is below rounding
def test_codes_are_those_of_scikit_learn_and_of_fista(atoms, nonnegative, penalty):
    x, _, d = planted(rows=12, atoms=atoms, active=5, signed=not nonnegative)
    codes = coordinate_descent(x, d, penalty, nonnegative, **EXACT)
    oracle = Lasso(penalty / d.shape[1], fit_intercept=False, positive=nonnegative, tol=1e-15, max_iter=50_000)
    expected = np.stack([oracle.fit(d.T, row).coef_.copy() for row in x])
    assert np.abs(codes - expected).max() < 1e-8
    assert np.abs(codes - fista(x, d, penalty, nonnegative, **EXACT, max_steps=100_000)).max() < 1e-8


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    atoms=st.integers(1, 90),
    units=st.integers(1, 20),
    penalty=st.sampled_from([1.0, 0.1, 0.01]),
    nonnegative=st.booleans(),
)
def test_rows_of_noise_meet_the_conditions_of_optimality(seed, atoms, units, penalty, nonnegative):
    d = directions(atoms, units, seed) * np.random.default_rng(seed).uniform(0.5, 2, (atoms, 1))
    x = np.random.default_rng(seed + 1).normal(size=(5, units))
    codes = coordinate_descent(x, d, penalty, nonnegative, tolerance=1e-13)
    slope = (x - codes @ d) @ d.T
    active = codes != 0
    assert np.all((slope if nonnegative else np.abs(slope)) <= penalty * (1 + 1e-4))
    assert slope[active] == pytest.approx(penalty * np.sign(codes[active]), rel=1e-3)
    assert not nonnegative or codes.min() >= 0


def test_more_atoms_are_active_than_join_at_once():
    d = directions(300, 100)
    x = np.random.default_rng(1).normal(size=(4, 100))
    codes = coordinate_descent(x, d, 0.1, nonnegative=False, **EXACT)
    assert (codes != 0).sum(axis=1).min() > 60
    assert np.abs(codes - fista(x, d, 0.1, False, **EXACT, max_steps=50_000)).max() < 1e-8


def test_without_the_whole_gram_matrix_codes_are_the_same(monkeypatch):
    x, _, d = planted()
    whole = coordinate_descent(x, d, 0.05, **EXACT)
    monkeypatch.setattr(gram, "LIMIT", 10)
    monkeypatch.setattr(sets, "SETS_LIMIT", 3000)
    assert np.abs(coordinate_descent(x, d, 0.05, **EXACT) - whole).max() < 1e-10


@pytest.mark.parametrize("solve", [coordinate_descent, ista])
@pytest.mark.parametrize("nonnegative", [True, False])
def test_any_start_leads_to_the_same_optimum(solve, nonnegative):
    x, _, d = planted(rows=20, atoms=30, signed=not nonnegative)
    cold = solve(x, d, 0.05, nonnegative, tolerance=1e-13)
    start = np.random.default_rng(0).normal(size=cold.shape)
    assert np.abs(solve(x, d, 0.05, nonnegative, tolerance=1e-13, warm=start) - cold).max() < 1e-7


@pytest.mark.parametrize("solve", [coordinate_descent, ista])
def test_a_row_is_solved_for_itself(solve):
    x, _, d = planted(rows=40)
    x += np.random.default_rng(0).normal(size=x.shape) * np.linspace(0, 0.3, 40)[:, None]
    together = solve(x, d, 0.02, tolerance=1e-4)
    alone = np.concatenate([solve(row[None], d, 0.02, tolerance=1e-4) for row in x])
    assert np.abs(together - alone).max() < 1e-10


@pytest.mark.parametrize("solve", [coordinate_descent, ista])
@pytest.mark.parametrize("nonnegative", [True, False])
def test_copies_share_what_one_atom_would_have(solve, nonnegative):
    x, _, d = planted(rows=30, signed=not nonnegative)
    once = solve(x, d, 0.05, nonnegative, tolerance=1e-12)
    twice = solve(x, np.concatenate([d, d]), 0.05, nonnegative, tolerance=1e-12)
    assert np.abs(twice[:, :60] + twice[:, 60:] - once).max() < 1e-5
    doubled = np.concatenate([d, d])
    assert objective(x, twice, doubled, 0.05) == pytest.approx(objective(x, once, d, 0.05), rel=1e-9)


def test_plain_steps_are_those_by_hand_and_never_raise_the_objective():
    x, _, d = planted(rows=20)
    with pytest.warns(UserWarning, match="ista: 20 of 20 rows stopped at max_steps=20"):
        codes = ista(x, d, 0.01, max_steps=20)
    assert np.abs(codes - ista_by_hand(x, d, 0.01, 20)).max() < 1e-6
    values = [objective(x, ista_by_hand(x, d, 0.01, steps), d, 0.01) for steps in range(0, 30, 3)]
    assert (np.diff(values, axis=0) <= 0).all()


def test_float32_tensors_agree_with_float64_arrays():
    x, _, d = planted()
    exact = coordinate_descent(x, d, 0.05, **EXACT)
    codes = coordinate_descent(torch.from_numpy(x).float(), torch.from_numpy(d).float(), 0.05)
    assert codes.dtype == torch.float32
    assert np.abs(codes.numpy() - exact).max() < 1e-4


def test_what_does_not_converge_is_said():
    d = directions(400, 100)
    x = np.random.default_rng(1).normal(size=(6, 100))
    with pytest.warns(UserWarning, match="coordinate_descent: 6 of 6 rows stopped at max_steps=1"):
        coordinate_descent(x, d, 0.001, max_steps=1)
