"""Vision models of the timm library, by name."""

import hashlib
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import PIL
import torch
from PIL import Image

from thresh.errors import HarvestError
from thresh.systems.feeds.base import Feed
from thresh.systems.feeds.frames import FrameFeed
from thresh.systems.feeds.images import ImageFeed
from thresh.systems.model import ModelSystem
from thresh.systems.positions import Tokens, prefix_tokens
from thresh.systems.telling import first_line, listing_of
from thresh.systems.weights import digest_of_files


class TimmSystem(ModelSystem):
    """A model that `timm.create_model` makes, with the transform that timm recommends for it.

    Parameters
    ----------
    model
        Name, with the tag of its weights, e.g. 'vit_base_patch16_224.augreg_in21k'; or 'hf-hub:...'.
    weights
        File of a checkpoint to load instead of timm's own weights.
    dtype
        float32, float16 or bfloat16: type in which the model computes; responses are float32.
    image_size
        Side in pixels that images are resized to; default: the model's own.
    batch_size, untrained, seed, layers
        As for `TransformersSystem`.
    """

    def __init__(
        self,
        name,
        stimuli,
        *,
        layers,
        model: str,
        weights: str | None = None,
        dtype: str = "float32",
        image_size: int | None = None,
        batch_size: int = 64,
        untrained: bool = False,
        seed: int = 0,
        device=None,
    ):
        super().__init__(name, stimuli, layers=layers, device=device, batch_size=batch_size)
        self.model_name = model
        self.weights = weights
        self.dtype = getattr(torch, dtype)
        self.image_size = image_size
        self.untrained = untrained
        self.seed = seed

    @property
    def source(self) -> str:
        return self.model_name

    @property
    def listing(self) -> list[str]:
        """See `ModelSystem.listing`."""
        return listing_of(self.model_name, "timm")

    def created(self, **options) -> torch.nn.Module:
        size = {} if self.image_size is None else {"img_size": self.image_size}
        try:
            return create_model(f"systems.{self.name}", self.model_name, **size, **options)
        except TypeError:
            # Convolutional models take images of any size, and no argument for it.
            return create_model(f"systems.{self.name}", self.model_name, **options)

    def empty_model(self) -> torch.nn.Module:
        with torch.device("meta"):
            return self.created(pretrained=False)

    def check_weights(self) -> None:
        if self.weights is not None and not Path(self.weights).is_file():
            raise HarvestError(f"systems.{self.name}.weights: {self.weights}: found no file, expected a checkpoint.")

    def load_model(self) -> torch.nn.Module:
        self.check_weights()
        if self.untrained:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.seed)
                return self.created(pretrained=False).to(self.dtype)
        try:
            if self.weights is None:
                return self.created(pretrained=True).to(self.dtype)
            return self.created(pretrained=False, checkpoint_path=self.weights).to(self.dtype)
        # Files that are cut off or hold more than tensors raise most kinds of errors.
        except Exception as error:
            file = "" if self.weights is None else f" from {self.weights}"
            raise HarvestError(
                f"systems.{self.name}.model: {self.model_name}: weights cannot be loaded{file} ({first_line(error)})."
            ) from error

    @cached_property
    def data(self) -> dict:
        """What timm knows of a model's images: input_size, interpolation, mean, std, crop_pct and the like."""
        from timm.data import resolve_model_data_config

        found = resolve_model_data_config(self.skeleton)
        return found if self.image_size is None else found | {"input_size": (3, self.image_size, self.image_size)}

    @cached_property
    def transform(self):
        from timm.data import create_transform

        return create_transform(**self.data, is_training=False)

    def preprocess(self, images: list[Image.Image]) -> torch.Tensor:
        """Images as the model wants them, (images, channels, height, width)."""
        return torch.stack([self.transform(image.convert("RGB")) for image in images]).to(self.dtype)

    def make_feed(self) -> Feed:
        """See `ModelSystem.make_feed`."""
        self.require("image", "video")
        kind = ImageFeed if "image" in self.stimuli.modalities else FrameFeed
        return kind(self.stimuli, self.preprocess)

    def forward(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> object:
        return model(inputs["pixel_values"])

    def tokens(self, model: torch.nn.Module) -> Tokens:
        grid = getattr(getattr(model, "patch_embed", None), "grid_size", None)
        prefix = getattr(model, "num_prefix_tokens", None)
        # timm says so where maps are not (batch, channels, height, width), as those of Swin.
        channels_last = getattr(model, "output_fmt", None) == "NHWC"
        return Tokens(prefix_tokens(model) if prefix is None else prefix, grid and tuple(grid), channels_last)

    @cached_property
    def weights_digest(self) -> str | None:
        if self.untrained:
            return None
        if self.weights is not None:
            return digest_of_files([Path(self.weights)])
        # timm keeps weights in a cache whose place it does not tell; what was loaded is told by its values.
        return digest_of_state(self.model)

    def model_recipe(self) -> dict:
        return {
            "kind": "timm",
            "model": self.model_name,
            "weights": self.weights_digest,
            "untrained_seed": self.seed if self.untrained else None,
            "dtype": str(self.dtype).removeprefix("torch."),
            "preprocessing": {
                "backend": f"timm, pillow {PIL.__version__}",
                **{key: list(value) if isinstance(value, tuple) else value for key, value in self.data.items()},
            },
            "timm": version("timm"),
            "torch": torch.__version__,
        }

    def facts(self, layer: str) -> dict:
        """See `System.facts`."""
        return {**super().facts(layer), "untrained": self.untrained}


def create_model(where: str, model: str, **options) -> torch.nn.Module:
    """As `timm.create_model`, with errors that name the extra or the model."""
    try:
        import timm
    # A torchvision that was built for another torch raises a RuntimeError, or an OSError where a library is missing.
    except (ImportError, RuntimeError, OSError) as error:
        raise HarvestError(
            f"{where}: kind timm needs the packages timm and torchvision ({first_line(error)}):"
            " pip install 'thresh[timm]'."
        ) from None
    if not timm.is_model(model) and "/" not in model:
        raise HarvestError(f"{where}.model: {model}: found no model of that name in timm {timm.__version__}.")
    name, _, tag = model.partition(".")
    if tag and "/" not in model and model not in timm.list_pretrained(f"{name}.*"):
        known = ", ".join(one.partition(".")[2] for one in timm.list_pretrained(f"{name}.*"))
        raise HarvestError(f"{where}.model: {model}: found no weights {tag!r} of {name}, expected one of: {known}.")
    return timm.create_model(model, **options)


def digest_of_state(model: torch.nn.Module) -> str:
    """SHA-256 over names and values of a model's weights."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        # Counts of batches have no dimension, and bytes need one.
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
