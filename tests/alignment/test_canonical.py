"""SVCCA and PWCCA against scikit-learn, regression, and directions planted with little variance."""

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from thresh.alignment import pwcca, svcca
from thresh.alignment.folds import split
from thresh.errors import ConfigError

from .simulate import normal, orthogonal, related, scales, seeds


def pairs_of_sklearn(x, y, test_x, test_y, variance):
    """Unit variates of x on the training rows, and the correlation of all pairs on the test rows."""
    reduced = []
    for train, test in ((x, test_x), (y, test_y)):
        pca = PCA(None if variance == 1 else variance, svd_solver="full").fit(train)
        reduced.append((pca.transform(train), pca.transform(test)))
    (train_x, test_x), (train_y, test_y) = reduced
    pairs = min(train_x.shape[1], train_y.shape[1])
    model = CCA(pairs, max_iter=50_000, tol=1e-14).fit(train_x, train_y)
    variates = model.transform(train_x, train_y)[0]
    u, v = model.transform(test_x, test_y)
    correlation = np.array([np.corrcoef(u[:, k], v[:, k])[0, 1] for k in range(pairs)])
    return variates / np.linalg.norm(variates, axis=0), correlation


def parts(rows, folds):
    return [(np.arange(rows), np.arange(rows))] if folds is None else split(rows, folds, 0)


@pytest.mark.parametrize("folds", [None, 5])
def test_svcca_is_sklearns_pca_and_cca(folds):
    x, y = related(120, 6, 4, noise=3)
    scores = []
    for train, test in parts(120, folds):
        scores.append(pairs_of_sklearn(x[train], y[train], x[test], y[test], 0.9)[1].mean())
    assert svcca(x, y, variance=0.9, folds=folds) == pytest.approx(np.mean(scores), abs=1e-6)


@pytest.mark.parametrize("folds", [None, 5])
@pytest.mark.parametrize("units", [(4, 5), (6, 3)])
def test_pwcca_weighs_sklearns_pairs_by_what_they_carry_of_x(folds, units):
    x, y = related(120, *units, noise=3)
    scores = []
    for train, test in parts(120, folds):
        variates, correlation = pairs_of_sklearn(x[train], y[train], x[test], y[test], 1)
        weights = np.abs(variates.T @ (x[train] - x[train].mean(axis=0))).sum(axis=1)
        scores.append(np.average(correlation, weights=weights))
    assert pwcca(x, y, folds=folds) == pytest.approx(np.mean(scores), abs=1e-6)


def test_one_unit_has_the_multiple_correlation_of_regression():
    x, y = related(60, 1, 7, noise=4)
    expected = np.sqrt(LinearRegression().fit(y, x[:, 0]).score(y, x[:, 0]))
    for metric in (svcca, pwcca):
        assert metric(x, y, variance=1.0, folds=None) == pytest.approx(expected, abs=1e-10)
    assert svcca(y, x, variance=1.0, folds=None) == pytest.approx(expected, abs=1e-10)


def test_more_dimensions_than_stimuli_fit_anything_but_nothing_new():
    x, y = normal(60, 100, 0), normal(60, 100, 1)
    for metric in (svcca, pwcca):
        assert metric(x, y, variance=1.0, folds=None) == pytest.approx(1, abs=1e-9)
        assert abs(metric(x, y)) < 0.1


def test_directions_of_little_variance_count_little_in_pwcca_and_are_dropped_by_svcca():
    """Two shared directions, and four private ones of a hundredth of their size."""
    shared = normal(500, 2)
    x, y = (np.c_[shared, 0.01 * normal(500, 4, seed)] for seed in (1, 2))
    assert svcca(x, y) == pytest.approx(1, abs=1e-3)
    assert svcca(x, y, variance=1.0) < 0.45
    assert pwcca(x, y) > 0.95


def test_variance_keeps_the_fewest_components_that_hold_it():
    """Orthogonal columns of variance 4, 3, 2, 1: two hold exactly .7, and three are needed for more."""
    basis = np.linalg.qr(np.c_[np.ones(40), normal(40, 5)])[0][:, 1:]
    x = basis[:, :4] * np.sqrt([4, 3, 2, 1])
    y = np.c_[basis[:, :2], basis[:, 4]] @ np.diag([3.0, 2.0, 1.0])
    assert svcca(x, y, variance=0.7, folds=None) == pytest.approx(1, abs=1e-9)
    assert svcca(x, y, variance=0.99, folds=None) == pytest.approx(2 / 3, abs=1e-9)


@given(seed=seeds, scale=scales)
@settings(max_examples=15, deadline=None)
def test_what_each_does_not_see(seed, scale):
    x, y = related(60, 5, 4, noise=2, seed=seed)
    invertible = orthogonal(5, seed) * np.linspace(0.5, 2, 5)
    for folds in (None, 5):
        moved = scale * x @ orthogonal(5, seed) + normal(1, 5, seed)
        assert svcca(moved, y, folds=folds) == pytest.approx(svcca(x, y, folds=folds), abs=1e-7)
        assert svcca(x @ invertible, y, variance=1.0, folds=folds) == pytest.approx(
            svcca(x, y, variance=1.0, folds=folds), abs=1e-7
        )
        assert pwcca(y, x @ invertible, folds=folds) == pytest.approx(pwcca(y, x, folds=folds), abs=1e-7)
        order = np.random.default_rng(seed).permutation(5)
        assert pwcca(-scale * x[:, order], y, folds=folds) == pytest.approx(pwcca(x, y, folds=folds), abs=1e-7)


@pytest.mark.parametrize("variance", [0, 1.5, True])
def test_variance_is_a_share(variance):
    for metric in (svcca, pwcca):
        with pytest.raises(ConfigError, match="variance"):
            metric(*related(), variance=variance)
