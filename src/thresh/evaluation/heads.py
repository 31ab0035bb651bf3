"""A harvested model together with its head, and what to splice into it."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import numpy as np
import torch

from thresh.devices import pick_device
from thresh.errors import HarvestError
from thresh.evaluation.splice import Change
from thresh.evaluation.splicing import image_splicing, language_splicing
from thresh.systems.capture import Site
from thresh.systems.feeds.base import Batch
from thresh.systems.transformers_heads import with_head
from thresh.systems.transformers_models import TransformersSystem

# Scores of next tokens in a pass, at most: every token of a batch has one for each word that the model knows.
SCORES = 2**27


def system_splicing(
    system: TransformersSystem, layer: str, change: Change, *, labels=None, chosen: np.ndarray | None = None
) -> dict[str, float]:
    """`language_splicing` or `image_splicing` of a layer of a harvested transformers model, on its own stimuli.

    Parameters
    ----------
    layer
        A layer of the system, with the pooling `positions`, or of images `cls`: of a mean there is no way back.
    change
        Rows to rows: `by_dictionary(dictionary)`.
    labels : (stimuli,) int, optional
        The right one of the model's classes for each image of the stimulus set.
    chosen : (stimuli,) bool, optional
        Stimuli to be measured on, such as those of the split 'test'; an item counts if its first stimulus does.

    Raises
    ------
    HarvestError
        As `check_head`; or the checkpoint has no head, or the layer is pooled.
    """
    pooling, possible = system.poolings[layer], ["positions", *(["cls"] if system.way == "image" else [])]
    if pooling not in possible:
        raise HarvestError(
            f"{system.key(layer)}.pooling: found {pooling!r}, expected {' or '.join(possible)} to splice codes into."
        )
    model = with_head(system)
    site = site_with_head(model, system.sites[layer])
    forward = partial(system.forward, model)
    batches = partial(chosen_batches, system, chosen, words_of(model))
    if system.way == "image":
        own = None if labels is None else np.asarray(labels)[stimuli_of_items(system, chosen)]
        tokens = system.tokens(model)
        return image_splicing(model, site, change, batches, own, tokens=tokens, pooling=pooling, forward=forward)
    return language_splicing(model, site, change, batches, forward=forward)


def site_with_head(model: torch.nn.Module, site: Site) -> Site:
    """The same module within a model with a head, which holds the one without by a name of its own."""
    known = dict(model.named_modules())
    for path in (f"{model.base_model_prefix}.{site.module}", site.module):
        if path in known:
            return Site(path, site.output, site.call)
    raise HarvestError(f"{site.module!r} is no module of {type(model).__name__}, nor of its {model.base_model_prefix}.")


def stimuli_of_items(system: TransformersSystem, chosen: np.ndarray | None) -> np.ndarray:
    """Stimulus of each item that counts, in the order of the batches."""
    stimuli = system.item_columns(0, system.item_count)["stimulus"]
    return stimuli if chosen is None else stimuli[np.asarray(chosen)[stimuli]]


def words_of(model: torch.nn.Module) -> int:
    """Scores that a model gives for each token; 0 where it gives none for tokens."""
    return getattr(model.config.get_text_config(), "vocab_size", 0)


def chosen_batches(system: TransformersSystem, chosen: np.ndarray | None, words: int = 0) -> Iterator[Batch]:
    """The batches of a harvest on the model's device, of each only the items that count, in parts that heads can take.

    Parameters
    ----------
    words
        Scores that the head gives for each token.
    """
    device = pick_device(system.device)
    for start, stop in pairwise(system.batch_edges().tolist()):
        stimuli = system.item_columns(start, stop)["stimulus"]
        wanted = np.ones(len(stimuli), bool) if chosen is None else np.asarray(chosen)[stimuli]
        if wanted.any():
            batch = system.feed.batch(start, stop - start)
            tokens = batch.inputs["input_ids"].shape[1] if "input_ids" in batch.inputs else 0
            most = max(SCORES // max(words * tokens, 1), 1)
            index = np.flatnonzero(wanted)
            for first in range(0, len(index), most):
                yield entries(batch, index[first : first + most]).moved(device)


def entries(batch: Batch, index: np.ndarray) -> Batch:
    """Some entries of a batch."""
    index = torch.from_numpy(index)
    inputs = {name: tensor[index] for name, tensor in batch.inputs.items()}
    return Batch(inputs, len(index), None if batch.kept is None else batch.kept[index])
