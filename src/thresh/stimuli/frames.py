"""All frames of a set of clips, one clip after the other, as one sequence."""

from functools import cached_property

import numpy as np
from PIL import Image

from thresh.stimuli.base import Stimuli


class FrameOrder:
    """Frames in order, clip after clip.

    Parameters
    ----------
    stimuli
        A set that shows video.
    """

    def __init__(self, stimuli: Stimuli):
        self.stimuli = stimuli

    @cached_property
    def edges(self) -> np.ndarray:
        """(clips + 1,) number of the first frame of each clip, and of all frames."""
        return np.r_[0, np.cumsum(self.stimuli.frame_counts)]

    def __len__(self) -> int:
        return int(self.edges[-1])

    def clips(self, frames: np.ndarray) -> np.ndarray:
        """Clip of each of some frames."""
        return np.searchsorted(self.edges, frames, side="right") - 1

    def columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Of the frames start to stop: `stimulus` (the clip), `frame` in it, and `time` in seconds."""
        items = np.arange(start, stop)
        clip = self.clips(items)
        frame = items - self.edges[clip]
        times = [self.stimuli.frame_times(int(one))[frame[clip == one]] for one in np.unique(clip)]
        return {"stimulus": clip, "frame": frame, "time": np.concatenate([np.empty(0), *times])}

    def frames(self, start: int, stop: int) -> list[Image.Image]:
        """The frames start to stop."""
        found = []
        for clip in np.unique(self.clips(np.arange(start, stop))):
            first, last = (int(edge) for edge in self.edges[clip : clip + 2])
            found += self.stimuli.frames(int(clip), max(start, first) - first, min(stop, last) - first)
        return found
