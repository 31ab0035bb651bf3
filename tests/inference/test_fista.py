"""FISTA against scikit-learn's coordinate descent, the conditions of optimality, and the edges."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso

from thresh.errors import ConfigError, DictionaryError
from thresh.inference import fista


def problem(atoms, units, rows=30, seed=0, dtype=np.float64):
    random = np.random.default_rng(seed)
    directions = random.normal(size=(atoms, units))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    codes = (random.random((rows, atoms)) < 0.1) * random.random((rows, atoms))
    return (codes @ directions).astype(dtype), directions.astype(dtype)


def objective(x, codes, atoms, penalty):
    return 0.5 * np.square(x - codes @ atoms).sum(axis=1) + penalty * np.abs(codes).sum(axis=1)


@pytest.mark.parametrize("penalty", [0.1, 0.01, 0.001])
@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("shape", [(30, 40), (100, 40)])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # its tolerance here is below rounding
def test_codes_are_those_of_scikit_learn(shape, nonnegative, penalty):
    x, atoms = problem(*shape, rows=12)
    codes = fista(x, atoms, penalty, nonnegative, tolerance=1e-14, max_steps=100_000)
    oracle = Lasso(penalty / atoms.shape[1], fit_intercept=False, positive=nonnegative, tol=1e-15, max_iter=50_000)
    expected = np.stack([oracle.fit(atoms.T, row).coef_.copy() for row in x])
    best = objective(x, expected, atoms, penalty)
    assert np.abs(objective(x, codes, atoms, penalty) - best).max() < 1e-12
    assert np.abs(codes - expected).max() < 1e-7


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    atoms=st.integers(1, 40),
    units=st.integers(1, 20),
    penalty=st.sampled_from([1.0, 0.1, 0.01]),
    nonnegative=st.booleans(),
)
def test_no_single_code_can_improve_the_objective(seed, atoms, units, penalty, nonnegative):
    x, directions = problem(atoms, units, rows=5, seed=seed)
    codes = fista(x, directions, penalty, nonnegative, tolerance=1e-12, max_steps=100_000)
    slope = (x - codes @ directions) @ directions.T
    active = codes != 0
    assert np.all((slope if nonnegative else np.abs(slope)) <= penalty * (1 + 1e-4))
    assert slope[active] == pytest.approx(penalty * np.sign(codes[active]), rel=1e-3)
    if nonnegative:
        assert codes.min() >= 0


def test_from_the_largest_correlation_on_all_codes_are_zero():
    x, atoms = problem(20, 10)
    largest = (x @ atoms.T).max()
    assert not fista(x, atoms, largest * 1.001).any()
    assert fista(x, atoms, largest * 0.99).any()


def test_orthonormal_atoms_give_soft_thresholding():
    atoms = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0]
    x = np.random.default_rng(1).normal(size=(9, 12))
    correlation = x @ atoms.T
    expected = np.sign(correlation) * np.maximum(np.abs(correlation) - 0.3, 0)
    assert np.abs(fista(x, atoms, 0.3, nonnegative=False, tolerance=1e-14) - expected).max() < 1e-10


def test_silent_rows_and_dead_atoms_have_code_zero():
    x, atoms = problem(20, 10)
    x[3] = 0
    atoms[[0, 7]] = 0
    codes = fista(x, atoms, 0.01)
    assert not codes[3].any()
    assert not codes[:, [0, 7]].any()
    assert np.isfinite(codes).all()
    assert codes.any()
    assert not fista(x, np.zeros_like(atoms), 0.01).any()


def test_float32_tensors_agree_with_float64_arrays():
    x, atoms = problem(100, 40)
    exact = fista(x, atoms, 0.05, tolerance=1e-12)
    codes = fista(torch.from_numpy(x).float(), torch.from_numpy(atoms).float(), 0.05)
    assert codes.dtype == torch.float32
    assert objective(x, codes.double().numpy(), atoms, 0.05) == pytest.approx(
        objective(x, exact, atoms, 0.05), rel=1e-5
    )


def test_a_row_is_solved_for_itself():
    x, atoms = problem(60, 20)
    together = fista(x, atoms, 0.02, tolerance=1e-10)
    alone = np.concatenate([fista(row[None], atoms, 0.02, tolerance=1e-10) for row in x])
    assert np.abs(together - alone).max() < 1e-9


def test_a_warm_start_leads_to_the_same_optimum():
    x, atoms = problem(30, 40)
    cold = fista(x, atoms, 0.01, tolerance=1e-13)
    warm = fista(x, atoms, 0.01, tolerance=1e-13, warm=np.random.default_rng(0).random(cold.shape))
    assert np.abs(cold - warm).max() < 1e-8


def test_what_does_not_converge_is_said():
    x, atoms = problem(100, 20)
    with pytest.warns(UserWarning, match="of 30 rows stopped at max_steps=10"):
        fista(x, atoms, 1e-4, max_steps=10)


def test_bad_input_is_named():
    x, atoms = problem(20, 10)
    x[4, 2] = np.nan
    with pytest.raises(DictionaryError, match="row 4, unit 2"):
        fista(x, atoms, 0.1)
    with pytest.raises(DictionaryError, match=r"expected \(rows, 10\)"):
        fista(x[:, :9], atoms, 0.1)
    with pytest.raises(ConfigError, match="penalty"):
        fista(x, atoms, 0.0)
