"""What linear heads read of a layer's stimuli, from its store or from the codes of one dictionary."""

import numpy as np

from thresh.dictionaries import Dictionary
from thresh.dictionary_methods import CONTROLS, METHODS
from thresh.evaluation.attributes import drawn, probe_plan
from thresh.evaluation.directions import class_directions
from thresh.evaluation.facts import plain
from thresh.evaluation.identifiability import identifiability, mixtures
from thresh.evaluation.plausibility import plausibility
from thresh.evaluation.probing import SIZES, dense_probing, quantity_probing, sparse_probing, trained_classes
from thresh.inference import infer
from thresh.stimuli import Stimuli
from thresh.store import Activations, Codes, pool_store

MIXTURES, SOURCES = 2000, 2
LEARNED = METHODS.keys() - CONTROLS  # methods; an imported dictionary has none of them


def probe_store(
    activations: Activations,
    stimuli: Stimuli,
    *,
    attribute: str,
    kind: str = "labels",
    sizes: list[int] | None = None,
    classes: int = 50,
    held_out: dict | None = None,
    left_out: dict | None = None,
    pooling: str = "mean",
    at_most: int = 10_000,
    seed: int = 0,
    codes: Codes | None = None,
    dictionary: Dictionary | None = None,
) -> dict:
    """Probe the activations of a layer; or its codes, whose dictionary is then asked about its directions too.

    Heads are fitted on the stimuli that dictionaries are learned on and scored on the others; kinds of stimuli that are
    held out are scored apart ('out').

    Parameters
    ----------
    attribute
        Of the stimuli; those without a value are left out.
    kind
        'labels' (`sparse_probing`, `dense_probing`) or 'quantity' (`quantity_probing`).
    sizes
        Columns of sparse probes; default: those of `sparse_probing`.
    classes
        Most labels that are read, the most frequent of train stimuli.
    held_out, left_out
        See `probe_plan`.
    pooling
        Rule from rows to stimuli, see `thresh.store.pool`.
    at_most
        Stimuli to look at.
    codes, dictionary
        Both, or neither for raw activations.

    Returns
    -------
    facts: columns; train, in, out (numbers of stimuli); for codes, where something is held out, whether a dictionary
    that the study learned has seen such stimuli (learned_on_out); what the probes give; and for codes of labels,
    `plausibility` of the dictionary for the directions of a classifier of train activations, and of three labels or
    more `identifiability` of two in a mixture, of latents chosen on train and scored on test stimuli. None where not
    defined.

    Raises
    ------
    DictionaryError, StimuliError
        A split has no stimulus with a value, there is no such attribute, or nothing can be held out of it.
    """
    plan = {"attribute": attribute, "kind": kind, "held_out": held_out, "left_out": left_out}
    values, places, out = probe_plan(stimuli.attributes, stimuli.split, **plan)
    rows = activations.rows["stimulus"].to_numpy()
    answered = np.isin(np.arange(len(stimuli)), rows)
    chosen = drawn(answered & (places != ""), at_most, seed)
    if codes is None:
        shown, columns = pool_store(activations, rows, chosen[rows], pooling)
    else:
        shown, columns = pool_store(codes, rows, chosen[rows], pooling, sparse=True)
    values, places = values[shown], places[shown]
    facts = {"columns": columns.shape[1]} | {name: int((places == name).sum()) for name in ("train", "in", "out")}
    if out is not None and dictionary is not None and dictionary.facts.get("method") in LEARNED:
        facts["learned_on_out"] = bool((stimuli.split[out] == "train").any())
    if kind == "quantity":
        facts |= quantity_probing(columns, values, places)
    else:
        read = trained_classes(values, places, classes)
        facts |= {"classes": len(read)}
        facts |= sparse_probing(columns, values, places, SIZES if sizes is None else sizes, classes)
        facts |= dense_probing(columns, values, places, classes)
        if codes is not None:
            # Means: dictionaries are linear in them.
            _, raw = pool_store(activations, rows, chosen[rows], "mean")
            often = np.isin(values, read)
            facts |= of_dictionary(dictionary, codes, raw[often], values[often], places[often], seed)
    return plain(facts)


def of_dictionary(
    dictionary: Dictionary, codes: Codes, raw: np.ndarray, labels: np.ndarray, places: np.ndarray, seed: int
) -> dict[str, float]:
    """Whether atoms point where a classifier does, and whether one code tells what is in a mixture of two stimuli."""
    train = places == "train"
    found = plausibility(dictionary, class_directions(raw[train], labels[train]), seed)
    both = np.intersect1d(labels[train], labels[~train])
    if len(both) <= SOURCES:
        return found  # Every class would be in every mixture.
    solver, params = codes.attrs["solver"], codes.attrs["params"]
    mixed = []
    for place in (train, ~train):
        rows = place & np.isin(labels, both)
        x, presence = mixtures(raw[rows], labels[rows], MIXTURES, SOURCES, seed)
        mixed.append((infer(x.astype(np.float32), dictionary, solver, device="cpu", **params), presence))
    return found | identifiability(*mixed[1], chosen_on=mixed[0])
