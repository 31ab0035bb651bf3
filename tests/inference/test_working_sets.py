"""The lasso on working sets: scikit-learn's optimum, the conditions of optimality, and all ways there agree."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso as CoordinateDescent

from thresh.inference import blocks, fista, gram, sets, working_sets
from thresh.inference.lasso import Lasso

EXACT = {"tolerance": 1e-14, "max_steps": 100_000}


def planted(atoms, units, rows=8, active=5, seed=0):
    random = np.random.default_rng(seed)
    directions = random.normal(size=(atoms, units))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    codes = (random.random((rows, atoms)) < active / atoms) * random.normal(size=(rows, atoms))
    return codes @ directions + 0.05 * random.normal(size=(rows, units)), directions


def by_coordinate_descent(x, atoms, penalty, nonnegative):
    oracle = CoordinateDescent(
        penalty / atoms.shape[1], fit_intercept=False, positive=nonnegative, tol=1e-15, max_iter=10_000
    )
    return np.stack([oracle.fit(atoms.T, row).coef_.copy() for row in x])


def objective(x, codes, atoms, penalty):
    return 0.5 * np.square(x - codes @ atoms).sum(axis=1) + penalty * np.abs(codes).sum(axis=1)


def gaps(x, atoms, codes, penalty, nonnegative):
    x, atoms, codes = map(torch.from_numpy, (x, atoms, codes))
    return Lasso(x, atoms, penalty, nonnegative).relative_gap(codes).numpy()


@pytest.fixture
def all_atoms(monkeypatch):
    """FISTA steps on all atoms, with the rows that came to it counted."""
    counts = []
    steps = fista.__wrapped__.__globals__["until_optimal"]

    def counted(lasso, *args, **kwargs):
        counts.append(len(lasso.x))
        return steps(lasso, *args, **kwargs)

    monkeypatch.setitem(fista.__wrapped__.__globals__, "until_optimal", counted)
    return counts


@pytest.mark.parametrize("penalty", [0.1, 0.01, 0.001])
@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("shape", [(300, 40), (260, 120), (520, 30)])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # its tolerance here is below rounding
def test_codes_are_those_of_scikit_learn(shape, nonnegative, penalty):
    x, atoms = planted(*shape, rows=3)
    codes = fista(x, atoms, penalty, nonnegative, **EXACT)
    expected = by_coordinate_descent(x, atoms, penalty, nonnegative)
    better = objective(x, codes, atoms, penalty) - objective(x, expected, atoms, penalty)
    assert better.max() < 1e-12
    assert gaps(x, atoms, codes, penalty, nonnegative).max() < 1e-12
    # Where penalties are small it does not always arrive. A gap of so much leaves its root to the codes.
    arrived = gaps(x, atoms, expected, penalty, nonnegative) < 1e-14
    assert penalty < 0.1 or arrived.any()
    assert np.abs(codes - expected)[arrived].max(initial=0) < 1e-6


@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_copies_opposites_and_zero_atoms_reach_the_same_objective(nonnegative):
    x, atoms = planted(300, 30, rows=6)
    atoms[100:200] = atoms[:100]
    atoms[200:220] = -atoms[:20]
    atoms[[5, 299]] = 0
    codes = fista(x, atoms, 0.01, nonnegative, **EXACT)
    expected = by_coordinate_descent(x, atoms, 0.01, nonnegative)
    assert not codes[:, [5, 299]].any()
    assert (objective(x, codes, atoms, 0.01) - objective(x, expected, atoms, 0.01)).max() < 1e-12
    assert gaps(x, atoms, codes, 0.01, nonnegative).max() < 1e-12
    # The fit is unique where codes are not; half its square is at most the difference of objectives.
    arrived = gaps(x, atoms, expected, 0.01, nonnegative) < 1e-12
    assert np.abs((codes - expected) @ atoms)[arrived].max(initial=0) < 1e-5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_rows_of_very_many_active_atoms_are_left_to_steps_on_all(all_atoms):
    x, atoms = planted(260, 200, rows=3, active=260)
    codes = fista(x, atoms, 0.05, False, tolerance=1e-13, max_steps=100_000)
    assert sum(all_atoms) > 0
    assert (codes != 0).sum(axis=1).min() > 260 / 4
    expected = by_coordinate_descent(x, atoms, 0.05, False)
    assert (objective(x, codes, atoms, 0.05) - objective(x, expected, atoms, 0.05)).max() < 1e-10


def test_rows_of_few_active_atoms_are_not(all_atoms):
    x, atoms = planted(1024, 128, rows=50)
    fista(x, atoms, 0.1)
    assert not all_atoms


def test_rows_that_promise_many_active_atoms_leave_after_a_round(all_atoms, monkeypatch):
    x, atoms = planted(1024, 256, rows=20, active=100)
    x[:5], _ = planted(1024, 256, rows=5, active=5)
    rounds = []
    advance = working_sets.Problem.advance
    monkeypatch.setattr(
        working_sets.Problem, "advance", lambda self, sets: rounds.append(sets.rounds) or advance(self, sets)
    )
    codes = fista(x[5:], atoms, 0.1, tolerance=1e-4)
    assert (codes != 0).sum(axis=1).min() > 60
    assert max(rounds) == 0
    fista(x, atoms, 0.1, tolerance=1e-4)
    assert all_atoms[0] == 15
    assert all_atoms[1] <= 16


def test_negative_codes_to_begin_from_count_as_none():
    for shape in ((300, 40), (60, 40)):
        x, atoms = planted(*shape)
        best = fista(x, atoms, 0.1, **EXACT)
        for warm in (-np.ones_like(best), np.where(best > 0, best, -1)):
            assert np.abs(fista(x, atoms, 0.1, **EXACT, warm=warm) - best).max() < 1e-7


@pytest.mark.parametrize("nonnegative", [True, False])
def test_a_warm_start_of_any_kind_leads_to_the_same_optimum(nonnegative):
    x, atoms = planted(300, 40)
    best = fista(x, atoms, 0.1, nonnegative, **EXACT)
    dense = np.random.default_rng(0).normal(size=best.shape)
    for warm in (dense, np.where(np.abs(dense) > 2, dense, 0), best):
        assert np.abs(fista(x, atoms, 0.1, nonnegative, **EXACT, warm=warm) - best).max() < 1e-7


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    atoms=st.integers(256, 700),
    units=st.integers(10, 60),
    penalty=st.sampled_from([1.0, 0.1, 0.03]),
    nonnegative=st.booleans(),
    norms=st.booleans(),
)
def test_no_single_code_can_improve_the_objective(seed, atoms, units, penalty, nonnegative, norms):
    x, directions = planted(atoms, units, rows=4, seed=seed)
    if norms:
        directions *= np.random.default_rng(seed).uniform(0.1, 3, (atoms, 1))
    codes = fista(x, directions, penalty, nonnegative, **EXACT)
    slope = (x - codes @ directions) @ directions.T
    active = codes != 0
    assert np.all((slope if nonnegative else np.abs(slope)) <= penalty * (1 + 1e-4))
    assert slope[active] == pytest.approx(penalty * np.sign(codes[active]), rel=1e-3)
    if nonnegative:
        assert codes.min() >= 0


@pytest.mark.parametrize("nonnegative", [True, False])
def test_blocks_threads_and_the_gram_matrix_do_not_change_codes(nonnegative, monkeypatch):
    x, atoms = planted(300, 40, rows=310)
    threads = torch.get_num_threads()
    codes = fista(x, atoms, 0.2, nonnegative)
    monkeypatch.setattr(blocks, "CACHED", 1)
    monkeypatch.setattr(sets, "SETS_LIMIT", 100_000)
    try:
        torch.set_num_threads(2)
        assert np.abs(fista(x, atoms, 0.2, nonnegative) - codes).max() < 1e-12
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    monkeypatch.setattr(gram, "LIMIT", 0)
    assert np.abs(fista(x, atoms, 0.2, nonnegative) - codes).max() < 1e-12


@pytest.mark.parametrize("nonnegative", [True, False])
def test_a_gpus_way_gives_the_same_codes(nonnegative, monkeypatch):
    x, atoms = planted(300, 40, rows=310)
    codes = fista(x, atoms, 0.2, nonnegative)
    monkeypatch.setattr(blocks, "on_cpu", lambda tensor: False)
    assert np.abs(fista(x, atoms, 0.2, nonnegative) - codes).max() < 1e-12


def test_what_one_block_raises_is_raised():
    def fail(rows):
        if rows.start == 64:
            raise ValueError("block 1")

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with pytest.raises(ValueError, match="block 1"):
            blocks.over_blocks(fail, 200, 64, torch.device("cpu"))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_float32_reaches_a_gap_that_float64_confirms():
    x, atoms = planted(1024, 128, rows=40)
    for penalty in (0.3, 0.05):
        codes = fista(x.astype(np.float32), atoms.astype(np.float32), penalty, tolerance=1e-4)
        exact = fista(x, atoms, penalty, **EXACT)
        best = objective(x, exact, atoms, penalty)
        assert np.all(objective(x, codes.astype(float), atoms, penalty) <= best * (1 + 2e-4))
