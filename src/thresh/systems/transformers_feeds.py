"""How a transformers model is fed: what it can take of the stimuli, and the part of it that takes that."""

import torch

from thresh.errors import HarvestError
from thresh.stimuli.base import Stimuli
from thresh.systems.base import PLURALS
from thresh.systems.feeds.base import Feed
from thresh.systems.feeds.frames import FrameFeed
from thresh.systems.feeds.images import ImageFeed
from thresh.systems.feeds.pairs import PairFeed
from thresh.systems.feeds.text import LONGEST, TextFeed
from thresh.systems.feeds.tokenising import GivenTokens, ModelTokeniser


def reads(model: torch.nn.Module) -> tuple[str, ...]:
    """What a model takes: image, text, or both; from its class alone."""
    if model.main_input_name == "pixel_values":
        return ("image",)
    if model.main_input_name != "input_ids":
        return ()
    return ("text",) if model.get_encoder("image") is model else ("image", "text")


def way_of_feeding(model: torch.nn.Module, stimuli: Stimuli, where: str) -> str:
    """'pairs', 'image', 'video', 'text' or 'tokens': the most of what stimuli show that a model takes.

    Raises
    ------
    HarvestError
        The model takes nothing of what the stimuli show.
    """
    takes, shown = reads(model), stimuli.modalities
    if {"image", "text"} <= set(takes) & set(shown):
        return "pairs"
    for way, modality in (("image", "image"), ("video", "image"), ("text", "text"), ("tokens", "text")):
        if way in shown and modality in takes:
            return way
    wanted = " or ".join(PLURALS[one] for one in takes) or model.main_input_name
    raise HarvestError(
        f"{where}: {type(model).__name__} takes {wanted}, but the stimuli {stimuli.name!r} are of kind"
        f" {stimuli.kind!r}."
    )


def entry(model: torch.nn.Module, way: str) -> torch.nn.Module:
    """The part of a model that is called: a tower of it where stimuli show only what that tower takes."""
    if way in ("image", "video"):
        return model.get_encoder("image") if model.main_input_name != "pixel_values" else model
    if way in ("text", "tokens"):
        if model.config.is_encoder_decoder:
            return model.get_encoder()
        if model.get_encoder("image") is not model:
            return model.get_decoder()
    return model


def item_length(name: str, config, given: int | None, limit: int | None) -> int:
    """Most tokens of an item: as the config says, else what model and tokenizer can take, at most `LONGEST`."""
    most = getattr(config.get_text_config(), "max_position_embeddings", None)
    if given and most and given > most:
        raise HarvestError(f"systems.{name}.text.length: found {given}, expected at most {most}, as the model reads.")
    return given or min(one for one in (most, limit, LONGEST) if one)


def make_feed(way: str, name: str, stimuli: Stimuli, *, config, model: str, revision: str, text: dict, preprocessing):
    """The feed for a way of feeding.

    Parameters
    ----------
    config
        Configuration of the model.
    model, revision
        Where tokenizer and processor stand.
    text
        length, packing, special_tokens, prepend_bos, template.
    preprocessing
        Makes tensors of images; it is called where images are fed.
    """
    options = {key: text[key] for key in ("packing", "special_tokens")}
    if way == "image":
        return ImageFeed(stimuli, preprocessing)
    if way == "video":
        return FrameFeed(stimuli, preprocessing)
    if way == "tokens":
        return tokens_feed(name, stimuli, config, text, options)
    if way == "pairs":
        return pairs_feed(name, stimuli, config, model, revision, text, preprocessing)
    tokeniser = ModelTokeniser(name, model, revision, template=text["template"], prepend_bos=text["prepend_bos"])
    limit = tokeniser.tokenizer.model_max_length
    return TextFeed(name, stimuli, tokeniser, length=item_length(name, config, text["length"], limit), **options)


def tokens_feed(name: str, stimuli: Stimuli, config, text: dict, options: dict) -> Feed:
    """Feed of token ids."""
    own = config.get_text_config()
    bos = own.bos_token_id if text["prepend_bos"] else None
    if text["prepend_bos"] and bos is None:
        raise HarvestError(f"systems.{name}.text.prepend_bos: found true, but the model's config has no bos_token_id.")
    tokeniser = GivenTokens(name, own.vocab_size, bos)
    return TextFeed(name, stimuli, tokeniser, length=item_length(name, config, text["length"], None), **options)


def pairs_feed(name: str, stimuli: Stimuli, config, model: str, revision: str, text: dict, preprocessing) -> Feed:
    """Feed of images with texts."""
    key = f"systems.{name}.text"
    if text["packing"]:
        raise HarvestError(f"{key}.packing: found true, expected false for images with text.")
    if text["prepend_bos"] or text["special_tokens"] == "omit":
        raise HarvestError(f"{key}: prepend_bos and special_tokens: omit are for text alone, not for images with text.")
    return PairFeed(
        name,
        stimuli,
        model,
        revision,
        length=item_length(name, config, text["length"], None),
        special_tokens=text["special_tokens"],
        template=text["template"],
        image_options=preprocessing.changes,
    )
