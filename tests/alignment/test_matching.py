"""Matching of single units: exhaustive search, other solvers of transport, planted pairs, dead units."""

import itertools

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from scipy.optimize import linprog

from thresh.alignment import (
    METRICS,
    matched_fraction,
    matched_fractions,
    one_to_one_matching,
    semi_matching,
    soft_matching,
)
from thresh.alignment.folds import split
from thresh.alignment.pairing import assignment, transport
from thresh.errors import AlignmentError, ConfigError

from .simulate import mixed, normal, seeds, sparse_features, two_thirds_shared

MATCHINGS = [semi_matching, one_to_one_matching, soft_matching]


def noisy_pair(rows=100, units=6, seed=0):
    x = normal(rows, units, seed)
    order = np.random.default_rng(seed).permutation(units)
    return x, x[:, order] + normal(rows, units, seed + 1)


def correlations(x, y):
    return np.corrcoef(x.T, y.T)[: x.shape[1], x.shape[1] :]


def test_one_to_one_is_the_best_permutation_on_training_rows_scored_on_the_others():
    x, y = normal(40, 5, 0), normal(40, 5, 1)
    scores = []
    for train, test in split(40, 5, 0):
        on_train, on_test = correlations(x[train], y[train]), correlations(x[test], y[test])
        best = max(itertools.permutations(range(5)), key=lambda order: on_train[order, range(5)].sum())
        scores.append(on_test[best, range(5)].mean())
    assert one_to_one_matching(x, y) == pytest.approx(np.mean(scores), abs=1e-12)


def test_semi_is_the_best_partner_on_training_rows_scored_on_the_others():
    x, y = normal(40, 5, 0), normal(40, 8, 1)
    scores = []
    for train, test in split(40, 5, 0):
        best = correlations(x[train], y[train]).argmax(axis=0)
        scores.append(correlations(x[test], y[test])[best, range(8)].mean())
    assert semi_matching(x, y) == pytest.approx(np.mean(scores), abs=1e-12)


def test_soft_plan_costs_what_linear_programming_finds():
    correlation = correlations(normal(50, 4, 0), normal(50, 7, 1))
    x, y, weight = transport(correlation)
    rows, columns = np.kron(np.eye(4), np.ones(7)), np.kron(np.ones(4), np.eye(7))
    margins = np.r_[np.full(4, 1 / 4), np.full(7, 1 / 7)]
    best = linprog((1 - correlation).ravel(), A_eq=np.r_[rows, columns], b_eq=margins)
    assert weight @ (1 - correlation[x, y]) == pytest.approx(best.fun, abs=1e-9)
    np.testing.assert_allclose(np.bincount(x, weight), 1 / 4)
    np.testing.assert_allclose(np.bincount(y, weight), 1 / 7)


def test_soft_is_one_to_one_for_sides_of_equal_size():
    x, y = noisy_pair(units=12)
    assert soft_matching(x, y) == pytest.approx(one_to_one_matching(x, y), abs=1e-12)


def test_soft_shares_a_unit_among_its_copies():
    x = normal(60, 5)
    assert soft_matching(x, np.repeat(x, 3, axis=1)) == pytest.approx(1, abs=1e-12)
    assert soft_matching(np.c_[x, normal(60, 5, 1)], x) < 0.7


@pytest.mark.parametrize("mass", [0.3, 2 / 3, 0.95])
def test_partial_plan_costs_what_linear_programming_finds(mass):
    correlation = correlations(normal(50, 4, 0), normal(50, 7, 1))
    x, y, weight = transport(correlation, mass)
    rows, columns = np.kron(np.eye(4), np.ones(7)), np.kron(np.ones(4), np.eye(7))
    best = linprog(
        (1 - correlation).ravel(),
        A_ub=np.r_[rows, columns],
        b_ub=np.r_[np.full(4, 1 / 4), np.full(7, 1 / 7)],
        A_eq=np.ones((1, 28)),
        b_eq=mass,
    )
    assert mass * weight @ (1 - correlation[x, y]) == pytest.approx(best.fun, abs=1e-9)
    assert weight.sum() == pytest.approx(1, abs=1e-9)
    assert (mass * np.bincount(x, weight) <= 1 / 4 + 1e-9).all()
    assert (mass * np.bincount(y, weight) <= 1 / 7 + 1e-9).all()


