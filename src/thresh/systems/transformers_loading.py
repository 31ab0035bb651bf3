"""Loading models of the transformers library quietly, and without parts that are silently random."""

import contextlib
import copy
import inspect

import torch

from thresh.errors import HarvestError
from thresh.systems.telling import first_line
from thresh.systems.weights import is_folder


def model_config(where: str, model: str, revision: str):
    """Configuration of a transformers model.

    Raises
    ------
    HarvestError
        There is no such model, or no configuration that this version of transformers knows.
    """
    from transformers import AutoConfig

    is_folder(where, model)
    try:
        with quiet():
            return AutoConfig.from_pretrained(model, revision=revision)
    except (OSError, ValueError, KeyError) as error:
        raise HarvestError(f"{where}.model: {model}: found no transformers model ({first_line(error)}).") from error


def empty_transformer(where: str, model: str, config) -> torch.nn.Module:
    """The model of a configuration, without weights.

    Raises
    ------
    HarvestError
        AutoModel knows no model for it.
    """
    from transformers import AutoModel

    if type(config) not in AutoModel._model_mapping:
        raise HarvestError(
            f"{where}.model: {model}: found a {config.model_type}, which AutoModel of transformers lacks."
        )
    with torch.device("meta"), quiet():
        empty = AutoModel.from_config(copy.deepcopy(config))
    leave_tokens_uncounted(empty)
    return empty


def leave_tokens_uncounted(model: torch.nn.Module) -> None:
    """Let a model without values find the shapes of its layers.

    Models that put images among tokens (LLaVA, PaliGemma and others) count the tokens that stand for an image, which
    takes values.
    """
    own = getattr(model, "get_placeholder_mask", None)
    # Others, that look at video or sound too, return several masks: their shapes are found with the weights.
    if own is None or list(inspect.signature(own).parameters) != ["input_ids", "inputs_embeds", "image_features"]:
        return
    token = model.config.image_token_id
    model.get_placeholder_mask = lambda input_ids, *_, **__: (input_ids == token)[..., None]


def refuse_random_parts(model: torch.nn.Module, missing: set[str], where: str) -> None:
    """Let modules whose weights were not in the checkpoint raise an error when they are called.

    transformers fills such weights with random numbers. An early exit most often ends before them (the pooler of a
    classifier); where it does not, every response would be random.
    """

    def refuse(key: str):
        def hook(module, args):
            raise HarvestError(f"{where}: found no weights for {key}, and a wanted layer depends on them.")

        return hook

    for key in sorted(missing):
        owner, _, parameter = key.rpartition(".")
        # Masks are for pre-training: the module that holds them is called, they are not used.
        if parameter != "mask_token":
            model.get_submodule(owner).register_forward_pre_hook(refuse(key))


@contextlib.contextmanager
def quiet():
    """No progress bars and no load reports: what matters in them becomes an error or a fact."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
