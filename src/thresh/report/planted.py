"""Planted pairs, whose true overlap is known: what raw activations, codes and a control make of it."""

from math import isfinite, sqrt

import pandas as pd

from thresh.report.outline import Outline, Pair

COLUMNS = [
    *("pair", "comparison", "shares", "truth", "representation", "role", "metric"),
    *(
        "score",
        "expected",
        "low",
        "high",
        "calibrated",
        "tested",
        "tested_rows",
        "beats_chance",
        "stimuli",
        "rows",
        "error",
    ),
]


def deflation(scores: pd.DataFrame, outline: Outline) -> pd.DataFrame:
    """CKA and matched fraction of all planted pairs, on every representation but shuffled stimuli.

    Returns
    -------
    Columns pair (label), comparison, shares (in words), truth (true overlap s / sqrt(p_a p_b)), representation, role,
    metric, score, expected (theory), stimuli, rows, error; pairs in the order of their true overlap, largest first.
    """
    rows = []
    for comparison in outline.comparisons:
        pairs = [pair for pair in outline.pairs(comparison) if outline.is_planted(pair)]
        for pair in pairs:
            mine = scores[
                (scores["comparison"] == comparison)
                & (scores["a_system"] == pair.a)
                & (scores["b_system"] == pair.b)
                & scores["metric"].isin(["linear_cka", "linear_cka_debiased", "matched_fraction"])
                & (scores["role"] != "shuffled")
            ]
            label = comparison if len(pairs) == 1 else f"{comparison}: {pair.a} and {pair.b}"
            extra = {"pair": label, "shares": outline.shares(pair), "truth": true_overlap(mine, outline, pair)}
            rows += [row | extra for row in mine.to_dict("records")]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values("truth", ascending=False, kind="stable", ignore_index=True)


def true_overlap(scores: pd.DataFrame, outline: Outline, pair: Pair) -> float:
    """What theory expects of codes; from the config where no codes were compared."""
    told = scores.loc[scores["role"] == "codes", "expected"].dropna()
    if len(told):
        return float(told.iloc[0])
    features_a, features_b, shared = outline.features(pair)
    return shared / sqrt(features_a * features_b)


def cka_of(table: pd.DataFrame) -> str:
    """The CKA to show: debiased where the study computed it, for it does not grow with few stimuli."""
    debiased = "linear_cka_debiased"
    return debiased if (table["metric"] == debiased).any() else "linear_cka"


def by_pair(table: pd.DataFrame, metric: str, representation: str, column: str = "score") -> dict[str, float]:
    """Pair -> value, where it is a number."""
    mine = table[(table["metric"] == metric) & (table["representation"] == representation)]
    values = dict(zip(mine["pair"], mine[column].astype(float), strict=True))
    return {pair: value for pair, value in values.items() if isfinite(value)}


def orders_rightly(values: dict[str, float], truth: dict[str, float]) -> bool | None:
    """Whether values order all pairs as their true overlaps do; None where there is nothing to order."""
    pairs = [(one, other) for one in values for other in values if truth[one] > truth[other]]
    return all(values[one] > values[other] for one, other in pairs) if pairs else None


def headline(table: pd.DataFrame) -> dict[str, dict]:
    """Pair -> its main numbers: true overlap, and per representation score and expectation."""
    found: dict[str, dict] = {}
    metric = cka_of(table)
    for row in table.to_dict("records"):
        if row["metric"] in (metric, "matched_fraction"):
            numbers = found.setdefault(row["pair"], {"true_overlap": row["truth"]})
            numbers.setdefault(row["metric"], {})[row["representation"]] = {
                key: float(row[key]) if isfinite(row[key]) else None for key in ("score", "expected")
            }
    return found
