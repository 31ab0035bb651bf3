"""Brain to brain: two recordings of other units, subjects and noise, with the same stimuli."""

from dataclasses import replace

import numpy as np
import pytest

from thresh.alignment import align_pair
from thresh.alignment.uncertainty import Uncertainty

from .simulate import normal
from .test_compare import row, side

STIMULI, LATENTS, UNITS, NOISE = 400, 5, 60, 1.0


def brain(name, latents, seed, odd=0.0):
    """Units of three subjects respond to the latents, with noise; `odd` is how much each subject has of its own."""
    subjects = np.repeat([f"{name}1", f"{name}2", f"{name}3"], UNITS // 3)
    tuning = normal(latents.shape[1], UNITS, seed)
    own = odd * np.repeat(normal(STIMULI, 3, seed + 1), UNITS // 3, axis=1)
    signal = latents @ tuning + own
    measured = signal + NOISE * normal(STIMULI, UNITS, seed + 2)
    ceiling = np.sqrt(signal.var(axis=0) / (signal.var(axis=0) + NOISE**2))
    return side(name, {"raw": measured}, subjects=subjects, ceiling=ceiling)


@pytest.fixture(scope="module")
def latents():
    return normal(STIMULI, LATENTS, 7)


def test_brains_that_hold_the_same_predict_each_other_up_to_the_noise(latents):
    pair = brain("a", latents, 0), brain("b", latents, 10)
    table = align_pair(*pair, {"linear_predictivity": {}})
    without = align_pair(*(replace(one, ceiling=None) for one in pair), {"linear_predictivity": {}})
    for direction in ("a_to_b", "b_to_a"):
        found = row(table, representation="raw", direction=direction)
        assert found.score == pytest.approx(1, abs=0.03)
        assert found.score > row(without, representation="raw", direction=direction).score + 0.05


def test_a_brain_that_lacks_half_of_what_the_other_holds_predicts_the_half(latents):
    a, b = brain("a", latents[:, :2], 0), brain("b", latents[:, :4], 10)
    table = align_pair(a, b, {"linear_predictivity_r2": {}})
    assert row(table, representation="raw", direction="b_to_a").score > 0.9
    assert row(table, representation="raw", direction="a_to_b").score == pytest.approx(0.5, abs=0.1)


def test_intervals_over_subjects_are_wider_where_each_has_something_of_its_own(latents):
    pair = brain("a", latents, 0, odd=3.0), brain("b", latents, 10, odd=3.0)
    error = {}
    for over in ("stimuli", "stimuli and subjects"):
        table = align_pair(*pair, {"linear_cka_debiased": {}}, uncertainty=Uncertainty(resamples=30, over=over))
        error[over] = row(table, representation="raw").standard_error
    assert error["stimuli and subjects"] > 1.5 * error["stimuli"]
