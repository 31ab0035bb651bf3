"""A budget of k after any solver: which codes stay, and their refit against NumPy and SciPy."""

import numpy as np
import pytest
from scipy.optimize import nnls

from thresh.errors import ConfigError
from thresh.inference import fista, infer, keep_largest, omp

from .problems import directions, planted


@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("k", [1, 4, 20])
def test_the_largest_stay_and_are_least_squares(nonnegative, k):
    random = np.random.default_rng(0)
    lengths = random.uniform(0.5, 2, (60, 1))
    d = directions(60, 20) * lengths
    x, codes = random.normal(size=(40, 20)), random.normal(size=(40, 60))
    found = keep_largest(x, d, codes, k, nonnegative)
    for row, given, kept in zip(x, codes, found, strict=True):
        size = (np.maximum(given, 0) if nonnegative else np.abs(given)) * lengths[:, 0]
        largest = np.sort(np.argsort(size)[-k:])
        largest = largest[size[largest] > 0]
        expected = nnls(d[largest].T, row)[0] if nonnegative else np.linalg.lstsq(d[largest].T, row)[0]
        if len(largest) <= 20:
            assert kept[largest] == pytest.approx(expected, abs=1e-7)
        assert not np.delete(kept, largest).any()


def test_a_row_with_fewer_keeps_what_it_has():
    x, _, d = planted(active=2)
    codes = fista(x, d, 0.4)
    found = keep_largest(x, d, codes, 10)
    assert ((found != 0) <= (codes != 0)).all()
    few = (codes > 0).sum(axis=1) <= 10
    assert few.mean() > 0.9


@pytest.mark.parametrize("nonnegative", [True, False])
def test_copies_and_atoms_of_zeros_leave_the_best_fit(nonnegative):
    d = directions(5, 8)
    d[4], d[2] = d[3], 0
    x = np.random.default_rng(0).normal(size=(6, 8))
    found = keep_largest(x, d, np.ones((6, 5)), 5, nonnegative)
    best = [nnls(d.T, row)[1] if nonnegative else np.linalg.norm(row - d.T @ np.linalg.pinv(d.T) @ row) for row in x]
    assert np.linalg.norm(x - found @ d, axis=1) == pytest.approx(best, abs=1e-8)
    assert not found[:, 2].any()


@pytest.mark.parametrize("solver", ["fista", "ista", "coordinate_descent", "ito", "lista"])
def test_solvers_of_the_lasso_take_a_budget(solver):
    """From the codes of a penalty that keeps more than the planted features, exactly these in exact size."""
    x, truth, d = planted(active=3)

    class Known:
        atoms, encode = d, staticmethod(lambda rows: rows @ rows.new_tensor(d.T))

    codes = infer(x, Known, solver, penalty=0.05, k=3, device="cpu").toarray()
    assert (codes != 0).sum(axis=1).max() <= 3
    exact = np.abs(codes - truth).max(axis=1) < 1e-8
    assert exact.mean() > 0.9
    assert np.abs(codes - omp(x, d, 3, nonnegative=True))[exact].max() < 1e-8
    with pytest.raises(ConfigError, match=r"k: found 61, expected at most the number of atoms \(60\)"):
        infer(x, Known, solver, penalty=0.05, k=61, device="cpu")
