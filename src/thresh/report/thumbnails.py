"""Stimuli as a page shows them: small pictures, or a passage of a text."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from thresh.report.passages import passage
from thresh.stimuli import Stimuli

Span = Callable[[], tuple[int, int] | None]

THUMBNAIL_PIXELS = 64


def picture(stimuli: Stimuli, index: int, folder: Path, span: Span = lambda: None) -> dict:
    """Address of the thumbnail of a stimulus, written if it is not yet there, and what to say of it.

    Of a stimulus that shows no picture, the passage around a `span` of its characters.
    """
    label = next(
        (f"{name} {stimuli.attributes[name][index]}" for name in ("label", "folder") if name in stimuli.attributes), ""
    )
    told = {"title": ", ".join(filter(None, (label, str(stimuli.ids[index])))), "id": str(stimuli.ids[index])}
    image = shown(stimuli, index)
    if image is None:
        return told | {"path": None} | passage(stimuli, index, span())
    path = Path("thumbnails") / stimuli.name / f"{index}.png"
    if not (folder / path).exists():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        thumbnail(image()).save(folder / path, optimize=True)
    return told | {"path": path.as_posix()}


def shown(stimuli: Stimuli, index: int) -> Callable[[], Image.Image] | None:
    """What gives a picture of a stimulus: itself, or the middle frame of a clip; None where it shows none."""
    if "image" in stimuli.modalities:
        return lambda: stimuli.image(index)
    if "video" in stimuli.modalities:
        middle = int(stimuli.frame_counts[index]) // 2
        return lambda: stimuli.frames(index, middle, middle + 1)[0]
    return None


def thumbnail(image: Image.Image) -> Image.Image:
    """Small images enlarged without smoothing, so that their pixels stay crisp; large ones reduced."""
    longest = max(image.size)
    if longest <= THUMBNAIL_PIXELS // 2:
        factor = THUMBNAIL_PIXELS // longest
        return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    reduced = image.copy()
    reduced.thumbnail((2 * THUMBNAIL_PIXELS, 2 * THUMBNAIL_PIXELS), Image.Resampling.LANCZOS)
    return reduced
