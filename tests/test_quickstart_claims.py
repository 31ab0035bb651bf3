"""What README and report claim of the quickstart, read from its results. Run `make quickstart` first."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from thresh.alignment import linear_cka
from thresh.stimuli import open_stimuli
from thresh.store import open_activations, open_codes, pool

RESULTS = Path(__file__).parents[1] / "results" / "quickstart"

pytestmark = pytest.mark.skipif(
    not (RESULTS / "report" / "index.html").exists(), reason="make quickstart has not been run"
)


def score(comparison, metric, representation):
    (path,) = (RESULTS / "alignment" / comparison).rglob("scores.parquet")
    table = pd.read_parquet(path)
    (row,) = table[(table.metric == metric) & (table.representation == representation)].itertuples()
    return row


@pytest.mark.parametrize("metric", ["linear_cka", "linear_cka_debiased"])
def test_raw_cka_orders_the_planted_pairs_wrongly_and_as_theory_predicts(metric):
    full, partial = score("all_shared", metric, "raw"), score("two_thirds_shared", metric, "raw")
    assert full.score < partial.score
    assert full.score == pytest.approx(0.27, abs=0.03)
    assert partial.score == pytest.approx(0.34, abs=0.03)
    # One draw of the mixing scatters by .01 to .02 around its expectation.
    assert full.score == pytest.approx(full.expected, abs=0.03)
    assert partial.score == pytest.approx(partial.expected, abs=0.03)


def test_learned_codes_order_them_rightly():
    for metric in ("linear_cka", "matched_fraction"):
        assert score("all_shared", metric, "learned").score >= 0.95
        assert score("two_thirds_shared", metric, "learned").score == pytest.approx(0.667, abs=0.03)


def test_codes_of_a_random_dictionary_match_nothing():
    for comparison in ("all_shared", "two_thirds_shared"):
        assert score(comparison, "matched_fraction", "random").score <= 0.02


def test_codes_of_the_universal_autoencoder_agree_atom_by_atom():
    test = open_stimuli(RESULTS / "stimuli" / "latents.zarr").split == "test"
    a, b = (
        open_codes(RESULTS / "codes" / system / "units" / "shared" / "encoder.zarr").read()[test].toarray()
        for system in ("full_a", "full_b")
    )
    both = (a.std(axis=0) > 0) & (b.std(axis=0) > 0)
    agreement = [np.corrcoef(a[:, j], b[:, j])[0, 1] for j in np.flatnonzero(both)]
    assert both.mean() > 0.7
    assert np.median(agreement) > 0.7


@pytest.mark.parametrize(("model", "accuracy"), [("resnet_a", 0.95), ("resnet_b", 0.95), ("vit", 0.9)])
def test_small_models_know_the_digits(model, accuracy):
    facts = json.loads((RESULTS / "models" / f"{model}.json").read_text())["facts"]
    assert facts["test_accuracy"] >= accuracy


def test_planted_features_are_recovered_and_a_random_dictionary_recovers_none():
    for place in (RESULTS / "evaluation").glob("full_*/units"):
        learned = json.loads((place / "planted_128" / "fista_planted.json").read_text())["facts"]
        random = json.loads((place / "random_128" / "fista_planted.json").read_text())["facts"]
        assert learned["matched_cosine"] >= 0.99
        assert learned["matched_correlation"] >= 0.95
        assert random["matched_cosine"] < 0.6


def facts(*place):
    return json.loads(RESULTS.joinpath(*place).with_suffix(".json").read_text())["facts"]


def test_another_seed_finds_the_same_planted_features():
    for system in ("partial_a", "partial_b"):
        found = facts("stability", system, "units", "planted_48")
        assert found["stability_cosine"] > 0.99
        assert found["random_stability_cosine"] < 0.5


def test_classifiers_still_know_the_digits_from_decoded_codes():
    for place in (("resnet_a", "layer3", "topk", "encoder"), ("vit", "layer2", "online", "fista")):
        found = facts("splices", "digit", *place)
        assert found["recovered_mean"] > 0.9
        assert found["accuracy_spliced"] > found["accuracy_mean"] + 0.05


def test_atoms_of_a_trained_network_point_where_its_classes_are_and_those_of_the_controls_do_not():
    learned, random = (
        facts("probes", "digit", "resnet_a", "layer3", "codes", dictionary, "fista")
        for dictionary in ("online", "random")
    )
    assert learned["plausibility"] > learned["random_plausibility"] + 0.2
    assert random["plausibility"] < random["random_plausibility"] + 0.1
    assert learned["probe_1_in"] > facts("probes", "digit", "resnet_a", "layer3", "activations")["probe_1_in"]


def test_every_score_is_defined():
    for path in (RESULTS / "alignment").rglob("scores.parquet"):
        table = pd.read_parquet(path)
        undefined = table[table.score.isna()]
        assert undefined.empty, undefined[["representation", "metric", "error"]].to_string()


@pytest.mark.parametrize("name", ["learned", "topk", "random"])
def test_scores_of_codes_are_those_of_their_own_stores(name):
    """Recomputed from the stores, for the pair of layers that has every representation."""
    stores = {"learned": "online/fista", "topk": "topk/encoder", "random": "random/fista"}
    test = open_stimuli(RESULTS / "stimuli" / "digits.zarr").split == "test"
    sides = []
    for system in ("resnet_a", "resnet_b"):
        rows = open_activations(RESULTS / "activations" / system / "layer3.zarr").rows["stimulus"].to_numpy()
        codes = open_codes(RESULTS / "codes" / system / "layer3" / f"{stores[name]}.zarr").read()
        sides.append(pool(codes, rows)[1][test])
    place = RESULTS / "alignment" / "networks" / "resnet_a" / "layer3" / "resnet_b" / "layer3" / "scores.parquet"
    table = pd.read_parquet(place)
    (found,) = table[(table.metric == "linear_cka") & (table.representation == name)].score
    assert found == pytest.approx(linear_cka(*sides), abs=1e-6)


def test_the_report_stands_alone_and_marks_what_is_simulated():
    pages = {page.name: page.read_text() for page in (RESULTS / "report").glob("*.html")}
    assert {"index.html", "comparison-networks.html", "dictionaries.html", "evaluation.html", "gallery.html"} <= set(
        pages
    )
    for name, text in pages.items():
        assert 'src="http' not in text, name
        assert 'href="http' not in text, name
    for system in ("full_a", "full_b", "partial_a", "partial_b", "population"):
        assert re.search(rf"{system}\s*<span[^>]*>simulated", pages["index.html"]), system
