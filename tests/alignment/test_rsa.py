"""RSA against rsatoolbox and scipy, and its meaning at the edges."""

import numpy as np
import pytest
import rsatoolbox
from hypothesis import given, settings
from scipy.spatial.distance import pdist

from thresh.alignment import compare_rdms, linear_cka, rsa
from thresh.alignment.rdm import distances
from thresh.errors import AlignmentError, ConfigError

from .simulate import normal, orthogonal, related, scales, seeds

TOOLBOX_COMPARISON = {
    "spearman": "spearman",
    "pearson": "corr",
    "cosine": "cosine",
    "whitened_cosine": "cosine_cov",
    "whitened_correlation": "corr_cov",
}


@pytest.mark.parametrize("compare", TOOLBOX_COMPARISON)
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
    for compare in TOOLBOX_COMPARISON:
        same = rsa(x, y, distance="sqeuclidean", compare=compare)
        assert rsa(moved, y, distance="sqeuclidean", compare=compare) == pytest.approx(same, abs=1e-7)
        assert rsa(y, x, distance="sqeuclidean", compare=compare) == pytest.approx(same, abs=1e-12)


@pytest.mark.parametrize("compare", ["whitened_cosine", "whitened_correlation"])
def test_whitening_is_by_the_covariance_of_distances_that_share_stimuli(compare):
    """The formula as it is defined, with all pairs x pairs of V, on distances that no stimuli have."""
    contrasts = np.array([np.eye(9)[i] - np.eye(9)[j] for i in range(9) for j in range(i + 1, 9)])
    inverse = np.linalg.inv((contrasts @ contrasts.T) ** 2)
    vectors = normal(2, 36) + 1
    first, second = vectors if compare == "whitened_cosine" else vectors - vectors.mean(axis=1, keepdims=True)
    expected = first @ inverse @ second / np.sqrt((first @ inverse @ first) * (second @ inverse @ second))
    assert compare_rdms(*vectors, compare) == pytest.approx(expected, abs=1e-12)


def test_whitened_cosine_of_squared_distances_is_biased_cka():
    x, y = related(50, 20, 70)
    whitened = rsa(x, y, distance="sqeuclidean", compare="whitened_cosine")
    assert whitened == pytest.approx(linear_cka(x, y), abs=1e-12)


def test_extreme_scales_neither_overflow_nor_vanish():
    first, second = (distances(normal(9, 4, seed), "sqeuclidean") for seed in (0, 1))
    for compare in TOOLBOX_COMPARISON:
        same = compare_rdms(first, second, compare)
        assert compare_rdms(1e200 * first, 1e-200 * second, compare) == pytest.approx(same, abs=1e-12)


def test_rdms_that_cannot_be_compared_are_refused():
    rdm = distances(normal(6, 4), "sqeuclidean")
    cases = [
        (rdm[:-1], rdm, r"^first: found shape \(14,\)"),
        (rdm, rdm.reshape(3, 5), r"^second: found shape \(3, 5\)"),
        (rdm[:1], rdm[:1], r"^first: found shape \(1,\)"),
        (rdm, rdm[:10], "found 15 and 10 distances"),
        (rdm, np.where(rdm == rdm[3], np.nan, rdm), "^second: found a distance that is not finite"),
        (np.ones(15), rdm, "^first: found equal distances between all stimuli, pearson"),
    ]
    for first, second, message in cases:
        with pytest.raises(AlignmentError, match=message):
            compare_rdms(first, second, "pearson")
    with pytest.raises(AlignmentError, match=r"^second: found equal distances"):
        compare_rdms(rdm, np.zeros(15), "whitened_cosine")
    assert compare_rdms(np.ones(15), np.ones(15), "cosine") == pytest.approx(1)


def test_stimuli_of_one_direction_have_no_distances_by_angle():
    """All rounding: the rows are multiples of one another."""
    x, y = np.outer(np.arange(1, 9), normal(1, 5)[0]), normal(8, 5, 1)
    for compare in TOOLBOX_COMPARISON:
        with pytest.raises(AlignmentError, match=r"^x: found equal distances \(cosine\)"):
            rsa(x, y, distance="cosine", compare=compare)


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
