"""Draws, chance, intervals and many tests, against closed forms, scipy, and what was planted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, norm

from thresh.alignment.statistics import (
    across_layers,
    chance,
    critical_value,
    false_discovery_rate,
    halves,
    interval,
    p_value,
    permutations,
)
from thresh.errors import AlignmentError


@given(st.lists(st.integers(0, 4), min_size=7, max_size=30), st.integers(0, 99))
def test_stimuli_change_places_only_within_their_block(labels, seed):
    labels = np.array(labels)
    orders = permutations(len(labels), 5, blocks=labels, seed=seed)
    assert (np.sort(orders, axis=1) == np.arange(len(labels))).all()
    assert (labels[orders] == labels).all()


def test_every_order_within_blocks_is_equally_likely():
    orders = permutations(4, 6000, blocks=["a", "a", "a", "b"], seed=1)
    found, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(found) == 6
    assert counts == pytest.approx(np.full(6, 1000), abs=5 * math.sqrt(1000))


def test_more_draws_leave_the_first_as_they_are():
    np.testing.assert_array_equal(permutations(9, 3, seed=2), permutations(9, 8, seed=2)[:3])
    np.testing.assert_array_equal(halves(9, 3, seed=2), halves(9, 8, seed=2)[:3])


def test_blocks_of_one_stimulus_leave_nothing_to_permute():
    with pytest.raises(AlignmentError, match="blocks: found one for each of 3 stimuli, expected two stimuli in one"):
        permutations(3, 1, blocks=[0, 1, 2])
    with pytest.raises(AlignmentError, match=r"groups: found labels of shape \(2,\), expected one for each of 3"):
        halves(3, 1, groups=[0, 1])


def test_halves_keep_groups_together_and_take_half_of_them():
    groups = np.repeat(np.arange(7), [1, 2, 3, 4, 5, 6, 7])
    for number, half in enumerate(halves(28, 20, groups=groups)):
        chosen = np.unique(groups[half])
        assert len(chosen) == 3 + number % 2
        assert half.sum() == np.isin(groups, chosen).sum()


def test_the_spread_of_halves_is_the_standard_error_of_a_mean():
    values = np.random.default_rng(0).exponential(size=40)
    means = [values[half].mean() for half in halves(40, 4000)]
    around = interval(values.mean(), {"stimuli": means}, level=0.9)
    assert around.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(40), rel=0.03)
    reach = norm.ppf(0.95) * around.standard_error
    assert (around.low, around.high) == pytest.approx((values.mean() - reach, values.mean() + reach))


def test_halves_of_stimuli_and_units_add_up_to_the_error_of_both():
    # y_iu = a_i + b_u + e_iu: the grand mean has variance s_a^2 / n + s_b^2 / m + s_e^2 / (n m).
    random = np.random.default_rng(3)
    effects = random.normal(size=(30, 1)) * 2, random.normal(size=(1, 16)) * 1.5, random.normal(size=(30, 16)) * 12
    table = sum(effects)
    rows, columns = halves(30, 4000, seed=0), halves(16, 4000, seed=1)
    means = {
        "stimuli": [table[row].mean() for row in rows],
        "units": [table[:, column].mean() for column in columns],
    }
    both = [table[np.ix_(row, column)].mean() for row, column in zip(rows, columns, strict=True)]
    grand = table.mean()
    of_rows, of_columns = table.mean(axis=1) - grand, table.mean(axis=0) - grand
    left = table - grand - of_rows[:, None] - of_columns
    squares = [np.square(part).sum() / freedom for part, freedom in ((of_rows, 29), (of_columns, 15), (left, 29 * 15))]
    # Means over 16 columns and over 30 rows hold a share of the noise, which must not count twice.
    expected = squares[0] / 30 + squares[1] / 16 - squares[2] / (30 * 16)
    assert interval(grand, means, both).standard_error == pytest.approx(math.sqrt(expected), rel=0.04)
    alone = sum(np.var(found, ddof=1) for found in means.values())
    assert alone > 1.2 * expected > 1.2 * expected * (np.var(both, ddof=1) < expected)


def test_an_interval_needs_scores_and_one_kind_or_two():
    assert math.isnan(interval(0.5, {"stimuli": [0.4] * 9}).low)
    few = interval(0.5, {"subjects": [0.4, 0.6] * 10}, items=2)
    assert few.high - 0.5 == pytest.approx(12.706 * few.standard_error, rel=1e-4)
    assert interval(0.5, {"stimuli": [0.4, math.nan] * 10}).standard_error == 0
    with pytest.raises(AlignmentError, match="found halves of stimuli, units, expected one kind, or two and both"):
        interval(0.5, {"stimuli": [0.4] * 20, "units": [0.4] * 20})


def test_p_values_count_the_score_itself():
    assert p_value(3, [1, 2, 3, 4]) == 3 / 5
    assert p_value(9, np.zeros(99)) == 0.01


@given(st.integers(19, 400), st.integers(0, 99))
def test_scores_above_the_critical_value_are_those_of_small_p(count, seed):
    null = np.random.default_rng(seed).normal(size=count)
    critical = critical_value(null, 0.05)
    assert p_value(np.nextafter(critical, np.inf), null) <= 0.05 < p_value(critical, null)


def test_calibrated_scores_are_0_at_chance_and_1_at_best():
    null = np.linspace(0.1, 0.4, 19)
    assert chance(1.0, null).calibrated == 1
    assert chance(0.4, null).calibrated == 0
    assert chance(0.7, null).calibrated == pytest.approx(0.5)
    assert chance(0.2, null).calibrated == 0
    assert chance(0.7, null).mean == pytest.approx(0.25)


def test_for_a_distance_low_is_close():
    null = np.linspace(1.2, 1.5, 19)
    near = chance(0.6, null, best=0)
    assert (near.critical, near.p, near.calibrated) == pytest.approx((1.2, 0.05, 0.5))
    assert chance(1.6, null, best=0).p == 1


def test_null_scores_that_are_not_defined_count_against_the_score():
    assert chance(2.0, [0.0] * 18 + [math.nan]).p == 2 / 20
    assert math.isnan(chance(0.5, []).p)
    assert math.isnan(chance(0.5, [0.1] * 5).calibrated)  # no score is significant with five permutations


def test_the_best_of_many_layers_is_called_aligned_as_seldom_as_one():
    random = np.random.default_rng(0)
    found, alone = [], []
    for _ in range(300):
        shared = random.normal(size=100)
        layers = 0.5 * shared + random.normal(size=(12, 100))  # the last of which is the score
        found.append(across_layers(layers[:, -1], layers[:, :-1]).min() <= 0.05)
        alone.append(min(p_value(layer[-1], layer[:-1]) for layer in layers) <= 0.05)
    assert np.mean(found) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)
    assert np.mean(alone) > 0.2


def test_a_wide_layer_does_not_hide_what_a_narrow_one_shares():
    # Biased CKA of 60 stimuli: five units, aligned; and 2000 units of noise, which score more by chance.
    random = np.random.default_rng(1)
    nulls = random.normal([[0.07], [0.244]], [[0.03], [0.001]], (2, 199))
    aligned, noise = across_layers([0.241, 0.2443], nulls)
    assert aligned == 1 / 200
    assert noise > 0.3


def test_across_one_layer_p_is_that_of_the_layer_and_holes_take_no_part():
    null = np.arange(19.0)
    assert across_layers([17.5], [null]) == p_value(17.5, null)
    adjusted = across_layers([17.5, math.nan], [null, null + 100])
    assert adjusted[0] == 0.1
    assert math.isnan(adjusted[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_false_discoveries_are_adjusted_as_scipy_does(p):
    np.testing.assert_allclose(false_discovery_rate(p), false_discovery_control(p), rtol=1e-12)
    with_hole = false_discovery_rate([math.nan, *p])
    assert math.isnan(with_hole[0])
    np.testing.assert_allclose(with_hole[1:], false_discovery_control(p), rtol=1e-12)
