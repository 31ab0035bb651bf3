"""Tables of scores: who is joined with whom, which views meet, directions, controls, predictions, refusals."""

import json

import numpy as np
import pytest
from scipy import sparse

from thresh.alignment import METRICS, linear_cka, linear_predictivity, matched_fraction, semi_matching, theory
from thresh.alignment.compare import COLUMNS, Side, View, align_pair
from thresh.errors import AlignmentError, ConfigError

from .simulate import mixed, related, sparse_features, two_thirds_shared

METRIC_SET = {"linear_cka": {}, "linear_predictivity": {}, "semi_matching": {}, "matched_fraction": {}}


def side(system, views, ids=None, **more):
    rows = views["raw"].shape[0]
    ids = np.array([f"digit-{i:04d}" for i in range(rows)]) if ids is None else np.asarray(ids)
    roles = {"raw": "raw", "random": "control"}
    return Side(
        system=system,
        layer="layer1",
        ids=ids,
        hashes=np.array([f"hash of {name}" for name in ids]),
        views={name: View(roles.get(name, "codes"), values) for name, values in views.items()},
        **more,
    )


def pair(rows=90, **more):
    x, y = related(rows)
    return side("resnet", {"raw": x}), side("vit", {"raw": y}, **more)


def row(table, **where):
    found = table[(table[list(where)] == list(where.values())).all(axis=1)]
    assert len(found) == 1
    return found.iloc[0]


def test_raw_scores_are_those_of_the_metrics_in_both_directions():
    a, b = pair()
    x, y = a.views["raw"].values, b.views["raw"].values
    table = align_pair(a, b, METRIC_SET, seed=3)
    assert list(table.columns) == COLUMNS
    assert row(table, representation="raw", metric="linear_cka").score == linear_cka(x, y)
    assert row(table, representation="raw", metric="linear_cka").direction == "both"
    for direction, (first, second) in {"a_to_b": (x, y), "b_to_a": (y, x)}.items():
        where = {"representation": "raw", "direction": direction}
        assert row(table, metric="semi_matching", **where).score == semi_matching(first, second, seed=3)
        expected = np.median(linear_predictivity(first, second, seed=3).r)
        assert row(table, metric="linear_predictivity", **where).score == pytest.approx(expected, abs=1e-12)
    first = table.iloc[0]
    assert (first.a_system, first.a_layer, first.b_system, first.b_layer) == ("resnet", "layer1", "vit", "layer1")
    assert (first.stimuli, first.units_a, first.units_b, first.error) == (90, 12, 9, "")
    assert table.expected.isna().all()


def test_stimuli_are_joined_on_ids_whatever_their_order():
    a, b = pair()
    order = np.random.default_rng(0).permutation(90)[:70]
    partial = side("vit", {"raw": b.views["raw"].values[order]}, ids=b.ids[order])
    kept = np.sort(order)
    same = [side(s.system, {"raw": s.views["raw"].values[kept]}, ids=s.ids[kept]) for s in (a, b)]
    joined, direct = align_pair(a, partial, METRIC_SET), align_pair(*same, METRIC_SET)
    assert (joined.stimuli == 70).all()
    np.testing.assert_array_equal(joined.score, direct.score)


def test_the_same_ids_with_other_content_are_refused():
    a, b = pair()
    b.hashes[[4, 8]] = "other"
    with pytest.raises(
        AlignmentError,
        match=r"resnet/layer1 and vit/layer1: found stimulus 'digit-0004' with content hash of digit-0004 in resnet and"
        r" other in vit \(2 such of 90 common stimuli\)",
    ):
        align_pair(a, b, METRIC_SET)


def test_no_common_stimuli_are_refused_with_an_example_of_each():
    a, b = pair(ids=[f"image-{i}" for i in range(90)])
    with pytest.raises(
        AlignmentError, match=r"found no common stimulus \(for example 'digit-0000' in resnet, 'image-0' in vit\)"
    ):
        align_pair(a, b, METRIC_SET)


def test_codes_that_one_of_two_coded_sides_lacks_are_left_out():
    x, y = related(90)
    a = side("resnet", {"raw": x, "online": x, "topk": x})
    b = side("vit", {"raw": y, "online": y})
    table = align_pair(a, b, {"linear_cka": {}})
    assert table.representation.tolist() == ["raw", "online", "raw shuffled"]


def test_codes_of_one_side_meet_the_raw_responses_of_a_side_without_codes():
    x, y = related(90)
    codes = np.maximum(x, 3)
    a, b = side("resnet", {"raw": x, "sae": sparse.csr_array(codes)}), side("v4", {"raw": y})
    table = align_pair(a, b, {"linear_cka": {}})
    assert list(table.representation) == ["raw", "sae", "raw shuffled"]
    assert list(table.role) == ["raw", "codes", "shuffled"]
    assert row(table, representation="sae").score == linear_cka(codes, y)
    swapped = row(align_pair(b, a, {"linear_cka": {}}), representation="sae").score
    assert swapped == pytest.approx(linear_cka(codes, y), abs=1e-12)
    assert json.loads(row(table, representation="sae").detail)["views"] == ["sae", "raw"]


