"""The best latent and threshold against trying all, and mixtures of concepts that are planted."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from thresh.errors import ConfigError, DictionaryError
from thresh.evaluation import identifiability, mixtures
from thresh.inference import omp


def tried_out(codes, presence):
    """Mean over concepts of the best accuracy over all latents and all thresholds, by trying them."""
    best = []
    for concept in presence.T:
        accuracies = []
        for column in codes.T:
            values = np.unique(column)
            for threshold in [-np.inf, *values, np.inf]:
                accuracies.append(np.mean((column > threshold) == concept))
        best.append(max(accuracies))
    return np.mean(best)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), lowest=st.sampled_from([-2, 0]))
def test_it_is_the_best_of_all_latents_and_thresholds(seed, lowest):
    random = np.random.default_rng(seed)
    # Few values, so that there are ties, and with zeros among negative and positive ones.
    codes = random.integers(lowest, 4, (12, 5)) * (random.random((12, 5)) < 0.6)
    presence = random.random((12, 3)) < 0.4
    presence[0], presence[1] = True, False
    known = tried_out(codes, presence)
    assert identifiability(codes, presence)["identifiability"] == pytest.approx(known)
    assert identifiability(csr_array(codes), presence)["identifiability"] == pytest.approx(known)


def test_codes_that_are_the_concepts_identify_them():
    _, presence = mixtures(np.eye(10), np.arange(10), count=400)
    found = identifiability(presence * 0.7, presence)
    assert found["identifiability"] == 1
    assert found["identifiability_held_out"] == 1
    assert found["identifiability_chance"] == pytest.approx(0.8)


@pytest.mark.parametrize("sources", [2, 4])
def test_mixtures_are_means_of_rows_of_the_concepts_that_they_name(sources):
    labels = np.array(["c", "a", "b", "e", "d", "a", "c"])
    names = np.unique(labels)
    x = (labels[:, None] == names).astype(float)
    mixed, presence = mixtures(x, labels, count=300, sources=sources, seed=3)
    np.testing.assert_allclose(mixed, presence / sources)
    np.testing.assert_array_equal(presence.sum(axis=1), sources)
    assert len(np.unique(presence, axis=0)) == comb(5, sources)
    # Every row of a concept is drawn.
    several, _ = mixtures(np.eye(7), labels, count=300, sources=sources)
    assert (several.sum(axis=0) > 0).all()


def test_the_true_dictionary_disentangles_what_units_and_random_atoms_do_not():
    random = np.random.default_rng(0)
    mixing = random.normal(size=(40, 24))
    mixing /= np.linalg.norm(mixing, axis=1, keepdims=True)
    labels = random.integers(40, size=2000)
    mixed, presence = mixtures(random.uniform(1, 2, (2000, 1)) * mixing[labels], labels, count=1500)
    other = random.normal(size=(40, 24))
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    held_out = {
        name: identifiability(codes, presence)["identifiability_held_out"]
        for name, codes in {
            "truth": omp(mixed, mixing, 2, nonnegative=True),
            "random": omp(mixed, other, 4, nonnegative=True),
            "units": mixed,
        }.items()
    }
    assert held_out["truth"] > 0.99
    assert max(held_out["random"], held_out["units"]) < 0.97
    chance = 1 - 2 / 40
    assert abs(held_out["random"] - chance) < 0.02


def test_the_best_of_many_random_latents_is_good_by_chance_and_not_held_out():
    random = np.random.default_rng(0)
    presence, codes = random.random((60, 4)) < 0.5, random.random((60, 500))
    found = identifiability(codes, presence)
    assert found["identifiability"] > 0.65
    assert found["identifiability_held_out"] < 0.58
    assert found == identifiability(codes, presence)


def test_what_cannot_be_scored_is_refused_or_left_out():
    presence = np.array([[1, 1, 0], [0, 1, 0], [1, 1, 0], [0, 1, 0]], bool)
    assert identifiability(presence[:, :1] * 2.0, presence)["identifiability"] == 1
    with pytest.raises(DictionaryError, match="in some mixtures and not in others"):
        identifiability(np.ones((4, 2)), presence[:, 1:])
    with pytest.raises(DictionaryError, match="codes have 3 rows and presence 4"):
        identifiability(np.ones((3, 2)), presence)
    with pytest.raises(DictionaryError, match="found 2 concepts, expected at least 3"):
        mixtures(np.eye(2), [0, 1], count=5, sources=3)
    with pytest.raises(ConfigError, match="sources"):
        mixtures(np.eye(2), [0, 1], count=5, sources=1)


def test_what_is_no_presence_of_concepts_is_refused():
    codes, labels = np.eye(6), np.array([0, 1, 2, 0, 1, 2])
    for wrong in (labels, labels[:, None], np.array(["a", "b"] * 3)):
        with pytest.raises(DictionaryError, match=r"presence has shape \(6.*expected \(mixtures, concepts\)"):
            identifiability(codes, wrong)
    with pytest.raises(DictionaryError, match="x has 6 rows, and there are 5 labels"):
        mixtures(codes, labels[:5], 4)


def test_latents_are_chosen_on_the_mixtures_that_are_given_for_it():
    """Of 300 random latents, one knows forty mixtures well, and others no better than chance."""
    random = np.random.default_rng(0)
    presence = random.random((80, 2)) < 0.5
    codes = random.random((80, 300))
    halves = (codes[:40], presence[:40]), (codes[40:], presence[40:])
    found = identifiability(*halves[1], chosen_on=halves[0])
    assert found["identifiability"] > 0.7
    assert found["identifiability_held_out"] < 0.65
    same = identifiability(*halves[1], chosen_on=halves[1])
    assert same["identifiability_held_out"] == found["identifiability"]
