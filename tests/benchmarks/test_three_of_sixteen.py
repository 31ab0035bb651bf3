"""The rows of the amortisation benchmark are those that the paper describes."""

import numpy as np
import pytest
from scipy.stats import halfnorm, kstest

from three_of_sixteen import three_of_sixteen


def test_three_of_sixteen_features_are_active_and_their_strengths_are_half_normal():
    planted = three_of_sixteen(seed=3, rows=8000)
    features = planted.features
    assert ((features > 0).sum(axis=1) == 3).all()
    # Each feature is there in 3 of 16 rows; 5 standard deviations.
    assert (features > 0).mean(axis=0) == pytest.approx(3 / 16, abs=5 * np.sqrt(3 / 16 * 13 / 16 / 8000))
    assert kstest(features[features > 0], halfnorm.cdf).pvalue > 1e-3


def test_rows_are_sums_of_directions_of_unit_norm():
    planted = three_of_sixteen(seed=0)
    assert planted.rows.shape == (2048, 8)
    assert planted.directions.shape == (16, 8)
    assert np.square(planted.directions).sum(axis=1) == pytest.approx(1)
    assert planted.rows == pytest.approx(planted.features @ planted.directions, abs=1e-5)


def test_seeds_differ_and_repeat():
    first, again, other = (three_of_sixteen(seed).rows for seed in (1, 1, 2))
    assert (first == again).all()
    assert not np.isclose(first, other).any(axis=1).any()