def test_a_representation_of_both_sides_is_compared_with_itself():
    x, y = related(90)
    a, b = side("a", {"raw": x, "sae": x**2}), side("b", {"raw": y, "sae": y**2})
    assert row(align_pair(a, b, {"linear_cka": {}}), representation="sae").score == linear_cka(x**2, y**2)


def test_the_ceiling_counts_where_raw_responses_are_predicted():
    x, y = related(90, noise=2)
    ceiling = np.linspace(0.5, 0.9, 9)
    a, b = side("resnet", {"raw": x, "sae": x**2}), side("v4", {"raw": y}, ceiling=ceiling)
    table = align_pair(a, b, {"linear_predictivity": {}})
    for representation, predictor in {"raw": x, "sae": x**2}.items():
        expected = np.median(linear_predictivity(predictor, y).r / ceiling)
        found = row(table, representation=representation, direction="a_to_b")
        assert found.score == pytest.approx(expected, abs=1e-12)
        assert found.ceiling == np.median(ceiling)
    assert np.isnan(row(table, representation="raw", direction="b_to_a").ceiling)
    uncapped = np.median(linear_predictivity(y, x).r)
    assert row(table, representation="raw", direction="b_to_a").score == pytest.approx(uncapped, abs=1e-12)
    both = align_pair(a, side("v4", {"raw": y, "sae": y**2}, ceiling=ceiling), {"linear_predictivity": {}})
    on_codes = np.median(linear_predictivity(x**2, y**2).r)
    assert row(both, representation="sae", direction="a_to_b").score == pytest.approx(on_codes, abs=1e-12)


def test_shuffled_images_predict_nothing_and_are_the_same_for_every_metric():
    x, y = related(400, noise=0)
    table = align_pair(
        side("a", {"raw": x}), side("b", {"raw": y}), {"linear_predictivity": {}, "linear_cka": {}}, seed=5
    )
    shuffled = x[np.random.default_rng(5).permutation(400)]
    control = table[table.role == "shuffled"]
    assert set(control.representation) == {"raw shuffled"}
    assert row(control, metric="linear_cka").score == linear_cka(shuffled, y)
    assert control[control.metric == "linear_predictivity"].score.abs().max() < 0.1
    assert table[(table.role == "raw") & (table.metric == "linear_predictivity")].score.min() > 0.8


def test_planted_pairs_come_with_theorys_prediction():
    features = two_thirds_shared(3000)
    names = np.arange(64).astype(str)
    held = names[:48], np.r_[names[:32], names[48:]]
    a, b = (
        side(
            name,
            {"raw": mixed(z, 48, seed, "unit_norm"), "learned": z, "random": mixed(z, 60, seed + 9)},
            planted={"features": own, "units": 48, "mixing": "unit_norm"},
        )
        for name, z, own, seed in zip("ab", features, held, (1, 2), strict=True)
    )
    ckas = ["linear_cka", "linear_cka_debiased", "minibatch_cka"]
    metrics = [*ckas, "linear_predictivity_r2", "matched_fraction", "rsa"]
    table = align_pair(a, b, {name: {"limit": 200} if name == "rsa" else {} for name in metrics})
    population = theory.expected_cka(48, 48, 48, 48, 32, mixing="unit_norm")
    for metric in ckas[1:]:
        assert row(table, representation="raw", metric=metric).expected == pytest.approx(population)
    finite = theory.expected_cka(48, 48, 48, 48, 32, mixing="unit_norm", rows=3000)
    assert row(table, representation="raw", metric="linear_cka").expected == pytest.approx(finite)
    predicted = row(table, representation="raw", metric="linear_predictivity_r2", direction="a_to_b")
    assert predicted.expected == pytest.approx(theory.expected_r2(48, 48, 48, 32, rows=2400))
    told = table[table.expected.notna()]
    np.testing.assert_allclose(told.score, told.expected, atol=0.03)
    for metric in (*ckas, "matched_fraction"):
        assert row(table, representation="learned", metric=metric).expected == pytest.approx(2 / 3)
    assert row(table, representation="learned", metric="matched_fraction").score == pytest.approx(2 / 3, abs=1e-12)
    assert row(table, representation="random", metric="matched_fraction").score <= 0.02
    silent = table[(table.metric == "rsa") | table.role.isin(["control", "shuffled"])]
    assert silent.expected.isna().all()


