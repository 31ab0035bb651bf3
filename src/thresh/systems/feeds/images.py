"""One image an item."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from thresh.stimuli.base import Stimuli
from thresh.systems.feeds.base import Batch, Feed, filled_up

Preprocess = Callable[[list[Image.Image]], torch.Tensor]


class ImageFeed(Feed):
    """Images in the order of the stimulus set.

    Parameters
    ----------
    preprocess
        Makes a tensor (images, channels, height, width) of images.
    """

    def __init__(self, stimuli: Stimuli, preprocess: Preprocess):
        self.stimuli = stimuli
        self.preprocess = preprocess

    @property
    def count(self) -> int:
        return len(self.stimuli)

    def columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """See `Feed.columns`."""
        return {"stimulus": np.arange(start, stop)}

    def batch(self, start: int, size: int) -> Batch:
        """See `Feed.batch`."""
        pixels = self.preprocess(self.stimuli.images(start, start + size))
        return Batch({"pixel_values": filled_up(pixels, size)}, len(pixels))

    def recipe(self) -> dict:
        """See `Feed.recipe`; preprocessing is told by the system, which made it."""
        return {"items": "images"}
