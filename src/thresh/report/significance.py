"""Which scores of a comparison are more than chance, counted over all layers that were tried."""

import numpy as np
import pandas as pd

from thresh.alignment import METRICS
from thresh.alignment.statistics import across_layers, false_discovery_rate

# Layers of two systems that one looks through for the best.
FAMILY = ["comparison", "a_system", "b_system", "representation", "metric", "direction"]


def judged(scores: pd.DataFrame, levels: dict[str, float]) -> pd.DataFrame:
    """Scores with three more columns; the lists of null scores are left out.

    p_layers
        p-value that stays honest for the best of all pairs of layers of two systems; see `across_layers`.
    q
        p adjusted for all scores of the comparison; see `false_discovery_rate`.
    beats_chance
        Whether p_layers is at most 1 - level of the comparison; None where nothing was permuted.

    Parameters
    ----------
    scores
        With `p`, `tested`, `tested_rows` and `null`, a list of scores by permutation.
    levels
        Comparison -> level of confidence.
    """
    scores = scores.reset_index(drop=True)
    found = scores.drop(columns="null").assign(p_layers=np.nan, q=np.nan)
    for (*_, metric, _), rows in scores.groupby(FAMILY, sort=False):
        drawn = rows[[len(null) > 0 for null in rows["null"]]]
        # Permutations are the same where stimuli are as many; parts with other numbers are paid for by Bonferroni.
        numbers = ["stimuli", "tested_rows", drawn["null"].map(len)]
        parts = [part for _, part in drawn.groupby(numbers)]
        sign = 1 if metric not in METRICS or METRICS[metric].higher_is_closer else -1
        for part in parts:
            nulls = np.array(part["null"].tolist(), dtype=float)
            p = across_layers(sign * part["tested"].to_numpy(), sign * nulls)
            found.loc[part.index, "p_layers"] = np.minimum(p * len(parts), 1.0)
    for _, rows in scores.groupby("comparison", sort=False):
        found.loc[rows.index, "q"] = false_discovery_rate(rows["p"])
    allowed = 1 - scores["comparison"].map(levels).to_numpy(dtype=float)
    # Not q: one score that is chance can lift the q of all others, where permutations are so few that p is coarse.
    beats = (found["p_layers"] <= allowed + 1e-12).astype(object)
    return found.assign(beats_chance=beats.where(found["p_layers"].notna(), None))
