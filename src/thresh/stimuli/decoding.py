"""Frames of one clip in the order in which they are shown: video files, animated images, folders of frames, arrays."""

import contextlib
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageSequence

from thresh.errors import ConfigError, StimuliError
from thresh.stimuli.pictures import as_shown

VIDEOS = (".avi", ".mkv", ".mov", ".mp4", ".webm")
ANIMATIONS = (".gif", ".png", ".tif", ".tiff", ".webp")
STILLS = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff")


class Frame(NamedTuple):
    """A frame, decoded as far as is needed to go on to the next.

    Attributes
    ----------
    time
        Seconds since the first frame of the clip.
    show
        Gives the image, in mode L or RGB; to be called before the next frame is taken.
    """

    time: float
    show: Callable[[], Image.Image]


def frames_of(clip: Path, frame_rate: float | None, first: int = 0) -> Iterator[tuple[int, Frame]]:
    """Number and frame, in the order of presentation.

    Parameters
    ----------
    clip
        File, or folder of numbered images.
    frame_rate
        Frames a second of clips that have no times themselves.
    first
        The least number that the caller needs; formats in which frames do not depend on earlier ones begin there.

    Raises
    ------
    ConfigError
        The clip has no times, and there is no `frame_rate`.
    StimuliError
        The clip cannot be read, or the package that reads it is not there.
    """
    decode = decoder_of(clip)
    with told(clip), contextlib.closing(decode(clip, frame_rate, first)) as frames:
        yield from frames


def decoder_of(clip: Path) -> Callable[[Path, float | None, int], Iterator[tuple[int, Frame]]]:
    if clip.is_dir():
        return folder_frames
    if clip.suffix.lower() == ".npy":
        return array_frames
    return video_frames if clip.suffix.lower() in VIDEOS else animation_frames


@contextlib.contextmanager
def told(clip: Path):
    try:
        yield
    except (StimuliError, ConfigError):
        raise
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise StimuliError(f"{clip} cannot be read as a clip ({reason}).") from error


def timed(clip: Path, number: int, frame_rate: float | None) -> float:
    if frame_rate is None:
        raise ConfigError("frame_rate", None, f"frames a second, for {clip.name} has no times of its own")
    return number / frame_rate


def folder_frames(clip: Path, frame_rate: float | None, first: int) -> Iterator[tuple[int, Frame]]:
    """Images of a folder in the order of the last number in their names, which none has twice."""
    numbered: dict[int, Path] = {}
    for path in sorted(clip.iterdir()):
        if path.suffix.lower() not in STILLS or path.name.startswith("."):
            continue
        numbers = re.findall(r"\d+", path.stem)
        if not numbers or int(numbers[-1]) in numbered:
            wrong = f"the number of {numbered[int(numbers[-1])].name} again" if numbers else "no number"
            raise StimuliError(f"{path}: found {wrong} in its name, expected frames numbered in order.")
        numbered[int(numbers[-1])] = path
    for number, (_, path) in list(enumerate(sorted(numbered.items())))[first:]:
        yield number, Frame(timed(clip, number, frame_rate), lambda path=path: still(path))


def still(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        if getattr(opened, "n_frames", 1) > 1:
            raise StimuliError(f"{path}: found an animation among numbered frames, expected an image.")
        return as_shown(opened, str(path))


def array_frames(clip: Path, frame_rate: float | None, first: int) -> Iterator[tuple[int, Frame]]:
    """Frames of a .npy file (frames, height, width[, 3]) uint8."""
    pixels = np.load(clip, mmap_mode="r", allow_pickle=False)
    if pixels.dtype != np.uint8 or not (pixels.ndim == 3 or pixels.shape[3:] == (3,)):
        raise StimuliError(f"{clip}: found {pixels.dtype} {pixels.shape}, expected uint8 (frames, height, width[, 3]).")
    for number in range(first, len(pixels)):
        show = lambda number=number: Image.fromarray(np.asarray(pixels[number]))  # noqa: E731
        yield number, Frame(timed(clip, number, frame_rate), show)


def animation_frames(clip: Path, frame_rate: float | None, first: int) -> Iterator[tuple[int, Frame]]:
    """Frames of an animated image; each is shown for its own time, or by the frame rate where the file says none."""
    with Image.open(clip) as opened:
        if getattr(opened, "n_frames", 1) < 2:
            raise StimuliError(f"{clip}: found a still image, expected a clip; numbered frames stand in a folder each.")
        # Frames of one file may be of several modes: what is not a stack of grey pages is colour throughout.
        pages = opened.format == "TIFF"
        elapsed = Fraction(0)
        for number, frame in enumerate(ImageSequence.Iterator(opened)):
            frame.load()  # WebP knows how long a frame is shown only then
            duration = Fraction(frame.info.get("duration") or 0) / 1000
            time = float(elapsed) if duration or elapsed else timed(clip, number, frame_rate)
            show = lambda: as_shown(opened, str(clip)) if pages else opened.convert("RGB")  # noqa: E731
            yield number, Frame(time, show)
            elapsed += duration


def video_frames(clip: Path, frame_rate: float | None, first: int) -> Iterator[tuple[int, Frame]]:
    """Frames of a video file by PyAV, at the times of its container; those of grey formats are grey, others RGB."""
    try:
        import av
    except ImportError as error:
        raise StimuliError(
            f"{clip}: found no package `av` (PyAV), which reads video files: pip install 'thresh[video]'."
        ) from error
    try:
        with av.open(str(clip)) as container:
            if not container.streams.video:
                raise StimuliError(f"{clip}: found no video stream, expected one.")
            stream, begin = container.streams.video[0], None
            stream.thread_type = "AUTO"
            for number, frame in enumerate(container.decode(stream)):
                begin = frame.pts if begin is None else begin
                known = frame.pts is not None
                time = float((frame.pts - begin) * frame.time_base) if known else timed(clip, number, frame_rate)
                yield number, Frame(time, lambda frame=frame: upright(frame))
    except av.error.FFmpegError as error:
        raise StimuliError(f"{clip} cannot be read as a video ({' '.join(str(error).split())}).") from error


def upright(frame) -> Image.Image:
    """Picture of a frame of PyAV, turned as the file says (telephones store upright films lying)."""
    grey = frame.format.name.startswith("gray")
    image = Image.fromarray(frame.to_ndarray(format="gray" if grey else "rgb24"))
    # Degrees against the clock, as for PIL.
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image
