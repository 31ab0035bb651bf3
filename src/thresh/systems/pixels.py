"""Raw pixels, the baseline that any model should beat."""

from functools import cached_property

import numpy as np
import PIL
from PIL import Image

from thresh.errors import HarvestError
from thresh.stimuli.frames import FrameOrder
from thresh.systems.base import LayerShape, System


class PixelsSystem(System):
    """Pixels of each image, or of each frame of a clip, on the scale 0 to 1, row by row, as the units of one layer.

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
        found = self.common_shape()
        channels = 1 if found is not None and len(found) == 2 else 3
        if self.image_size is not None:
            return self.image_size, self.image_size, channels
        if found is None:
            raise HarvestError(
                f"systems.{self.name}.image_size: found none, expected a size: the images of {self.stimuli.name!r}"
                " differ in size, are large, or are frames of clips."
            )
        return found[0], found[1], channels

    def check(self) -> None:
        """See `System.check`."""
        self.require("image", "video")
        self.check_one_layer()
        self.layer_shape(next(iter(self.layers)))

    def layer_shape(self, layer: str) -> LayerShape:
        """See `System.layer_shape`."""
        y, x, channel = (axis.ravel() for axis in np.indices(self.shape))
        return LayerShape(1, len(y), {"y": y, "x": x, "channel": channel})

    def common_shape(self) -> tuple[int, ...] | None:
        """Shape of every image; None where they differ, or where it takes long to tell."""
        return self.stimuli.shown().common_shape() if self.order is None else None

    @cached_property
    def order(self) -> FrameOrder | None:
        """Frames of the clips, where the stimuli are clips."""
        return None if "image" in self.stimuli.modalities else FrameOrder(self.stimuli)

    @property
    def item_count(self) -> int:
        """See `System.item_count`."""
        return len(self.stimuli if self.order is None else self.order)

    def item_columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """See `System.item_columns`."""
        return super().item_columns(start, stop) if self.order is None else self.order.columns(start, stop)

    def rows_of_stimuli(self, layer: str) -> np.ndarray:
        """See `System.rows_of_stimuli`."""
        return np.ones(len(self.stimuli), np.int64) if self.order is None else np.diff(self.order.edges)

    def responses(self, start: int, stop: int, layers: list[str]) -> dict[str, np.ndarray]:
        """See `System.responses`."""
        stop = min(stop, self.item_count)
        images = self.stimuli.images(start, stop) if self.order is None else self.order.frames(start, stop)
        rows = [self.row(image) for image in images]
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
