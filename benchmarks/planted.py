"""Is the quickstart's claim a matter of seeds? Planted pairs over many seeds: raw CKA, theory, learned codes, control.

    python benchmarks/planted.py --seeds 5

Prints one line a pair and the median of each case. Learning sees no truth; the number of atoms is the true number of
features. `--atoms 128` shows what happens to the second case when it is not; `--method topk` learns by another method.
Codes are FISTA's on the learned atoms; MCC is that of the dictionary's own codes.
"""

import argparse
import os
import platform
import time

import numpy as np

from thresh.alignment import linear_cka, matched_fraction
from thresh.alignment.theory import expected_cka
from thresh.dictionaries import learn
from thresh.evaluation import matched_correlation, matched_cosine
from thresh.inference import infer
from thresh.stimuli import Stimuli, prepare
from thresh.systems import open_system

CASES = {"all 128 shared": ((0, 128), (0, 128)), "32 of 48 shared": ((0, 48), (16, 64))}
UNITS = 48
COLUMNS = ("raw CKA", "expected", "learned CKA", "matched", "random CKA", "random matched", "cosine", "MCC", "seconds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--atoms", type=int, help="atoms of every dictionary; default: the true number of features")
    parser.add_argument("--method", default="online", help="method of the learned dictionaries; default: online")
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}")
    print(f"{'case':>16} {'seed':>6} " + " ".join(f"{name:>14}" for name in COLUMNS))
    for case, features in CASES.items():
        rows = [measure(features, seed, arguments.atoms, arguments.method) for seed in range(arguments.seeds)]
        for seed, row in enumerate(rows):
            show(case, str(seed), row)
        show(case, "median", np.median(rows, axis=0))


def measure(features: tuple, seed: int, atoms: int | None, method: str) -> list[float]:
    """One pair of systems: scores on test samples, cosine and MCC of the worse dictionary, seconds for both."""
    latents = prepare(
        "features", "latents", samples=32000, features=128, probability=4 / 128, seed=seed, split={"test": 0.25}
    )
    test = latents.split == "test"
    begun = time.perf_counter()
    systems = [planted(latents, held, 2 * seed + side + 1) for side, held in enumerate(features)]
    responses = [system.responses(0, len(latents), ["units"])["units"] for system in systems]
    counts = [atoms or len(system.mixing) for system in systems]
    learned = [learn(x[~test], method, atoms=n, seed=0) for x, n in zip(responses, counts, strict=True)]
    seconds = time.perf_counter() - begun
    control = [learn(responses[side][~test], "random", atoms=counts[side], seed=side) for side in (0, 1)]
    raw = [x[test] for x in responses]
    codes, random = (
        [infer(x, dictionary, "fista", relative_penalty=0.02) for x, dictionary in zip(raw, dictionaries, strict=True)]
        for dictionaries in (learned, control)
    )
    shared = len(set(range(*features[0])) & set(range(*features[1])))
    expected = expected_cka(UNITS, UNITS, *(stop - start for start, stop in features), shared, mixing="unit_norm")
    cosines = [matched_cosine(d.atoms, system.mixing) for d, system in zip(learned, systems, strict=True)]
    truth = latents.features(0, len(latents))[test]
    correlations = [
        matched_correlation(dictionary.encode(x), truth[:, slice(*held)])
        for dictionary, x, held in zip(learned, raw, features, strict=True)
    ]
    scores = [f(*pair, **options) for pair in (codes, random) for f, options in ((cka, {}), (matched_fraction, {}))]
    return [cka(*raw), expected, *scores, min(cosines), min(correlations), seconds]


def planted(latents: Stimuli, features: tuple[int, int], seed: int):
    return open_system("planted", "planted", latents, layers={"units": {}}, units=UNITS, features=features, seed=seed)


def cka(x, y) -> float:
    return linear_cka(x, y, debiased=True)


def show(case: str, seed: str, row: list[float]) -> None:
    print(f"{case:>16} {seed:>6} " + " ".join(f"{value:14.3f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
