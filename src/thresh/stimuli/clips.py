"""Sets of clips: which there are, and their frames, read when they are asked for and never twice in a row."""

import contextlib
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from thresh.errors import ConfigError, StimuliError
from thresh.stimuli.choices import positive
from thresh.stimuli.decoding import ANIMATIONS, STILLS, VIDEOS, Frame, frames_of
from thresh.stimuli.hashing import ClipHash
from thresh.stimuli.ragged import Ragged, Spool


def video(
    name: str,
    *,
    folder: str,
    frame_rate: float | None = None,
    every: int = 1,
    maximum_frames: int | None = None,
) -> dict:
    """Clips of a folder; ids are relative paths without suffix, the folder of a clip is the attribute `folder`.

    A clip is a video file, an animated image, a .npy array (frames, height, width[, 3]), or a subfolder of numbered
    images. Every clip is decoded once, for its hash, the times of its frames and a checksum of each.
    """
    positive(name, frame_rate=frame_rate, every=every, maximum_frames=maximum_frames)
    paths = found_clips(name, Path(folder))
    clips = Clips(name, folder, paths, frame_rate=frame_rate, every=every, maximum_frames=maximum_frames)
    places = [PurePosixPath(path) for path in paths]
    # A dot in the name of a folder begins no suffix.
    ids = [str(one) if (Path(folder) / one).is_dir() else one.with_suffix("").as_posix() for one in places]
    folders = np.array([place.parent.as_posix() for place in places])
    return {
        "ids": ids,
        "hashes": clips.read_all(),
        "attributes": {"folder": folders} if (folders != ".").any() else {},
        "contents": {"video": clips},
    }


def found_clips(name: str, folder: Path) -> list[str]:
    """Relative paths, sorted, of the clips below a folder.

    A subfolder with stills (.png, .jpg, .bmp, .ppm, .tif) is a clip of numbered frames. All other files that may be
    clips are; a .png or .tif directly in `folder` has to be an animated one.

    Raises
    ------
    StimuliError
        There is no such folder, or no clip in it.
    """
    if not folder.is_dir():
        raise StimuliError(f"stimuli.{name}.folder: {folder}: found nothing, expected a folder of clips.")
    found = set()
    for path in folder.rglob("*"):
        place = path.relative_to(folder)
        if any(part.startswith((".", "__MACOSX")) for part in place.parts) or not path.is_file():
            continue
        suffix, nested = path.suffix.lower(), len(place.parts) > 1
        if nested and suffix in STILLS:
            found.add(place.parent.as_posix())
        elif suffix in (*VIDEOS, *ANIMATIONS, ".npy"):
            found.add(place.as_posix())
    if not found:
        known = ", ".join((*VIDEOS, *ANIMATIONS, ".npy"))
        raise StimuliError(
            f"stimuli.{name}.folder: {folder}: found no clip, expected some ({known}, or a folder of numbered images)."
        )
    return sorted(found)


