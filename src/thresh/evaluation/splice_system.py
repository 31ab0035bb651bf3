"""What a harvested model loses where the codes of one of its layers take the layer's place."""

from thresh.dictionaries import Dictionary
from thresh.evaluation.attributes import check_classes, drawn
from thresh.evaluation.facts import plain
from thresh.evaluation.heads import system_splicing
from thresh.evaluation.splicing import by_dictionary
from thresh.stimuli.held_out import attribute
from thresh.systems.transformers_heads import check_labels
from thresh.systems.transformers_models import TransformersSystem


def splice_system(
    system: TransformersSystem,
    layer: str,
    dictionary: Dictionary,
    *,
    solver: str,
    params: dict,
    labels: str | None = None,
    at_most: int = 2000,
    seed: int = 0,
) -> dict:
    """`system_splicing` of a layer's codes on test stimuli.

    Parameters
    ----------
    solver, params
        How codes are inferred, as for `thresh.inference.infer`.
    labels
        Attribute with the number of the right class of each image; None for what the model says itself.
    at_most
        Stimuli to look at; where there are more test stimuli, some are drawn.

    Returns
    -------
    facts: stimuli (how many were looked at), and those of `language_splicing` or `image_splicing`. None where not
    defined.

    Raises
    ------
    HarvestError
        As `system_splicing`.
    StimuliError
        There is no such attribute, or it is no number of a class.
    """
    stimuli = system.stimuli
    right = None
    if labels is not None:
        right = attribute(stimuli.attributes, labels)
        check_classes(labels, right)
        check_labels(system, labels)
    chosen = drawn(stimuli.split == "test", at_most, seed)
    change = by_dictionary(dictionary, solver, **params)
    facts = {"stimuli": int(chosen.sum())} | system_splicing(system, layer, change, labels=right, chosen=chosen)
    return plain(facts)
