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
    """Look whether a model can have a head, before anything is loaded; whether its checkpoint has it is seen then.

    Raises
    ------
    HarvestError
        transformers knows no head for the model and what it is shown, or the model is untrained.
    """
    import transformers

    where = f"systems.{system.name}"
    head = HEADS.get(system.way)
    if head is None or system.config.is_encoder_decoder or no_such_head(getattr(transformers, head), system.config):
        known = "next tokens of text, or classes of images"
        raise HarvestError(f"{where}: {system.model_name} has no head to splice before, expected one for {known}.")
    if system.untrained:
        raise HarvestError(f"{where}.untrained: found true, expected false: an untrained head has nothing to recover.")


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
