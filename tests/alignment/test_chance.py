"""What independent responses score: formulas against simulation."""

import numpy as np
import pytest

from thresh.alignment import linear_cka, linear_predictivity, mutual_knn, semi_matching
from thresh.alignment.arrays import unit_columns
from thresh.alignment.theory import (
    chance_cka,
    chance_cka_debiased_deviation,
    chance_mutual_knn,
    chance_r2,
    chance_semi_matching,
    expected_r2,
)
from thresh.errors import ConfigError

from .simulate import normal, sparse_features


def least_squares(rows, units, held_out_rows, seed):
    """R2 of independent targets on the fitted rows and on others, with an intercept."""
    x, y = normal(rows, units, 2 * seed), normal(rows, 50, 2 * seed + 1)
    new_x, new_y = normal(held_out_rows, units, 10_000 + 2 * seed), normal(held_out_rows, 50, 10_001 + 2 * seed)
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    weights = np.linalg.lstsq(x - mean_x, y - mean_y, rcond=None)[0]
    scores = []
    for rows_x, rows_y in ((x, y), (new_x, new_y)):
        errors = np.square(rows_y - mean_y - (rows_x - mean_x) @ weights).sum()
        scores.append(1 - errors / np.square(rows_y - mean_y).sum())
    return scores


def test_biased_cka_of_independent_responses():
    assert chance_cka(100, 512, 512) == pytest.approx(0.84, abs=0.005)
    for units in ((512, 512), (300, 60)):
        scores = [linear_cka(normal(100, units[0], 2 * s), normal(100, units[1], 2 * s + 1)) for s in range(20)]
        assert np.mean(scores) == pytest.approx(chance_cka(100, *units), abs=0.003)


@pytest.mark.parametrize("units", [(5, 5), (200, 3), (400, 400)])
@pytest.mark.parametrize("active", [1.0, 0.1])
def test_debiased_cka_of_independent_responses_spreads_by_the_number_of_rows_alone(units, active):
    sides = [[sparse_features(60, count, active, 2 * s + i) for i, count in enumerate(units)] for s in range(1500)]
    scores = [linear_cka(*pair, debiased=True) for pair in sides]
    deviation = chance_cka_debiased_deviation(60)
    assert np.mean(scores) == pytest.approx(0, abs=4 * deviation / np.sqrt(1500))
    assert np.std(scores) == pytest.approx(deviation, rel=0.1)


@pytest.mark.parametrize(("rows", "units"), [(40, 10), (100, 48)])
def test_least_squares_on_noise_explains_a_share_where_it_was_fitted_and_less_than_nothing_elsewhere(rows, units):
    fitted, held_out = np.mean([least_squares(rows, units, 200, seed) for seed in range(200)], axis=0)
    assert fitted == pytest.approx(chance_r2(rows, units, held_out=False), abs=0.003)
    assert held_out == pytest.approx(chance_r2(rows, units), rel=0.02)
    assert chance_r2(rows, units) == pytest.approx(expected_r2(units, 64, 64, 0, rows=rows))


def test_the_share_explained_by_chance_does_not_depend_on_the_distribution():
    """The mean over all orders of the targets is exact: tr(H - 1 1'/N) / (N - 1)."""
    x = np.c_[np.ones(30), np.abs(normal(30, 6)) ** 3]
    hat = x @ np.linalg.pinv(x)
    assert (np.trace(hat) - 1) / 29 == pytest.approx(chance_r2(30, 6, held_out=False))


def test_a_chosen_penalty_keeps_noise_from_doing_harm():
    scores = [linear_predictivity(normal(100, 40, 2 * s), normal(100, 20, 2 * s + 1)).r2.mean() for s in range(5)]
    assert chance_r2(80, 40) < -1
    assert np.mean(scores) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(("rows", "k"), [(50, 10), (400, 5)])
def test_independent_neighbours(rows, k):
    scores = [mutual_knn(normal(rows, 20, 2 * s), normal(rows, 30, 2 * s + 1), k) for s in range(60)]
    assert np.mean(scores) == pytest.approx(chance_mutual_knn(rows, k), abs=0.003)


def selected_and_scored_on_the_same(x, y):
    return (unit_columns(x).T @ unit_columns(y)).max(axis=0).mean()


@pytest.mark.parametrize(("rows", "units"), [(30, 200), (500, 50), (12, 1)])
def test_best_of_many_independent_units(rows, units):
    x, y = normal(rows, units), normal(rows, 4000, 1)
    scores = [selected_and_scored_on_the_same(normal(rows, units, s), normal(rows, 500, s + 99)) for s in range(40)]
    assert np.mean(scores) == pytest.approx(chance_semi_matching(rows, units), abs=0.01 if units == 1 else 0.003)
    if units > 1:
        assert selected_and_scored_on_the_same(x, y) > 0.1
        assert semi_matching(x, y) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(("rows", "active"), [(1000, 0.002), (300, 0.02)])
def test_best_of_many_independent_codes(rows, active):
    random = np.random.default_rng(0)
    scores, expected = [], []
    for _ in range(6):
        x, y = (random.random((rows, 1500)) < active for _ in range(2))
        x, y = (side[:, side.any(axis=0)].astype(float) for side in (x, y))
        scores.append(selected_and_scored_on_the_same(x, y))
        expected.append(chance_semi_matching(rows, x.shape[1], active))
    assert np.mean(scores) == pytest.approx(np.mean(expected), abs=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chance_cka(1, 4, 4), "rows: found 1"),
        (lambda: chance_cka(10, 0, 4), "units_a: found 0"),
        (lambda: chance_cka_debiased_deviation(3), "rows: found 3"),
        (lambda: chance_r2(12, 10), "rows: found 12, expected at least 13 stimuli"),
        (lambda: chance_r2(10, 10, held_out=False), "rows: found 10, expected at least 11 stimuli"),
        (lambda: chance_mutual_knn(11, 10), "rows: found 11, expected at least 12 stimuli"),
        (lambda: chance_semi_matching(3, 10), "rows: found 3"),
        (lambda: chance_semi_matching(30, 10, active=0.0), "active: found 0.0"),
    ],
)
def test_chance_needs_enough_stimuli(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
