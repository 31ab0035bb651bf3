"""Every method of dictionary learning on the same planted rows.

    python benchmarks/methods.py
    python benchmarks/methods.py --methods online topk --seeds 3

Prints a table: matched cosine of the atoms with the planted directions / MCC of the dictionary's own codes with the
planted features, on rows that were not learned from, and the seconds that all took. Methods have their defaults, but
for k, which is one more than there are features in a row, and as many atoms as features (of pca and ica at most as many
as units).
"""

import argparse
import time

import numpy as np

from machine import machine, table
from planting import Planted, plant
from thresh.dictionaries import METHODS, learn
from thresh.dictionaries.registry import parameters
from thresh.dictionary_methods import JOINT
from thresh.errors import DictionaryError
from thresh.evaluation import matched_correlation, matched_cosine

TEST = 4000
CASES = {
    "128 features in 48 units": {"rows": 20_000, "features": 128, "units": 48, "active": 4},
    "the same, all about a long mean": {
        "rows": 20_000,
        "features": 128,
        "units": 48,
        "active": 4,
        "mean": 3,
    },
    "24 in 32": {"rows": 12_000, "features": 24, "units": 32, "active": 3},
    "24 positive parts in 48": {"rows": 12_000, "features": 24, "units": 48, "active": 4, "positive": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=[name for name in METHODS if name not in ("auto", *JOINT)])
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    planted = {name: [plant(seed=seed, **case) for seed in range(arguments.seeds)] for name, case in CASES.items()}
    rows = []
    for method in arguments.methods:
        begun = time.perf_counter()
        cells = [found(method, cases, round(CASES[name]["active"]) + 1) for name, cases in planted.items()]
        rows.append([f"`{method}`", *cells, f"{time.perf_counter() - begun:.0f}"])
        print(*rows[-1], flush=True)
    print()
    print(machine("torch", "numpy"))
    print(table(["", *CASES, "seconds"], rows))


def found(method: str, cases: list[Planted], k: int) -> str:
    """Medians over seeds; why not, where the method refuses the rows."""
    scores = []
    for seed, planted in enumerate(cases):
        features, units = planted.directions.shape
        params = {"k": k} if parameters(METHODS[method]).get("k") is not None else {}
        atoms = min(features, units) if method in ("pca", "ica") else features
        try:
            learned = learn(planted.rows[TEST:], method, atoms=atoms, seed=seed, device="cpu", **params)
        except DictionaryError:
            return "refused"
        cosine = matched_cosine(learned.atoms, planted.directions)
        scores.append((cosine, matched_correlation(learned.encode(planted.rows[:TEST]), planted.features[:TEST])))
    return " / ".join(f"{score:.3f}".removeprefix("0") for score in np.median(scores, axis=0))


if __name__ == "__main__":
    main()
