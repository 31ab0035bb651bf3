"""Do atoms point where classifiers of the same activations point?"""

import numpy as np

from thresh.errors import DictionaryError
from thresh.evaluation.matching import unit
from thresh.evaluation.stability import atoms_of, gaussian


def plausibility(dictionary, directions, seed: int = 0) -> dict[str, float]:
    """How well the best atom matches each of some directions that are known to mean something.

    (1/c) sum_i max_j |cos(v_i, d_j)| over directions v_i, such as the weights of a classifier (the plausibility of
    Fel et al. 2025, arXiv 2502.12892, whose abstract asks whether dictionaries recover 'true' classification
    directions). One atom may be the best for several directions.

    The sign does not count: that a class is absent is as plausible a concept as that it is there. With its sign, only
    an atom that points to the class itself counts; codes are not negative, so an opposite atom is then no match.

    Parameters
    ----------
    dictionary
        A dictionary, or its atoms (atoms, units).
    directions : (directions, units)
        For labels, see `class_directions`. Directions of zero are left out.

    Returns
    -------
    plausibility
        Mean of the largest |cosine|, in [0, 1].
    plausibility_signed
        Mean of the largest cosine, in [-1, 1].
    random_plausibility, random_plausibility_signed
        The same for a Gaussian dictionary of the same shape: the best of many random atoms is not far from anything.
    """
    atoms, directions = unit(atoms_of(dictionary)), unit(directions)
    if atoms.shape[1] != directions.shape[1]:
        raise DictionaryError(
            f"atoms have {atoms.shape[1]} units and the directions {directions.shape[1]}, expected the same."
        )
    directions = directions[directions.any(axis=1)]
    if not len(directions):
        raise DictionaryError("found no direction, expected at least one that is not zero.")
    null = gaussian(atoms, np.random.default_rng([seed, 0x706C6175]))
    found = best_matches(atoms, directions)
    return found | {f"random_{key}": value for key, value in best_matches(null, directions).items()}


def best_matches(atoms: np.ndarray, directions: np.ndarray) -> dict[str, float]:
    cosine = directions @ atoms.T
    return {
        "plausibility": float(np.abs(cosine).max(axis=1).mean()),
        "plausibility_signed": float(cosine.max(axis=1).mean()),
    }
