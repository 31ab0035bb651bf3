"""What theory expects of a comparison between two planted systems, whose features are known."""

from __future__ import annotations

import math

import numpy as np

from thresh.alignment import theory

LINEAR_CKA = ("linear_cka", "linear_cka_debiased", "minibatch_cka")


def expected_score(metric: str, params: dict, predictor: dict, target: dict, role: str, stimuli: int) -> float:
    """The prediction for one row of a score table, NaN where theory has none.

    Raw responses: `expected_cka` for linear CKAs (for the biased one from as many stimuli), `expected_r2` for
    linear_predictivity_r2 (least squares on a training fold), `expected_rsa` for rsa if it compares squared distances
    by Pearson. Codes: the overlap of the features for linear CKAs and the matched fraction.

    Parameters
    ----------
    predictor, target
        Of side x and side y: 'features' (names), 'units' (count), 'mixing'; 'probability' and 'amplitude' of the
        features where they are sparse.
    role
        Of the views that are compared.
    """
    features = [np.unique(side["features"]) for side in (predictor, target)]
    sizes = len(features[0]), len(features[1]), len(np.intersect1d(*features))
    units = int(predictor["units"]), int(target["units"])
    if role == "codes" and metric in (*LINEAR_CKA, "matched_fraction"):
        return theory.overlap(*sizes)
    if role != "raw":
        return math.nan
    if metric == "linear_predictivity_r2":
        rows = stimuli - math.ceil(stimuli / params.get("folds", 5))
        enough = rows > min(units[0], sizes[0]) + 2 and params.get("components") is None
        return theory.expected_r2(units[0], *sizes, rows=rows) if enough else math.nan
    model = {"mixing": (predictor["mixing"], target["mixing"]), "excess_kurtosis": kurtosis(predictor)}
    if metric in LINEAR_CKA:
        return theory.expected_cka(*units, *sizes, rows=stimuli if metric == "linear_cka" else None, **model)
    if metric == "rsa" and (params.get("distance"), params.get("compare")) == ("sqeuclidean", "pearson"):
        return theory.expected_rsa(*units, *sizes, **model)
    return math.nan


def kurtosis(planted: dict) -> float:
    """Of the features, which both sides see through the same stimuli; 0 where it is not told how sparse they are."""
    if planted.get("probability") is None:
        return 0.0
    return theory.sparse_kurtosis(planted["probability"], planted.get("amplitude") or "uniform")
