"""Codes out of distribution: the benchmark 'Stop Probing, Start Coding' with thresh's learners.

    python benchmarks/stop_probing.py
    python benchmarks/stop_probing.py --quick
    python benchmarks/stop_probing.py --latents 1000 --samples 5000 10000 20000 40000 --arms auto

Rows, splits and scores are the authors' (`compositional.py`). Every learner sees the training rows alone, without what
was planted; nothing is chosen by a score. Codes by FISTA minimise 0.5 |y - z D|^2 + 0.1 |z|_1 over z >= 0, to a
relative gap of 1e-4, whatever the dictionary. Prints tables: MCC in / out of distribution, means of the seeds, with
what was published in brackets, and matched cosines of atoms with the true directions. One line of JSON for each arm and
seed goes to --lines.
`--quick` is 100 latents, one seed, short fits.
"""

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from sklearn.linear_model import RidgeCV

from compositional import ACTIVE, PUBLISHED, Compositional, compositional, scores
from machine import machine, table
from thresh.dictionaries import learn
from thresh.evaluation import matched_cosine
from thresh.inference import infer, prepare

PENALTY = 0.1
AUTOENCODERS = {"relu": {}, "topk": {"k": ACTIVE}, "jumprelu": {}, "mp": {"k": ACTIVE}}
ORACLE, PROBE, RANDOM, AUTO = "FISTA, true dictionary", "linear probe", "FISTA, random directions", "auto"
OTHERS = "DL-FISTA"  # the authors' own learner, fitted to the validation rows
QUICK = {"epochs": 60}
# Where there are more latents than training rows, these do not determine the latents, however long one learns.
FEW = {"epochs": 100}


class Directions:
    """A dictionary that is given."""

    def __init__(self, atoms: np.ndarray):
        self.atoms = atoms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latents", type=int, nargs="+", default=[100, 500, 1000, 5000, 10_000])
    parser.add_argument("--samples", type=int, nargs="+", default=[5000], help="half of them are training rows")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", nargs="+", default=[ORACLE, PROBE, RANDOM, *AUTOENCODERS, AUTO])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--lines", type=Path, default=Path("stop_probing.jsonl"))
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.latents, arguments.seeds = [100], 1
    cases = list(product(arguments.latents, arguments.samples, range(arguments.seeds)))
    found = []
    with ProcessPoolExecutor(arguments.processes) as pool, arguments.lines.open("a") as lines:
        for results in pool.map(partial(measured, arguments.arms, arguments.quick), cases):
            for result in results:
                print(json.dumps(result), file=lines, flush=True)
                print(*(f"{value:.3f}" if isinstance(value, float) else value for value in result.values()), flush=True)
            found += results
    print(machine("torch", "numpy"))
    print(tables(found))


def measured(arms: list[str], quick: bool, case: tuple[int, int, int]) -> list[dict]:
    """Scores of all arms on the rows of one case: latents, samples, seed."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    latents, samples, seed = case
    data, results = compositional(latents, samples, seed), []
    for arm in arms:
        begun = time.perf_counter()
        for name, codes, atoms in codes_of(arm, data, seed, QUICK if quick else {}):
            cosine = float("nan") if atoms is None else matched_cosine(atoms, data.directions)
            seconds = time.perf_counter() - begun
            about = {"latents": latents, "samples": samples, "seed": seed, "arm": name, "seconds": round(seconds, 1)}
            results.append(about | {"cosine": float(cosine)} | scores(*codes, data))
    return results


def codes_of(arm: str, data: Compositional, seed: int, quick: dict) -> Iterator[tuple[str, list, np.ndarray | None]]:
    """Name, codes of validation rows and of those out of distribution, and the atoms, of each way that an arm has."""
    test = [data.validation.rows, data.ood.rows]
    latents, units = data.directions.shape
    if arm == PROBE:
        probe = RidgeCV(alphas=[1e-6, 1e-4, 1e-2, 1, 10], fit_intercept=False).fit(data.train.rows, data.train.latents)
        yield arm, [probe.predict(rows) for rows in test], None
    elif arm == ORACLE:
        yield arm, by_fista(test, Directions(data.directions)), data.directions
    elif arm == RANDOM:
        atoms = np.random.default_rng(seed).normal(size=(latents, units)).astype(np.float32)
        atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
        yield arm, by_fista(test, Directions(atoms)), atoms
    else:
        params = AUTOENCODERS.get(arm, {}) | (FEW if latents > len(data.train.rows) else {}) | quick
        # A dictionary has at most as many atoms as rows that it is learned from.
        dictionary = learn(data.train.rows, arm, atoms=min(latents, len(data.train.rows)), seed=seed, **params)
        if arm != AUTO:
            yield arm, [infer(rows, dictionary, "encoder") for rows in test], dictionary.atoms
        yield f"FISTA on {arm}", by_fista(test, dictionary), dictionary.atoms
        if arm == AUTO:
            yield f"OMP on {arm}", [infer(rows, dictionary, "omp", k=ACTIVE) for rows in test], dictionary.atoms
            # An encoder of a few layers that is fitted to the learned atoms, on training rows.
            encoder = prepare(data.train.rows, dictionary, "lista", penalty=PENALTY)
            yield f"LISTA on {arm}", [infer(rows, dictionary, encoder) for rows in test], dictionary.atoms


def by_fista(test: list[np.ndarray], dictionary) -> list:
    return [infer(rows, dictionary, "fista", penalty=PENALTY, tolerance=1e-4) for rows in test]


def tables(found: list[dict]) -> str:
    """MCC in / out of distribution with what was published, and matched cosines; means of seeds, by arm and case."""
    cases = list(dict.fromkeys((one["latents"], one["samples"]) for one in found))
    arms = list(dict.fromkeys(one["arm"] for one in found))
    header = ["", *(f"{latents} latents, {samples} samples" for latents, samples in cases)]
    correlations = [[arm, *(mcc(arm, case, found) for case in cases)] for arm in (*arms, OTHERS)]
    cosines = [[arm, *(average(arm, case, "cosine", found) for case in cases)] for arm in arms if arm != PROBE]
    return f"MCC\n\n{table(header, correlations)}\n\nMatched cosine\n\n{table(header, cosines)}"


def mcc(arm: str, case: tuple[int, int], found: list[dict]) -> str:
    own = [average(arm, case, score, found) for score in ("mcc_in", "mcc_out") if arm != OTHERS]
    latents, samples = case
    published = PUBLISHED.get(latents, {}).get(arm, ()) if samples == 5000 else ()
    return " / ".join(own) + (" ({:.3f} / {:.3f})".format(*published) if published else "")


def average(arm: str, case: tuple[int, int], score: str, found: list[dict]) -> str:
    own = [one[score] for one in found if (one["arm"], one["latents"], one["samples"]) == (arm, *case)]
    return f"{mean(own):.3f}" if own else "-"


if __name__ == "__main__":
    main()
