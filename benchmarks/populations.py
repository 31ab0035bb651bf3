"""Systems whose units, subjects and stimuli are drawn from populations that are known: what intervals should cover."""

import numpy as np

from nulls import Pair

SCALES = 1 / np.sqrt(np.arange(1, 7))  # of the features that all units mix
NOISE = 1.5
STIMULI, UNITS = 100, (20, 14)
SUBJECTS, OF_EACH = 8, 6  # of b, and units of each
MANY_STIMULI, MANY_UNITS, MANY_SUBJECTS = 1000, 800, 150


def drawn(over: str, seed: int, *, many: bool = False) -> tuple[Pair, np.ndarray | None]:
    """Responses of a and b, and whose the units of b are, where `over` tells of subjects.

    What `over` names is drawn with `seed`, everything else is the same for all seeds: stimuli with the noise of units
    that stay, and, where subjects are drawn, the units of a.

    Parameters
    ----------
    many
        The population instead of a sample: so many of all that is drawn that the score hardly moves any more.
    """
    from_stimuli = np.random.default_rng([seed if "stimuli" in over else 0, 1])
    from_units = np.random.default_rng([seed, 2])
    features = SCALES * from_stimuli.normal(size=(MANY_STIMULI if many and "stimuli" in over else STIMULI, len(SCALES)))
    if "subjects" in over:
        x = responses(features, np.random.default_rng(3).normal(size=(len(SCALES), UNITS[0])), from_stimuli)
        mixing, subject = of_subjects(from_units, MANY_SUBJECTS if many else SUBJECTS)
        return (x, responses(features, mixing, from_units)), subject
    units = (MANY_UNITS, MANY_UNITS) if many else UNITS
    x, y = (responses(features, from_units.normal(size=(len(SCALES), count)), from_units) for count in units)
    return (x, y), None


def responses(features: np.ndarray, mixing: np.ndarray, noise: np.random.Generator) -> np.ndarray:
    return features @ mixing + NOISE * noise.normal(size=(len(features), mixing.shape[1]))


def of_subjects(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mixings of units, and their subjects: each weighs the features in a way of its own."""
    subject = np.repeat(np.arange(count), OF_EACH)
    gains = np.exp(0.7 * random.normal(size=(len(SCALES), count)))
    return gains[:, subject] * random.normal(size=(len(SCALES), len(subject))), subject
