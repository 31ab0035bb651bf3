"""Does a single code tell whether a concept is in a mixture of several?"""

import numpy as np
from scipy.sparse import csc_array, issparse

from thresh.errors import DictionaryError
from thresh.parameters import checked, integer


@checked(count=integer(1), sources=integer(2))
def mixtures(x, labels, count: int, sources: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Means of activations of different concepts, and which concepts are in each.

    For layers of patches or tokens, this is what pooling gives of stimuli that stand side by side, as far as the model
    answers to each by itself. To mix before the model, make a stimulus set of collages and say what is in each.

    Parameters
    ----------
    x : (rows, units)
        Activations.
    labels : (rows,)
        The concept of each row.
    count
        Number of mixtures.
    sources
        Rows in a mixture, each of another concept.

    Returns
    -------
    mixed : (count, units) float64
    presence : (count, concepts) bool, in the order of the sorted labels
    """
    x, (concepts, labels) = np.asarray(x, np.float64), np.unique(np.asarray(labels), return_inverse=True)
    if len(x) != len(labels):
        raise DictionaryError(f"x has {len(x)} rows, and there are {len(labels)} labels, expected as many.")
    if len(concepts) < sources:
        raise DictionaryError(f"found {len(concepts)} concepts, expected at least {sources} to be mixed.")
    random = np.random.default_rng([seed, 0x6D6978])
    chosen = random.random((count, len(concepts))).argsort(axis=1)[:, :sources]
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    rows = order[(np.cumsum(sizes) - sizes)[chosen] + random.integers(sizes[chosen])]
    presence = np.zeros((count, len(concepts)), bool)
    np.put_along_axis(presence, chosen, True, axis=1)
    return x[rows].mean(axis=1), presence


def identifiability(codes, presence, seed: int = 0, chosen_on: tuple | None = None) -> dict[str, float]:
    """Accuracy with which a single code, cut at a threshold, says whether a concept is present; mean over concepts.

    (1/c) sum_i max_{j, t} P(1[z_j > t] = y_i) over latents j and thresholds t. This is how the benchmark that Fel et
    al. 2025 (arXiv 2502.12892) call soft identifiability is understood here; of the paper's text only the abstract
    was at hand (can dictionaries 'disentangle synthetic concept mixtures'), so numbers may not be those of its tables.

    The best of many latents is good by chance: the held-out number is what to compare. Both stand beside what saying
    always the same would give, which is high where concepts are rare.

    Parameters
    ----------
    codes : (mixtures, atoms)
        Of the mixtures; dense or sparse.
    presence : (mixtures, concepts)
        Which concepts are in each. Those that are in all or in none are left out.
    seed
        Cuts the mixtures into two halves, where no others are given to choose on. Make sure that those of one half are
        not mixed of the same rows as those of the other: the best of many latents then knows the rows.
    chosen_on
        Codes and presence of mixtures of other rows, for the held-out number.

    Returns
    -------
    identifiability
        Latent and threshold chosen on the mixtures that they are scored on.
    identifiability_held_out
        Chosen on other mixtures, and scored on these; or on one half and scored on the other, both ways.
    identifiability_chance
        Mean over concepts of the share of mixtures with it or without it, whichever is larger.
    """
    presence = as_presence(presence)
    if codes.shape[0] != len(presence) or len(presence) < 4:
        raise DictionaryError(
            f"codes have {codes.shape[0]} rows and presence {len(presence)}, expected the same, 4 or more."
        )
    share = presence.mean(axis=0)
    some = (share > 0) & (share < 1)
    presence = presence[:, some]
    if not presence.shape[1]:
        raise DictionaryError("found no concept that is in some mixtures and not in others, expected one or more.")
    columns = as_columns(codes)
    if chosen_on is None:
        order = np.random.default_rng([seed, 0x68616C66]).permutation(len(presence))
        halves = [(columns[half], presence[half]) for half in np.array_split(order, 2)]
        turns = [halves, halves[::-1]]
    else:
        others, present = chosen_on
        turns = [((as_columns(others), as_presence(present)[:, some]), (columns, presence))]
    held_out = [accuracy(*scored, *best_latents(*chosen)[1:]) for chosen, scored in turns]
    return {
        "identifiability": float(best_latents(columns, presence)[0].mean()),
        "identifiability_held_out": float(np.mean(held_out)),
        "identifiability_chance": float(np.maximum(presence.mean(axis=0), 1 - presence.mean(axis=0)).mean()),
    }


def as_presence(presence) -> np.ndarray:
    presence = np.asarray(presence)
    if presence.ndim != 2 or not np.isin(presence, (0, 1)).all():
        raise DictionaryError(
            f"presence has shape {presence.shape} and type {presence.dtype}, expected (mixtures, concepts) of true and"
            " false, as `mixtures` gives it."
        )
    return presence.astype(bool)


def as_columns(codes) -> csc_array:
    columns = csc_array(codes) if issparse(codes) else csc_array(np.asarray(codes))
    columns.eliminate_zeros()
    return columns


def best_latents(codes: csc_array, presence: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Accuracy of the best latent for each concept, which latent that is, and where it is cut."""
    concepts = presence.shape[1]
    best, latent, threshold = np.full(concepts, -1.0), np.zeros(concepts, int), np.zeros(concepts)
    for j in range(codes.shape[1]):
        entries = slice(codes.indptr[j], codes.indptr[j + 1])
        found, cut = best_cuts(codes.data[entries], codes.indices[entries], presence)
        better = found > best
        best[better], latent[better], threshold[better] = found[better], j, cut[better]
    return best, latent, threshold


def best_cuts(values: np.ndarray, rows: np.ndarray, presence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best accuracy of 1[z > t] over t, and that t, for each concept; z is `values` at `rows` and 0 elsewhere."""
    count, present = len(presence), presence.sum(axis=0)
    order = np.argsort(-values, kind="stable")
    values, hits = values[order].astype(np.float64), presence[rows[order]].astype(np.int64)
    zeros, above = count - len(values), int((values > 0).sum())
    if zeros:
        # All zeros together are one value, for no threshold parts them.
        hits = np.insert(hits, above, present - hits.sum(axis=0), axis=0)
        values = np.insert(values, above, 0.0)
    taken = np.ones(len(values), np.int64)
    if zeros:
        taken[above] = zeros
    # Said to be present: none, then all down to each value. Right are those that are, and the absent that are not said.
    right = np.concatenate([np.zeros((1, hits.shape[1]), np.int64), 2 * hits.cumsum(axis=0) - taken.cumsum()[:, None]])
    parts = np.concatenate([[True], values[1:] != values[:-1], [True]])
    cuts = np.concatenate([[np.inf], (values[1:] + values[:-1]) / 2, [-np.inf]])[parts]
    right = right[parts] + (count - present)
    where = right.argmax(axis=0)
    return right.max(axis=0) / count, cuts[where]


def accuracy(codes: csc_array, presence: np.ndarray, latent: np.ndarray, threshold: np.ndarray) -> float:
    """Mean accuracy over concepts of one latent each, cut at its threshold."""
    said = codes[:, latent].toarray() > threshold
    return float((said == presence).mean())
