"""Images in memory or in a Zarr array, in a folder, in a zip file, or encoded one by one."""

import contextlib
import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from thresh.errors import StimuliError
from thresh.stimuli.hashing import image_hash
from thresh.stimuli.ragged import Ragged, Spool, read_rows

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
GREY_MODES = ("1", "L")
COLOUR_MODES = ("RGB", "RGBA", "RGBX", "P", "PA", "LA", "CMYK", "YCbCr")


def as_shown(opened: Image.Image, place: str) -> Image.Image:
    """Image in mode L or RGB, turned as its EXIF orientation says; transparency is dropped.

    Raises
    ------
    StimuliError
        A channel has more than 8 bits; `place` is named.
    """
    image = ImageOps.exif_transpose(opened)
    if image.mode not in GREY_MODES + COLOUR_MODES:
        raise StimuliError(f"{place}: found an image of mode {image.mode}, expected 8 bits a channel.")
    return image.convert("L" if image.mode in GREY_MODES else "RGB")


class PixelArray:
    """Images of one size in an array (n, height, width[, 3]) of uint8, NumPy or Zarr."""

    def __init__(self, pixels: np.ndarray):
        self.pixels = pixels

    def __len__(self) -> int:
        return self.pixels.shape[0]

    def image(self, index: int) -> Image.Image:
        return self.images(index, index + 1)[0]

    def images(self, start: int, stop: int) -> list[Image.Image]:
        # Read at once: one by one, every image would decode its whole chunk.
        return [Image.fromarray(pixels) for pixels in read_rows(self.pixels, start, stop)]

    def common_shape(self) -> tuple[int, ...]:
        return tuple(self.pixels.shape[1:])


class ImageFiles:
    """Images in a folder (searched recursively where no names are given) or a zip file, read when they are asked for.

    Attributes
    ----------
    names
        Relative paths; sorted where they were searched for.
    hashes
        Content hashes that images must have when they are read, or None if they are not known yet.

    Raises
    ------
    StimuliError
        Neither folder nor zip file is there, or it holds no image.
    """

    def __init__(self, name: str, path: str | Path, names: list[str] | None = None, hashes: np.ndarray | None = None):
        self.set_name = name
        self.path = Path(path)
        self.archive: zipfile.ZipFile | None = None
        if self.path.is_file():
            with self.telling(self.path):
                self.archive = zipfile.ZipFile(self.path)
        elif not self.path.is_dir():
            raise StimuliError(f"stimuli.{name}: {self.path}: found nothing, expected a folder or a .zip of images.")
        self.names = self.find() if names is None else names
        self.hashes = hashes
        self.shapes: set[tuple[int, ...]] = set()
        if not self.names:
            raise StimuliError(f"stimuli.{name}: {self.path}: found no image ({', '.join(SUFFIXES)}), expected some.")

    def find(self) -> list[str]:
        if self.archive is not None:
            found = self.archive.namelist()
        else:
            found = [path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file()]
        # macOS leaves "._name.jpg" and __MACOSX beside images.
        visible = (one for one in found if not any(part.startswith((".", "__MACOSX")) for part in Path(one).parts))
        return sorted(one for one in visible if one.lower().endswith(SUFFIXES))

    def __len__(self) -> int:
        return len(self.names)

    def read_hashes(self) -> list[str]:
        """Decode every image once: its hash, and whether all have one shape."""
        hashes = []
        for index in range(len(self)):
            image = self.image(index)
            hashes.append(image_hash(image))
            self.shapes.add(np.asarray(image).shape)
        self.hashes = np.asarray(hashes)
        return hashes

    def common_shape(self) -> tuple[int, ...] | None:
        """Shape of every image as `read_hashes` found it; None where it differs or was not looked at."""
        return the_one(self.shapes)

    def images(self, start: int, stop: int) -> list[Image.Image]:
        return [self.image(index) for index in range(start, stop)]

    def image(self, index: int) -> Image.Image:
        """Image in mode L or RGB, turned as its EXIF orientation says; transparency is dropped."""
        name = self.names[index]
        with self.telling(name):
            content = io.BytesIO(self.archive.read(name)) if self.archive is not None else self.path / name
            with Image.open(content) as opened:
                image = as_shown(opened, f"stimuli.{self.set_name}: {self.path}: {name}")
        if self.hashes is not None and image_hash(image) != self.hashes[index]:
            raise StimuliError(
                f"stimuli.{self.set_name}: {self.path}: {name}: found other pixels than when the set was prepared;"
                " prepare the stimuli again."
            )
        return image

    @contextlib.contextmanager
    def telling(self, what: str | Path):
        """Turn what can go wrong with a file into one line that names it."""
        try:
            yield
        except StimuliError:
            raise
        except (OSError, UnidentifiedImageError, zipfile.BadZipFile, KeyError, ValueError, SyntaxError) as error:
            raise StimuliError(
                f"stimuli.{self.set_name}: {self.path}: {what} cannot be read as an image or zip file ({error})."
            ) from error


class EncodedImages:
    """Images as PNG files end to end, of any size and each grey or RGB.

    Attributes
    ----------
    files
        Bytes of the PNG files.
    hashes
        Content hashes that images must have when they are read.
    """

    def __init__(self, name: str, files: Ragged, hashes: np.ndarray, shapes: set[tuple[int, ...]] | None = None):
        self.set_name = name
        self.files = files
        self.hashes = np.asarray(hashes)
        self.shapes = shapes or set()

    def __len__(self) -> int:
        return len(self.files)

    def image(self, index: int) -> Image.Image:
        with Image.open(io.BytesIO(self.files.item(index).tobytes())) as opened:
            opened.load()
        if image_hash(opened) != self.hashes[index]:
            raise StimuliError(f"stimuli.{self.set_name}: image {index} is not the one that was prepared.")
        return opened

    def images(self, start: int, stop: int) -> list[Image.Image]:
        return [self.image(index) for index in range(start, stop)]

    def common_shape(self) -> tuple[int, ...] | None:
        """Shape of every image; None where it differs or is not known."""
        return the_one(self.shapes)


class ImageSpool:
    """Gathers images as PNG files in a temporary file."""

    def __init__(self, name: str):
        self.set_name = name
        self.spool = Spool("u1")
        self.hashes: list[str] = []
        self.shapes: set[tuple[int, ...]] = set()

    def append(self, image: Image.Image) -> None:
        file = io.BytesIO()
        # The least effort: a little larger, and several times as fast.
        image.save(file, "PNG", compress_level=1)
        self.spool.append(file.getvalue())
        self.hashes.append(image_hash(image))
        self.shapes.add(np.asarray(image).shape)

    def images(self) -> EncodedImages:
        return EncodedImages(self.set_name, self.spool.ragged(), np.asarray(self.hashes), self.shapes)


def the_one(shapes: set[tuple[int, ...]]) -> tuple[int, ...] | None:
    return next(iter(shapes)) if len(shapes) == 1 else None