class Clips:
    """Clips in files below a folder.

    Parameters
    ----------
    paths
        Files and folders relative to `folder`.
    frame_rate, every, maximum_frames
        See `thresh.config.Video`.
    times, checks
        Of a set that was prepared: times of the frames of each clip (float64 seconds) and CRC-32 of their pixels.
    """

    def __init__(
        self,
        name: str,
        folder: str | Path,
        paths: list[str],
        *,
        frame_rate: float | None = None,
        every: int = 1,
        maximum_frames: int | None = None,
        times: Ragged | None = None,
        checks: Ragged | None = None,
    ):
        self.set_name = name
        self.folder = Path(folder)
        self.paths = paths
        self.frame_rate = frame_rate
        self.every = every
        self.maximum_frames = maximum_frames
        self.times = times
        self.checks = checks
        # The frames of one clip are read on from where the last call ended, and calls may come from several threads.
        self.lock = threading.Lock()
        self.reading: tuple[int, int] | None = None
        self.stream: Iterator[Frame] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def frame_counts(self) -> np.ndarray:
        """(n,) int64."""
        return self.times.lengths

    def frame_times(self, index: int) -> np.ndarray:
        """(frames,) float64 seconds since the first frame of the clip."""
        return np.array(self.times.item(index), dtype=np.float64)

    def frames(self, index: int, start: int, stop: int) -> list[Image.Image]:
        """Frames start to stop of a clip; what follows the last call on the same clip is decoded on from there.

        Raises
        ------
        IndexError
            `start` counts from the end.
        StimuliError
            The clip cannot be read, or its frames are not those that were prepared.
        """
        if start < 0:
            raise IndexError(f"found frame {start}, expected 0 or more.")
        checks = self.checks.item(index)[start:stop]
        with self.lock:
            images = self.read_on(index, start, start + len(checks))
        pairs = zip(images, checks.tolist(), strict=True) if len(images) == len(checks) else [(None, 0)]
        if any(image is None or check_of(image) != check for image, check in pairs):
            raise StimuliError(
                f"stimuli.{self.set_name}: {self.folder / self.paths[index]}: found other frames than when the set was"
                " prepared (or another version of PyAV or ffmpeg reads them); prepare the stimuli again."
            )
        return images

    def read_on(self, index: int, start: int, stop: int) -> list[Image.Image]:
        if self.reading is None or self.reading[0] != index or self.reading[1] > start:
            self.close()
            self.stream, self.reading = self.kept(index, start), (index, start)
        images, position = [], self.reading[1]
        # Nothing is where it was if decoding fails half way.
        self.reading = None
        while position < stop and (frame := next(self.stream, None)) is not None:
            if position >= start:
                images.append(frame.show())
            position += 1
        self.reading = (index, position)
        return images

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()
        self.stream = self.reading = None

    def kept(self, index: int, first: int = 0) -> Iterator[Frame]:
        """Each `every`-th frame of a clip, at most `maximum_frames`, from number `first` of these on."""
        path, last = self.folder / self.paths[index], self.maximum_frames
        try:
            with contextlib.closing(frames_of(path, self.frame_rate, first * self.every)) as frames:
                for number, frame in frames:
                    kept, left = divmod(number, self.every)
                    if last is not None and kept >= last:
                        return
                    if not left and kept >= first:
                        yield frame
        except StimuliError as error:
            raise StimuliError(f"stimuli.{self.set_name}: {error}") from error
        except ConfigError as error:
            raise ConfigError(f"stimuli.{self.set_name}.{error.key}", error.found, error.expected) from error

    def read_all(self) -> list[str]:
        """Decode every clip once: its hash; times and checksums of its frames are kept."""
        times, checks, hashes = Spool("<f8"), Spool("<u4"), []
        for index, path in enumerate(self.paths):
            found_times, found_checks, digest, form = [], [], None, None
            for frame in self.kept(index):
                image = frame.show()
                digest = digest or ClipHash(image)
                form = form or (image.mode, image.size)
                self.refuse_odd(path, found_times, frame.time, form, (image.mode, image.size))
                digest.add(image)
                found_times.append(frame.time)
                found_checks.append(check_of(image))
            if digest is None:
                raise StimuliError(f"stimuli.{self.set_name}: {self.folder / path}: found no frame, expected some.")
            times.append(np.array(found_times))
            checks.append(np.array(found_checks, dtype=np.uint32))
            hashes.append(digest.end(found_times))
        self.times, self.checks = times.ragged(), checks.ragged()
        return hashes

    def refuse_odd(self, path: str, times: list[float], time: float, first: tuple, form: tuple) -> None:
        place = f"stimuli.{self.set_name}: {self.folder / path}: frame {len(times)}"
        if form != first:
            raise StimuliError(f"{place}: found {form[0]} {form[1]}, expected {first[0]} {first[1]} as in the first.")
        if times and time <= times[-1]:
            raise StimuliError(f"{place}: found the time {time:g} s after {times[-1]:g} s, expected rising times.")


def check_of(image: Image.Image) -> int:
    return zlib.crc32(image.tobytes())
