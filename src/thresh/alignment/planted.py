"""What theory expects of a comparison between two planted systems, whose features are known."""

from __future__ import annotations

import math

import numpy as np

from thresh.alignment import theory

LINEAR_CKA = ("linear_cka", "linear_cka_debiased", "minibatch_cka")


def expected_score(metric: str, params: dict, predictor: dict, target: dict, role: str, stimuli: int) -> float:
    """The prediction for one row of a score table, NaN where theory has none.

    Raw responses: `expected_cka` for linear CKAs (for the biased one from as many stimuli), `expected_r2` for
    linear_predictivity_r2 (least squares on a training fold). Codes: the overlap of the features for linear CKAs and
    the matched fraction.

    Parameters
    ----------
    predictor, target
        Of side x and side y: 'features' (names), 'units' (count), 'mixing'.
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
    if metric in LINEAR_CKA:
        rows = stimuli if metric == "linear_cka" else None
        return theory.expected_cka(*units, *sizes, mixing=(predictor["mixing"], target["mixing"]), rows=rows)
    return math.nan
