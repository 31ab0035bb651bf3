"""One frame of a clip an item, for models that look at single images."""

from functools import cached_property

import numpy as np

from thresh.stimuli.base import Stimuli
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
        self.stimuli = stimuli
        self.preprocess = preprocess

    @cached_property
    def edges(self) -> np.ndarray:
        """(clips + 1,) number of the first frame of each clip, and of all frames."""
        return np.r_[0, np.cumsum(self.stimuli.frame_counts)]

    @property
    def count(self) -> int:
        return int(self.edges[-1])

    def columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """See `Feed.columns`."""
        items = np.arange(start, stop)
        clip = np.searchsorted(self.edges, items, side="right") - 1
        times = {one: self.stimuli.frame_times(int(one)) for one in np.unique(clip)}
        frame = items - self.edges[clip]
        time = np.array([times[one][number] for one, number in zip(clip, frame, strict=True)], np.float64)
        return {"stimulus": clip, "frame": frame, "time": time}

    def items_of_stimuli(self) -> np.ndarray:
        """See `Feed.items_of_stimuli`."""
        return np.diff(self.edges)

    def batch(self, start: int, size: int) -> Batch:
        """See `Feed.batch`."""
        stop = min(start + size, self.count)
        frames = []
        begin, end = np.searchsorted(self.edges, [start, stop - 1], side="right") - 1
        for clip in range(begin, end + 1):
            first, last = (int(self.edges[one]) for one in (clip, clip + 1))
            frames += self.stimuli.frames(clip, max(start, first) - first, min(stop, last) - first)
        pixels = self.preprocess(frames)
        return Batch({"pixel_values": filled_up(pixels, size)}, len(pixels))

    def recipe(self) -> dict:
        """See `Feed.recipe`."""
        return {"items": "frames"}
