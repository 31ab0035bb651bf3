"""Do dictionaries of one layer, learned from different seeds, hold the same atoms?"""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from scipy.sparse import csr_array

from thresh.errors import DictionaryError
from thresh.evaluation.matching import matched, unit
from thresh.evaluation.recovery import Directions, as_sparse_as, cross_correlation
from thresh.inference import infer

SAME = 0.9  # cosine from which on two atoms count as one


def stability(dictionary_a, dictionary_b, threshold: float = SAME) -> dict[str, float]:
    """Do two dictionaries of the same layer hold the same atoms?

    Hungarian assignment on the cosine of atoms; atoms of the smaller dictionary are counted, those whose partner points
    the other way as 0.

    Parameters
    ----------
    dictionary_a, dictionary_b
        Dictionaries, or their atoms (atoms, units).
    threshold
        Cosine from which on a pair counts as the same atom.

    Returns
    -------
    stability_cosine
        Mean cosine of the pairs.
    stability_fraction
        Share of pairs at or above the threshold.
    """
    a, b = (unit(atoms_of(each)) for each in (dictionary_a, dictionary_b))
    if a.shape[1] != b.shape[1]:
        raise DictionaryError(f"the dictionaries have {a.shape[1]} and {b.shape[1]} units, expected the same.")
    cosine = matched(a @ b.T if len(a) >= len(b) else b @ a.T)
    return {"stability_cosine": float(cosine.mean()), "stability_fraction": float((cosine >= threshold).mean())}


def stability_across_seeds(dictionaries: Sequence, threshold: float = SAME, seed: int = 0) -> dict[str, float]:
    """Agreement of several dictionaries of one layer: the mean of `stability` over all pairs, beside two nulls.

    S(D, D') = max over permutations P of (1/n) tr(D' P D^T), for n atoms at unit norm (the stability of Fel et al.
    2025, arXiv 2502.12892; the pairwise dictionary MCC of Song et al. 2025, arXiv 2505.20254).

    Only seeds that change where learning starts say anything: runs that begin at one set of points, as archetypal
    dictionaries do with fixed k-means centroids, agree before they have learned (arXiv 2606.02061).

    Parameters
    ----------
    dictionaries
        Two or more, each learned from its own seed; dictionaries, or their atoms (atoms, units).
    threshold
        Cosine from which on a pair counts as the same atom.

    Returns
    -------
    stability_cosine, stability_fraction
        Means over the pairs of dictionaries.
    stability_cosine_least
        Of the two dictionaries that agree least.
    random_stability_cosine
        Of Gaussian dictionaries of the same shapes.
    lookalike_stability_cosine
        Of random dictionaries whose atoms have the mean and covariance of the given ones. It is above the other null
        where all atoms lean one way, as they do if activations were not centred.
    """
    atoms = [unit(atoms_of(each)) for each in dictionaries]
    if len(atoms) < 2:
        raise DictionaryError(f"found {len(atoms)} dictionary, expected two or more from different seeds.")
    found = [stability(a, b, threshold) for a, b in combinations(atoms, 2)]
    cosines = [each["stability_cosine"] for each in found]
    random = np.random.default_rng([seed, 0x73656564])
    nulls = {"random": [gaussian(each, random) for each in atoms], "lookalike": [lookalike(a, random) for a in atoms]}
    return {
        "stability_cosine": float(np.mean(cosines)),
        "stability_fraction": float(np.mean([each["stability_fraction"] for each in found])),
        "stability_cosine_least": float(np.min(cosines)),
    } | {
        f"{name}_stability_cosine": mean_over_pairs(null, lambda a, b: stability(a, b)["stability_cosine"])
        for name, null in nulls.items()
    }


def code_stability_across_seeds(x, dictionaries: Sequence, codes: Sequence, seed: int = 0) -> dict[str, float]:
    """Do codes of the same rows under several dictionaries agree, latent by latent?

    Pearson correlation of every latent of one with every latent of the other, Hungarian assignment, and the mean over
    the latents that vary, of the side where fewer do; then the mean over all pairs of dictionaries.

    The null is what random dictionaries reach on the same rows, with codes by orthogonal matching pursuit that are as
    sparse as the given ones. It is far from 0: codes of the same rows are alike for any dictionaries.

    Parameters
    ----------
    x : (rows, units)
        Activations.
    dictionaries
        Two or more, each learned from its own seed; dictionaries, or their atoms (atoms, units).
    codes
        Of each dictionary: (rows, atoms), dense or sparse.

    Returns
    -------
    stability_correlation, random_stability_correlation
        In [0, 1]; NaN where no latent varies.
    """
    if len(dictionaries) != len(codes) or len(codes) < 2:
        raise DictionaryError(
            f"found {len(dictionaries)} dictionaries and codes of {len(codes)}, expected two or more and as many codes."
        )
    random = np.random.default_rng([seed, 0x73656564])
    null = [random_codes(x, *each, random) for each in zip(dictionaries, codes, strict=True)]
    return {
        "stability_correlation": mean_over_pairs(codes, code_agreement),
        "random_stability_correlation": mean_over_pairs(null, code_agreement),
    }


def code_agreement(codes_a, codes_b) -> float:
    """Mean correlation of matched latents, over those that vary on the side where fewer do."""
    correlation, varies_b = cross_correlation(codes_a, codes_b)
    fewer = min(varies_b.sum(), (correlation != 0).any(axis=1).sum())
    return float(matched(correlation).sum() / fewer) if fewer else float("nan")


def mean_over_pairs(members: Sequence, measure: Callable) -> float:
    return float(np.mean([measure(a, b) for a, b in combinations(members, 2)]))


def gaussian(atoms: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Random directions, as many as there are atoms."""
    return unit(random.standard_normal(atoms.shape))


def lookalike(atoms: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Random directions with mean and covariance of the atoms."""
    mean = atoms.mean(axis=0)
    mixed = random.standard_normal((len(atoms), len(atoms))) @ (atoms - mean) / np.sqrt(len(atoms))
    return unit(mean + mixed)


def random_codes(x, dictionary, codes, random: np.random.Generator) -> csr_array:
    """Codes under a random dictionary of the same shape and bias, as sparse and of the same sign."""
    atoms = atoms_of(dictionary)
    centred = np.asarray(x, np.float64) - np.asarray(getattr(dictionary, "bias", 0.0))
    params = as_sparse_as(codes, atoms.shape[1])
    return infer(centred, Directions(gaussian(atoms, random)), "omp", device="cpu", **params)


def atoms_of(dictionary) -> np.ndarray:
    return np.asarray(getattr(dictionary, "atoms", dictionary))
