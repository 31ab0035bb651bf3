"""Chance and intervals in the table of scores: which draws they come from, and what they cover."""

import json
import math

import numpy as np
import pytest
from scipy import sparse

from thresh.alignment import METRICS, align_pair
from thresh.alignment.facts import Facts
from thresh.alignment.population import Population
from thresh.alignment.redrawn import Asked, drawn
from thresh.alignment.statistics import halves, permutations
from thresh.alignment.uncertainty import Uncertainty, selections, subsets
from thresh.errors import AlignmentError, ConfigError

from .simulate import normal, related, sparse_features
from .test_compare import row, side

SCORED = {
    "linear_cka_debiased": {},
    "kernel_cka": {},
    "rsa": {"distance": "sqeuclidean"},
    "linear_predictivity": {"folds": 3},
    "linear_predictivity_r2": {"folds": 3},
    "matched_fraction": {"folds": 2},
    "one_to_one_matching": {"folds": 2},
    "procrustes": {},
    "shape_distance": {},
    "cca": {"dimensions": 5},
}
FEW = Uncertainty(permutations=5, resamples=12, seed=4)


@pytest.fixture(scope="module")
def compared():
    """Two sides with more units on one than stimuli, and their table."""
    x, y = related(40, units_x=60, units_y=9, noise=1)
    table = align_pair(side("a", {"raw": x}), side("b", {"raw": y}), SCORED, seed=1, uncertainty=FEW)
    return x, y, table


def score(name, x, y):
    params = SCORED[name] | ({"seed": 1} if "seed" in METRICS[name].parameters else {})
    return METRICS[name].score(x, y, **params)[0]


@pytest.mark.parametrize("name", SCORED)
def test_null_scores_are_those_of_stimuli_in_another_order(compared, name):
    x, y, table = compared
    expected = [score(name, x, y[order]) for order in permutations(40, 5, seed=4)]
    forth = row(table, representation="raw", metric=name, direction="both" if METRICS[name].symmetric else "a_to_b")
    np.testing.assert_allclose(forth.null, expected, atol=1e-8)
    assert forth.chance == pytest.approx(np.mean(expected), abs=1e-8)
    closer = np.array(expected) >= forth.score if METRICS[name].higher_is_closer else np.array(expected) <= forth.score
    assert forth.p == (1 + np.count_nonzero(closer)) / 6
    if not METRICS[name].symmetric:
        back = row(table, representation="raw", metric=name, direction="b_to_a")
        np.testing.assert_allclose(
            back.null, [score(name, y, x[order]) for order in permutations(40, 5, seed=4)], atol=1e-8
        )


@pytest.mark.parametrize("name", SCORED)
def test_standard_errors_are_the_spread_of_halves(compared, name):
    x, y, table = compared
    found = [score(name, x[half], y[half]) for half in halves(40, 12, seed=12)]
    forth = table[(table.representation == "raw") & (table.metric == name)].iloc[0]
    assert forth.standard_error == pytest.approx(np.std(found, ddof=1), rel=1e-6)
    assert (forth.low + forth.high) / 2 == pytest.approx(forth.score)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("rsa", {}),
        ("rsa", {"compare": "whitened_cosine", "distance": "sqeuclidean"}),
        ("rsa", {"limit": 30}),
        ("semi_matching", {"folds": 3}),
        ("one_to_one_matching", {}),
        ("linear_predictivity", {"components": 4}),
        ("linear_predictivity", {"bands": [0] * 30 + [1] * 30, "draws": 3, "folds": 2}),
    ],
)
def test_null_scores_are_the_same_the_short_way(compared, name, params):
    x, y, _ = compared
    metric = METRICS[name]
    again = metric.permuted(x, y, **metric.measured_with(params))
    for order in permutations(40, 3, seed=8):
        short, long = again(order), metric.measure(x, y[order], **params)
        assert metric.summarise(short)[0] == pytest.approx(metric.summarise(long)[0], abs=1e-12)


def test_the_control_and_tables_without_draws_have_no_intervals(compared):
    x, y, table = compared
    assert table[table.role == "shuffled"][["low", "p", "calibrated"]].isna().all(axis=None)
    plain = align_pair(side("a", {"raw": x}), side("b", {"raw": y}), {"linear_cka": {}})
    assert plain[["low", "high", "p", "critical", "calibrated", "chance"]].isna().all(axis=None)
    assert set(plain.over) | set(table[table.role == "shuffled"].over) == {""}
    assert set(table[table.role == "raw"].over) == {"stimuli"}


def test_a_metric_that_is_not_defined_on_halves_keeps_its_score():
    x, y = related(9)
    plan = Uncertainty(permutations=3, resamples=12)
    found = align_pair(side("a", {"raw": x}), side("b", {"raw": y}), {"semi_matching": {"folds": 3}}, uncertainty=plan)
    first = found.iloc[0]
    assert math.isfinite(first.score)
    assert math.isfinite(first.chance)
    assert math.isnan(first.low)


