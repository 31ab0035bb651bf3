"""Matching against brute force, and numbers whose value is known."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from thresh.errors import DictionaryError
from thresh.evaluation import matched_correlation, matched_cosine, random_null, stability
from thresh.evaluation.evaluate_store import without_encoder


def sparse_features(rows, features, seed=0, active=0.2):
    random = np.random.default_rng(seed)
    return (random.random((rows, features)) < active) * random.random((rows, features))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_match_is_the_best_of_all_permutations(seed):
    codes, truth = sparse_features(40, 5, seed), sparse_features(40, 4, seed + 1)
    pearson = np.corrcoef(codes.T, truth.T)[:5, 5:].clip(0)
    best = max(
        np.mean([pearson[latent, feature] for feature, latent in enumerate(p)]) for p in permutations(range(5), 4)
    )
    assert matched_correlation(codes, truth) == pytest.approx(best, abs=1e-10)


def test_order_scale_and_offset_of_latents_do_not_matter():
    truth = sparse_features(200, 10)
    random = np.random.default_rng(1)
    codes = truth[:, random.permutation(10)] * random.uniform(0.1, 9, 10) + 3
    assert matched_correlation(codes, truth) == pytest.approx(1)


def test_sparse_codes_score_as_dense_ones():
    codes, truth = sparse_features(300, 20), sparse_features(300, 12, seed=1)
    dense = matched_correlation(codes, truth)
    assert matched_correlation(csr_array(codes), truth) == pytest.approx(dense, abs=1e-12)
    assert matched_correlation(csr_array(codes), csr_array(truth)) == pytest.approx(dense, abs=1e-12)


def test_a_feature_without_partner_counts_zero():
    truth = sparse_features(500, 8)
    assert matched_correlation(truth[:, :6], truth) == pytest.approx(6 / 8)
    assert matched_cosine(np.eye(8)[:6], np.eye(8)) == pytest.approx(6 / 8)


def test_constant_latents_match_nothing_and_constant_features_are_left_out():
    truth = sparse_features(500, 8)
    codes = truth.copy()
    codes[:, 0] = 0.1
    assert matched_correlation(codes, truth) == pytest.approx(7 / 8)
    truth[:, 0] = 0.1
    assert matched_correlation(codes, truth) == pytest.approx(1)
    assert np.isnan(matched_correlation(codes, np.ones((500, 3))))


def test_an_opposite_direction_is_no_match():
    assert matched_cosine(-np.eye(4), np.eye(4)) == 0
    assert matched_cosine(np.zeros((4, 4)), np.eye(4)) == 0


def test_matched_cosine_is_the_best_of_all_permutations():
    random = np.random.default_rng(0)
    atoms, truth = random.normal(size=(6, 9)), random.normal(size=(4, 9))
    norms = np.outer(np.linalg.norm(atoms, axis=1), np.linalg.norm(truth, axis=1))
    cosine = (atoms @ truth.T / norms).clip(0)
    best = max(np.mean(cosine[list(p), range(4)]) for p in permutations(range(6), 4))
    assert matched_cosine(atoms, truth) == pytest.approx(best)


def test_the_null_of_a_planted_system_is_far_below_the_truth():
    mixing = np.random.default_rng(0).normal(size=(60, 24))
    mixing /= np.linalg.norm(mixing, axis=1, keepdims=True)
    truth = sparse_features(1000, 60, active=0.03)
    null = random_null(truth @ mixing, mixing, truth, atoms=60, device="cpu")
    assert 0.2 < null["random_matched_cosine"] < 0.55
    assert null["random_matched_correlation"] < 0.5
    assert null == random_null(truth @ mixing, mixing, truth, atoms=60, device="cpu")


def test_the_null_of_a_solver_that_begins_from_an_encoder_needs_none():
    mixing = np.random.default_rng(0).normal(size=(30, 16))
    truth = sparse_features(200, 30, active=0.1)
    x, z = truth @ mixing, csr_array(truth)
    lasso = {"relative_penalty": 0.1, "nonnegative": False}
    assert without_encoder("encoder", {}, z, 16)[0] == "omp"
    assert without_encoder("coordinate_descent", lasso | {"start": "encoder"}, z, 16) == ("coordinate_descent", lasso)
    solver, params = without_encoder("ito", lasso | {"steps": 5}, z, 16)
    null = random_null(x, mixing, truth, atoms=30, device="cpu", solver=solver, **params)
    assert null == random_null(x, mixing, truth, atoms=30, device="cpu", **lasso)


def test_stability_sees_neither_order_nor_length():
    random = np.random.default_rng(0)
    atoms = random.normal(size=(30, 16))
    other = atoms[random.permutation(30)] * random.uniform(0.5, 2, (30, 1))
    assert stability(atoms, other) == pytest.approx({"stability_cosine": 1, "stability_fraction": 1})
    half = np.concatenate([atoms[:15], random.normal(size=(15, 16))])
    found = stability(atoms, half)
    assert found["stability_fraction"] == pytest.approx(0.5)
    assert found == pytest.approx(stability(half, atoms))
    assert stability(atoms, atoms[:7])["stability_cosine"] == pytest.approx(1)


def test_unequal_rows_and_values_that_are_not_finite_are_refused():
    truth = sparse_features(50, 3)
    with pytest.raises(DictionaryError, match="49 rows and the truth 50"):
        matched_correlation(truth[:49], truth)
    with pytest.raises(DictionaryError, match="not finite"):
        matched_correlation(np.full((50, 2), np.nan), truth)
    with pytest.raises(DictionaryError, match="units"):
        matched_cosine(np.eye(3), np.eye(4))
