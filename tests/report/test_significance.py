"""What counts as more than chance: the same permutations for all layers, all scores of a comparison together."""

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, zscore

from thresh.alignment import METRICS
from thresh.report import methods
from thresh.report.significance import judged
from thresh.report.statistics_words import UNEQUAL, at_size_sentences, statistics_sentences


def scores(values, nulls, metric="linear_cka", **more):
    rows = [{"score": value, "null": list(null)} for value, null in zip(values, nulls, strict=True)]
    names = {
        "comparison": "one",
        "a_system": "a",
        "b_system": "b",
        "representation": "raw",
        "direction": "both",
        "stimuli": 450,
    }
    table = pd.DataFrame(rows).assign(metric=metric, **names | more)
    closer = METRICS[metric].higher_is_closer
    reached = [sum((n >= v) if closer else (n <= v) for n in null) for v, null in zip(values, nulls, strict=True)]
    table = table.assign(tested=table["score"], tested_rows=table["stimuli"])
    return table.assign(p=[(1 + r) / (1 + len(null)) for r, null in zip(reached, nulls, strict=True)])


def test_the_best_layer_is_held_against_the_best_null_score_of_all_layers():
    random = np.random.default_rng(0)
    nulls = random.normal(size=(3, 99))
    found = judged(scores([2.5, 9.0, 0.0], nulls), {"one": 0.95})
    everything = zscore(np.c_[[2.5, 9.0, 0.0], nulls], axis=1)
    largest = everything[:, 1:].max(axis=0)
    assert found["p_layers"].tolist() == [(1 + (largest >= own).sum()) / 100 for own in everything[:, 0]]
    np.testing.assert_allclose(found["q"], false_discovery_control(found["p"]))
    assert found["beats_chance"].tolist() == [bool(p <= 0.05) for p in found["p_layers"]]
    assert "null" not in found


def test_for_distances_the_smallest_null_score_counts():
    nulls = [[1.0, 1.2, 1.4], [0.8, 1.3, 1.3]]
    found = judged(scores([0.9, 0.7], nulls, metric="shape_distance"), {"one": 0.5})
    assert found["p_layers"].tolist() == [1 / 4, 1 / 4]
    assert judged(scores([1.3, 1.4], nulls, metric="shape_distance"), {"one": 0.5})["p_layers"].min() > 1 / 4


def test_layers_with_other_numbers_of_stimuli_are_paid_for():
    nulls = np.random.default_rng(0).normal(size=(2, 99))
    apart = judged(scores([9.0, 9.0], nulls).assign(stimuli=[450, 400]), {"one": 0.95})
    assert apart["p_layers"].tolist() == [0.02, 0.02]


def test_pairs_of_systems_and_scores_without_a_null_are_judged_apart():
    nulls = np.full((2, 19), 0.5)
    both = pd.concat([scores([0.9, 0.9], nulls), scores([0.9], [[]], a_system="c").assign(p=np.nan)])
    found = judged(both, {"one": 0.95})
    assert found["p_layers"].tolist()[:2] == [0.05, 0.05]
    assert found["beats_chance"].tolist() == [True, True, None]


def test_bands_are_told_by_their_names_not_unit_by_unit():
    sentence = methods.metric_sentence("linear_predictivity", {"bands": ["image"] * 4 + ["sound"] * 2}, 3)
    assert "bands image and sound, draws 100, seed 3" in sentence


def test_a_comparison_without_any_null_is_judged_by_nothing():
    found = judged(scores([0.9, np.nan], [[], []]).assign(p=np.nan), {"one": 0.95})
    assert found[["p_layers", "q"]].isna().all(axis=None)
    assert found["beats_chance"].tolist() == [None, None]
    assert found["score"].tolist()[0] == 0.9


def test_every_metric_has_its_words_and_every_key_its_reference():
    assert set(methods.METRIC_WORDS) == set(METRICS)
    keys = {key for _, keys in methods.METRIC_WORDS.values() for key in keys}
    keys |= {methods.WHITENED, *methods.LEARNED_BY.values(), *methods.SOLVED_BY.values()}
    assert methods.bibliography(sorted(keys)).count("\n  title = {") == len(keys)


PLAN = {"permutations": 99, "resamples": 20, "over": "stimuli", "level": 0.95, "blocks": None, "keep_blocks": True}


def told(**columns):
    """A table of two scores and a control, of which some columns are others."""
    table = {"role": ["raw", "raw", "shuffled"], "score": [0.5, 0.6, 0.1], "p": [0.01, 0.01, np.nan]}
    table |= {"low": [0.4, 0.5, np.nan], "over": ["stimuli", "stimuli", ""], "detail": ["{}"] * 3}
    return pd.DataFrame(table | {"stimuli": 40, "rows": 40} | columns)


def test_layers_are_judged_by_the_scores_of_the_rows_that_change_places():
    nulls = np.random.default_rng(3).normal(size=(2, 99))
    whole = judged(scores([2.5, 0.1], nulls), {"one": 0.95})
    moved = judged(scores([2.5, 0.1], nulls).assign(score=[9.0, 9.0], stimuli=30), {"one": 0.95})
    assert moved["p_layers"].tolist() == whole["p_layers"].tolist()
    # Of other rows permutations are others, and the layers two families.
    apart = judged(scores([2.5, 0.1], nulls).assign(tested_rows=[300, 200]), {"one": 0.95})
    alone = judged(scores([2.5], nulls[:1]), {"one": 0.95})
    assert apart["p_layers"][0] == 2 * alone["p_layers"][0]


def test_methods_tell_of_no_statistics_that_were_not_computed():
    nothing = {"p": np.nan, "low": np.nan, "over": "", "detail": '{"statistics": "none at size"}'}
    assert statistics_sentences(PLAN, told(**nothing)) == []
    (sentence,) = at_size_sentences(told(**nothing))
    assert sentence.startswith("All scores were computed from stores")
    chance, intervals = statistics_sentences(PLAN, told(p=[0.01, np.nan, np.nan], low=[0.4, np.nan, np.nan]))
    assert "the same for all layers for 1 of 2 scores" in chance
    assert "drawn without replacement [shao1989] for 1 of 2 scores;" in intervals
    assert not any(" of 2 scores" in sentence for sentence in statistics_sentences(PLAN, told()))
    assert at_size_sentences(told()) == []


def test_methods_tell_whether_blocks_were_drawn_together():
    plans = [PLAN | {"blocks": "film", "keep_blocks": keep} for keep in (True, False)]
    kept, single = (statistics_sentences(plan, told())[1] for plan in plans)
    assert "values of film kept together," in kept
    assert "film" not in single


def test_methods_tell_which_rows_change_places():
    assert statistics_sentences(PLAN, told(rows=300))[1] == UNEQUAL
    assert UNEQUAL not in statistics_sentences(PLAN, told())