def test_blocks_hold_what_they_explain_against_a_score():
    # Responses that differ between categories alone: aligned, but within a category there is nothing to align.
    category = np.repeat(np.arange(8), 15)
    means = normal(8, 6, seed=1)[category]
    x, y = means + normal(120, 6, seed=2), means + normal(120, 6, seed=3)
    tables = [
        align_pair(
            side("a", {"raw": x}),
            side("b", {"raw": y}, blocks=blocks),
            {"linear_cka_debiased": {}},
            uncertainty=Uncertainty(permutations=99),
        )
        for blocks in (None, category)
    ]
    free, within = (row(table, representation="raw").p for table in tables)
    assert free == 0.01
    assert within > 0.05


def test_intervals_over_units_and_subjects_draw_columns():
    x, y = related(60, units_x=8, units_y=12, noise=3)
    subjects = np.repeat(["m1", "m2", "m3"], 4)
    ceiling = np.linspace(0.5, 1, 12)
    sides = side("net", {"raw": x}), side("v4", {"raw": y}, subjects=subjects, ceiling=ceiling)
    metric, params = METRICS["linear_predictivity"], {"seed": 0}
    plan = Uncertainty(resamples=20, over="subjects", seed=2)
    found = row(
        align_pair(*sides, {"linear_predictivity": {}}, uncertainty=plan), representation="raw", direction="a_to_b"
    )
    drawn = halves(12, 20, groups=subjects, seed=3 * 2 + 2)
    expected = [metric.score(x, y[:, half], ceiling=ceiling[half], **params)[0] for half in drawn]
    assert found.standard_error == pytest.approx(np.std(expected, ddof=1), rel=1e-6)
    errors = {
        over: row(
            align_pair(*sides, {"linear_cka": {}}, uncertainty=Uncertainty(resamples=40, over=over)),
            representation="raw",
        ).standard_error
        for over in ("stimuli", "subjects", "units", "stimuli and subjects", "stimuli and units")
    }
    for other in ("subjects", "units"):
        assert errors[f"stimuli and {other}"] >= max(errors["stimuli"], errors[other])


def test_bands_of_a_study_go_with_the_units_that_are_drawn():
    x, y = related(60, units_x=8, units_y=12, noise=3)
    bands, plan = ["early"] * 3 + ["late"] * 5, Uncertainty(permutations=3, resamples=12, over="units", seed=2)
    metrics = {"linear_predictivity": json.loads(json.dumps({"bands": bands, "draws": 4, "folds": 3}))}
    table = align_pair(side("a", {"raw": x}), side("b", {"raw": y}), metrics, seed=1, uncertainty=plan)
    there = row(table, representation="raw", direction="a_to_b")
    params = {"draws": 4, "folds": 3, "seed": 1}
    score, detail = METRICS["linear_predictivity"].score(x, y, bands=bands, **params)
    assert there.score == score
    assert json.loads(there.detail)["band_shares"] == detail["band_shares"]
    of_x, of_y = (halves(units, 12, seed=3 * 2 + 1 + stream) for stream, units in enumerate((8, 12)))
    expected = [
        METRICS["linear_predictivity"].score(x[:, a], y[:, b], bands=np.array(bands)[a].tolist(), **params)[0]
        for a, b in zip(of_x, of_y, strict=True)
    ]
    assert there.standard_error == pytest.approx(np.std(expected, ddof=1), rel=1e-9)
    back = row(table, representation="raw", direction="b_to_a")
    assert back.error == "bands: found 8 labels, expected one for each of 12 units of x."


def test_blocks_may_be_left_to_chance_alone():
    x, y = related(120, noise=2)
    category = np.repeat(np.arange(4), 30)
    pair = side("a", {"raw": x}), side("b", {"raw": y}, blocks=category)
    kept, single = (
        row(
            align_pair(*pair, {"linear_cka": {}}, uncertainty=Uncertainty(19, 20, keep_blocks=keep)),
            representation="raw",
        )
        for keep in (True, False)
    )
    without = side("b", {"raw": y})
    free = row(align_pair(pair[0], without, {"linear_cka": {}}, uncertainty=Uncertainty(19, 20)), representation="raw")
    assert single.null == kept.null != free.null
    assert (single.low, single.high) == (free.low, free.high)
    assert kept.high - kept.low > 1.2 * (single.high - single.low)


@pytest.mark.parametrize("blocks", [np.zeros(60), np.repeat([0, 1], [55, 5])])
def test_of_one_block_or_two_there_is_no_interval(blocks):
    x, y = related(60)
    pair = side("a", {"raw": x}), side("b", {"raw": y}, blocks=blocks)
    found = row(align_pair(*pair, {"linear_cka": {}}, uncertainty=Uncertainty(resamples=20)), representation="raw")
    assert np.isnan([found.low, found.high, found.standard_error]).all()


def test_the_control_stays_within_blocks_too():
    category = np.repeat(np.arange(8), 15)
    means = normal(8, 6, seed=1)[category]
    x, y = means + 0.1 * normal(120, 6, seed=2), means + 0.1 * normal(120, 6, seed=3)
    table = align_pair(side("a", {"raw": x}), side("b", {"raw": y}, blocks=category), {"linear_cka_debiased": {}})
    assert row(table, representation="raw shuffled").score > 0.9


