"""Deflation: two systems that hold the same features, squeezed into fewer and fewer units, score less and less."""

import numpy as np

from thresh.alignment import linear_cka, linear_predictivity, rsa
from thresh.alignment.theory import expected_cka, expected_r2, expected_rsa, sparse_kurtosis

FEATURES = 512
UNITS = (32, 64, 128, 256, 512, 1024)
FOLDS = 3
MIXINGS = 512  # units for each set of stimuli: 16 pairs of systems of 32 units, 1 of 512
# Name: probability of each feature, exponent of the power law that its variance follows.
KINDS = {
    "equal variances, probability .1": (0.1, 0.0),
    "equal variances, probability .02": (0.02, 0.0),
    "variances 1/i, always active": (1.0, 1.0),
}
SCORES = ("CKA", "R2", "RSA")


def spectrum(exponent: float) -> np.ndarray:
    return np.arange(1, FEATURES + 1) ** -exponent


def deflation(units: tuple[int, ...], seeds: int, rows: int, rdm: int) -> list[dict]:
    """Measured beside expected, a row for each kind of features, number of units, pair of systems and score.

    Parameters
    ----------
    rows
        Stimuli of CKA and of R2.
    rdm
        Stimuli of RSA.
    """
    found = []
    # The fewer the units, the more a score depends on how they mix.
    counts = [count for count in units for _ in range(max(1, MIXINGS // count))]
    for kind, (active, exponent) in KINDS.items():
        for seed in range(seeds):
            random = np.random.default_rng([seed, 0xDEF1])
            z = random.standard_normal((rows, FEATURES)) * (random.random((rows, FEATURES)) < active)
            z *= np.sqrt(spectrum(exponent) / active)
            for count in counts:
                a, b = (z @ random.standard_normal((FEATURES, count)) / np.sqrt(count) for _ in range(2))
                predicted = expected(kind, count, rows)
                key = {"kind": kind, "units": count, "seed": seed}
                found += [
                    {**key, "score": score, "measured": value, "expected": predicted[score]}
                    for score, value in measured(a, b, rdm).items()
                ]
        print(f"deflation: {kind} is done", flush=True)
    return found


def measured(a: np.ndarray, b: np.ndarray, rdm: int) -> dict[str, float]:
    """Of all rows debiased CKA, and held-out R2 of 64 units of b; of the first `rdm` rows RSA on squared distances.

    R2 is that of the variance of all units together, as theory has it.
    """
    target = b[:, :64]
    return {
        "CKA": linear_cka(a, b, debiased=True),
        "R2": float(np.average(linear_predictivity(a, target, folds=FOLDS).r2, weights=target.var(axis=0))),
        "RSA": rsa(a[:rdm], b[:rdm], distance="sqeuclidean", compare="pearson"),
    }


def expected(kind: str, units: int, rows: int | None = None) -> dict[str, float]:
    """Theory; with `rows`, R2 of least squares on a training fold, where that is defined."""
    active, exponent = KINDS[kind]
    variances = spectrum(exponent)
    train = None if rows is None else rows - -(-rows // FOLDS)
    kurtosis = sparse_kurtosis(active)
    return {
        "CKA": expected_cka(units, units, FEATURES, spectrum=variances),
        "R2": expected_r2(units, FEATURES, spectrum=variances, rows=train),
        "RSA": expected_rsa(units, units, FEATURES, spectrum=variances, excess_kurtosis=kurtosis),
    }
