"""How often intervals hold what they should: of other stimuli, other units and other subjects."""

import argparse
from collections.abc import Iterable

import numpy as np
import pandas as pd

from machine import table
from nulls import related, side
from populations import drawn
from thresh.alignment import align_pair
from thresh.alignment.uncertainty import Uncertainty

KEY = ["metric", "direction"]
STIMULI = 100
OVER = ("units", "stimuli and units", "subjects", "stimuli and subjects")
FOR_UNITS = ("linear_cka_debiased", "rsa", "linear_predictivity", "one_to_one_matching")


def scores(a, b, metrics: Iterable[str], plan: Uncertainty, seed: int) -> pd.DataFrame:
    found = align_pair(a, b, {name: {} for name in metrics}, seed=seed, uncertainty=plan)
    return found[found["role"] == "raw"]


def over_stimuli(options: argparse.Namespace, seed: int) -> pd.DataFrame:
    x, y = related(np.random.default_rng([seed, 7]), STIMULI)
    plan = Uncertainty(resamples=options.halves, seed=seed)
    return scores(side("a", "layer", x), side("b", "layer", y), options.metrics, plan, seed)


def over_units(options: argparse.Namespace, case: tuple[str, int]) -> pd.DataFrame:
    """Of units or subjects, alone and with the stimuli; the seed of folds stays, for it is not drawn."""
    over, seed = case
    (x, y), subject = drawn(over, seed)
    plan = Uncertainty(resamples=options.halves, over=over, seed=seed)
    sides = side("a", "layer", x), side("b", "layer", y, subjects=subject)
    return scores(*sides, for_units(options), plan, 0).assign(over=over)


def of_population(options: argparse.Namespace, over: str) -> pd.DataFrame:
    """Scores of very many of what `over` names."""
    (x, y), _ = drawn(over, 0, many=True)
    found = scores(side("a", "layer", x), side("b", "layer", y), for_units(options), Uncertainty(), 0)
    return found.assign(over=over)


def for_units(options: argparse.Namespace) -> list[str]:
    return [name for name in FOR_UNITS if name in options.metrics]


def coverage(found: Iterable[pd.DataFrame]) -> str:
    """The share of intervals that hold the mean score of all draws, and their width."""
    lines = []
    for key, rows in pd.concat(found).groupby(KEY, sort=False):
        mean = rows["score"].mean()
        lines.append([*key, f"{mean:.3f}", f"{held(rows, mean):.3f}", error(rows)])
    return table(["intervals", "", "mean score", "covered", "error"], lines)


def coverage_of_population(found: Iterable[pd.DataFrame], population: Iterable[pd.DataFrame]) -> str:
    """The same by what was drawn, with the score of the population and the share of intervals that hold it."""
    truth = pd.concat(population).set_index(["over", *KEY])["score"]
    lines = []
    for key, rows in pd.concat(found).groupby(["over", *KEY], sort=False):
        mean = rows["score"].mean()
        cells = [f"{mean:.3f}", f"{held(rows, mean):.3f}", error(rows)]
        lines.append([*key, *cells, f"{truth[key]:.3f}", f"{held(rows, truth[key]):.3f}"])
    return table(["over", "intervals", "", "mean score", "covered", "error", "population", "covered"], lines)


def held(rows: pd.DataFrame, truth: float) -> float:
    known = rows.dropna(subset=["low"])
    return float(((known["low"] <= truth) & (truth <= known["high"])).mean())


def error(rows: pd.DataFrame) -> str:
    """Mean standard error over the standard deviation of scores."""
    return f"{rows['standard_error'].mean() / rows['score'].std():.2f}"
