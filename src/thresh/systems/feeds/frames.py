"""One frame of a clip an item, for models that look at single images."""

import numpy as np

from thresh.stimuli.base import Stimuli
from thresh.stimuli.frames import FrameOrder
from thresh.systems.feeds.base import Batch, Feed, filled_up
from thresh.systems.feeds.images import Preprocess


class FrameFeed(Feed):
    """Frames in order, clip after clip; rows know their `frame` and its `time` in seconds.

    Parameters
    ----------
    preprocess
        Makes a tensor (images, channels, height, width) of images.
    """

    def __init__(self, stimuli: Stimuli, preprocess: Preprocess):
        self.order = FrameOrder(stimuli)
        self.preprocess = preprocess

    @property
    def count(self) -> int:
        return len(self.order)

    def columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """See `Feed.columns`."""
        return self.order.columns(start, stop)

    def items_of_stimuli(self) -> np.ndarray:
        """See `Feed.items_of_stimuli`."""
        return np.diff(self.order.edges)

    def batch(self, start: int, size: int) -> Batch:
        """See `Feed.batch`."""
        pixels = self.preprocess(self.order.frames(start, min(start + size, self.count)))
        return Batch({"pixel_values": filled_up(pixels, size)}, len(pixels))

    def recipe(self) -> dict:
        """See `Feed.recipe`."""
        return {"items": "frames"}
