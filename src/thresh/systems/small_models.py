"""Small vision models that a study trains itself, saved as folders of transformers like any model of the hub."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from thresh.errors import ConfigError, HarvestError
from thresh.stimuli.base import Stimuli
from thresh.systems.transformers_loading import quiet

# Both see the digits at 32 x 32 pixels and have three layers of 4 x 4 positions and 64 units.
IMAGE_SIZE = 32
EPOCHS = {"resnet": 20, "vit": 60}
LEARNING_RATES = {"resnet": 3e-3, "vit": 2e-3}


def train_small_model(
    stimuli: Stimuli,
    folder: str | Path,
    *,
    architecture: str,
    seed: int = 0,
    epochs: int | None = None,
    minimum_accuracy: float = 0.0,
    batch_size: int = 64,
    largest_shift: int = 3,
    name: str = "small model",
) -> dict:
    """Train a classifier on the train split of labelled images and save it, with its image processor.

    AdamW (weight decay .05, gradients clipped at 1), one cycle of the learning rate with a cosine, label smoothing .1,
    no dropout; every image is shifted by up to `largest_shift` of 32 pixels each time it is seen. Runs on one thread
    of the CPU, so that the same seed gives the same weights.

    Parameters
    ----------
    stimuli
        Images with an attribute `label`.
    folder
        Where model and image processor are saved; AutoModel and AutoImageProcessor load them from there.
    architecture
        'resnet': ResNetForImageClassification, one stage of three basic blocks, 64 channels of 4 x 4; modules
        `encoder.stages.0.layers.0` to `.2`. 'vit': ViTForImageClassification, three layers of 64 units on 4 x 4
        patches and a class token; modules `layers.0` to `.2`.
    epochs
        Passes over the train split; default: 20 for 'resnet', 60 for 'vit'.
    minimum_accuracy
        Share of test images that must be classified rightly.
    name
        For messages.

    Returns
    -------
    dict
        Settings, `test_accuracy`, `train_accuracy` and the mean `loss` of each epoch.

    Raises
    ------
    ConfigError
        The architecture is unknown.
    HarvestError
        The stimuli have no labels, or the accuracy is too low; nothing is saved then.
    """
    if architecture not in EPOCHS:
        raise ConfigError(f"small_models.{name}.architecture", architecture, f"one of {', '.join(EPOCHS)}")
    if "label" not in stimuli.attributes:
        raise HarvestError(f"small_models.{name}: found stimuli {stimuli.name!r} without labels, expected some.")
    epochs = epochs or EPOCHS[architecture]
    processor = image_processor()
    labels, targets = np.unique(stimuli.attributes["label"], return_inverse=True)
    pixels = pixels_of(stimuli, processor)
    sets = {split: torch.from_numpy(np.flatnonzero(stimuli.split == split)) for split in ("train", "test")}
    train = (pixels[sets["train"]], torch.from_numpy(targets)[sets["train"]])
    test = (pixels[sets["test"]], torch.from_numpy(targets)[sets["test"]])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = make_model(architecture, len(labels))
            rate = LEARNING_RATES[architecture]
            losses = fit(model, *train, epochs=epochs, batch_size=batch_size, rate=rate, largest_shift=largest_shift)
        accuracies = {f"{split}_accuracy": accuracy(model, *data) for split, data in (("train", train), ("test", test))}
    finally:
        torch.set_num_threads(threads)
    if accuracies["test_accuracy"] < minimum_accuracy:
        raise HarvestError(
            f"small_models.{name}: found a test accuracy of {accuracies['test_accuracy']:.3f} after {epochs} epochs,"
            f" expected at least {minimum_accuracy}."
        )
    with quiet():
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
    return {
        "architecture": architecture,
        "seed": seed,
        "epochs": epochs,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        **accuracies,
        "loss": losses,
    }


def image_processor():
    """Resize to 32 x 32 (bilinear), scale to [-1, 1]."""
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    half = [0.5, 0.5, 0.5]
    return ViTImageProcessorPil(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE}, image_mean=half, image_std=half)


def pixels_of(stimuli: Stimuli, processor) -> Tensor:
    """All images as the model sees them, (n, 3, 32, 32)."""
    images = [image.convert("RGB") for image in stimuli.images(0, len(stimuli))]
    return processor(images=images, return_tensors="pt")["pixel_values"]


def make_model(architecture: str, classes: int) -> torch.nn.Module:
    from transformers import ResNetConfig, ResNetForImageClassification, ViTConfig, ViTForImageClassification

    if architecture == "resnet":
        return ResNetForImageClassification(
            ResNetConfig(
                embedding_size=32,
                hidden_sizes=[64],
                depths=[3],
                layer_type="basic",
                downsample_in_first_stage=True,
                num_labels=classes,
            )
        )
    return ViTForImageClassification(
        ViTConfig(
            image_size=IMAGE_SIZE,
            patch_size=8,
            hidden_size=64,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=128,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            num_labels=classes,
        )
    )


def fit(
    model: torch.nn.Module,
    pixels: Tensor,
    targets: Tensor,
    *,
    epochs: int,
    batch_size: int,
    rate: float,
    largest_shift: int,
) -> list[float]:
    """Train in place; the mean loss of each epoch."""
    batch_size = min(batch_size, len(pixels))
    batches = len(pixels) // batch_size
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=epochs * batches, pct_start=0.1)
    objective = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    model.train()
    losses = []
    for _ in range(epochs):
        total = 0.0
        order = torch.randperm(len(pixels))[: batches * batch_size]
        for chosen in order.split(batch_size):
            loss = objective(model(shifted(pixels[chosen], largest_shift)).logits, targets[chosen])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += loss.item()
        losses.append(total / batches)
    model.eval()
    return losses


def shifted(images: Tensor, largest: int) -> Tensor:
    """Each image moved by its own random offset, up to `largest` pixels; black comes in from the sides."""
    count, channels, height, width = images.shape
    padded = functional.pad(images, (largest,) * 4, value=-1.0)
    down, right = torch.randint(0, 2 * largest + 1, (2, count))
    y = (down[:, None] + torch.arange(height))[:, None, :, None]
    x = (right[:, None] + torch.arange(width))[:, None, None, :]
    return padded[torch.arange(count)[:, None, None, None], torch.arange(channels)[None, :, None, None], y, x]


@torch.inference_mode()
def accuracy(model: torch.nn.Module, pixels: Tensor, targets: Tensor) -> float:
    right = [
        (model(some).logits.argmax(1) == wanted).sum().item()
        for some, wanted in zip(pixels.split(256), targets.split(256), strict=True)
    ]
    return sum(right) / max(len(targets), 1)
