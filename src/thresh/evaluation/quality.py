"""How well codes explain activations, how sparse they are, and whether two dictionaries agree."""

import numpy as np
from scipy.sparse import csr_array

from thresh.errors import DictionaryError
from thresh.evaluation.matching import matched, unit

DENSITY_EDGES = np.arange(-6.0, 0.5, 0.5)  # log10 of the share of rows in which an atom is active


def reconstruction(x, codes, dictionary, batch_rows: int = 8192) -> dict[str, float]:
    """How close decoded codes come to the activations.

    Parameters
    ----------
    x : (rows, units)
    codes : (rows, atoms)
        Dense or sparse.
    dictionary
        Its `decode` is used.

    Returns
    -------
    explained_variance
        1 - sum |x - x_hat|^2 / sum |x - mean|^2; NaN if x does not vary.
    mse
        Mean of (x - x_hat)^2 over rows and units.
    cosine
        Mean over rows of the cosine between x and x_hat; a row where either is zero counts 0, where both are, 1.
    """
    x = np.asarray(x)
    if x.shape[0] != codes.shape[0] or x.shape[0] == 0:
        raise DictionaryError(f"x has {x.shape[0]} rows and codes {codes.shape[0]}, expected the same, 1 or more.")
    mean = x.mean(axis=0, dtype=np.float64)
    error = total = cosine = 0.0
    for begin in range(0, len(x), batch_rows):
        rows = x[begin : begin + batch_rows].astype(np.float64)
        guess = np.asarray(dictionary.decode(codes[begin : begin + batch_rows]), dtype=np.float64)
        error += float(np.square(rows - guess).sum())
        total += float(np.square(rows - mean).sum())
        both_zero = ~rows.any(axis=1) & ~guess.any(axis=1)
        cosine += float(np.einsum("ij,ij->", unit(rows), unit(guess)) + both_zero.sum())
    return {
        "explained_variance": 1 - error / total if total > 0 else float("nan"),
        "mse": error / x.size,
        "cosine": cosine / len(x),
    }


def sparsity(codes) -> dict[str, object]:
    """How many atoms are active.

    Parameters
    ----------
    codes : (rows, atoms)
        Dense or sparse.

    Returns
    -------
    l0
        Mean number of active atoms of a row.
    dead
        Share of atoms that are never active.
    density_log10_edges, density_counts
        Histogram of the share of rows in which an atom is active, dead atoms left out.
    """
    rows, atoms = codes.shape
    if rows == 0 or atoms == 0:
        raise DictionaryError(f"codes have shape {codes.shape}, expected at least one row and one atom.")
    active = csr_array(codes, copy=True)
    active.eliminate_zeros()
    counts = np.bincount(active.indices, minlength=atoms)
    alive = counts[counts > 0]
    histogram, _ = np.histogram(np.log10(alive / rows).clip(DENSITY_EDGES[0], 0), DENSITY_EDGES)
    return {
        "l0": float(counts.sum() / rows),
        "dead": float(1 - len(alive) / atoms),
        "density_log10_edges": DENSITY_EDGES.tolist(),
        "density_counts": histogram.tolist(),
    }


def stability(dictionary_a, dictionary_b, threshold: float = 0.9) -> dict[str, float]:
    """Do two dictionaries of the same layer hold the same atoms?

    Hungarian assignment on the cosine of atoms; atoms of the smaller dictionary are counted.

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
    a, b = (unit(getattr(each, "atoms", each)) for each in (dictionary_a, dictionary_b))
    if a.shape[1] != b.shape[1]:
        raise DictionaryError(f"the dictionaries have {a.shape[1]} and {b.shape[1]} units, expected the same.")
    cosine = matched(a @ b.T if len(a) >= len(b) else b @ a.T)
    return {"stability_cosine": float(cosine.mean()), "stability_fraction": float((cosine >= threshold).mean())}
