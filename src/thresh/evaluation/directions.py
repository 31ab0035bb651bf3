"""Directions that classifiers of activations point in."""

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.preprocessing import StandardScaler

from thresh.errors import DictionaryError
from thresh.parameters import POSITIVE, checked, one_of


@checked(fit=one_of("logistic", "ridge"), strength=POSITIVE)
def class_directions(x, labels, fit: str = "logistic", strength: float = 1.0) -> np.ndarray:
    """Weights of a linear classifier of activations, one direction a class.

    The classifier sees columns at unit variance, classes weigh the same, and its weights are turned back to raw
    activations, where atoms are.

    Parameters
    ----------
    x : (rows, units)
        Activations; rows that the dictionary is not evaluated on, if the directions are to be compared with scores.
    labels : (rows,)
    fit
        'logistic' (multinomial logistic regression) or 'ridge' (least squares on the classes' indicators).
    strength
        Weight of the data against the penalty: scikit-learn's C, or 1 / alpha for ridge.

    Returns
    -------
    (classes, units), in the order of the sorted labels
    """
    x, labels = np.asarray(x, np.float64), np.asarray(labels)
    if len(x) != len(labels) or len(np.unique(labels)) < 2:
        raise DictionaryError(
            f"x has {len(x)} rows, and there are {len(labels)} labels of {len(np.unique(labels))} classes, expected as"
            " many labels as rows, of two classes or more."
        )
    scaler = StandardScaler()
    columns = scaler.fit_transform(x)
    if fit == "ridge":
        classifier = RidgeClassifier(alpha=1 / strength, class_weight="balanced")
    else:
        classifier = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)
    weights = np.atleast_2d(classifier.fit(columns, labels).coef_) / scaler.scale_
    # Of two classes scikit-learn gives the weights of the second.
    return np.concatenate([-weights, weights]) if len(weights) == 1 else weights
