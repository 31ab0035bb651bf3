"""Inversion: a pair that shares all of many features scores below a pair that shares part of few; codes mend it."""

from dataclasses import dataclass

import numpy as np

from thresh.alignment import linear_cka, linear_predictivity, matched_fraction
from thresh.alignment.theory import expected_cka, expected_r2, overlap
from thresh.dictionaries import learn
from thresh.inference import infer

UNITS = 48
PROBABILITY = 4 / 128
TRAIN, TEST, FOLDS = 24_000, 8000, 5
# Features of each system: how many of them the two share.
SHARED = {128: (0, 32, 64, 96, 128), 48: (0, 8, 16, 24, 32, 40, 48)}


@dataclass(frozen=True)
class Side:
    """Test rows of a system: units (rows, units), codes of a learned and of a random dictionary (rows, atoms)."""

    units: np.ndarray
    learned: np.ndarray
    random: np.ndarray


def inversion(shared: dict[int, tuple[int, ...]], seeds: int) -> list[dict]:
    """A row for each number of features, overlap and seed."""
    found = []
    for features, counts in shared.items():
        for seed in range(seeds):
            random = np.random.default_rng([seed, features, 0x148])
            shape = (TRAIN + TEST, 2 * features)
            everything = (random.random(shape) < PROBABILITY) * random.uniform(0.5, 1.5, shape)
            a = side(everything[:, :features], random, seed)
            for count in counts:
                start = features - count
                b = side(everything[:, start : start + features], random, seed + 100)
                found.append({"features": features, "shared": count, "seed": seed, **compared(a, b, features, count)})
            print(f"inversion: {features} features, seed {seed} is done", flush=True)
    return found


def side(z: np.ndarray, random: np.random.Generator, seed: int) -> Side:
    """A system that mixes features z by unit-norm directions, and dictionaries of as many atoms."""
    directions = random.standard_normal((z.shape[1], UNITS))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    x = (z @ directions).astype(np.float32)
    train, test = x[:TRAIN], x[TRAIN:]
    learned, control = (learn(train, method, z.shape[1], seed, "cpu") for method in ("online", "random"))
    codes = [infer(test, one, "fista", relative_penalty=0.02, device="cpu").toarray() for one in (learned, control)]
    return Side(test, *codes)


def compared(a: Side, b: Side, features: int, shared: int) -> dict[str, float]:
    """Truth, theory and what is measured; R2 is that of b's units from a's."""
    return {
        "overlap": overlap(features, features, shared),
        "expected CKA": expected_cka(UNITS, UNITS, features, features, shared, mixing="unit_norm"),
        "raw CKA": linear_cka(a.units, b.units, debiased=True),
        "expected R2": expected_r2(UNITS, features, features, shared, rows=TEST - TEST // FOLDS),
        "raw R2": float(linear_predictivity(a.units, b.units, folds=FOLDS).r2.mean()),
        "learned CKA": linear_cka(a.learned, b.learned, debiased=True),
        "learned matched": matched_fraction(a.learned, b.learned),
        "random CKA": linear_cka(a.random, b.random, debiased=True),
        "random matched": matched_fraction(a.random, b.random),
    }
