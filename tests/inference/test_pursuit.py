"""Greedy solvers against scikit-learn, SciPy's NNLS, closed forms, and the edges."""

import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from sklearn.linear_model import orthogonal_mp

from thresh.errors import ConfigError, DictionaryError
from thresh.inference import blocks, gram, matching_pursuit, omp


def directions(atoms, units, seed=0):
    d = np.random.default_rng(seed).normal(size=(atoms, units))
    return d / np.linalg.norm(d, axis=1, keepdims=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 12))
def test_omp_is_that_of_scikit_learn(seed, k):
    atoms = directions(60, 20, seed)
    x = np.random.default_rng(seed + 1).normal(size=(8, 20))
    assert np.abs(omp(x, atoms, k) - orthogonal_mp(atoms.T, x.T, n_nonzero_coefs=k).T).max() < 1e-10


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 12))
def test_nonnegative_weights_are_least_squares_on_their_support(seed, k):
    atoms = directions(60, 20, seed)
    x = np.random.default_rng(seed + 1).normal(size=(8, 20))
    codes = omp(x, atoms, k, nonnegative=True)
    assert codes.min() >= 0
    assert (codes > 0).sum(axis=1).max() <= k
    for row, weights in zip(x, codes, strict=True):
        support = weights > 0
        assert weights[support] == pytest.approx(nnls(atoms[support].T, row)[0], abs=1e-8)


def test_with_every_atom_allowed_nonnegative_omp_is_nnls():
    atoms = directions(60, 20)
    x = np.random.default_rng(1).normal(size=(30, 20))
    residual = np.linalg.norm(x - omp(x, atoms, 60, nonnegative=True) @ atoms, axis=1)
    assert residual == pytest.approx([nnls(atoms.T, row)[1] for row in x], abs=1e-8)


def test_few_planted_features_are_found_exactly():
    atoms = directions(128, 48)
    random = np.random.default_rng(1)
    truth = np.zeros((200, 128))
    for row in truth:
        row[random.choice(128, 3, replace=False)] = random.uniform(0.5, 1.5, 3)
    for nonnegative in (False, True):
        found = omp(truth @ atoms, atoms, 3, nonnegative)
        exact = np.abs(found - truth).max(axis=1) < 1e-8
        assert exact.mean() > 0.95


@pytest.mark.parametrize("solve", [omp, matching_pursuit])
@pytest.mark.parametrize("nonnegative", [False, True])
def test_lengths_of_atoms_only_rescale_codes(solve, nonnegative):
    atoms = directions(40, 20)
    lengths = np.random.default_rng(2).uniform(0.1, 10, size=40)
    x = np.random.default_rng(1).normal(size=(10, 20))
    codes = solve(x, atoms, 5, nonnegative)
    assert np.abs(solve(x, atoms * lengths[:, None], 5, nonnegative) * lengths - codes).max() < 1e-10


@pytest.mark.parametrize("solve", [omp, matching_pursuit])
@pytest.mark.parametrize("nonnegative", [False, True])
def test_orthonormal_atoms_give_the_k_largest_coefficients(solve, nonnegative):
    atoms = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0]
    x = np.random.default_rng(1).normal(size=(9, 12))
    expected = x @ atoms.T
    strength = expected if nonnegative else np.abs(expected)
    expected[strength < np.sort(strength, axis=1)[:, -4][:, None]] = 0
    expected = np.maximum(expected, 0) if nonnegative else expected
    assert np.abs(solve(x, atoms, 4, nonnegative) - expected).max() < 1e-12


