"""What a linear read-out explains under superposition: predicted, exact for drawn mixings, and measured."""

import numpy as np
import pytest

from thresh.alignment import linear_predictivity
from thresh.alignment.theory import expected_r2
from thresh.errors import ConfigError

from .simulate import mixed, mixing_of, normal, population_r2, sparse_features, two_thirds_shared

POWER_LAW = 1 / np.arange(1, 513)


def shares(count, units, features, variances=1.0, shared=None, kind="gaussian"):
    """R2 of infinitely many stimuli, for several pairs of mixings."""
    return [
        population_r2(*(mixing_of(features, units[side], 2 * seed + side, kind) for side in (0, 1)), variances, shared)
        for seed in range(count)
    ]


@pytest.mark.parametrize("units", [(128, 40), (128, 400)])
def test_equal_variances_give_units_over_features_whoever_is_predicted(units):
    assert expected_r2(128, 512) == pytest.approx(0.25)
    assert np.mean(shares(10, units, 512)) == pytest.approx(0.25, abs=0.003)


def test_of_the_inversion():
    assert expected_r2(48, 128) == pytest.approx(0.375)
    assert expected_r2(48, 48, 48, 32) == pytest.approx(2 / 3)
    columns = {"kind": "unit_norm"}
    assert np.mean(shares(40, (48, 48), 128, **columns)) == pytest.approx(0.375, abs=0.003)
    assert np.mean(shares(40, (48, 48), 48, shared=32, **columns)) == pytest.approx(2 / 3, abs=0.003)
    assert np.mean(shares(40, (24, 48), 48, shared=32, **columns)) == pytest.approx(1 / 3, abs=0.003)
    assert expected_r2(24, 48, 48, 32) == pytest.approx(1 / 3)
    assert expected_r2(600, 512) == 1


def test_a_power_law_is_a_share_of_variance():
    predicted = expected_r2(128, 512, spectrum=POWER_LAW)
    assert np.mean(shares(10, (128, 400), 512, POWER_LAW)) == pytest.approx(predicted, abs=0.01)


def test_measured_on_held_out_rows():
    for units in (40, 160):
        r2 = []
        for seed in range(6):
            z = sparse_features(3000, 256, 0.1, seed)
            r2.append(linear_predictivity(mixed(z, 64, 2 * seed), mixed(z, units, 2 * seed + 1)).r2.mean())
        assert np.mean(r2) == pytest.approx(expected_r2(64, 256, rows=2400), abs=0.005)
    a, b = two_thirds_shared(6000)
    r2 = np.mean([linear_predictivity(mixed(a, 24, s), mixed(b, 60, s + 50)).r2.mean() for s in range(6)])
    assert r2 == pytest.approx(expected_r2(24, 48, 48, 32, rows=4800), abs=0.01)


@pytest.mark.parametrize("rows", [70, 120])
def test_least_squares_from_few_rows(rows):
    """Errors of many fits over deviations from their training means, each on stimuli of its own."""
    errors = deviations = 0.0
    for seed in range(300):
        z, new = normal(rows, 128, seed), normal(50, 128, 10_000 + seed)
        x, y = mixing_of(128, 48, 2 * seed), mixing_of(128, 20, 2 * seed + 1)
        mean = z.mean(axis=0)
        weights = np.linalg.lstsq((z - mean) @ x, (z - mean) @ y, rcond=None)[0]
        errors += np.square((new - mean) @ (y - x @ weights)).sum()
        deviations += np.square((new - mean) @ y).sum()
    assert 1 - errors / deviations == pytest.approx(expected_r2(48, 128, rows=rows), abs=0.02)


def test_predictivity_from_few_rows_is_that_of_least_squares():
    scores = []
    for seed in range(40):
        z = normal(150, 128, seed)
        x, y = mixed(z, 48, 100 + 2 * seed), mixed(z, 48, 101 + 2 * seed)
        scores.append(linear_predictivity(x, y, alphas=[1e-8]).r2.mean())
    assert np.mean(scores) == pytest.approx(expected_r2(48, 128, rows=120), abs=0.02)


def test_least_squares_needs_more_rows_than_units():
    with pytest.raises(ConfigError, match="rows: found 40"):
        expected_r2(48, 128, rows=40)


def test_a_read_out_needs_a_unit():
    with pytest.raises(ConfigError, match="units_a: found 0"):
        expected_r2(0, 128)
