"""Distances across repeats against rsatoolbox, their definition pair by pair, and noise that must not count."""

import numpy as np
import pytest
import rsatoolbox
import torch
from hypothesis import given, settings
from scipy.spatial.distance import pdist

from thresh.alignment import compare_rdms, unbiased_distances
from thresh.errors import AlignmentError

from .simulate import normal, orthogonal, related, seeds


def repeated(responses, repeats, noise, seed=0):
    return responses + noise * np.random.default_rng([seed, 1]).standard_normal((repeats, *responses.shape))


def crossnobis(repeats):
    shown, stimuli, units = repeats.shape
    descriptors = {"stimulus": np.tile(np.arange(stimuli), shown), "repeat": np.repeat(np.arange(shown), stimuli)}
    dataset = rsatoolbox.data.Dataset(repeats.reshape(-1, units), obs_descriptors=descriptors)
    return rsatoolbox.rdm.calc_rdm(dataset, method="crossnobis", descriptor="stimulus", cv_descriptor="repeat")


@pytest.mark.parametrize("repeats", [2, 5])
def test_unbiased_distances_are_rsatoolbox_crossnobis(repeats):
    values = repeated(normal(12, 7), repeats, 1.0)
    np.testing.assert_allclose(unbiased_distances(values), crossnobis(values).dissimilarities[0], atol=1e-12)
    np.testing.assert_array_equal(unbiased_distances(torch.from_numpy(values)), unbiased_distances(values))


@pytest.mark.parametrize(("ours", "toolbox"), [("whitened_cosine", "cosine_cov"), ("whitened_correlation", "corr_cov")])
def test_whitened_unbiased_similarity_is_that_of_rsatoolbox(ours, toolbox):
    first, second = (repeated(side, 4, 2.0, seed) for seed, side in enumerate(related(15, 8, 20)))
    expected = rsatoolbox.rdm.compare(crossnobis(first), crossnobis(second), method=toolbox).item()
    similarity = compare_rdms(unbiased_distances(first), unbiased_distances(second), ours)
    assert similarity == pytest.approx(expected, abs=1e-9)


def test_stimuli_that_a_repeat_lacks_are_left_out_of_their_own_pairs():
    values = repeated(normal(8, 5), 4, 1.0)
    values[0, 2] = values[0, 6] = values[3, 2] = np.nan
    expected = []
    for i in range(8):
        for j in range(i + 1, 8):
            difference = values[:, i] - values[:, j]
            difference = difference[~np.isnan(difference).any(axis=1)]
            products = difference @ difference.T
            expected.append(products[~np.eye(len(products), dtype=bool)].mean() / 5)
    np.testing.assert_allclose(unbiased_distances(values), expected, atol=1e-12)


def test_noise_inflates_distances_of_averages_and_not_these():
    """Two stimuli have the same mean response; noise is twice as strong as what tells the others apart."""
    responses = normal(6, 400)
    responses[1] = responses[0]
    distances = unbiased_distances(repeated(responses, 8, 2.0))
    assert abs(distances[0]) < 0.2
    np.testing.assert_allclose(distances, pdist(responses, "sqeuclidean") / 400, atol=0.4)
    averages = repeated(responses, 8, 2.0).mean(axis=0)
    assert pdist(averages, "sqeuclidean")[0] / 400 > 0.8


def test_noise_that_differs_between_stimuli_makes_averages_alike_and_not_these():
    """Nothing but noise, stronger for the same stimuli in both systems."""
    noise = np.linspace(0.5, 4, 20)[:, None]
    first, second = (repeated(np.zeros((20, 300)), 6, noise, seed) for seed in (1, 2))
    averages = [pdist(side.mean(axis=0), "sqeuclidean") for side in (first, second)]
    assert compare_rdms(*averages, "whitened_correlation") > 0.8
    unbiased = [unbiased_distances(side) for side in (first, second)]
    assert abs(compare_rdms(*unbiased, "whitened_correlation")) < 0.15


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_offsets_of_repeats_rotation_and_order_of_repeats_are_not_seen(seed):
    values = repeated(normal(7, 5, seed), 3, 1.0, seed)
    values[1, 4] = np.nan
    drift = 100 * np.random.default_rng(seed).standard_normal((3, 1, 5))
    moved = (values + drift)[::-1] @ orthogonal(5, seed)
    np.testing.assert_allclose(unbiased_distances(moved), unbiased_distances(values), atol=1e-8)


def test_repeats_that_give_no_unbiased_distance_are_refused():
    values = repeated(normal(5, 3), 3, 1.0)
    partly, infinite, once = values.copy(), values.copy(), values.copy()
    partly[1, 2, 0] = np.nan
    infinite[0, 4, 2] = np.inf
    once[:2, 3] = np.nan
    cases = [
        (values[0], r"found shape \(5, 3\), expected \(repeats, stimuli, units\)"),
        (values[:1], r"found shape \(1, 5, 3\)"),
        (values[:, :2], r"found shape \(3, 2, 3\)"),
        (partly, "found nan at repeat 1, stimulus 2, unit 0"),
        (infinite, "found inf at repeat 0, stimulus 4, unit 2"),
        (once, "no 2 repeats in which stimuli 0 and 3 were both shown"),
    ]
    for repeats, message in cases:
        with pytest.raises(AlignmentError, match=message):
            unbiased_distances(repeats)