@pytest.mark.parametrize("solve", [omp, matching_pursuit])
@pytest.mark.parametrize("nonnegative", [False, True])
def test_silent_rows_dead_atoms_and_copies_are_defined(solve, nonnegative):
    atoms = directions(6, 8)
    atoms[2] = 0
    atoms[4] = atoms[3]
    x = np.random.default_rng(1).normal(size=(5, 8))
    x[1] = 0
    codes = solve(x, atoms, 6, nonnegative)
    assert np.isfinite(codes).all()
    assert not codes[1].any()
    assert not codes[:, 2].any()
    best = [
        nnls(atoms.T, row)[1] if nonnegative else np.linalg.norm(row - atoms.T @ np.linalg.pinv(atoms.T) @ row)
        for row in x
    ]
    if solve is omp:
        assert np.linalg.norm(x - codes @ atoms, axis=1) == pytest.approx(best, abs=1e-8)


def test_the_residual_of_matching_pursuit_loses_the_energy_of_each_step():
    atoms = directions(30, 10)
    x = np.random.default_rng(1).normal(size=(6, 10))
    residual = x.copy()
    for k in range(1, 5):
        correlation = residual @ atoms.T
        chosen = np.abs(correlation).argmax(axis=1)
        residual -= correlation[np.arange(6), chosen, None] * atoms[chosen]
        assert np.abs(x - matching_pursuit(x, atoms, k) @ atoms - residual).max() < 1e-12


@pytest.mark.parametrize("solve", [omp, matching_pursuit])
def test_bad_input_is_named(solve):
    atoms = directions(6, 8)
    x = np.ones((5, 8))
    for k, expected in ((0, "an integer of 1 or more"), (2.5, "an integer"), (7, r"the number of atoms \(6\)")):
        with pytest.raises(ConfigError, match=f"k: found {k}, expected .*{expected}"):
            solve(x, atoms, k)
    x[2, 1] = np.inf
    with pytest.raises(DictionaryError, match="row 2, unit 1"):
        solve(x, atoms, 2)


@pytest.mark.parametrize("shape", [(60, 20), (30, 12), (100, 24)])
def test_the_residual_is_never_above_that_of_scikit_learn(shape):
    atoms = directions(*shape)
    atoms[5] = (atoms[3] + atoms[4]) / np.linalg.norm(atoms[3] + atoms[4])
    atoms[9] = -atoms[8]
    x = np.random.default_rng(1).normal(size=(shape[0] + 4, shape[1]))
    for k in {1, 2, shape[1] // 2, shape[1] - 1, shape[1]}:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # it stops early at dependent atoms
            expected = orthogonal_mp(atoms.T, x.T, n_nonzero_coefs=k).T
        ours, theirs = (np.linalg.norm(x - codes @ atoms, axis=1) for codes in (omp(x, atoms, k), expected))
        assert (ours - theirs).max() < 1e-10


@pytest.mark.parametrize("nonnegative", [False, True])
def test_blocks_threads_and_the_gram_matrix_do_not_change_codes(nonnegative, monkeypatch):
    atoms = directions(100, 30)
    x = np.random.default_rng(1).normal(size=(310, 30))
    codes = omp(x, atoms, 12, nonnegative)
    for module in (sys.modules["thresh.inference.omp"], blocks):
        monkeypatch.setattr(module, "on_cpu", lambda tensor: False)
    assert np.abs(omp(x, atoms, 12, nonnegative) - codes).max() < 1e-12
    monkeypatch.undo()
    monkeypatch.setattr(blocks, "CACHED", 1)
    monkeypatch.setattr(gram, "LIMIT", 0)
    assert np.abs(omp(x, atoms, 12, nonnegative) - codes).max() < 1e-12


def test_more_atoms_than_a_row_is_made_of_are_not_used():
    atoms = directions(128, 64)
    for dtype in (np.float32, np.float64):
        x = np.stack([atoms[[0, 7]].sum(axis=0), atoms[3]] * 80).astype(dtype)
        codes = omp(x, atoms.astype(dtype), 10)
        assert (np.abs(codes) > 1e-5).sum(axis=1).tolist() == [2, 1] * 80
        assert (codes != 0).sum(axis=1).max() <= 3
