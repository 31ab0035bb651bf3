"""What words of texts have in common in the simulated nulls, and how the benchmark counts who is called aligned."""

import argparse

import numpy as np
import pandas as pd
import pytest

from false_positives import FOR_WORDS, chances_of_words, shares
from nulls_of_words import KEPT, LOUD, TEXTS, UNITS, WORDS, lognormal, words
from thresh.alignment import linear_cka
from thresh.alignment.statistics import permutations

DRAWS = 200
EQUAL = [kind for kind in WORDS if kind.endswith(", 10")]


def many(kind):
    """(draws, texts, words, units) of the first system, and of the second."""
    drawn = [words(np.random.default_rng([seed, 3]), kind)[:2] for seed in range(DRAWS)]
    return (np.stack(side).reshape(DRAWS, TEXTS, 10, -1) for side in zip(*drawn, strict=True))


@pytest.mark.parametrize("kind", EQUAL)
def test_systems_have_only_places_in_common(kind):
    x, y = many(kind)
    x, y = (side - side.mean(axis=(0, 1)) for side in (x, y))
    products = (x[..., 0] * y[..., 0]).mean(axis=2).ravel()
    assert abs(products.mean()) < 4 * products.std() / np.sqrt(len(products))


def test_words_of_a_text_share_half_of_their_variance():
    x, _ = many("text, 10")
    assert x.var() == pytest.approx(2, rel=0.02)
    assert (x[:, :, 2] * x[:, :, 7]).mean() == pytest.approx(1, abs=0.03)
    assert (x[:, 0] * x[:, 1]).mean() == pytest.approx(0, abs=0.06)


def test_the_first_word_alone_is_loud():
    x, _ = many("loud first, 10")
    assert x.mean(axis=(0, 1, 3)) == pytest.approx([LOUD] + [0] * 9, abs=0.03)
    assert x.std(axis=(0, 1, 3)) == pytest.approx(1, abs=0.03)


def test_words_resemble_those_before_them_by_what_is_kept():
    x, _ = many("autocorrelated, 10")
    for place in range(10):
        assert (x[:, :, 0] * x[:, :, place]).mean() == pytest.approx(KEPT**place, abs=0.03)
        assert (x[:, :, place] ** 2).mean() == pytest.approx(1, abs=0.04)
    assert (x[:, :-1, -1] * x[:, 1:, 0]).mean() == pytest.approx(0, abs=0.02)  # the next text


def test_lengths_are_those_of_their_names():
    for kind in WORDS:
        x, y, text = words(np.random.default_rng(5), kind)
        lengths = np.bincount(text)
        assert (len(lengths), *x.shape, *y.shape) == (TEXTS, len(text), UNITS[0], len(text), UNITS[1])
        if kind.endswith(", 10"):
            assert set(lengths) == {10}
        if kind.endswith("6 to 14"):
            assert set(lengths) <= set(range(6, 15))
            assert len(set(lengths)) > 3
    logs = np.log(np.concatenate([lognormal(np.random.default_rng(seed)) for seed in range(DRAWS)]))
    assert np.quantile(logs, [0.16, 0.5, 0.84]) == pytest.approx(np.log(10) + np.array([-1, 0, 1]), abs=0.1)


def test_whole_texts_are_exchanged():
    options = argparse.Namespace(permutations=19, metrics=FOR_WORDS)
    for seed, kind in enumerate(WORDS):
        found = chances_of_words(options, (kind, seed)).set_index(["metric", "direction"])
        assert found["p"].between(0.05, 1).all()
        if kind in EQUAL:
            x, y, _ = words(np.random.default_rng([seed, list(WORDS).index(kind)]), kind)
            texts = y.reshape(TEXTS, 10, -1)
            null = [
                linear_cka(x, texts[order].reshape(y.shape), debiased=True) for order in permutations(24, 19, seed=seed)
            ]
            reached = np.sum(np.array(null) >= linear_cka(x, y, debiased=True))
            assert found.loc[("linear_cka_debiased", "both"), "p"] == (1 + reached) / 20


def test_shares_are_those_of_each_kind_and_unknown_chance_is_told():
    drawn = [("one", 0.05), ("one", 0.2), ("one", 0.05), ("one", 0.05), *[("other", 0.1)] * 3, ("other", np.nan)]
    rows = [pd.DataFrame([{"metric": "rsa", "direction": "both", "kind": kind, "p": p}]) for kind, p in drawn]
    found = shares(rows)
    assert "| share called aligned |  | one | other |" in found
    assert "| rsa | both | 0.750 | 0.000 |" in found
    assert "4 nulls: 0.109; scores without p: 1" in found
