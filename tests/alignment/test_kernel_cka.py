"""CKA with other kernels and from minibatches: scikit-learn, limits, and all batches that there are."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.spatial.distance import pdist
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import KernelCenterer

from thresh.alignment import kernel_cka, linear_cka, minibatch_cka
from thresh.alignment.minibatch import batch_hsics
from thresh.errors import AlignmentError, ConfigError

from .simulate import mixed, normal, orthogonal, related, scales, seeds, sparse_features


@pytest.mark.parametrize("bandwidth", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("units", [(12, 9), (90, 7)])
def test_rbf_cka_is_that_of_sklearns_kernels(units, bandwidth):
    x, y = related(50, *units)
    centred = []
    for side in (x, y):
        width = bandwidth * np.median(pdist(side))
        centred.append(KernelCenterer().fit_transform(rbf_kernel(side, gamma=1 / (2 * width**2))))
    k, m = centred
    expected = np.vdot(k, m) / np.sqrt(np.vdot(k, k) * np.vdot(m, m))
    assert kernel_cka(x, y, bandwidth=bandwidth) == pytest.approx(expected, abs=1e-9)


def test_debiased_rbf_cka_is_song_et_al_equation_5():
    x, y = related(40, 6, 5)

    def hsic(k, m):
        n = len(k)
        k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
        one = np.ones(n)
        middle = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
        return (np.trace(k @ m) + middle - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3))

    k, m = (rbf_kernel(side, gamma=1 / (2 * np.median(pdist(side)) ** 2)) for side in (x, y))
    expected = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert kernel_cka(x, y, debiased=True) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("debiased", [False, True])
def test_a_wide_kernel_is_linear(debiased):
    x, y = related(60, 8, 70)
    linear = linear_cka(x, y, debiased=debiased)
    assert kernel_cka(x, y, kernel="linear", debiased=debiased) == pytest.approx(linear, abs=1e-12)
    assert kernel_cka(x, y, bandwidth=1e6, debiased=debiased) == pytest.approx(linear, abs=1e-9)


def test_a_kernel_sees_what_no_line_can():
    """The angle of x, doubled: uncorrelated with x, and yet the same neighbours."""
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 400)
    x, y = (np.c_[np.cos(turn * angle), np.sin(turn * angle)] for turn in (1, 2))
    assert linear_cka(x, y, debiased=True) < 0.02
    assert kernel_cka(x, y, bandwidth=0.2, debiased=True) > 0.5


@given(seed=seeds, scale=scales)
@settings(max_examples=15, deadline=None)
def test_rbf_cka_does_not_see_rotation_scale_or_offset(seed, scale):
    x, y = related(25, 6, 5, seed=seed)
    moved = scale * x @ orthogonal(6, seed) + normal(1, 6, seed)
    for debiased in (False, True):
        same = kernel_cka(x, y, debiased=debiased)
        assert kernel_cka(moved, y, debiased=debiased) == pytest.approx(same, abs=1e-8)
        assert kernel_cka(moved, x, debiased=debiased) == pytest.approx(1, abs=1e-8)


def test_stimuli_that_mostly_coincide_have_no_bandwidth():
    x = np.zeros((10, 3))
    x[0] = 1
    with pytest.raises(AlignmentError, match=r"^y: found equal responses for half of the pairs"):
        kernel_cka(normal(10, 3), x)
    assert kernel_cka(x, x, kernel="linear") == pytest.approx(1)
    for key, value in (("kernel", "cosine"), ("bandwidth", 0)):
        with pytest.raises(ConfigError, match=key):
            kernel_cka(x, x, **{key: value})


def test_means_over_all_batches_are_the_estimators_of_all_stimuli():
    """Unbiased at any batch size: exactly so over all 126 batches of 4 and all 36 of 7 among 9 stimuli."""
    x, y = related(9, 4, 3)
    whole = batch_hsics(x, y)
    for size in (4, 7):
        batches = [list(rows) for rows in combinations(range(9), size)]
        means = np.mean([batch_hsics(x[rows], y[rows]) for rows in batches], axis=0)
        np.testing.assert_allclose(means, whole, rtol=1e-9)


def test_one_batch_is_debiased_cka_and_small_ones_come_near_it():
    shared = sparse_features(4000, 64, 0.1)
    a, b = mixed(shared, 24, 1), mixed(shared, 24, 2)
    whole = linear_cka(a, b, debiased=True)
    assert minibatch_cka(a, b, batch=4000) == pytest.approx(whole, abs=1e-9)
    assert minibatch_cka(a, b, batch=5000) == pytest.approx(whole, abs=1e-9)
    for batch in (20, 200):
        assert minibatch_cka(a, b, batch=batch) == pytest.approx(whole, abs=0.02)
    means = np.mean([linear_cka(a[rows : rows + 20], b[rows : rows + 20]) for rows in range(0, 4000, 20)])
    assert means > whole + 0.2


def test_batches_come_with_the_seed_and_a_silent_one_counts_as_nothing():
    x, y = related(200, noise=5)
    assert minibatch_cka(x, y, batch=10, seed=1) == minibatch_cka(x, y, batch=10, seed=1)
    assert minibatch_cka(x, y, batch=10, seed=1) != minibatch_cka(x, y, batch=10, seed=2)
    silent = np.zeros((200, 3))
    silent[:8] = normal(8, 3)
    assert np.isfinite(minibatch_cka(silent, silent, batch=10))
    with pytest.raises(ConfigError, match="batch: found 3"):
        minibatch_cka(x, y, batch=3)
    with pytest.raises(AlignmentError, match=r"^x: found no similarity structure"):
        minibatch_cka(np.eye(20), normal(20, 3), batch=5)
