"""Every family of vision models: layers are transformers' own hidden states, bit for bit at the same shape.

What the tests of the other families share stands here too.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch

from thresh.errors import HarvestError
from thresh.systems import open_system
from thresh.systems.transformers_loading import quiet

from .models import image_stimuli

COUNT = 5
SIDE = 32
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
SIGHT = {**SMALL, "image_size": SIDE, "patch_size": 8}


class Vision(NamedTuple):
    """A family of vision models.

    Attributes
    ----------
    model
        Class of the model; its config class is found by it.
    settings
        Of the config.
    blocks
        Paths of the modules whose outputs are the hidden states after the first one.
    processor
        Class of the image processor, and its settings.
    prefix
        Tokens in front of the patches.
    grids
        Rows and columns of each block.
    """

    model: str
    settings: dict
    blocks: list[str]
    processor: tuple[str, dict]
    prefix: int
    grids: list[tuple[int, int]]


SQUARE = {"size": {"height": SIDE, "width": SIDE}}
CROP = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
FOUR = [(4, 4)] * 2

VISION = {
    "vit": Vision("ViTModel", SIGHT, ["layers.0", "layers.1"], ("ViT", SQUARE), 1, FOUR),
    # Images are smaller than the config says, as with the trained models (518 and 224 pixels).
    "dinov2": Vision(
        "Dinov2Model", {**SIGHT, "image_size": 56}, ["encoder.layer.0", "encoder.layer.1"], ("Bit", CROP), 1, FOUR
    ),
    "dinov2 with registers": Vision(
        "Dinov2WithRegistersModel",
        {**SIGHT, "image_size": 56, "num_register_tokens": 3},
        ["encoder.layer.0", "encoder.layer.1"],
        ("Bit", CROP),
        4,
        FOUR,
    ),
    "dinov3": Vision(
        "DINOv3ViTModel",
        {**SIGHT, "num_register_tokens": 4},
        ["model.layer.0", "model.layer.1"],
        ("ViT", SQUARE),
        5,
        FOUR,
    ),
    "clip": Vision("CLIPVisionModel", SIGHT, ["encoder.layers.0", "encoder.layers.1"], ("CLIP", CROP), 1, FOUR),
    "siglip": Vision("SiglipVisionModel", SIGHT, ["encoder.layers.0", "encoder.layers.1"], ("Siglip", SQUARE), 0, FOUR),
    # The first stage ends with the merging of patches two by two.
    "swin": Vision(
        "SwinModel",
        {"image_size": SIDE, "patch_size": 4, "embed_dim": 8, "depths": [1, 2], "num_heads": [1, 2], "window_size": 4},
        ["encoder.layers.0", "encoder.layers.1"],
        ("ViT", SQUARE),
        0,
        FOUR,
    ),
    "convnext": Vision(
        "ConvNextModel",
        {"image_size": SIDE, "hidden_sizes": [8, 12], "depths": [1, 2], "num_stages": 2},
        ["encoder.stages.0", "encoder.stages.1"],
        ("ConvNext", {"size": {"shortest_edge": SIDE}}),
        0,
        [(8, 8), (4, 4)],
    ),
    "resnet": Vision(
        "ResNetModel",
        {"embedding_size": 8, "hidden_sizes": [8, 12], "depths": [1, 2], "layer_type": "basic"},
        ["encoder.stages.0", "encoder.stages.1"],
        ("ConvNext", {"size": {"shortest_edge": SIDE}}),
        0,
        [(8, 8), (4, 4)],
    ),
}


@pytest.fixture(scope="module")
def five():
    return image_stimuli(np.random.default_rng(1).integers(0, 256, (COUNT, 20, 24, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    @functools.cache
    def folder(family: str) -> str:
        model, settings, _, processor, *_ = VISION[family]
        return saved(tmp_path_factory.mktemp("vision"), random_model(model, settings), image_processor(*processor))

    return folder


def random_model(name: str, settings: dict, seed: int = 0) -> torch.nn.Module:
    """A model with random weights; norms and biases too, which would hide mistakes as ones and zeros."""
    import transformers

    kind = getattr(transformers, name)
    torch.manual_seed(seed)
    with quiet():
        model = kind(kind.config_class(**settings))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model


def image_processor(name: str, settings: dict):
    """The processor that works without torchvision."""
    import transformers

    with quiet():
        return getattr(transformers, f"{name}ImageProcessorPil")(**settings)


def saved(folder, *parts) -> str:
    with quiet():
        for part in parts:
            part.save_pretrained(folder)
    return str(folder)


def opened(stimuli, folder: str, layers: dict, **params):
    return open_system("transformers", "net", stimuli, layers=layers, device="cpu", model=folder, **params)


def positions_of(paths: list[str]) -> dict:
    return {path: {"module": path, "pooling": "positions"} for path in paths}


@functools.lru_cache(8)
def own_model(folder: str, dtype: torch.dtype) -> torch.nn.Module:
    from transformers import AutoModel

    with quiet():
        return AutoModel.from_pretrained(folder, dtype=dtype).eval()


def own_states(folder: str, inputs: dict, part: Callable = lambda model: model, dtype=torch.float32):
    """transformers' own model and hidden states on a batch."""
    model = own_model(folder, dtype)
    inputs = {key: one.to(dtype) if one.is_floating_point() else one for key, one in inputs.items()}
    with torch.no_grad():
        return model, part(model)(**inputs, output_hidden_states=True)


