"""After how much silence a latent should count as dead: planted features, equally frequent or not.

    python benchmarks/dead_after.py --methods topk batchtopk jumprelu matryoshka --seeds 2

Prints one line a run: cosine of the atoms with the planted directions, MCC of the dictionary's own codes on other rows,
and share of the rarest quarter of the features that an atom has found (cosine above .9).
"""

import argparse

import numpy as np
from scipy.optimize import linear_sum_assignment

from planting import plant
from thresh.dictionaries import learn
from thresh.evaluation import matched_correlation

ROWS, TEST, FEATURES, UNITS, ACTIVE, BATCH = 102_400, 8_000, 128, 48, 4, 256
DECADES = {"equal": 0, "unequal": 2}  # over which the features' probabilities are spread
DEAD_AFTER = {"one epoch": ROWS, "200 batches": 200 * BATCH, "50 batches": 50 * BATCH, "10 batches": 10 * BATCH}
FOUND = 0.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["topk", "batchtopk", "jumprelu", "matryoshka"])
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    for case, decades in DECADES.items():
        for seed in range(arguments.seeds):
            planted = plant(ROWS + TEST, FEATURES, UNITS, ACTIVE, seed, decades=decades)
            x, features, directions = planted.rows, planted.features, planted.directions
            for method in arguments.methods:
                for name, dead_after in DEAD_AFTER.items():
                    learned = learn(
                        x[:ROWS],
                        method,
                        atoms=FEATURES,
                        seed=seed,
                        device="cpu",
                        dead_after=dead_after,
                        normalise="scale",
                    )
                    cosines = of_each_feature(learned.atoms, directions)
                    correlation = matched_correlation(learned.encode(x[ROWS:]), features[ROWS:])
                    rare = (cosines[-FEATURES // 4 :] > FOUND).mean()
                    print(
                        f"{case:>8} {seed} {method:>12} {name:>12}: cosine {cosines.mean():.3f}, "
                        f"MCC {correlation:.3f}, rare {rare:.2f}",
                        flush=True,
                    )


def of_each_feature(atoms: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Cosine of each direction with its atom, of the best one-to-one matching."""
    cosines = atoms @ directions.T
    atom, feature = linear_sum_assignment(-cosines)
    return cosines[atom, feature][np.argsort(feature)]


if __name__ == "__main__":
    main()
