"""Models of images and text, shown either or both: layers are transformers' own hidden states, bit for bit."""

import functools
import operator
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
import torch

from thresh.errors import HarvestError
from thresh.stimuli.pictures import PixelArray
from thresh.systems.transformers_loading import quiet

from .language import WORDS, shown
from .test_families import (
    CROP,
    SIGHT,
    SMALL,
    SQUARE,
    check_planned,
    image_processor,
    opened,
    own_states,
    positions_of,
    random_model,
    saved,
)

COUNT = 6
PIXELS = np.random.default_rng(2).integers(0, 256, (COUNT, 20, 24, 3), dtype=np.uint8)
# Images bring 16 tokens to LLaVA and PaliGemma, so that these texts come in batches with padding.
TEXTS = [
    " ".join(np.random.default_rng(number).choice(WORDS, length)) for number, length in enumerate((7, 2, 12, 13, 12, 3))
]
IMAGE = "<image>"
TEXT = {**SMALL, "bos_token_id": 17, "eos_token_id": 18, "pad_token_id": 16}


def stimuli(*modalities: str):
    contents = {"image": PixelArray(PIXELS), "text": TEXTS}
    return shown("images", {one: contents[one] for one in modalities}, COUNT)


def word_tokenizer(**options):
    """One token a word; BOS in front, EOS behind, and a token 20 for images."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = {"PAD": 16, "BOS": 17, "EOS": 18, "UNK": 19, IMAGE: 20}
    made = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)} | special, unk_token="UNK"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(single="BOS $A EOS", special_tokens=[("BOS", 17), ("EOS", 18)])
    names = {"bos_token": "BOS", "eos_token": "EOS", "pad_token": "PAD", "unk_token": "UNK"}
    return PreTrainedTokenizerFast(
        tokenizer_object=made, extra_special_tokens={"image_token": IMAGE}, **names, **options
    )


def letters_tokenizer():
    """Of the class that PaliGemma's processor loads, one token a letter."""
    from transformers import GemmaTokenizer

    letters = sorted({letter for word in WORDS for letter in word} | {"▁", "\n"})
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *letters]
    return GemmaTokenizer(vocab={piece: index for index, piece in enumerate(pieces)}, merges=[])


def clip_processor():
    from transformers import CLIPProcessor

    return CLIPProcessor(image_processor=image_processor("CLIP", CROP), tokenizer=word_tokenizer())


def siglip_processor():
    """SigLIP reads texts padded to its full length, without a mask."""
    from transformers import SiglipProcessor

    tokenizer = word_tokenizer(model_input_names=["input_ids"])
    return SiglipProcessor(image_processor=image_processor("Siglip", SQUARE), tokenizer=tokenizer)


def llava_processor():
    from transformers import LlavaProcessor

    return LlavaProcessor(
        image_processor=image_processor("CLIP", CROP),
        tokenizer=word_tokenizer(),
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )


def paligemma_processor():
    from transformers import PaliGemmaProcessor

    images = image_processor("Siglip", SQUARE)
    images.image_seq_length = 16
    return PaliGemmaProcessor(image_processor=images, tokenizer=letters_tokenizer())


def llava_model():
    from transformers import CLIPVisionConfig, LlamaConfig

    text = LlamaConfig(**TEXT, vocab_size=24, max_position_embeddings=64)
    return random_model(
        "LlavaForConditionalGeneration",
        {"vision_config": CLIPVisionConfig(**SIGHT), "text_config": text, "image_token_id": 20},
    )