def test_predictions_of_fourth_moments_need_the_features_probability():
    everything = sparse_features(1000, 64, 0.05, 3)
    planted = {"features": np.arange(64), "units": 24, "mixing": "unit_norm"}
    planted |= {"probability": 0.05, "amplitude": "half_normal"}
    a, b = (
        side(name, {"raw": mixed(np.abs(everything), 24, seed, "unit_norm")}, planted=planted)
        for name, seed in zip("ab", (1, 2), strict=True)
    )
    table = align_pair(a, b, {"linear_cka": {}, "rsa": {"distance": "sqeuclidean", "compare": "pearson"}})
    kurtosis = theory.sparse_kurtosis(0.05, "half_normal")
    of_rsa, of_cka = (row(table, representation="raw", metric=metric) for metric in ("rsa", "linear_cka"))
    model = {"mixing": "unit_norm", "excess_kurtosis": kurtosis}
    assert of_rsa.expected == pytest.approx(theory.expected_rsa(24, 24, 64, **model))
    assert of_cka.expected == pytest.approx(theory.expected_cka(24, 24, 64, rows=1000, **model))
    assert of_rsa.score == pytest.approx(of_rsa.expected, abs=0.05)
    assert of_cka.score == pytest.approx(of_cka.expected, abs=0.05)


def test_predictions_need_both_sides_planted_and_the_same_kind_of_view():
    x, y = related(90)
    planted = {"features": np.arange(20), "units": 12, "mixing": "unit_norm"}
    a, b = side("a", {"raw": x, "sae": x**2}, planted=planted), side("b", {"raw": y})
    assert align_pair(a, b, METRIC_SET).expected.isna().all()
    b.planted = {**planted, "units": 9}
    table = align_pair(a, b, METRIC_SET)
    assert row(table, representation="raw", metric="linear_cka").expected > 0
    assert table[table.representation == "sae"].expected.isna().all()


def test_a_metric_that_is_not_defined_for_a_pair_says_so_and_the_others_go_on():
    x, y = related(12)
    table = align_pair(side("a", {"raw": x}), side("b", {"raw": y}), {"semi_matching": {}, "linear_cka": {}})
    failed = table[table.metric == "semi_matching"]
    assert failed.score.isna().all()
    assert (failed.error == "found 12 stimuli, expected at least 15 for 5 folds.").all()
    assert table[table.metric == "linear_cka"].score.notna().all()


def test_dead_codes_are_named_by_system_layer_and_view():
    x, y = related(90)
    table = align_pair(side("a", {"raw": x, "sae": 0 * x}), side("b", {"raw": y, "sae": y}), METRIC_SET)
    dead = table[table.representation == "sae"]
    assert dead.score.isna().all()
    assert (dead.error == "a/layer1 (sae): found 12 constant units, expected at least one that varies.").all()


def test_unknown_metrics_and_parameters_are_refused_before_any_work():
    def never(*_):
        raise AssertionError("a score was computed")

    for metrics in ({"linear_cka": {}, "linear_ck": {}}, {"linear_cka": {}, "rsa": {"distanse": "cosine"}}):
        with pytest.raises(ConfigError, match="nearest"):
            align_pair(*pair(), metrics, progress=never)


def test_a_side_must_fit_together():
    x, y = related(90)
    good = side("b", {"raw": y})
    cases = [
        (side("a", {"raw": x, "sae": x[:50]}), "a/layer1: found 50 rows of sae, expected 90"),
        (side("a", {"raw": x}, ids=["same"] * 90), "found an id twice"),
        (side("a", {"raw": x}, ceiling=np.ones(3)), "found 3 ceilings, expected one for each of 12 units"),
        (Side("a", "layer1", good.ids, good.hashes, {"sae": View("codes", x)}), "found views sae, expected 'raw'"),
        (Side("a", "layer1", good.ids, good.hashes[:7], {"raw": View("raw", x)}), "found 7 rows of hashes"),
        (Side("a", "layer1", good.ids[:0], good.hashes[:0], {"raw": View("raw", x[:0])}), "found no stimuli"),
    ]
    for bad, message in cases:
        with pytest.raises(AlignmentError, match=message):
            align_pair(bad, good, METRIC_SET)
    a, b = side("a", {"raw": x, "random": x}), side("b", {"raw": y, "random": y})
    b.views["random"].role = "codes"
    with pytest.raises(AlignmentError, match="found roles control and codes for random"):
        align_pair(a, b, METRIC_SET)


def test_progress_counts_every_score_and_seeds_decide_all():
    a, b = pair()
    seen = []
    first = align_pair(a, b, METRIC_SET, seed=1, progress=lambda done, total, label: seen.append((done, total, label)))
    assert [done for done, _, _ in seen] == list(range(1, len(first) + 1))
    assert {total for _, total, _ in seen} == {len(first)}
    assert align_pair(a, b, METRIC_SET, seed=1).equals(first)
    assert not align_pair(a, b, METRIC_SET, seed=2).score.equals(first.score)


def test_a_metrics_own_seed_wins():
    a, b = pair()
    x, y = a.views["raw"].values, b.views["raw"].values
    table = align_pair(a, b, {"matched_fraction": {"seed": 9, "threshold": 0.2}}, seed=1)
    assert row(table, representation="raw").score == matched_fraction(x, y, 0.2, seed=9)


def test_all_metrics_of_the_registry_can_stand_in_a_table():
    table = align_pair(*pair(), {name: {} for name in METRICS})
    assert (table.error == "").all()
    assert table.score.notna().all()
    assert all(isinstance(json.loads(detail), dict) for detail in table.detail)