def test_partial_matching_is_pots_plan_of_training_rows_scored_on_the_others():
    x, y = normal(60, 5, 0), normal(60, 8, 1)
    y[:, :3] += 2 * x[:, :3]
    scores = []
    for train, test in split(60, 5, 0):
        cost = 1 - correlations(x[train], y[train])
        plan = ot.partial.partial_wasserstein(np.full(5, 1 / 5), np.full(8, 1 / 8), cost, m=0.4)
        scores.append((plan * correlations(x[test], y[test])).sum() / 0.4)
    assert soft_matching(x, y, mass=0.4) == pytest.approx(np.mean(scores), abs=1e-9)


def test_with_the_mass_of_what_is_shared_the_others_stay_out():
    """Two thirds of the units of each side are the same: they alone are matched, and agree wholly."""
    a, b = two_thirds_shared(2000)
    assert soft_matching(a, b, mass=2 / 3) == pytest.approx(1, abs=1e-9)
    noisy = b + 0.15 * normal(2000, 48, 1)
    alone = soft_matching(a[:, :32], noisy[:, :32])
    assert alone < 0.95
    assert soft_matching(a, noisy, mass=2 / 3) == pytest.approx(alone, abs=0.01)
    assert soft_matching(a, noisy) == pytest.approx(2 / 3 * alone, abs=0.02)


@pytest.mark.parametrize("mass", [0, -0.5, 1.5])
def test_mass_is_a_share(mass):
    with pytest.raises(ConfigError, match="mass"):
        soft_matching(normal(30, 3), normal(30, 3), mass=mass)


def test_partial_matching_of_a_unit_with_itself_is_whole():
    x = normal(30, 1)
    assert soft_matching(x, x, mass=0.5) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("matching", MATCHINGS)
@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_order_and_positive_scale_of_units_are_not_seen(matching, seed):
    x, y = noisy_pair(40, 5, seed)
    generator = np.random.default_rng(seed)
    moved = (x * generator.uniform(0.1, 10, 5) + generator.standard_normal(5))[:, generator.permutation(5)]
    assert matching(moved, x) == pytest.approx(1, abs=1e-9)
    assert matching(moved, y) == pytest.approx(matching(x, y), abs=1e-9)


def test_symmetry_and_direction():
    x, y = normal(60, 5, 0), normal(60, 9, 1)
    y[:, :5] += x
    for symmetric in (one_to_one_matching, soft_matching, matched_fraction):
        assert symmetric(x, y) == pytest.approx(symmetric(y, x), abs=1e-12)
    assert semi_matching(y, x) > semi_matching(x, y) + 0.1


def test_matching_is_signed():
    x = normal(100, 6)
    assert one_to_one_matching(x, -x) < 0.2
    assert semi_matching(x, -x) < 0.2


def test_independent_sparse_codes_match_only_where_they_were_selected():
    codes = [np.abs(sparse_features(1000, 500, 0.004, seed)) for seed in (0, 1)]
    correlation = correlations(*(side[:, side.any(axis=0)] for side in codes))
    assert correlation.max(axis=0).mean() > 0.3
    assert abs(semi_matching(*codes)) < 0.02
    assert matched_fraction(*codes) < 0.02


def test_matched_fraction_of_shared_features_is_their_overlap():
    a, b = two_thirds_shared(2000)
    assert matched_fraction(a, b) == pytest.approx(32 / 48, abs=1e-12)
    assert matched_fraction(a, b[:, :40]) == pytest.approx(32 / np.sqrt(48 * 40), abs=1e-12)
    assert matched_fraction(a, a[:, ::-1]) == 1


