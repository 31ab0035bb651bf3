"""Raw pixels, the baseline that any model should beat."""

from functools import cached_property

import numpy as np
import PIL
from PIL import Image

from thresh.errors import HarvestError
from thresh.systems.base import LayerShape, System


class PixelsSystem(System):
    """Pixels of each image on the scale 0 to 1, row by row, as the units of one layer.

    Sets that are all grey have one unit a pixel, others three (images that are grey among them repeat their value).

    Parameters
    ----------
    image_size
        Side in pixels that images are resized to (bilinear, with antialiasing); default: as they are.
    """

    def __init__(self, name, stimuli, *, layers, image_size: int | None = None, device=None):
        super().__init__(name, stimuli, layers=layers, device=device)
        self.image_size = image_size

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        found = self.stimuli.shown().common_shape()
        channels = 1 if found is not None and len(found) == 2 else 3
        if self.image_size is not None:
            return self.image_size, self.image_size, channels
        if found is None:
            raise HarvestError(
                f"systems.{self.name}.image_size: found none, expected a size: the images of {self.stimuli.name!r}"
                " differ in size or are large."
            )
        return found[0], found[1], channels

    def check(self) -> None:
        """See `System.check`."""
        self.require("image")
        self.check_one_layer()
        self.layer_shape(next(iter(self.layers)))

    def layer_shape(self, layer: str) -> LayerShape:
        """See `System.layer_shape`."""
        y, x, channel = (axis.ravel() for axis in np.indices(self.shape))
        return LayerShape(1, len(y), {"y": y, "x": x, "channel": channel})

    def responses(self, start: int, stop: int, layers: list[str]) -> dict[str, np.ndarray]:
        """See `System.responses`."""
        rows = [self.row(image) for image in self.stimuli.images(start, stop)]
        values = np.stack(rows) if rows else np.empty((0, int(np.prod(self.shape))), np.float32)
        return dict.fromkeys(layers, values)

    def row(self, image: Image.Image) -> np.ndarray:
        height, width, channels = self.shape
        image = image.convert("L" if channels == 1 else "RGB")
        if self.image_size is not None:
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        return (np.asarray(image, dtype=np.float32) / np.float32(255)).ravel()

    def recipe(self, layer: str) -> dict:
        """See `System.recipe`."""
        return {"kind": "pixels", "shape": list(self.shape), "backend": f"pillow {PIL.__version__}"}

    def facts(self, layer: str) -> dict:
        """See `System.facts`."""
        return {"simulated": False, "source": f"pixels of {self.stimuli.name}"}
