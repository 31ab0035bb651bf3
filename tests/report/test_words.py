"""Sentences follow the numbers, in both directions."""

import numpy as np
import pandas as pd
import pytest

from thresh.report import comparison_words, planted, planted_words, words
from thresh.report.outline import Outline
from thresh.report.significance import judged

from . import fabricated

OUTLINE = Outline(fabricated.study_config())


def claims_for(numbers: dict[str, tuple], matched_random: float = 0.01) -> list[str]:
    """(raw, theory, learned, random) of each planted pair -> claims."""
    rows = []
    for comparison, values in numbers.items():
        kind = comparison.removeprefix("planted_")
        names = {"comparison": comparison, "a_system": f"{kind}_a", "b_system": f"{kind}_b"}
        rows += [names | row for row in fabricated.planted_rows(comparison, *values, matched_random=matched_random)]
    table = planted.deflation(pd.DataFrame(rows), OUTLINE)
    return [sentence.claim for sentence in planted_words.planted_sentences(table)]


def test_the_claim_is_made_where_the_numbers_bear_it_out():
    assert claims_for(fabricated.PLANTED) == [
        "Raw debiased linear CKA puts the pair that shares more below the pair that shares less",
        "Superposition theory predicts these raw values",
        "Learned codes restore the order and come within 0.05 of the true overlap",
        "Random codes, the control, match nothing",
    ]


def test_the_opposite_is_said_where_they_do_not():
    numbers = {"planted_full": (0.50, 0.274, 0.30, 0.4), "planted_partial": (0.34, 0.337, 0.60, 0.2)}
    assert claims_for(numbers, matched_random=0.2) == [
        "Raw debiased linear CKA puts the planted pairs in the order of their true overlap",
        "These raw values are not what theory predicts",
        "Learned codes do not keep the order",
        "Random codes, the control, match too, by chance or by the dictionary",
    ]


@pytest.mark.parametrize(
    ("full", "partial", "claim"),
    [
        (0.99, 0.667, "Learned codes restore the order and come within 0.05 of the true overlap"),
        (0.80, 0.667, "Learned codes restore the order but miss the true overlap by 0.200"),
        (0.60, 0.667, "Learned codes do not restore the order"),
    ],
)
def test_codes_are_judged_by_order_and_by_value(full, partial, claim):
    numbers = {"planted_full": (0.27, 0.27, full, 0.4), "planted_partial": (0.34, 0.34, partial, 0.2)}
    assert claims_for(numbers)[2] == claim


def test_a_control_matches_nothing_only_if_it_matches_no_pair():
    rows = []
    for (comparison, values), matched in zip(fabricated.PLANTED.items(), (0.01, 0.3), strict=True):
        kind = comparison.removeprefix("planted_")
        names = {"comparison": comparison, "a_system": f"{kind}_a", "b_system": f"{kind}_b"}
        rows += [names | row for row in fabricated.planted_rows(comparison, *values, matched_random=matched)]
    sentence = planted_words.planted_sentences(planted.deflation(pd.DataFrame(rows), OUTLINE))[-1]
    assert "match too" in sentence.claim
    assert "0.010 for planted_full and 0.300 for planted_partial" in sentence.numbers


def test_one_planted_pair_alone_has_no_order():
    claims = claims_for({"planted_full": fabricated.PLANTED["planted_full"]})
    assert claims[0] == "Raw debiased linear CKA falls short of the true overlap"
    assert claims[2] == "Learned codes come within 0.05 of the true overlap"


def test_scores_that_are_not_defined_make_no_claim():
    claims = claims_for({"planted_full": (np.nan, 0.27, np.nan, np.nan)}, matched_random=np.nan)
    assert claims == []