def paligemma_model():
    from transformers import GemmaConfig, SiglipVisionConfig

    token = paligemma_processor().image_token_id
    text = GemmaConfig(
        **{**TEXT, "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0},
        vocab_size=1400,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=96,
    )
    return random_model(
        "PaliGemmaForConditionalGeneration",
        {
            "vision_config": SiglipVisionConfig(**SIGHT, projection_dim=16),
            "text_config": text,
            "image_token_id": token,
            "projection_dim": 16,
        },
    )


def two_towers(name: str) -> Callable:
    text = {**TEXT, "vocab_size": 24, "max_position_embeddings": 24}
    return lambda: random_model(name, {"text_config": text, "vision_config": SIGHT})


class Both(NamedTuple):
    """A family of models of images and text.

    Attributes
    ----------
    model, processor
        Make what is saved.
    sight, language
        Path of the module of each part, and of its blocks within it; blocks put out the hidden states after the first.
    prefix
        Tokens in front of the patches.
    image_tokens
        Tokens of an image among those of the text.
    template
        For images with text.
    """

    model: Callable
    processor: Callable
    sight: str
    language: str
    prefix: int
    image_tokens: int
    template: str = "{text}"

    def blocks(self, part: str) -> list[str]:
        return [f"{part}.{'' if part == 'language_model' else 'encoder.'}layers.{index}" for index in range(2)]


BOTH = {
    "clip": Both(two_towers("CLIPModel"), clip_processor, "vision_model", "text_model", 1, 0),
    "siglip": Both(two_towers("SiglipModel"), siglip_processor, "vision_model", "text_model", 0, 0),
    "llava": Both(llava_model, llava_processor, "vision_tower", "language_model", 1, 16, f"{IMAGE} {{text}}"),
    "paligemma": Both(paligemma_model, paligemma_processor, "vision_tower", "language_model", 0, 16, IMAGE + "{text}"),
}


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    @functools.cache
    def folder(family: str) -> str:
        with quiet():
            return saved(tmp_path_factory.mktemp("both"), BOTH[family].model(), BOTH[family].processor())

    return folder


def batches_of(system):
    """Each batch, and the rows of its kept tokens among all."""
    row = 0
    for start, stop in pairwise(system.batch_edges().tolist()):
        batch = system.prepared(start, stop)
        count = 0 if batch.kept is None else int(batch.kept.sum())
        yield start, stop, batch, slice(row, row + count)
        row += count


def check_language(found: np.ndarray, states: torch.Tensor, kept: torch.Tensor) -> None:
    np.testing.assert_array_equal(found, states[kept].numpy())


@pytest.mark.parametrize("family", BOTH)
def test_images_alone(family, folder_of):
    known = BOTH[family]
    blocks = known.blocks(known.sight)
    system = opened(stimuli("image"), folder_of(family), positions_of(blocks), batch_size=COUNT)
    system.check()
    check_planned(system)
    assert system.feed.batch(0, COUNT).inputs.keys() == {"pixel_values"}
    found = system.responses(0, COUNT, blocks)
    _, own = own_states(folder_of(family), system.feed.batch(0, COUNT).inputs, operator.attrgetter(known.sight))
    for block, states in zip(blocks, own.hidden_states[1:], strict=True):
        np.testing.assert_array_equal(found[block], states[:, known.prefix :].flatten(0, 1).numpy())


@pytest.mark.parametrize("family", BOTH)
def test_text_alone(family, folder_of):
    known = BOTH[family]
    block = known.blocks(known.language)[0]
    system = opened(stimuli("text"), folder_of(family), positions_of([block]), batch_size=COUNT)
    system.check()
    check_planned(system)
    found = system.responses(0, COUNT, [block])[block]
    for _, _, batch, rows in batches_of(system):
        _, own = own_states(folder_of(family), batch.inputs, operator.attrgetter(known.language))
        check_language(found[rows], own.hidden_states[1], batch.kept)


@pytest.mark.parametrize("special_tokens", ["drop", "keep"])
@pytest.mark.parametrize("family", BOTH)
def test_images_with_text(family, special_tokens, folder_of):
    known = BOTH[family]
    sight, block = (known.blocks(part)[0] for part in (known.sight, known.language))
    text = {"template": known.template, "special_tokens": special_tokens}
    system = opened(
        stimuli("image", "text"), folder_of(family), positions_of([sight, block]), batch_size=COUNT, text=text
    )
    system.check()
    check_planned(system)
    found = system.responses(0, COUNT, [sight, block])
    for start, stop, batch, rows in batches_of(system):
        # PaliGemma's processor makes labels for training too.
        assert "labels" not in batch.inputs
        model, own = own_states(folder_of(family), batch.inputs)
        language = getattr(own, "text_model_output", own).hidden_states[1]
        check_language(found[block][rows], language, batch.kept)
        with torch.no_grad():
            seen = model.get_submodule(known.sight)(batch.inputs["pixel_values"], output_hidden_states=True)
        places = seen.hidden_states[1][: stop - start, known.prefix :].flatten(0, 1)
        np.testing.assert_array_equal(found[sight][16 * start : 16 * stop], places.numpy())
    items = system.item_columns(0, COUNT)["stimulus"]
    np.testing.assert_array_equal(system.row_columns(sight, 0, COUNT)["stimulus"], np.repeat(items, 16))


@pytest.mark.parametrize("special_tokens", ["drop", "keep"])
@pytest.mark.parametrize("family", BOTH)
def test_rows_of_images_with_text_know_their_tokens(family, special_tokens, folder_of):
    """Token ids by the processor, one pair at a time without padding; those of images have rows like others."""
    known = BOTH[family]
    block = known.blocks(known.language)[0]
    text = {"template": known.template, "special_tokens": special_tokens}
    both = stimuli("image", "text")
    system = opened(both, folder_of(family), positions_of([block]), batch_size=COUNT, text=text)
    rows = system.row_columns(block, 0, COUNT)
    processor = known.processor()
    image = getattr(processor, "image_token_id", None)
    for index in range(COUNT):
        shown = processor(images=[both.image(index)], text=[known.template.replace("{text}", TEXTS[index])])
        ids = np.array(shown["input_ids"][0])
        special = np.isin(ids, processor.tokenizer.all_special_ids) & (ids != image)
        kept = np.ones(len(ids), bool) if special_tokens == "keep" else ~special
        mine = rows["stimulus"] == index
        np.testing.assert_array_equal(rows["token"][mine], ids[kept])
        np.testing.assert_array_equal(rows["position"][mine], np.flatnonzero(kept))
        assert (rows["token"][mine] == image).sum() == known.image_tokens


def test_the_image_reaches_the_language_model(folder_of):
    """With other images the rows of the same text are others, and not without."""
    block = "language_model.layers.1"
    text = {"template": f"{IMAGE} {{text}}"}
    found = []
    for pixels in (PIXELS, 255 - PIXELS):
        shown_both = shown("images", {"image": PixelArray(pixels), "text": TEXTS}, COUNT)
        system = opened(shown_both, folder_of("llava"), positions_of([block]), text=text)
        words = system.row_columns(block, 0, COUNT)["token"] != 20
        found.append(system.responses(0, COUNT, [block])[block][words])
    assert (np.abs(found[0] - found[1]).max(axis=1) > 1e-4).all()


def test_a_text_that_leaves_no_room_for_the_image_is_told(folder_of):
    system = opened(
        stimuli("image", "text"),
        folder_of("llava"),
        positions_of(["language_model.layers.0"]),
        text={"template": f"{IMAGE} {{text}}", "length": 10},
    )
    with pytest.raises(HarvestError, match=r"the processor cannot take these images and texts .*text\.template is"):
        system.check()


@pytest.mark.parametrize("family", BOTH)
def test_other_image_sizes_where_images_are_not_among_the_tokens(family, folder_of):
    known = BOTH[family]
    sight = known.blocks(known.sight)[0]
    system = opened(
        stimuli("image", "text"),
        folder_of(family),
        positions_of([sight]),
        text={"template": known.template},
        image_size=64,
    )
    if known.image_tokens:
        with pytest.raises(HarvestError, match=r"systems\.net\.image_size: found 64, expected none: .* has room for"):
            system.check()
    else:
        system.check()
        check_planned(system)
        assert system.layer_shape(sight).position_table["x"].max() == 7


def test_a_part_that_transformers_cannot_load_alone_is_told(tmp_path):
    from transformers import SiglipTextConfig

    SiglipTextConfig(**TEXT).save_pretrained(tmp_path)
    system = opened(stimuli("text"), str(tmp_path), positions_of(["encoder.layers.0"]))
    with pytest.raises(HarvestError, match=r"systems\.net\.model: .*: found a siglip_text_model, which AutoModel"):
        system.check()


def test_what_the_projector_gives_the_language_model(folder_of):
    """Its rows are the image's tokens among the embeddings that the first block gets."""
    layer = "multi_modal_projector"
    text = {"template": BOTH["llava"].template}
    system = opened(stimuli("image", "text"), folder_of("llava"), positions_of([layer]), batch_size=COUNT, text=text)
    check_planned(system)
    found = system.responses(0, COUNT, [layer])[layer].reshape(COUNT, 16, -1)
    for start, _, batch, _ in batches_of(system):
        model, own = own_states(folder_of("llava"), batch.inputs)
        for entry, ids in enumerate(batch.inputs["input_ids"]):
            image = own.hidden_states[0][entry][ids == model.config.image_token_id]
            np.testing.assert_array_equal(found[start + entry], image.numpy())