def check_planned(system) -> None:
    """Shapes that are found without weights are those of the loaded model."""
    planned = {layer: system.planned_shape(layer) for layer in system.layers}
    for layer, shape in planned.items():
        known = system.layer_shape(layer)
        assert shape is not None, layer
        assert (shape.positions, shape.units) == (known.positions, known.units)
        for own, other in ((shape.unit_table, known.unit_table), (shape.position_table, known.position_table)):
            assert own.keys() == other.keys()
            for key in own:
                np.testing.assert_array_equal(own[key], other[key])


def patches(states: torch.Tensor, prefix: int) -> torch.Tensor:
    """Hidden states without prefix tokens as (images, places, units)."""
    return states.flatten(2).transpose(1, 2) if states.ndim == 4 else states[:, prefix:]


@pytest.mark.parametrize("family", VISION)
def test_layers_are_hidden_states_bit_for_bit(family, folder_of, five):
    known = VISION[family]
    system = opened(five, folder_of(family), positions_of(known.blocks), batch_size=COUNT)
    system.check()
    found = system.responses(0, COUNT, known.blocks)
    _, own = own_states(folder_of(family), system.feed.batch(0, COUNT).inputs)
    assert len(own.hidden_states) == 1 + len(known.blocks)
    for block, states in zip(known.blocks, own.hidden_states[1:], strict=True):
        rows = patches(states, known.prefix).flatten(0, 1)
        np.testing.assert_array_equal(found[block], rows.numpy())


@pytest.mark.parametrize("family", VISION)
def test_grids_are_planned_and_right(family, folder_of, five):
    known = VISION[family]
    system = opened(five, folder_of(family), positions_of(known.blocks), batch_size=COUNT)
    check_planned(system)
    assert system.recipe(known.blocks[0])["prefix_tokens"] == known.prefix
    for block, (height, width) in zip(known.blocks, known.grids, strict=True):
        table = system.layer_shape(block).position_table
        y, x = np.indices((height, width))
        np.testing.assert_array_equal(table["y"], y.ravel())
        np.testing.assert_array_equal(table["x"], x.ravel())


@pytest.mark.parametrize("family", VISION)
def test_poolings_leave_out_what_stands_for_no_place(family, folder_of, five):
    known = VISION[family]
    kinds = ["mean", "flatten", *(["cls"] if known.prefix else [])]
    layers = {kind: {"module": known.blocks[-1], "pooling": kind} for kind in kinds}
    system = opened(five, folder_of(family), layers, batch_size=COUNT)
    check_planned(system)
    found = system.responses(0, COUNT, kinds)
    _, own = own_states(folder_of(family), system.feed.batch(0, COUNT).inputs)
    rows = patches(own.hidden_states[-1], known.prefix).numpy()
    np.testing.assert_allclose(found["mean"], rows.mean(axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["flatten"], rows.reshape(COUNT, -1))
    if known.prefix:
        np.testing.assert_array_equal(found["cls"], own.hidden_states[-1][:, 0].numpy())


@pytest.mark.parametrize("family", ["vit", "dinov2", "dinov3", "clip", "siglip", "swin", "resnet"])
def test_other_image_sizes_have_their_own_grid(family, folder_of, five):
    known = VISION[family]
    system = opened(five, folder_of(family), positions_of(known.blocks[:1]), batch_size=COUNT, image_size=2 * SIDE)
    check_planned(system)
    table = system.layer_shape(known.blocks[0]).position_table
    assert (table["y"].max(), table["x"].max()) == tuple(2 * side - 1 for side in known.grids[0])
    assert len(table["y"]) == 4 * known.grids[0][0] * known.grids[0][1]


def test_where_the_first_rows_of_an_image_lie_is_where_the_picture_was_changed(folder_of):
    """A patch of the picture that changes moves the rows of its place more than others (before any attention)."""
    pixels = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    pixels[1] = pixels[0]
    pixels[1, 8:16, 24:32] = 255 - pixels[1, 8:16, 24:32]
    system = opened(image_stimuli(pixels), folder_of("siglip"), positions_of(["embeddings"]), batch_size=2)
    found = system.responses(0, 2, ["embeddings"])["embeddings"].reshape(2, 16, 16)
    (place,) = np.flatnonzero(np.abs(found[0] - found[1]).max(axis=1))
    table = system.layer_shape("embeddings").position_table
    assert (table["y"][place], table["x"][place]) == (1, 3)


def test_bfloat16_is_transformers_own_bfloat16(folder_of, five):
    blocks = VISION["vit"].blocks
    system = opened(five, folder_of("vit"), positions_of(blocks), batch_size=COUNT, dtype="bfloat16")
    found = system.responses(0, COUNT, blocks)
    _, own = own_states(folder_of("vit"), system.feed.batch(0, COUNT).inputs, dtype=torch.bfloat16)
    for block, states in zip(blocks, own.hidden_states[1:], strict=True):
        np.testing.assert_array_equal(found[block], states[:, 1:].flatten(0, 1).float().numpy())


def test_windows_side_by_side_are_not_taken_for_images(folder_of, five):
    """Swin's attention puts out (images x windows, places, channels)."""
    layer = "encoder.layers.0.blocks.0.attention"
    system = opened(five, folder_of("swin"), positions_of([layer]), batch_size=COUNT)
    with pytest.raises(HarvestError, match=r"found an output of shape .* for 1 images, expected one entry an image"):
        system.planned_shape(layer)
    with pytest.raises(HarvestError, match="for 2 images, expected one entry an image; take a module around it"):
        system.layer_shape(layer)