def test_codes_of_random_dictionaries_match_nothing():
    """128 shared features in 48 units each; non-negative codes on random atoms, penalty a tenth of the largest."""
    features = np.abs(sparse_features(1500, 128, 4 / 128))
    codes = []
    for seed in (1, 2):
        responses, atoms = mixed(features, 48, seed, "unit_norm"), normal(128, 48, seed + 10)
        atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
        code, step = np.zeros((1500, 128)), 1 / np.linalg.norm(atoms, 2) ** 2
        for _ in range(150):
            code = np.maximum(code - step * ((code @ atoms - responses) @ atoms.T + 0.1), 0)
        codes.append(code)
    assert matched_fraction(*codes) <= 0.02
    assert matched_fraction(features, features) == 1


def test_threshold_is_exclusive_and_in_range():
    x, y = noisy_pair(200, 10)
    fractions = [matched_fraction(x, y, threshold=t) for t in (-1, 0.0, 0.5, 0.9, 1)]
    assert fractions == sorted(fractions, reverse=True)
    assert fractions[-1] == 0
    with pytest.raises(ConfigError, match="threshold: found 2"):
        matched_fraction(x, y, threshold=2)


def test_matched_fractions_are_those_of_single_thresholds():
    x, y = noisy_pair(200, 10)
    grid = [-1, 0.0, 0.3, 0.5, 0.7, 1]
    np.testing.assert_allclose(matched_fractions(x, y, grid), [matched_fraction(x, y, t) for t in grid], atol=1e-12)
    detail = METRICS["matched_fraction"].score(x, y)[1]
    np.testing.assert_allclose(detail["fractions"], matched_fractions(x, y, detail["thresholds"]), atol=1e-12)
    with pytest.raises(ConfigError, match="thresholds"):
        matched_fractions(x, y, [0.5, 2])


def test_the_curve_of_noisy_copies_falls_at_their_correlation():
    """A third of the units without a partner; the others correlate 1 / sqrt(1 + noise^2) = .8 with theirs."""
    a, b = two_thirds_shared(4000, active=1.0)
    below, above = matched_fractions(a, b + 0.75 * normal(4000, 48, 1), [0.7, 0.9])
    assert below == pytest.approx(2 / 3, abs=1e-12)
    assert above == 0


@pytest.mark.parametrize("matching", [*MATCHINGS, matched_fraction])
def test_dead_units_change_nothing(matching):
    x, y = noisy_pair()
    dead = np.full((100, 4), 7.0)
    assert matching(np.c_[dead, x], np.c_[y, dead[:, :2]]) == pytest.approx(matching(x, y), abs=1e-12)


def test_a_unit_is_dead_in_the_fold_whose_training_rows_do_not_move_it():
    x, y = noisy_pair(100, 6)
    lonely = np.zeros((100, 1))
    lonely[41] = 1
    _, detail = METRICS["matched_fraction"].score(np.c_[x, lonely], y)
    assert detail["live_units_x"] == pytest.approx(6 + 4 / 5)
    assert detail["live_units_y"] == 6


def test_a_unit_that_held_out_rows_do_not_move_counts_as_unmatched():
    """Two systems share a feature that one stimulus has: never seen in training and held-out rows alike."""
    x = normal(100, 5)
    lonely = np.zeros((100, 1))
    lonely[41] = 1
    shared = np.c_[x, lonely]
    assert matched_fraction(shared, shared) == pytest.approx((1 + 4 * 5 / 6) / 5, abs=1e-12)


def test_a_side_that_is_dead_on_a_training_fold_is_refused():
    lonely = np.zeros((30, 1))
    lonely[3] = 1
    with pytest.raises(AlignmentError, match=r"^y: found no unit that varies on the training rows of fold"):
        semi_matching(normal(30, 3), lonely)


def test_the_larger_side_is_not_truncated():
    """The partners of all 4 units stand at the end of the 40."""
    x = normal(80, 4)
    assert one_to_one_matching(x, np.c_[normal(80, 36, 1), x]) == pytest.approx(1, abs=1e-12)
    assert len(assignment(correlations(x, normal(80, 36, 1)))[0]) == 4