def network_scores(trained: float, control: float, codes: float, random: float) -> pd.DataFrame:
    rows = []
    for a, b, value in (("resnet_a", "resnet_b", trained), ("resnet_a", "resnet_untrained", control)):
        names = {"comparison": "networks", "a_system": a, "a_layer": "stage1", "b_system": b, "b_layer": "stage1"}
        rows += [
            names | fabricated.score("raw", "raw", "linear_cka_debiased", value),
            names | fabricated.score("learned", "codes", "one_to_one_matching", codes),
            names | fabricated.score("random", "control", "one_to_one_matching", random),
        ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("values", "agreement", "atoms"),
    [
        ((0.8, 0.4, 0.5, 0.3), "agree more", "learned better"),
        ((0.4, 0.8, 0.3, 0.5), "agree less", "learned worse"),
        ((0.6, 0.59, 0.4, 0.41), "agree no more", "learned no different"),
    ],
)
def test_networks_are_held_against_their_controls(values, agreement, atoms):
    told = comparison_words.comparison_sentences(network_scores(*values), "networks", OUTLINE)
    assert agreement in told[1].claim
    assert atoms in told[2].claim


def test_layers_of_one_network_are_no_agreement_between_networks():
    scores = network_scores(0.5, 0.4, 0.5, 0.3)
    own = scores[scores["metric"] == "linear_cka_debiased"].iloc[[0]].assign(b_system="resnet_a", score=0.99)
    told = comparison_words.untrained_sentence(pd.concat([scores, own]), OUTLINE)
    assert "0.500 on average against 0.400" in told.numbers
    assert comparison_words.untrained_sentence(pd.concat([own, scores.iloc[3:]]), OUTLINE) is None


@pytest.mark.parametrize(("codes", "verdict"), [(0.7, "better than"), (0.5, "worse than"), (0.61, "about as well as")])
def test_codes_predict_a_recording_better_or_worse(codes, verdict):
    names = {"comparison": "brain", "a_system": "vit", "a_layer": "stage1", "b_system": "brain", "b_layer": "responses"}
    rows = [
        names | fabricated.score(name, role, "linear_predictivity", value, direction="a_to_b")
        for name, role, value in (("raw", "raw", 0.6), ("learned", "codes", codes))
    ]
    (sentence,) = comparison_words.comparison_sentences(judged(pd.DataFrame(rows), {"brain": 0.95}), "brain", OUTLINE)
    assert sentence.claim == "brain (simulated) is predicted best by vit stage1, 0.600"
    assert verdict in sentence.numbers


@pytest.mark.parametrize(
    ("value", "text"), [(0.2704, "0.270"), (-0.0101, "−0.010"), (-0.0001, "0.000"), (np.nan, ""), (None, "")]
)
def test_numbers_are_printed_one_way(value, text):
    assert words.number(value) == text


def test_averages_are_told_beside_raw_of_the_same_layers():
    """A dictionary of the best layer alone would else look better than one of all layers."""
    rows = []
    for layer, raw, online, topk, random in (("stage1", 0.2, 0.3, None, 0.1), ("stage2", 0.8, 0.9, 0.85, 0.88)):
        names = {
            "comparison": "networks",
            "a_system": "resnet_a",
            "b_system": "vit",
            "a_layer": layer,
            "b_layer": layer,
        }
        for metric in ("linear_cka_debiased", "one_to_one_matching"):
            for name, role, value in (
                *(("raw", "raw", raw), ("online", "codes", online)),
                *(("topk", "codes", topk), ("random", "control", random)),
            ):
                rows += [names | fabricated.score(name, role, metric, value)] if value is not None else []
    average, atoms = comparison_words.comparison_sentences(pd.DataFrame(rows), "networks", OUTLINE)
    assert average.claim == "Raw debiased linear CKA is 0.500 on average"
    assert average.numbers == (
        "Over 2 pairs of layers; online 0.600; topk 0.850 on 1 of them, where raw is 0.800; random 0.490."
    )
    assert "online better, topk worse" in atoms.claim  # of the dictionary that most pairs of layers have
    assert "online 0.600 against 0.490 of random, on 2 pairs of layers" in atoms.numbers
    assert "topk 0.850 against 0.880 of random, on 1 pair of layers" in atoms.numbers
