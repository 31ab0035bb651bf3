"""What the benchmark of alignment times, each in a process of its own: thresh at size, and the same work elsewhere."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

FOLDS = 2  # of matchings, on both sides of a comparison


def imports(folder: Path) -> str:
    """What the process needs before it does anything."""
    import thresh.alignment.at_size  # noqa: F401

    return ""


def activations(folder: Path) -> list:
    from thresh.store import open_activations

    return [open_activations(folder / f"{name}.zarr") for name in "xy"]


def codes(folder: Path) -> list:
    from thresh.store import open_codes

    return [open_codes(folder / f"{name}.zarr") for name in "xy"]


def responses(folder: Path) -> list[np.ndarray]:
    return [store.read(0, store.shape[0]).astype(np.float64) for store in activations(folder)]


def dense_codes(folder: Path) -> list[np.ndarray]:
    return [store.read().toarray().astype(np.float64) for store in codes(folder)]


def cka(folder: Path) -> str:
    from thresh.alignment import at_size

    return f"{at_size.linear_cka(*activations(folder), debiased=True):.8f}"


def cka_of_codes(folder: Path) -> str:
    from thresh.alignment import at_size

    return f"{at_size.linear_cka(*codes(folder), debiased=True):.8f}"


def cka_of_codes_dense(folder: Path) -> str:
    from thresh.alignment import linear_cka

    return f"{linear_cka(*dense_codes(folder), debiased=True):.8f}"


def cka_by_gram(folder: Path) -> str:
    """The definition (Song et al. 2012, eq. 5) on matrices of stimuli by stimuli."""
    gram = [side @ side.T for side in responses(folder)]
    for matrix in gram:
        np.fill_diagonal(matrix, 0)
    sums, rows = [matrix.sum(axis=0) for matrix in gram], len(gram[0])

    def hsic(a: int, b: int) -> float:
        middle = sums[a].sum() * sums[b].sum() / ((rows - 1) * (rows - 2))
        return float(np.vdot(gram[a], gram[b]) + middle - 2 * sums[a] @ sums[b] / (rows - 2))

    return f"{hsic(0, 1) / np.sqrt(hsic(0, 0) * hsic(1, 1)):.8f}"


def cka_in_memory(folder: Path) -> str:
    """Plain NumPy on matrices of units by units, in float64."""
    from thresh.alignment import linear_cka

    return f"{linear_cka(*responses(folder), debiased=True):.8f}"


def cka_biased(folder: Path) -> str:
    from thresh.alignment import at_size

    return f"{at_size.linear_cka(*activations(folder)):.8f}"


def cka_biased_by_rsatoolbox(folder: Path) -> str:
    import rsatoolbox

    rdms = [rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(side), method="euclidean") for side in responses(folder)]
    return f"{rsatoolbox.rdm.compare(*rdms, method='cosine_cov').item():.8f}"


def predictivity(folder: Path) -> str:
    from thresh.alignment import at_size

    return f"{np.median(at_size.linear_predictivity(*activations(folder)).r):.8f}"


def predictivity_in_memory(folder: Path) -> str:
    from thresh.alignment import linear_predictivity

    return f"{np.median(linear_predictivity(*responses(folder)).r):.8f}"


def predictivity_by_sklearn(folder: Path) -> str:
    """RidgeCV on the same folds, scale and penalties; it chooses by leave-one-out instead of GCV."""
    from sklearn.linear_model import RidgeCV

    from thresh.alignment.folds import split
    from thresh.alignment.predictivity import ALPHAS

    x, y = responses(folder)
    r = []
    for train, test in split(len(x), 5, 0):
        scale = np.sqrt(np.square(x[train] - x[train].mean(axis=0)).sum(axis=1).mean())
        predicted = RidgeCV(ALPHAS, alpha_per_target=True).fit(x[train] / scale, y[train]).predict(x[test] / scale)
        predicted, known = predicted - predicted.mean(axis=0), y[test] - y[test].mean(axis=0)
        r.append((predicted * known).sum(axis=0) / np.linalg.norm(predicted, axis=0) / np.linalg.norm(known, axis=0))
    return f"{np.median(np.mean(r, axis=0)):.8f}"


def semi(folder: Path) -> str:
    from thresh.alignment.at_size import semi_matches

    return described(semi_matches(*codes(folder)), folder)


def matching(folder: Path) -> str:
    from thresh.alignment.at_size import one_to_one_matches

    return described(one_to_one_matches(*codes(folder)), folder)


def described(found: list, folder: Path) -> str:
    """Mean held-out correlation, and the share of pairs that were planted."""
    order = np.load(folder / "order.npy")
    score = np.mean([fold.weight @ fold.correlation for fold in found])
    return f"{score:.8f}, {np.mean([np.mean(order[fold.y] == fold.x) for fold in found]):.5f} planted"


def semi_dense(folder: Path) -> str:
    from thresh.alignment.matching import semi_matches

    return described(semi_matches(*dense_codes(folder), folds=FOLDS), folder)


def matching_dense(folder: Path) -> str:
    """Dense correlations in NumPy, and scipy's linear_sum_assignment."""
    from thresh.alignment.matching import one_to_one_matches

    return described(one_to_one_matches(*dense_codes(folder), folds=FOLDS), folder)


def matching_by_pot(folder: Path) -> str:
    """Dense correlations in NumPy, and ot.emd of POT."""
    from thresh.alignment.matching import soft_matches

    return described(soft_matches(*dense_codes(folder), folds=FOLDS), folder)


OWN: dict[str, Callable[[Path], str]] = {
    "imports": imports,
    "debiased CKA": cka,
    "biased CKA": cka_biased,
    "predictivity": predictivity,
    "debiased CKA of codes": cka_of_codes,
    "semi-matching": semi,
    "one-to-one matching": matching,
}
OTHERS: dict[str, dict[str, Callable[[Path], str]]] = {
    "debiased CKA": {"NumPy, stimuli by stimuli": cka_by_gram, "NumPy, units by units (in memory)": cka_in_memory},
    "biased CKA": {"rsatoolbox, cosine_cov of RDMs": cka_biased_by_rsatoolbox},
    "predictivity": {"scikit-learn, RidgeCV": predictivity_by_sklearn, "thresh in memory": predictivity_in_memory},
    "debiased CKA of codes": {"NumPy, dense": cka_of_codes_dense},
    "semi-matching": {"NumPy, dense correlations": semi_dense},
    "one-to-one matching": {
        "NumPy and scipy, linear_sum_assignment": matching_dense,
        "NumPy and POT, ot.emd": matching_by_pot,
    },
}
