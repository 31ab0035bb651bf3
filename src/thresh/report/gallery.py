"""Matched features as pictures: atoms of two networks paired on one half of the test stimuli, scored on the other."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from thresh.errors import StimuliError
from thresh.report.passages import DrivingTokens
from thresh.report.thumbnails import picture
from thresh.stimuli import Stimuli, open_stimuli
from thresh.store import open_activations, open_codes, pool_store

# An atom that answers to fewer stimuli of the matching half correlates perfectly with some other one by chance.
LEAST_ACTIVE = 5


@dataclass(frozen=True)
class Matched:
    """Pairs of atoms, in the order of their correlation on the matching half.

    Attributes
    ----------
    a, b : (pairs,)
        Atoms.
    matched_on, held_out : (pairs,)
        Correlations on the half that chose the pairs, and on the other; NaN where an atom is silent there.
    live : (int, int)
        Atoms of a and of b that took part.
    """

    a: np.ndarray
    b: np.ndarray
    matched_on: np.ndarray
    held_out: np.ndarray
    live: tuple[int, int]


@dataclass
class Side:
    """Pooled codes of one layer on the stimuli of the gallery: values (stimuli, atoms)."""

    system: str
    layer: str
    values: np.ndarray
    tokens: DrivingTokens


def match_atoms(a: np.ndarray, b: np.ndarray, seed: int = 0) -> Matched:
    """Match atoms one to one by correlation on a random half of the stimuli; correlate the pairs on the other.

    Parameters
    ----------
    a, b : (stimuli, atoms)
        Codes of the same stimuli. Atoms that answer to fewer than 5 stimuli of the matching half are left out.

    Returns
    -------
    Matched, ranked without a look at the scored half; empty if a side has no live atom.
    """
    order = np.random.default_rng(seed).permutation(len(a))
    match, score = order[: len(a) // 2], order[len(a) // 2 :]
    live_a, live_b = (np.flatnonzero(is_live(side[match])) for side in (a, b))
    chosen = correlations(a[match][:, live_a], b[match][:, live_b])
    rows, columns = linear_sum_assignment(chosen, maximize=True)
    rank = np.argsort(-chosen[rows, columns], kind="stable")
    rows, columns = rows[rank], columns[rank]
    atoms_a, atoms_b = live_a[rows], live_b[columns]
    held = np.array(
        [correlations(a[score][:, [i]], b[score][:, [j]])[0, 0] for i, j in zip(atoms_a, atoms_b, strict=True)]
    )
    return Matched(atoms_a, atoms_b, chosen[rows, columns], held, (len(live_a), len(live_b)))


def is_live(codes: np.ndarray) -> np.ndarray:
    return ((codes != 0).sum(axis=0) >= LEAST_ACTIVE) & (np.ptp(codes, axis=0) > 0)


def correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson correlation of all columns of x with all of y, NaN for constant ones."""

    def standard(values: np.ndarray) -> np.ndarray:
        centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
        constant = np.ptp(values, axis=0) == 0
        norms = np.where(constant, np.nan, np.linalg.norm(centred, axis=0))
        return centred / norms

    return standard(x).T @ standard(y)


def make_gallery(results: Path, config: dict, gallery: dict, folder: Path) -> dict:
    """One gallery, ready to be shown; its thumbnails are written below folder.

    Returns
    -------
    dict
        a, b (system, layer), stimuli (count), set, pictures (whether stimuli are shown as such), live, matched (count),
        mean_held_out, pairs: list of
        {a, b, correlation, matched_on, tops}.

    Raises
    ------
    StimuliError
        The two systems share too few test stimuli.
    """
    names = [config["systems"][gallery[side][0]]["stimuli"] for side in "ab"]
    sets = [open_stimuli(results / "stimuli" / f"{name}.zarr") for name in names]
    rows = common_test_rows(*sets)
    if len(rows[0]) < 4 * LEAST_ACTIVE:
        raise StimuliError(
            f"gallery of {gallery['a'][0]} and {gallery['b'][0]}: found {len(rows[0])} common test stimuli,"
            f" expected at least {4 * LEAST_ACTIVE}."
        )
    sides = [
        read_side(results, *gallery[side], gallery["representation"], own) for side, own in zip("ab", rows, strict=True)
    ]
    matched = match_atoms(sides[0].values, sides[1].values)
    best = range(min(gallery["pairs"], len(matched.a)))
    # The shown pairs were chosen on the matching half; sorting them by the other half chooses nothing.
    best = sorted(best, key=lambda pair: -np.nan_to_num(matched.held_out[pair], nan=-2))
    pairs = []
    for pair in best:
        atoms = int(matched.a[pair]), int(matched.b[pair])
        tops = [strongest(side.values[:, atom], gallery["stimuli"]) for side, atom in zip(sides, atoms, strict=True)]
        both = set(tops[0]) & set(tops[1])
        pairs.append(
            {
                "a": atoms[0],
                "b": atoms[1],
                "correlation": float(matched.held_out[pair]),
                "matched_on": float(matched.matched_on[pair]),
                "tops": [
                    [shown(side, atom, own, int(index[row]), folder) | {"both": row in both} for row in top]
                    for side, atom, own, index, top in zip(sides, atoms, sets, rows, tops, strict=True)
                ],
            }
        )
    held = matched.held_out[np.isfinite(matched.held_out)]
    return {
        "a": gallery["a"],
        "b": gallery["b"],
        "codes": gallery["representation"],
        "set": names[0],
        "pictures": bool({"image", "video"} & set(sets[0].modalities)),
        "stimuli": len(rows[0]),
        "scored": len(rows[0]) - len(rows[0]) // 2,
        "live": matched.live,
        "atoms": [int(side.values.shape[1]) for side in sides],
        "matched": len(matched.a),
        "mean_held_out": float(held.mean()) if len(held) else float("nan"),
        "pairs": pairs,
    }


def shown(side: Side, atom: int, stimuli: Stimuli, index: int, folder: Path) -> dict:
    return picture(stimuli, index, folder, lambda: side.tokens.span(index, atom))


def common_test_rows(a: Stimuli, b: Stimuli) -> tuple[np.ndarray, np.ndarray]:
    """Indices into a and into b of the test stimuli that both have, in the order of ids."""
    tests = [np.flatnonzero(side.split == "test") for side in (a, b)]
    _, rows_a, rows_b = np.intersect1d(a.ids[tests[0]], b.ids[tests[1]], return_indices=True)
    return tests[0][rows_a], tests[1][rows_b]


def read_side(results: Path, system: str, layer: str, representation: dict, stimuli: np.ndarray) -> Side:
    """Codes of a layer, mean over the rows of each stimulus, in the order of `stimuli` (indices into the set)."""
    path = results / "codes" / system / layer / representation["dictionary"] / f"{representation['inference']}.zarr"
    table, codes = open_activations(results / "activations" / system / f"{layer}.zarr").rows, open_codes(path)
    stimulus = table["stimulus"].to_numpy()
    found, values = pool_store(codes, stimulus, np.isin(stimulus, stimuli), "mean")
    missing = np.setdiff1d(stimuli, found)
    if len(missing):
        raise StimuliError(f"{path}: found no codes of stimulus {missing[0]} ({len(missing)} such).")
    order = np.argsort(found)
    return Side(system, layer, values[order][np.searchsorted(found[order], stimuli)], DrivingTokens(codes, table))


def strongest(codes: np.ndarray, count: int) -> list[int]:
    """Rows with the largest codes, the largest first; only rows that drive the atom at all."""
    order = np.argsort(-codes, kind="stable")[:count]
    return [int(row) for row in order if codes[row] > 0]
