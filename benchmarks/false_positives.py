"""How often are systems called aligned that are not, and how often do intervals hold what they should?

    python benchmarks/false_positives.py              # 200 simulated nulls of each kind
    python benchmarks/false_positives.py --quick      # 20, of words 4

Every metric of the registry, 64 stimuli, 19 permutations (the fewest that can tell), level .05. Nulls: dense and sparse
responses that are independent of each other; systems that tell the same categories apart and nothing else, with stimuli
exchanged within categories; the best of six layers of 5 to 160 units, by the largest null score of all six, each about
its own mean, and by each layer's own. `share` is that of p <= .05, with its binomial standard error.

Words: rows are the words of 24 texts of 6 to 14, of 10, or of lognormally many, in 8 and 6 units; words of a text share
an effect of it, or the first one is loud, or each resembles the one before it, independently in both systems.

Intervals: 95 %, of two noisy mixings of the same features, from 50 halves of 100 stimuli; `covered` is the share of
draws whose interval holds the mean score of all draws, `error` the mean standard error over the standard deviation of
the scores.

Populations: the same of units, of subjects, and of either with the stimuli, 20 and 14 units or 8 subjects of 6 units
drawn from very many; beside them the score of very many, and the share of intervals that hold that one.
"""

import argparse
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from interval_coverage import (
    KEY,
    OVER,
    coverage,
    coverage_of_population,
    of_population,
    over_stimuli,
    over_units,
    scores,
)
from machine import machine, table
from nulls import NULLS, categories, labels, side
from nulls_of_words import WORDS, words
from thresh.alignment import METRICS
from thresh.alignment.statistics import across_layers
from thresh.alignment.uncertainty import Uncertainty

LEVEL = 0.05
WIDTHS = (5, 10, 20, 40, 80, 160)  # of the layers of one network: chance differs between them
STIMULI = 64
PARTS = ("nulls", "words", "layers", "intervals", "populations")
FOR_LAYERS = ("linear_cka_debiased", "linear_predictivity", "one_to_one_matching")
FOR_WORDS = (*FOR_LAYERS, "rsa", "mutual_knn", "procrustes", "cca")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nulls", type=int, default=200)
    parser.add_argument("--permutations", type=int, default=19)
    parser.add_argument("--halves", type=int, default=50)
    parser.add_argument("--metrics", nargs="+", default=list(METRICS))
    parser.add_argument("--first", type=int, default=0, help="seed of the first null")
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.nulls, options.halves = 20, 20
    with ProcessPoolExecutor(options.processes) as pool:
        print(machine("numpy", "scipy"), f"{options.nulls} nulls, {options.permutations} permutations", sep="; ")
        seeds = range(options.first, options.first + options.nulls)
        if "nulls" in options.parts:
            cases = list(product([*NULLS, "categories"], seeds))
            print("\n" + shares(pool.map(partial(chances, options), cases)), flush=True)
        if "words" in options.parts:
            cases = product(WORDS, seeds[:4] if options.quick else seeds)
            print("\n" + shares(pool.map(partial(chances_of_words, options), cases)), flush=True)
        if "layers" in options.parts:
            print("\n" + layers(pool.map(partial(best_of_layers, options), seeds)), flush=True)
        if "intervals" in options.parts:
            print("\n" + coverage(pool.map(partial(over_stimuli, options), seeds)), flush=True)
        if "populations" in options.parts:
            found = pool.map(partial(over_units, options), product(OVER, seeds))
            population = pool.map(partial(of_population, options), OVER)
            print("\n" + coverage_of_population(found, population), flush=True)


def chances(options: argparse.Namespace, case: tuple[str, int]) -> pd.DataFrame:
    """p-values of all metrics on one null."""
    kind, seed = case
    random = np.random.default_rng([seed, len(kind)])
    x, y = (categories if kind == "categories" else NULLS[kind])(random, STIMULI)
    blocks = labels(STIMULI) if kind == "categories" else None
    plan = Uncertainty(permutations=options.permutations, seed=seed)
    sides = side("a", "layer", x, blocks=blocks), side("b", "layer", y)
    return scores(*sides, options.metrics, plan, seed).assign(kind=kind)


def chances_of_words(options: argparse.Namespace, case: tuple[str, int]) -> pd.DataFrame:
    """The same where rows are words, and whole texts are exchanged."""
    kind, seed = case
    x, y, text = words(np.random.default_rng([seed, list(WORDS).index(kind)]), kind)
    plan = Uncertainty(permutations=options.permutations, seed=seed)
    sides = side("a", "layer", x, groups=text), side("b", "layer", y, groups=text)
    metrics = [name for name in FOR_WORDS if name in options.metrics]
    return scores(*sides, metrics, plan, seed).assign(kind=kind)


def shares(found: Iterable[pd.DataFrame]) -> str:
    everything = pd.concat(found)
    kinds = list(dict.fromkeys(everything["kind"]))
    called = everything.assign(called=everything["p"] <= LEVEL).groupby([*KEY, "kind"], sort=False)["called"].mean()
    lines = []
    for metric, direction in dict.fromkeys(map(tuple, everything[KEY].to_numpy())):
        cells = [f"{called[metric, direction, kind]:.3f}" for kind in kinds]
        lines.append([metric, direction, *cells])
    nulls = len(everything) // len(lines) // len(kinds)
    error = np.sqrt(LEVEL * (1 - LEVEL) / nulls)
    unknown = int(everything["p"].isna().sum())
    below = f"standard error of a share of {nulls} nulls: {error:.3f}; scores without p: {unknown}"
    return table(["share called aligned", "", *kinds], lines) + "\n\n" + below


def best_of_layers(options: argparse.Namespace, seed: int) -> list[tuple[str, float, float]]:
    """Metric, the smallest p of six layers, and the smallest that counts all six."""
    random = np.random.default_rng([seed, 99])
    x, y = NULLS["dense"](random, STIMULI)
    # Layers of one network resemble each other.
    stack = [x @ random.normal(size=(x.shape[1], width)) + random.normal(size=(len(x), width)) for width in WIDTHS]
    plan = Uncertainty(permutations=options.permutations, seed=seed)
    metrics = [name for name in FOR_LAYERS if name in options.metrics]
    tables = [
        scores(side("a", f"{n}", layer), side("b", "layer", y), metrics, plan, seed) for n, layer in enumerate(stack)
    ]
    found = []
    for key, rows in pd.concat(tables).groupby(KEY, sort=False):
        adjusted = across_layers(rows["score"], np.array(rows["null"].tolist()))
        found.append((" ".join(key).removesuffix(" both"), rows["p"].min(), adjusted.min()))
    return found


def layers(found: Iterable[list[tuple[str, float, float]]]) -> str:
    everything = pd.DataFrame([row for rows in found for row in rows], columns=["metric", "alone", "together"])
    share = everything.set_index("metric").le(LEVEL).groupby(level=0, sort=False).mean()
    lines = [[name, f"{row.alone:.3f}", f"{row.together:.3f}"] for name, row in share.iterrows()]
    return table([f"best of {len(WIDTHS)} layers called aligned", "each layer's p", "p across layers"], lines)


if __name__ == "__main__":
    main()
