"""Tables of the pages: scores with their expectations side by side, dictionaries with their null."""

import json
from dataclasses import dataclass

import pandas as pd

from thresh.report.data import in_order, view_key
from thresh.report.outline import Outline
from thresh.report.words import interval_text, metric_label, number

PAIR_COLUMNS = ["a_system", "a_layer", "b_system", "b_layer", "metric", "direction"]


@dataclass(frozen=True)
class Cell:
    """A score as it is printed.

    Attributes
    ----------
    expected
        The theory's text where there is one.
    error
        Why it is not defined.
    interval, calibrated
        Texts; '' where nothing was drawn.
    tested
        The score that is compared with chance, where it is another.
    beats_chance
        None where nothing was permuted.
    """

    text: str
    expected: str = ""
    error: str = ""
    value: float | None = None
    interval: str = ""
    calibrated: str = ""
    tested: str = ""
    beats_chance: bool | None = None


ABSENT = Cell("–")


def cell(row: dict) -> Cell:
    text = number(row["score"])
    if not text:
        return Cell("not defined", number(row["expected"]), row["error"] or "no reason was given")
    return Cell(
        text,
        number(row["expected"]),
        value=float(row["score"]),
        interval=interval_text(row["low"], row["high"]),
        calibrated=number(row["calibrated"]),
        tested=number(row["tested"]) if row["tested_rows"] < row["rows"] else "",
        beats_chance=row["beats_chance"],
    )


def counted(record: dict) -> str:
    """Stimuli, and behind them how many of their positions or words were compared."""
    stimuli, rows = int(record["stimuli"]), int(record["rows"])
    return f"{stimuli:,}" if rows == stimuli else f"{stimuli:,} ({rows:,})"


def score_table(scores: pd.DataFrame, outline: Outline) -> tuple[list[str], list[dict]]:
    """Columns (representations) and rows of a comparison's whole table: one row a pair of layers and metric."""
    names = in_order(scores)
    rows: dict[tuple, dict] = {}
    for record in scores.to_dict("records"):
        key = tuple(record[column] for column in PAIR_COLUMNS)
        row = rows.setdefault(
            key,
            {
                "a": f"{outline.label(record['a_system'])} {record['a_layer']}",
                "b": f"{outline.label(record['b_system'])} {record['b_layer']}",
                "view": view_key(record["metric"], record["direction"]),
                "metric": metric_label(record["metric"]) + ARROWS[record["direction"]],
                "ceiling": "",
                "stimuli": counted(record),
                "cells": dict.fromkeys(names, ABSENT),
            },
        )
        row["cells"][record["representation"]] = cell(record)
        row["ceiling"] = row["ceiling"] or number(record["ceiling"])
    return names, list(rows.values())


ARROWS = {"both": "", "a_to_b": ", a → b", "b_to_a": ", b → a"}


def views(scores: pd.DataFrame, forward: str, backward: str) -> dict[str, str]:
    """View -> label for a control: a metric, with its direction in words where it has two."""
    words = {"both": "", "a_to_b": f": {forward}", "b_to_a": f": {backward}"}
    pairs = scores[["metric", "direction"]].drop_duplicates().itertuples(index=False)
    return {view_key(metric, direction): metric_label(metric) + words[direction] for metric, direction in pairs}


def convergence_table(scores: pd.DataFrame) -> tuple[list[int], list[dict]]:
    """Numbers of stimuli, and for each metric and representation the mean over pairs of layers of scores of so many.

    Pairs of layers that share fewer stimuli than most, or other blocks of them, are left out: their subsets have other
    sizes.
    """
    known = scores[scores["convergence"] != "[]"]
    if known.empty:
        return [], []
    known = known[known["stimuli"] == known["stimuli"].mode()[0]]
    points = known["convergence"].map(json.loads)
    own = points.map(lambda found: tuple(size for size, *_ in found))
    # The longest: a metric may not be defined on the smallest subsets.
    sizes = own[own.map(len) == own.map(len).max()].mode()[0]
    points = points[own.map(lambda found: set(found) <= set(sizes))]
    known = known.loc[points.index]
    rows = []
    for (metric, direction, name), mine in known.groupby(["metric", "direction", "representation"], sort=False):
        values = {size: [] for size in sizes}
        for found in points[mine.index]:
            for size, mean, _ in found:
                values[size].append(mean)
        texts = [number(sum(found) / len(found)) if found else "–" for found in values.values()]
        rows.append(
            {
                "metric": metric_label(metric) + ARROWS[direction],
                "representation": name,
                "values": [*texts, number(mine["score"].mean())],
            }
        )
    return [*map(round, sizes), int(known["stimuli"].iloc[0])], rows


def undefined(scores: pd.DataFrame) -> list[tuple[int, str]]:
    """Reasons why scores are not defined, with how many scores each explains."""
    holes = scores[scores["score"].isna()]
    reasons = holes["error"].replace("", "no reason was given").value_counts()
    return [(int(count), reason) for reason, count in reasons.items()]


def deflation_table(table: pd.DataFrame, metric: str) -> list[dict]:
    """A row for each planted pair and representation: CKA and matched fraction, each beside its expectation."""
    rows: dict[tuple, dict] = {}
    for record in table[table["metric"].isin([metric, "matched_fraction"])].to_dict("records"):
        row = rows.setdefault(
            (record["pair"], record["representation"]),
            {key: record[key] for key in ("pair", "comparison", "shares", "representation", "role", "stimuli")}
            | {"truth": number(record["truth"]), "cka": ABSENT, "matched": ABSENT},
        )
        row["matched" if record["metric"] == "matched_fraction" else "cka"] = cell(record)
    return list(rows.values())


EVALUATION = {
    "rows": ("Test rows", 0),
    "atoms": ("Atoms", 0),
    "explained_variance": ("Explained variance", 3),
    "cosine": ("Cosine", 3),
    "l0": ("L0", 1),
    "dead": ("Dead", 3),
}
TRUTH = {
    "matched_correlation": ("Code MCC", "random_matched_correlation"),
    "matched_cosine": ("Matched cosine", "random_matched_cosine"),
}


def evaluation_rows(evaluations: pd.DataFrame, outline: Outline) -> list[dict]:
    """One row a dictionary and solver; `truth` holds (score, null) only where the features are planted."""
    rows = []
    for record in evaluations.to_dict("records"):
        truth = {key: (text(record, key, 3), text(record, null, 3)) for key, (_, null) in TRUTH.items()}
        rows.append(
            {
                "system": record["system"],
                "label": outline.label(record["system"]),
                **{key: record[key] for key in ("layer", "dictionary", "inference")},
                "values": {key: text(record, key, digits) for key, (_, digits) in EVALUATION.items()},
                "truth": truth if any(score for score, _ in truth.values()) else {},
            }
        )
    return rows


def text(record: dict, key: str, digits: int) -> str:
    value = record.get(key)
    return "" if value is None else number(float(value), digits) if digits else whole(value)


def whole(value: float) -> str:
    return "" if pd.isna(value) else f"{int(value):,}"
