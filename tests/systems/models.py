"""Small models and stimuli for the tests of systems."""

import numpy as np
import pytest
import torch

from thresh.stimuli import Stimuli, prepare
from thresh.stimuli.pictures import PixelArray


@pytest.fixture(scope="session")
def pictures():
    """Twelve RGB images of 20 x 24 pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 20, 24, 3), dtype=np.uint8)
    return image_stimuli(pixels)


def image_stimuli(pixels: np.ndarray, labels: np.ndarray | None = None) -> Stimuli:
    count = len(pixels)
    return Stimuli(
        "pictures",
        "images",
        ids=[f"p{index}" for index in range(count)],
        hashes=[f"{index:016x}" for index in range(count)],
        split=["train", "test"] * (count // 2) + ["train"] * (count % 2),
        attributes={} if labels is None else {"label": labels},
        images=PixelArray(pixels),
    )


@pytest.fixture(scope="session")
def digits():
    return prepare("digits", "digits")


@pytest.fixture(scope="session")
def vit_folder(tmp_path_factory):
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        image_size=32, patch_size=8, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32
    )
    return saved(ViTForImageClassification, config, tmp_path_factory.mktemp("vit"))


@pytest.fixture(scope="session")
def resnet_folder(tmp_path_factory):
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 12, 16], depths=[1, 2, 1], layer_type="basic")
    return saved(ResNetForImageClassification, config, tmp_path_factory.mktemp("resnet"))


def saved(kind, config, folder):
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    torch.manual_seed(0)
    kind(config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return str(folder)
