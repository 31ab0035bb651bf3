"""How good a dictionary and its codes are, from stores; against the truth where it was planted."""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from thresh.dictionaries import Dictionary
from thresh.errors import DictionaryError
from thresh.evaluation.facts import plain
from thresh.evaluation.quality import reconstruction_of_blocks, sparsity_of_blocks
from thresh.evaluation.recovery import as_sparse_as, matched_correlation, matched_cosine, random_null
from thresh.stimuli import Stimuli
from thresh.store import Activations, Codes


def evaluate_store(activations: Activations, codes: Codes, dictionary: Dictionary, stimuli: Stimuli) -> dict:
    """Reconstruction, sparsity and recovery on the rows of test stimuli.

    Returns
    -------
    facts: rows, units, atoms, those of `reconstruction` and `sparsity`, and for planted systems
    matched_correlation, matched_cosine and both for a random dictionary of the same shape. None where not defined.
    """
    test = stimuli.split[activations.rows["stimulus"].to_numpy()] == "test"
    if not test.any():
        raise DictionaryError(f"{activations.path}: found no rows of test stimuli, expected some to evaluate on.")
    facts = {"rows": int(test.sum()), "units": activations.shape[1], "atoms": codes.shape[1]}
    facts |= reconstruction_of_blocks(lambda: held_out_blocks(activations, codes, test), dictionary)
    facts |= sparsity_of_blocks(z for _, z in held_out_blocks(activations, codes, test))
    mixing = activations.extra("truth/mixing")
    if mixing is not None:
        # The match is over all rows at once; planted systems are as large as a user makes them.
        x, z = activations.read(0, activations.shape[0])[test], codes.read()[test]
        facts |= recovery(x, codes, z, dictionary, mixing, planted_features(activations, stimuli)[test])
    return plain(facts)


def held_out_blocks(
    activations: Activations, codes: Codes, test: np.ndarray, rows: int = 65536
) -> Iterator[tuple[np.ndarray, csr_array]]:
    """Activations and codes of the test rows, a block of the stores at a time."""
    for start in range(0, len(test), rows):
        chosen = test[start : start + rows]
        if chosen.any():
            yield activations.read(start, start + len(chosen))[chosen], codes.read(start, start + rows)[chosen]


def planted_features(activations: Activations, stimuli: Stimuli) -> np.ndarray:
    """True features (rows, features that the system holds) behind the rows of a planted system."""
    held = activations.extra("truth/features")
    return stimuli.features(0, len(stimuli))[activations.rows["stimulus"].to_numpy()][:, held]


def recovery(
    x: np.ndarray, codes: Codes, z: csr_array, dictionary: Dictionary, mixing: np.ndarray, truth: np.ndarray
) -> dict:
    found = {
        "matched_correlation": matched_correlation(z, truth),
        "matched_cosine": matched_cosine(dictionary.atoms, mixing),
    }
    solver, params = without_encoder(codes.attrs["solver"], codes.attrs["params"], z, x.shape[1])
    null = random_null(x, mixing, truth, atoms=z.shape[1], device="cpu", solver=solver, like=dictionary, **params)
    return found | null


def without_encoder(solver: str, params: dict, z: csr_array, units: int) -> tuple[str, dict]:
    """A solver like the one of the codes z, for a random dictionary, which has no encoder."""
    if solver == "encoder":
        # Greedy codes that are as sparse.
        return "omp", as_sparse_as(z, units)
    # Where steps begin from the encoder's codes: the optimum that they lead to.
    return ("fista" if solver == "ito" else solver), {
        name: value for name, value in params.items() if name not in ("start", "steps")
    }
