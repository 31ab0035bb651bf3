"""Directions of classifiers against scikit-learn and closed forms, and atoms against directions that are planted."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from thresh.errors import ConfigError, DictionaryError
from thresh.evaluation import class_directions, plausibility


def cosines(a, b):
    return np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def three_classes(seed=0, rows=600, units=8):
    """Gaussian classes, of unequal sizes, in columns of unequal scales."""
    random = np.random.default_rng(seed)
    labels = random.choice(3, rows, p=[0.5, 0.3, 0.2])
    means = random.normal(size=(3, units))
    return (means[labels] + random.normal(size=(rows, units))) * np.logspace(-1, 1, units), labels


def test_between_orthogonal_atoms_the_cosine_is_known():
    atoms = 3 * np.eye(6)
    found = plausibility(atoms, [[1, 1, 0, 0, 0, 0], [0, 0, 2, 0, 0, 0]])
    assert found["plausibility"] == pytest.approx((np.sqrt(0.5) + 1) / 2)
    assert found["plausibility_signed"] == pytest.approx(found["plausibility"])


def test_an_opposite_atom_is_plausible_but_not_with_its_sign():
    directions = np.array([[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 0]])
    found = plausibility(np.eye(4), directions)
    assert found["plausibility"] == 1
    assert found["plausibility_signed"] == pytest.approx(1 / 2)


def test_the_null_is_the_expected_best_of_random_atoms():
    random = np.random.default_rng(1)
    directions = random.normal(size=(300, 16))
    draws = random.normal(size=(50, 16))
    draws /= np.linalg.norm(draws, axis=1, keepdims=True)
    # By simulation of another kind: the distribution of one coordinate of a random direction, raised to 50 of them.
    coordinate = np.abs(random.normal(size=(20_000, 16)) / 1)
    coordinate = (coordinate[:, 0] / np.linalg.norm(coordinate, axis=1)).reshape(-1, 50).max(axis=1)
    found = plausibility(draws, directions)
    assert found["random_plausibility"] == pytest.approx(coordinate.mean(), abs=0.015)
    assert found["plausibility"] == pytest.approx(found["random_plausibility"], abs=0.03)


@pytest.mark.parametrize(
    ("fit", "classifier"),
    [
        ("logistic", LogisticRegression(C=0.5, class_weight="balanced", max_iter=1000)),
        ("ridge", RidgeClassifier(alpha=2.0, class_weight="balanced")),
    ],
)
def test_directions_decide_on_raw_activations_as_scikit_learn_does_on_scaled_ones(fit, classifier):
    x, labels = three_classes()
    decided = make_pipeline(StandardScaler(), classifier).fit(x, labels).decision_function(x)
    found = class_directions(x, labels, fit, strength=0.5)
    assert found.shape == (3, 8)
    offset = decided - x @ found.T
    np.testing.assert_allclose(offset, np.broadcast_to(offset[0], offset.shape), atol=1e-6)


def test_two_classes_have_opposite_directions():
    x, labels = three_classes()
    two = labels < 2
    found = class_directions(x[two], np.array(["cat", "dog"])[labels[two]])
    np.testing.assert_allclose(found[0], -found[1])
    assert ((x[two & (labels == 1)] @ found[1]).mean()) > ((x[two & (labels == 0)] @ found[1]).mean())


def test_ridge_directions_of_two_classes_are_those_of_linear_discriminant_analysis():
    x, labels = three_classes()
    two = labels < 2
    known = LinearDiscriminantAnalysis(priors=[0.5, 0.5]).fit(x[two], labels[two]).coef_
    found = class_directions(x[two], labels[two], "ridge", strength=1e9)
    assert cosines(found[1:], known)[0] > 0.99


def test_the_true_dictionary_is_plausible_for_classes_that_are_its_features():
    random = np.random.default_rng(0)
    mixing = np.linalg.qr(random.normal(size=(24, 24)))[0][:12]
    labels = random.integers(12, size=3000)
    x = random.uniform(1, 2, (3000, 1)) * mixing[labels] + 0.3 * random.normal(size=(3000, 24))
    found = plausibility(mixing, class_directions(x, labels, "ridge"))
    assert found["plausibility_signed"] > 0.9
    assert found["random_plausibility"] < 0.55
    assert found["random_plausibility_signed"] <= found["random_plausibility"]


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(DictionaryError, match="6 units and the directions 4"):
        plausibility(np.eye(6), np.eye(4))
    with pytest.raises(DictionaryError, match="no direction"):
        plausibility(np.eye(4), np.zeros((2, 4)))
    with pytest.raises(DictionaryError, match="of 1 classes"):
        class_directions(np.ones((4, 2)), [0, 0, 0, 0])
    with pytest.raises(ConfigError, match="one of logistic, ridge"):
        class_directions(np.ones((4, 2)), [0, 1, 0, 1], "forest")
