"""From images to the tensor that a model takes."""

import json

import numpy as np
import PIL
import torch
from PIL import Image

from thresh.errors import HarvestError


class PlainPreprocessing:
    """Resize to a square (bilinear, with antialiasing), scale to [0, 1], subtract mean and divide by std.

    Parameters
    ----------
    size
        Side in pixels.
    mean, std
        One value a channel: three make the images RGB, one makes them grey.
    """

    def __init__(self, system: str, size: int, mean: list[float], std: list[float]):
        if len(mean) != len(std) or len(mean) not in (1, 3) or min(std) <= 0:
            raise HarvestError(
                f"systems.{system}: found mean {mean} and std {std}, expected 1 or 3 values each, std above 0."
            )
        self.size = size
        self.mean, self.std = ([float(value) for value in values] for values in (mean, std))

    def __call__(self, images: list[Image.Image]) -> torch.Tensor:
        mode = "RGB" if len(self.mean) == 3 else "L"
        resized = [
            np.asarray(image.convert(mode).resize((self.size, self.size), Image.Resampling.BILINEAR))
            for image in images
        ]
        pixels = torch.from_numpy(np.stack(resized)).reshape(len(images), self.size, self.size, len(self.mean))
        scaled = (pixels.float() / 255 - torch.tensor(self.mean)) / torch.tensor(self.std)
        return scaled.permute(0, 3, 1, 2).contiguous()

    def recipe(self) -> dict:
        return {"backend": f"pillow {PIL.__version__}", "size": self.size, "mean": self.mean, "std": self.std}


class ProcessorPreprocessing:
    """The image processor that was saved with a transformers model.

    Parameters
    ----------
    image_size
        Side in pixels that replaces the processor's own.
    dtype
        Type of the tensors.
    """

    def __init__(
        self,
        system: str,
        model: str,
        revision: str,
        channels: int,
        image_size: int | None,
        dtype: torch.dtype = torch.float32,
    ):
        from transformers import AutoImageProcessor

        try:
            self.processor = AutoImageProcessor.from_pretrained(model, revision=revision)
        except (OSError, ValueError) as error:
            raise HarvestError(
                f"systems.{system}.model: {model}: found no image processor, expected a preprocessor_config.json"
                " (save one beside the weights with an image processor's save_pretrained)."
            ) from error
        self.system = system
        self.dtype = dtype
        self.mode = "L" if channels == 1 else "RGB"
        self.changes = {} if image_size is None else resized_to(self.processor, image_size)

    def __call__(self, images: list[Image.Image]) -> torch.Tensor:
        converted = [image.convert(self.mode) for image in images]
        try:
            found = self.processor(images=converted, return_tensors="pt", **self.changes)
        except ValueError as error:
            raise HarvestError(
                f"systems.{self.system}: the image processor cannot make one batch of these images"
                f" ({str(error).splitlines()[0]}); where they differ in size, give image_size."
            ) from error
        return found["pixel_values"].to(self.dtype)

    def recipe(self) -> dict:
        # The class name tells the backend: the Pil and the torchvision processors differ in the last digits.
        settings = {key: value for key, value in self.processor.to_dict().items() if not key.startswith("_")}
        # Through JSON, because processors keep sizes and tuples in classes of their own.
        settings = json.loads(json.dumps(settings | self.changes))
        return {"backend": f"{type(self.processor).__name__}, pillow {PIL.__version__}", **settings}


def resized_to(processor: object, size: int) -> dict:
    """Arguments that make a processor put out squares of another size."""
    square = {"height": size, "width": size}
    own = dict(getattr(processor, "size", None) or square)
    if getattr(processor, "do_center_crop", None):
        return {"size": {key: size for key in own if own[key] is not None}, "crop_size": square}
    return {"size": {"shortest_edge": size} if own.get("shortest_edge") else square}
