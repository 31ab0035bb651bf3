"""Transformers models with the head that their responses are for: next tokens, or classes of images."""

import copy

import torch

from thresh.errors import HarvestError
from thresh.systems.telling import first_line
from thresh.systems.transformers_loading import quiet, refuse_random_parts
from thresh.systems.transformers_models import TransformersSystem

# How a model is fed -> the class of transformers that adds the head.
HEADS = {
    "image": "AutoModelForImageClassification",
    "text": "AutoModelForCausalLM",
    "tokens": "AutoModelForCausalLM",
}


def check_head(system: TransformersSystem) -> None:
    """Look whether a model has a head, as far as its config tells; nothing is loaded.

    Raises
    ------
    HarvestError
        transformers knows no head for the model and what it is shown, its checkpoint has none or one for masked
        tokens, or the model is untrained.
    """
    import transformers

    where = f"systems.{system.name}"
    head, known = HEADS.get(system.way), "one for next tokens of text, or classes of images"
    if head is None or system.config.is_encoder_decoder or no_such_head(getattr(transformers, head), system.config):
        raise HarvestError(f"{where}: {system.model_name} has no head to splice before, expected {known}.")
    saved = list(system.config.architectures or [])
    if saved and all(name == type(system.skeleton).__name__ for name in saved) and not tied(system):
        raise HarvestError(
            f"{where}.model: {system.model_name} was saved without a head ({saved[0]}), expected {known}."
        )
    if any(name.endswith("ForMaskedLM") for name in saved):
        raise HarvestError(f"{where}.model: {system.model_name} tells masked tokens ({saved[0]}), expected {known}.")
    if system.untrained:
        raise HarvestError(f"{where}.untrained: found true, expected false: an untrained head has nothing to recover.")


def tied(system: TransformersSystem) -> bool:
    """Whether the head's weights are those of the embedding, which a checkpoint without a head has."""
    return system.way != "image" and bool(getattr(system.config.get_text_config(), "tie_word_embeddings", False))


def check_labels(system: TransformersSystem, name: str) -> None:
    """Raise HarvestError where an attribute of the stimuli cannot be numbers of the model's classes."""
    where, values = f"systems.{system.name}", system.stimuli.attributes.get(name)
    if system.way != "image":
        raise HarvestError(f"{where}: found labels {name!r}, expected none: next tokens are their own.")
    if values is not None and values.max() >= system.config.num_labels:
        raise HarvestError(
            f"{where}.model: {system.model_name} has {system.config.num_labels} classes, and the attribute {name!r} of"
            f" {system.stimuli.name} says {values.max()}."
        )


def no_such_head(head: type, config: object) -> bool:
    return type(config) not in head._model_mapping


def with_head(system: TransformersSystem) -> torch.nn.Module:
    """The model of a system with its head, with the same weights, revision and dtype, on the system's device."""
    import transformers

    check_head(system)
    where = f"systems.{system.name}"
    try:
        with quiet():
            model, found = getattr(transformers, HEADS[system.way]).from_pretrained(
                system.model_name,
                config=copy.deepcopy(system.config),
                revision=system.revision,
                dtype=getattr(torch, system.dtype),
                device_map=system.device_map,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise HarvestError(
            f"{where}.model: {system.model_name}: cannot be loaded with a head ({first_line(error)})."
        ) from error
    refuse_random_parts(model, found["missing_keys"], f"{where}.model: {system.model_name}")
    return system.placed(model.eval().requires_grad_(False))
