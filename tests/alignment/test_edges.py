"""Every metric where units outnumber stimuli, are silent, or there is but one stimulus."""

import numpy as np
import pytest
from scipy import stats

from thresh.alignment import METRICS
from thresh.errors import AlignmentError

from .simulate import normal, orthogonal, related

# Distances by angle see units that do not vary; those of Euclid do not.
PARAMETERS = {"rsa": {"distance": "euclidean"}}

CKA = ("linear_cka", "linear_cka_debiased", "minibatch_cka")
SHARE = 47 / 200
WITHIN_THE_SPAN = {
    "linear_predictivity": np.sqrt(SHARE),
    "linear_predictivity_r2": SHARE,
    "procrustes": SHARE,
    "shape_distance": np.arccos(SHARE),
}
# An rbf kernel of many units about its median distance: slope times the linear kernel, and an excess on the diagonal.
SLOPE, EXCESS = 0.5 * np.exp(-0.5), 1 - 1.5 * np.exp(-0.5)
CHANCE = {
    "mutual_knn": 10 / 39,
    "shape_distance": np.pi / 2,
    "linear_cka": 120 / (120 + 39),
    "rsa_unbiased": 120 / (120 + 39),  # of sides that have no repeats: biased CKA
    "kernel_cka": (SLOPE + EXCESS) ** 2 / ((SLOPE + EXCESS) ** 2 + SLOPE**2 * 39 / 120),
    # Pearson r of 8 held-out rows above .5.
    "matched_fraction": stats.t.sf(0.5 * np.sqrt(6 / 0.75), 6),
}


def score(name, x, y):
    return METRICS[name].score(x, y, **PARAMETERS.get(name, {}))[0]


@pytest.mark.parametrize("name", METRICS)
def test_silent_units_change_nothing_even_where_they_outnumber_stimuli(name):
    x, y = related(40, 6, 5)
    silent = np.zeros((40, 90))
    expected = score(name, x, y)
    assert score(name, np.c_[silent, x], y) == pytest.approx(expected, abs=1e-7)
    assert score(name, x, np.c_[y, silent]) == pytest.approx(expected, abs=1e-7)
    assert score(name, np.c_[x, silent], np.c_[silent, y]) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", sorted(set(METRICS) - {*WITHIN_THE_SPAN}))
def test_a_system_with_more_units_than_stimuli_is_nearest_to_itself(name):
    x = normal(40, 120)
    assert score(name, x, x) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", WITHIN_THE_SPAN)
def test_a_new_stimulus_is_mapped_only_within_the_span_of_the_training_rows(name):
    """48 rows span 47 of 200 directions about their mean, and a new row has that share of itself in them."""
    params = {"alphas": [1e-8]} if name.startswith("linear") else {}
    scores = [METRICS[name].score(x, x, **params)[0] for x in (normal(60, 200, seed) for seed in range(4))]
    assert np.mean(scores) == pytest.approx(WITHIN_THE_SPAN[name], abs=0.02)


@pytest.mark.parametrize("name", METRICS)
def test_unrelated_systems_with_more_units_than_stimuli_score_at_chance(name):
    scores = [score(name, normal(40, 120, 2 * seed), normal(40, 120, 2 * seed + 1)) for seed in range(6)]
    assert np.mean(scores) == pytest.approx(CHANCE.get(name, 0.0), abs=0.06)


@pytest.mark.parametrize("name", METRICS)
def test_one_stimulus_is_refused(name):
    with pytest.raises(AlignmentError, match=r"found 1 stimuli, expected at least \d+"):
        METRICS[name].score(normal(1, 5), normal(1, 3))


@pytest.mark.parametrize("name", sorted(set(METRICS) - {"rsa", "mutual_knn", "kernel_cka"}))
def test_of_one_unit_a_side_all_that_a_linear_metric_sees_is_their_correlation(name):
    x = normal(400, 1)
    y = x + 0.5 * normal(400, 1, 1)
    r = np.corrcoef(x[:, 0], y[:, 0])[0, 1]
    expected = {
        **dict.fromkeys((*CKA, "rsa_unbiased", "linear_predictivity_r2"), r**2),
        "matched_fraction": 1.0,
        "shape_distance": np.arccos(r),
    }
    assert score(name, x, y) == pytest.approx(expected.get(name, r), abs=0.02)


@pytest.mark.parametrize("name", ["cca", "svcca", "pwcca"])
@pytest.mark.parametrize("units", [1, 80])
def test_a_side_that_one_stimulus_moves_has_no_canonical_pair(name, units):
    """Constant either among the training rows, up to rounding, or among those held out."""
    x = np.tile(np.random.default_rng(0).random(units), (60, 1))
    x[17] = 10 * normal(units, 1)[:, 0]
    assert score(name, x, normal(60, 4)) == 0
    assert score(name, normal(60, 4), x) == 0


def test_a_side_that_one_stimulus_moves_cannot_be_matched():
    x = np.zeros((60, 3))
    x[17] = 1
    for name in ("semi_matching", "soft_matching", "one_to_one_matching", "matched_fraction"):
        with pytest.raises(AlignmentError, match=r"^x: found no unit that varies on the training rows of fold \d"):
            score(name, x, normal(60, 4))


@pytest.mark.parametrize("name", ["svcca", "pwcca", "cca"])
def test_more_units_than_stimuli_leave_no_choice_of_directions_to_rounding(name):
    x, y = related(24, units_x=60, units_y=50)
    turned = y @ orthogonal(50, 5)
    assert METRICS[name].score(x, turned)[0] == pytest.approx(METRICS[name].score(x, y)[0], abs=1e-9)
