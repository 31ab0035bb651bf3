"""How well codes explain activations, and how sparse they are."""

from collections.abc import Callable, Iterable

import numpy as np
from scipy.sparse import csr_array, issparse

from thresh.errors import DictionaryError
from thresh.evaluation.matching import unit

DENSITY_EDGES = np.arange(-6.0, 0.5, 0.5)  # log10 of the share of rows in which an atom is active
DENSE = 0.1  # share of rows


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
    if not hasattr(codes, "shape") or not hasattr(dictionary, "decode"):
        raise DictionaryError("expected activations, their codes, and a dictionary that decodes them, in this order.")
    if x.ndim != 2 or x.shape[1] != dictionary.atoms.shape[1]:
        raise DictionaryError(f"x has shape {x.shape}, expected (rows, {dictionary.atoms.shape[1]} units).")
    if x.shape[0] != codes.shape[0] or x.shape[0] == 0:
        raise DictionaryError(f"x has {x.shape[0]} rows and codes {codes.shape[0]}, expected the same, 1 or more.")
    starts = range(0, len(x), batch_rows)
    return reconstruction_of_blocks(
        lambda: ((x[start : start + batch_rows], codes[start : start + batch_rows]) for start in starts), dictionary
    )


def reconstruction_of_blocks(blocks: Callable[[], Iterable[tuple]], dictionary) -> dict[str, float]:
    """As `reconstruction`, for rows that come in blocks: twice, for the mean has to be known first.

    Parameters
    ----------
    blocks
        Gives activations and codes of the same rows, block after block, the same each time that it is called.
    """
    rows, total = 0, 0.0
    for x, _ in blocks():
        rows, total = rows + len(x), total + x.sum(axis=0, dtype=np.float64)
    mean = total / rows
    error = variation = cosine = 0.0
    for x, codes in blocks():
        x = x.astype(np.float64)
        guess = np.asarray(dictionary.decode(codes), dtype=np.float64)
        error += float(np.square(x - guess).sum())
        variation += float(np.square(x - mean).sum())
        both_zero = ~x.any(axis=1) & ~guess.any(axis=1)
        cosine += float(np.einsum("ij,ij->", unit(x), unit(guess)) + both_zero.sum())
    return {
        "explained_variance": 1 - error / variation if variation > 0 else float("nan"),
        "mse": error / (rows * len(mean)),
        "cosine": cosine / rows,
    }


def sparsity(codes, dense_above: float = DENSE) -> dict[str, object]:
    """How many atoms are active.

    Parameters
    ----------
    codes : (rows, atoms)
        Dense or sparse.
    dense_above
        Share of rows above which an atom counts as dense. SAEBench (Karvonen et al. 2025) counts at a tenth and at a
        hundredth; such atoms stand for no single concept, but for what most rows have in common.

    Returns
    -------
    l0
        Mean number of active atoms of a row.
    dead
        Share of atoms that are never active.
    dense
        Share of atoms that are active in more than `dense_above` of the rows.
    density_log10_edges, density_counts
        Histogram of the share of rows in which an atom is active, dead atoms left out.
    """
    return sparsity_of_blocks([codes], dense_above)


def sparsity_of_blocks(blocks: Iterable, dense_above: float = DENSE) -> dict[str, object]:
    """As `sparsity`, for codes (rows, atoms) that come in blocks of rows."""
    rows, counts = 0, np.zeros(0, np.int64)
    for codes in blocks:
        if not (hasattr(codes, "shape") and len(codes.shape) == 2):
            raise DictionaryError(f"codes have shape {np.shape(codes)}, expected (rows, atoms).")
        if not np.isfinite(codes.data if issparse(codes) else codes).all():
            raise DictionaryError("codes hold values that are not finite, expected none.")
        active = csr_array(codes, copy=True)
        active.eliminate_zeros()
        of_block = np.bincount(active.indices, minlength=codes.shape[1])
        rows, counts = rows + codes.shape[0], counts + of_block if rows else of_block
    if rows == 0 or len(counts) == 0:
        raise DictionaryError(f"codes have shape {(rows, len(counts))}, expected at least one row and one atom.")
    alive = counts[counts > 0]
    histogram, _ = np.histogram(np.log10(alive / rows).clip(DENSITY_EDGES[0], 0), DENSITY_EDGES)
    return {
        "l0": float(counts.sum() / rows),
        "dead": float(1 - len(alive) / len(counts)),
        "dense": float((counts > dense_above * rows).mean()),
        "density_log10_edges": DENSITY_EDGES.tolist(),
        "density_counts": histogram.tolist(),
    }
