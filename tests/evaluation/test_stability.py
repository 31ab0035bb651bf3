"""Agreement of several dictionaries against brute force, and nulls against dictionaries that have nothing in common."""

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.sparse import csr_array

from thresh.dictionaries import learn
from thresh.errors import DictionaryError
from thresh.evaluation import code_stability_across_seeds, stability_across_seeds
from thresh.inference import omp


def unit(directions):
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def directions(seed, atoms=40, units=12):
    return unit(np.random.default_rng(seed).normal(size=(atoms, units)))


def planted(seed, rows=2000, atoms=40, units=16, k=2):
    """Rows of k features each, in superposition, and the features' directions."""
    random = np.random.default_rng(seed)
    features = np.zeros((rows, atoms))
    active = random.random((rows, atoms)).argsort(axis=1)[:, :k]
    np.put_along_axis(features, active, random.uniform(0.5, 1.5, (rows, k)), axis=1)
    mixing = unit(random.normal(size=(atoms, units)))
    return features @ mixing, mixing


def test_it_is_the_mean_over_pairs_of_the_best_permutation():
    dictionaries = [directions(seed, atoms=5, units=6) for seed in range(3)]
    best = [
        max(np.mean([max(a[i] @ b[j], 0) for i, j in enumerate(order)]) for order in permutations(range(5)))
        for a, b in combinations(dictionaries, 2)
    ]
    found = stability_across_seeds(dictionaries)
    assert found["stability_cosine"] == pytest.approx(np.mean(best))
    assert found["stability_cosine_least"] == pytest.approx(min(best))


def test_what_is_shared_is_told_from_what_is_not():
    shared = directions(0)
    order = np.random.default_rng(1).permutation(40)
    same = [shared, 3 * shared[order], shared[::-1]]
    found = stability_across_seeds(same)
    assert found["stability_cosine"] == pytest.approx(1)
    assert found["stability_fraction"] == 1
    half = np.concatenate([shared[:20], directions(2)[:20]])
    found = stability_across_seeds([shared, half])
    assert found["stability_fraction"] == pytest.approx(0.5, abs=0.03)


def test_unrelated_dictionaries_score_as_the_random_null():
    found = stability_across_seeds([directions(seed, atoms=200, units=24) for seed in range(3)])
    assert found["stability_cosine"] == pytest.approx(found["random_stability_cosine"], abs=0.01)
    assert found["stability_cosine"] == pytest.approx(found["lookalike_stability_cosine"], abs=0.01)


def test_atoms_that_all_lean_one_way_seem_stable_and_only_the_lookalike_null_tells():
    lean = 0.3 * np.ones(24)
    found = stability_across_seeds([unit(directions(seed, atoms=200, units=24) + lean) for seed in range(3)])
    assert found["stability_cosine"] > found["random_stability_cosine"] + 0.1
    assert found["stability_cosine"] == pytest.approx(found["lookalike_stability_cosine"], abs=0.02)


def test_learning_from_independent_starts_is_stable_where_features_can_be_found():
    x, _ = planted(0)
    learned = [learn(x, "online", atoms=40, seed=seed, epochs=20, device="cpu") for seed in range(2)]
    found = stability_across_seeds(learned)
    assert found["stability_fraction"] > 0.8
    assert found["stability_cosine"] > 0.9
    assert found["random_stability_cosine"] < 0.6
    codes = [each.encode(x) for each in learned]
    of_codes = code_stability_across_seeds(x, learned, codes)
    assert of_codes["stability_correlation"] > 0.9
    assert of_codes["random_stability_correlation"] < 0.6


def test_order_and_scale_of_latents_do_not_matter_and_dead_ones_are_left_out():
    x, mixing = planted(1)
    codes = omp(x, mixing, k=2, nonnegative=True)
    codes[:, :4] = 0
    random = np.random.default_rng(2)
    order = random.permutation(40)
    other = csr_array(codes[:, order] * random.uniform(0.1, 9, 40))
    found = code_stability_across_seeds(x, [mixing, mixing[order]], [codes, other])
    assert found["stability_correlation"] == pytest.approx(1)
    # Atoms of which the other side has only half.
    codes[:, :22] = 0
    found = code_stability_across_seeds(x, [mixing, mixing[order]], [codes, other])
    assert found["stability_correlation"] == pytest.approx(1)


def test_codes_of_random_dictionaries_score_as_their_null():
    x, _ = planted(3, atoms=100, units=20)
    atoms = [directions(seed, atoms=100, units=20) for seed in (5, 6)]
    codes = [omp(x, each, k=4, nonnegative=True) for each in atoms]
    found = code_stability_across_seeds(x, atoms, codes)
    assert found["stability_correlation"] == pytest.approx(found["random_stability_correlation"], abs=0.03)
    assert found["stability_correlation"] > 0.1
    assert found == code_stability_across_seeds(x, atoms, codes)


def test_codes_that_do_not_vary_have_no_stability():
    x, mixing = planted(0, rows=100)
    assert np.isnan(code_stability_across_seeds(x, [mixing] * 2, [np.zeros((100, 40))] * 2)["stability_correlation"])


def test_one_dictionary_is_refused():
    with pytest.raises(DictionaryError, match="found 1 dictionary"):
        stability_across_seeds([directions(0)])
    with pytest.raises(DictionaryError, match="found 2 dictionaries and codes of 1"):
        code_stability_across_seeds(np.ones((4, 12)), [directions(0)] * 2, [np.ones((4, 40))])
