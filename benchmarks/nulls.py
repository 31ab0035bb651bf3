"""Systems that have nothing to do with each other, or a known amount: what statistics are tried on."""

from collections.abc import Callable

import numpy as np

from thresh.alignment import Side, View

Pair = tuple[np.ndarray, np.ndarray]
CATEGORIES, SHOWN = 8, 8  # stimuli of so many categories, so many of each


def side(system: str, layer: str, values: np.ndarray, **more: np.ndarray | None) -> Side:
    """Responses to stimuli 0, 1, ... as a side of a comparison."""
    ids = np.array([f"{row:05d}" for row in range(len(values))])
    return Side(system, layer, ids, ids, {"raw": View("raw", values)}, **more)


def dense(random: np.random.Generator, stimuli: int) -> Pair:
    """Gaussian responses with a falling spectrum, independent between systems."""
    return tuple(
        random.normal(size=(stimuli, units)) @ (random.normal(size=(units, units)) / np.arange(1, units + 1)[:, None])
        for units in (20, 14)
    )


def sparse(random: np.random.Generator, stimuli: int) -> Pair:
    """Codes that are on for a fifth of the stimuli, independent between systems."""
    return tuple(
        random.exponential(size=(stimuli, atoms)) * (random.random((stimuli, atoms)) < 0.2) for atoms in (20, 14)
    )


def categories(random: np.random.Generator, stimuli: int) -> Pair:
    """Both systems tell categories apart, as the same means say; within a category they are independent."""
    means = random.normal(size=(CATEGORIES, 12))[labels(stimuli)]
    return tuple(means @ random.normal(size=(12, units)) + random.normal(size=(stimuli, units)) for units in (20, 14))


def labels(stimuli: int) -> np.ndarray:
    return np.arange(stimuli) % CATEGORIES


def related(random: np.random.Generator, stimuli: int) -> Pair:
    """Two noisy mixings of the same six features, by mixings that are always the same."""
    mixings = [np.random.default_rng(number).normal(size=(6, units)) for number, units in enumerate((20, 14))]
    features = random.normal(size=(stimuli, 6))
    return tuple(features @ mixing + 2 * random.normal(size=(stimuli, mixing.shape[1])) for mixing in mixings)


NULLS: dict[str, Callable[[np.random.Generator, int], Pair]] = {"dense": dense, "sparse codes": sparse}