def test_without_subjects_only_stimuli_are_drawn_and_the_table_says_so():
    x, y = related(60)

    def drawn_of(over, **more):
        sides = side("a", {"raw": x}), side("b", {"raw": y}, **more)
        return align_pair(*sides, {"linear_cka": {}}, uncertainty=Uncertainty(resamples=20, over=over)).iloc[0]

    asked = ("stimuli", "subjects", "stimuli and subjects")
    without = [drawn_of(over) for over in asked]
    assert len({found.standard_error for found in without}) == 1
    assert {found.over for found in without} == {"stimuli"}
    one, two = np.zeros(9), np.arange(9) % 2
    assert [drawn_of(over, subjects=one).over for over in asked] == ["stimuli"] * 3
    assert tuple(drawn_of(over, subjects=two).over for over in asked) == asked


def test_subsets_tell_how_a_score_depends_on_the_number_of_stimuli():
    x, y = related(400, units_x=30, units_y=9, noise=6)
    plan = Uncertainty(resamples=10, subsets=10)
    table = align_pair(
        side("a", {"raw": x}), side("b", {"raw": y}), {"linear_cka": {}, "linear_cka_debiased": {}}, uncertainty=plan
    )
    biased, debiased = (json.loads(row(table, representation="raw", metric=name).convergence) for name in METRICS_OF)
    assert [size for size, *_ in biased] == [50, 100, 200]
    # Biased CKA falls to its limit as stimuli become more; the debiased one is at its own from the start.
    assert biased[0][1] > biased[1][1] + 0.02 > biased[2][1] + 0.04
    assert debiased[0][1] == pytest.approx(debiased[2][1], abs=3 * debiased[0][2] / math.sqrt(10))


METRICS_OF = ("linear_cka", "linear_cka_debiased")


def test_subsets_are_of_whole_blocks_and_stand_at_the_number_of_stimuli_they_have():
    sizes = np.array([3, 30, 4, 5, 25, 6, 3, 8, 20])
    block = np.repeat(np.arange(9), sizes)
    population = Population(rows=len(block), units=(5, 5), blocks=block)
    plan = Uncertainty(subsets=7, resamples=15, seed=3)
    found = [*subsets(plan, population), selections(plan, population)["stimuli"]]
    counts = [len(np.unique(block[one.rows])) for draws in found for one in draws]
    assert counts == [1] * 7 + [2] * 7 + [4, 5] * 7 + [4]
    for one in (one for draws in found for one in draws):
        assert len(one.rows) == sizes[np.unique(block[one.rows])].sum()
    x, y = related(len(block))
    sides = side("a", {"raw": x}), side("b", {"raw": y}, blocks=block)
    points = json.loads(row(align_pair(*sides, {"linear_cka": {}}, uncertainty=plan), representation="raw").convergence)
    assert [stimuli for stimuli, *_ in points] == [np.mean([len(one.rows) for one in draws]) for draws in found]
    scores = [METRICS["linear_cka"].score(x[one.rows], y[one.rows])[0] for one in found[1]]
    assert points[1][1:] == pytest.approx([np.mean(scores), np.std(scores, ddof=1)])


def test_atoms_that_are_seldom_active_are_left_out_of_codes():
    codes = np.abs(sparse_features(60, 7, 0.5))
    codes[:, 3] = 0
    codes[:2, 3] = 1
    raw = normal(60, 5)
    sides = side("a", {"raw": raw, "sae": sparse.csr_array(codes)}), side("b", {"raw": raw, "sae": codes})
    table = align_pair(*sides, {"one_to_one_matching": {}}, active=3)
    with_rare = row(table, representation="sae")
    assert with_rare.score == pytest.approx(1)
    assert (with_rare.units_a, with_rare.units_b) == (6, 6)
    assert json.loads(with_rare.detail)["atoms_left_out"] == [1, 1]


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ConfigError, match="over"):
        Uncertainty(over="neurons")
    x, y = related(60)
    with pytest.raises(AlignmentError, match="found 3 subjects, expected one for each of 9 units"):
        align_pair(side("a", {"raw": x}), side("b", {"raw": y}, subjects=np.array(["m"] * 3)), {"linear_cka": {}})


def test_subsets_of_rows_that_belong_to_stimuli_are_whole_stimuli_and_are_counted_in_these():
    groups = np.repeat(np.arange(16), [1, 4, 2, 9, 3, 5, 1, 7, 2, 2, 6, 3, 8, 4, 1, 2])
    population, plan = Population(rows=len(groups), units=(12, 9), groups=groups), Uncertainty(subsets=6, resamples=12)
    for size, found in zip((2, 4), subsets(plan, population), strict=True):
        for one in found:
            assert len(one.rows) == np.isin(groups, np.unique(groups[one.rows])).sum()
            assert len(np.unique(groups[one.rows])) == size
    x, y = related(len(groups))
    asked = Asked(METRICS["linear_cka"], {}, {}, False)
    (of,) = drawn([asked], x, y, population, plan, Facts(groups))
    assert [stimuli for stimuli, _ in of.subsets] == [2, 4, 8]
