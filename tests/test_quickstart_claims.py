"""What README and report claim of the quickstart, read from its results. Run `make quickstart` first."""

import json
from pathlib import Path

import pandas as pd
import pytest

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


def test_every_score_is_defined():
    for path in (RESULTS / "alignment").rglob("scores.parquet"):
        table = pd.read_parquet(path)
        undefined = table[table.score.isna()]
        assert undefined.empty, undefined[["representation", "metric", "error"]].to_string()


def test_the_report_stands_alone_and_marks_what_is_simulated():
    pages = list((RESULTS / "report").glob("*.html"))
    text = "".join(page.read_text() for page in pages)
    assert len(pages) >= 4
    assert "simulated" in text
    assert 'src="http' not in text
    assert 'href="http' not in text
