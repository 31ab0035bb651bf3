"""Linear CKA against closed forms, rsatoolbox and the definition of the unbiased estimator."""

import numpy as np
import pytest
import rsatoolbox
from hypothesis import given, settings

from thresh.alignment import linear_cka
from thresh.errors import AlignmentError

from .simulate import normal, orthogonal, related, scales, seeds


def rdms(x):
    return rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(x), method="euclidean")


@pytest.mark.parametrize("units", [(12, 9), (70, 9), (150, 120)])
def test_biased_cka_is_rsatoolbox_cosine_cov(units):
    x, y = related(60, *units)
    expected = rsatoolbox.rdm.compare(rdms(x), rdms(y), method="cosine_cov").item()
    assert linear_cka(x, y) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("units", [(12, 9), (70, 9), (150, 120)])
def test_debiased_cka_is_song_et_al_equation_5(units):
    x, y = related(40, *units)

    def hsic(k, m):
        n = len(k)
        k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
        one = np.ones(n)
        middle = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
        return (np.trace(k @ m) + middle - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3))

    k, m = x @ x.T, y @ y.T
    expected = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert linear_cka(x, y, debiased=True) == pytest.approx(expected, abs=1e-9)


@given(seed=seeds, scale=scales)
@settings(max_examples=25, deadline=None)
def test_neither_form_sees_rotation_scale_or_offset(seed, scale):
    x, y = related(30, 8, 5, seed=seed)
    moved = scale * x @ orthogonal(8, seed) + normal(1, 8, seed)
    for debiased in (False, True):
        assert linear_cka(moved, x, debiased=debiased) == pytest.approx(1, abs=1e-9)
        assert linear_cka(moved, y, debiased=debiased) == pytest.approx(linear_cka(x, y, debiased=debiased), abs=1e-9)
        assert linear_cka(y, x, debiased=debiased) == pytest.approx(linear_cka(x, y, debiased=debiased), abs=1e-12)


def test_units_and_stimuli_give_the_same_number():
    """19 units go by units, the same responses padded with silent units go by the stimuli's Gram matrix."""
    x, y = related(60, 10, 9)
    wide = np.c_[x, np.zeros((60, 500))]
    for debiased in (False, True):
        assert linear_cka(wide, y, debiased=debiased) == pytest.approx(linear_cka(x, y, debiased=debiased), abs=1e-12)


def test_two_one_unit_systems_have_cka_r_squared():
    x, y = related(50, 1, 1)
    assert linear_cka(x, y) == pytest.approx(np.corrcoef(x[:, 0], y[:, 0])[0, 1] ** 2, abs=1e-12)


def test_debiased_cka_of_independent_responses_is_about_zero_where_the_biased_one_is_not():
    scores = [
        [linear_cka(normal(60, 100, 2 * s), normal(60, 100, 2 * s + 1), debiased=d) for s in range(30)]
        for d in (False, True)
    ]
    assert np.mean(scores[0]) > 0.5
    assert abs(np.mean(scores[1])) < 0.01


def test_extreme_scales_neither_overflow_nor_vanish():
    x, y = related()
    assert linear_cka(1e200 * x, 1e-200 * y) == pytest.approx(linear_cka(x, y), abs=1e-12)


def test_debiased_needs_four_stimuli():
    x, y = related(3, 2, 2)
    with pytest.raises(AlignmentError, match="found 3 stimuli, expected at least 4"):
        linear_cka(x, y, debiased=True)
    assert 0 <= linear_cka(x, y) <= 1


def test_debiased_of_a_side_without_structure_is_refused_not_nan():
    """Rows at the corners of a simplex: all pairs of stimuli alike, so that the unbiased HSIC is exactly 0."""
    with pytest.raises(AlignmentError, match="0/0"):
        linear_cka(np.eye(12), normal(12, 3), debiased=True)
