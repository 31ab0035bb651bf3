"""Toy models learn what is known of them, and the arms score what was planted."""

import numpy as np
import pytest

from thresh.evaluation import matched_correlation
from toy_arms import compared, features_to_learn_and_to_score, scores, true_directions, views
from toy_models import ToyModels, falling_importance, trained
from toy_pairs import truth


def test_dense_features_give_the_most_important_ones_a_unit_of_their_own_direction():
    """Elhage et al. 2022, section 2: without sparsity W'W is the projector on the top features, no superposition."""
    importance = falling_importance(6, 0.002)
    models = trained(2, [0, 1, 2], active=1.0, importance=importance, steps=2000, batch=128)
    for weights, bias in zip(models.weights, models.bias, strict=True):
        assert weights.T @ weights == pytest.approx(np.diag([1.0] * 2 + [0.0] * 4), abs=0.02)
        # A feature that is not held is guessed by its mean.
        assert bias == pytest.approx(np.array([0.0] * 2 + [0.5] * 4), abs=0.03)
    assert models.represented(0).tolist() == [0, 1]
    # What is left are the variances, 1/12, of those that are not held.
    assert models.loss == pytest.approx(importance[2:].sum() / 12 / 6, rel=0.02)


def test_sparse_features_in_one_unit_are_an_antipodal_pair():
    """Elhage et al. 2022: two sparse features share a unit with opposite signs, W'W = [[1, -1], [-1, 1]]."""
    models = trained(1, [0, 1, 2, 3], active=0.05, importance=np.ones(2), steps=1500, batch=256)
    best = models.weights[models.loss.argmin()]
    assert best.T @ best == pytest.approx(np.array([[1.0, -1.0], [-1.0, 1.0]]), abs=0.1)


def rotation(units, seed):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((units, units)))[0]


def hand_made(held):
    """Two models of 8 units; each holds 8 of 12 features along axes of its own, unmixed but rotated."""
    weights = np.zeros((2, 8, 12))
    for model, features in enumerate(held):
        weights[model][:, features] = rotation(8, model)
    return ToyModels(weights, np.zeros((2, 12)), np.zeros(2))


def test_arms_score_what_two_hand_made_models_share():
    train, test = features_to_learn_and_to_score(12, 0.15, seed=0, train=4000, test=3000)
    for held, shared in (((range(8), range(8)), 8), ((range(8), range(4, 12)), 4)):
        models = hand_made([list(features) for features in held])
        a, b = (views(models, model, {"true": true_directions(models, model, train)}, test) for model in (0, 1))
        for side, features in zip((a, b), held, strict=True):
            assert matched_correlation(side["true"], test[:, list(features)]) > 0.99
        arms = {row.pop("arm"): row for row in compared(a, b)}
        codes, units = arms["true code-code"], arms["neuron-neuron"]
        assert codes["matched"] == pytest.approx(shared / 8, abs=1e-9)
        assert codes["CKA"] == pytest.approx(shared / 8, abs=0.03)
        assert codes["R2"] == pytest.approx(shared / 8, abs=0.03)
        assert codes["soft"] == pytest.approx(codes["one-to-one"], abs=1e-9)
        # Without superposition CKA and R2 of the units are those of the features; matchings see the rotation.
        facts = truth(models, 0, 1)
        assert facts == pytest.approx(dict.fromkeys(facts, shared / 8))
        assert units["CKA"] == pytest.approx(shared / 8, abs=0.03)
        assert units["R2"] == pytest.approx(shared / 8, abs=0.03)
        assert units["semi"] < 0.75 * codes["semi"]


def test_a_model_with_itself():
    x = np.random.default_rng(0).random((200, 6))
    assert list(scores(x, x).values()) == pytest.approx([1.0] * 6, abs=1e-6)
