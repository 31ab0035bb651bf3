"""Whether dictionaries of one layer from several seeds are the same, from the layer's store."""

from collections.abc import Sequence

from scipy.sparse import csr_array

from thresh.dictionaries import Dictionary
from thresh.errors import DictionaryError
from thresh.evaluation.facts import plain
from thresh.evaluation.stability import code_stability_across_seeds, stability_across_seeds
from thresh.stimuli import Stimuli
from thresh.store import Activations, shuffled_batches

ROWS = 8192  # on which codes are compared


def stability_store(activations: Activations, stimuli: Stimuli, dictionaries: Sequence[Dictionary]) -> dict:
    """`stability_across_seeds` of atoms, and `code_stability_across_seeds` of each one's own codes of test rows.

    Returns
    -------
    facts: dictionaries, rows (on which codes are compared), and those of both functions. None where not defined.

    Raises
    ------
    DictionaryError
        There are no rows of test stimuli.
    """
    test = stimuli.split[activations.rows["stimulus"].to_numpy()] == "test"
    if not test.any():
        raise DictionaryError(f"{activations.path}: found no rows of test stimuli, expected some to compare codes on.")
    x = next(shuffled_batches(activations, min(ROWS, int(test.sum())), seed=0, select=test))
    codes = [csr_array(dictionary.encode(x)) for dictionary in dictionaries]
    facts = {"dictionaries": len(dictionaries), "rows": len(x)} | stability_across_seeds(dictionaries)
    facts |= code_stability_across_seeds(x, dictionaries, codes)
    return plain(facts)
