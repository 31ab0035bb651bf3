"""RSA against rsatoolbox and scipy, and its meaning at the edges."""

import numpy as np
import pytest
import rsatoolbox
from hypothesis import given, settings
from scipy.spatial.distance import pdist

from thresh.alignment import rsa
from thresh.alignment.rdm import distances
from thresh.errors import AlignmentError, ConfigError

from .simulate import normal, orthogonal, related, scales, seeds

TOOLBOX_COMPARISON = {"spearman": "spearman", "pearson": "corr", "cosine": "cosine"}


@pytest.mark.parametrize("compare", ["spearman", "pearson", "cosine"])
@pytest.mark.parametrize(("ours", "toolbox"), [("correlation", "correlation"), ("sqeuclidean", "euclidean")])
def test_rsa_is_rsatoolbox(ours, toolbox, compare):
    x, y = related(40, 12, 30)
    first, second = (rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(side), method=toolbox) for side in (x, y))
    expected = rsatoolbox.rdm.compare(first, second, method=TOOLBOX_COMPARISON[compare]).item()
    assert rsa(x, y, distance=ours, compare=compare) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("distance", ["correlation", "euclidean", "sqeuclidean", "cosine"])
def test_distances_are_those_of_scipy(distance):
    x, _ = related(30, 7, 2)
    ours, scipys = distances(x, distance), pdist(x, distance)
    np.testing.assert_allclose(ours / ours.max(), scipys / scipys.max(), atol=1e-9)


@given(seed=seeds, scale=scales)
@settings(max_examples=20, deadline=None)
def test_euclidean_rsa_does_not_see_rotation_scale_or_offset(seed, scale):
    x, y = related(20, 6, 5, seed=seed)
    moved = scale * x @ orthogonal(6, seed) + normal(1, 6, seed)
    for compare in ("spearman", "pearson", "cosine"):
        same = rsa(x, y, distance="sqeuclidean", compare=compare)
        assert rsa(moved, y, distance="sqeuclidean", compare=compare) == pytest.approx(same, abs=1e-7)
        assert rsa(y, x, distance="sqeuclidean", compare=compare) == pytest.approx(same, abs=1e-12)


def test_spearman_of_euclidean_and_squared_euclidean_agree():
    x, y = related()
    assert rsa(x, y, distance="euclidean") == pytest.approx(rsa(x, y, distance="sqeuclidean"), abs=1e-12)


@pytest.mark.parametrize(("distance", "response"), [("correlation", 0.0), ("correlation", 0.1), ("cosine", 0.0)])
def test_a_silent_stimulus_is_at_distance_one_from_every_other(distance, response):
    x, _ = related(6, 11, 2)
    x[[2, 4]] = response
    square = np.zeros((6, 6))
    square[np.triu_indices(6, 1)] = distances(x, distance)
    square += square.T
    np.testing.assert_allclose(np.delete(square[2], 2), 1)


def test_one_unit_has_no_correlation_distances():
    x, y = related(20, 1, 5)
    with pytest.raises(AlignmentError, match=r"^x: found equal distances \(correlation\)"):
        rsa(x, y)
    assert rsa(x, y, distance="euclidean") > 0


def test_limit_draws_stimuli_with_the_seed():
    x, y = related(200)
    rows = np.sort(np.random.default_rng(3).choice(200, 50, replace=False))
    assert rsa(x, y, limit=50, seed=3) == rsa(x[rows], y[rows])
    assert rsa(x, y, limit=500) == rsa(x, y)


def test_an_rdm_that_would_not_fit_in_memory_is_refused():
    x = normal(20_001, 1)
    with pytest.raises(AlignmentError, match=r"20001 stimuli.*give rsa a limit"):
        rsa(x, x, distance="euclidean")


@pytest.mark.parametrize(("key", "value"), [("distance", "cityblock"), ("compare", "kendall"), ("limit", 2)])
def test_unknown_choices_are_refused(key, value):
    with pytest.raises(ConfigError, match=key):
        rsa(*related(), **{key: value})
