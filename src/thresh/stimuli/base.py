"""A stimulus set: names, hashes, split and attributes of its members, and access to what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from thresh.errors import StimuliError
from thresh.stimuli.ragged import Ragged, read_rows

# Modality -> what a message calls it.
MODALITIES = {"image": "images", "text": "texts", "tokens": "token ids", "video": "video", "features": "features"}


class ImageSource(Protocol):
    """Where images come from: an array in memory or on disk, a folder, a zip file."""

    def __len__(self) -> int: ...

    def image(self, index: int) -> Image.Image: ...

    def images(self, start: int, stop: int) -> list[Image.Image]: ...

    def common_shape(self) -> tuple[int, ...] | None: ...


class ClipSource(Protocol):
    """Where frames come from."""

    frame_counts: np.ndarray

    def __len__(self) -> int: ...

    def frame_times(self, index: int) -> np.ndarray: ...

    def frames(self, index: int, start: int, stop: int) -> list[Image.Image]: ...


class Stimuli:
    """An ordered set of stimuli.

    Parameters
    ----------
    contents
        Modality -> what is shown, one each stimulus: an `ImageSource` ('image'), a `Ragged` of UTF-8 bytes or a list
        of texts ('text'), a `Ragged` of int64 or a list of arrays ('tokens'), a `ClipSource` ('video'), an array
        (n, features) of float32 ('features').
    images, features
        Short for the contents of these two.

    Attributes
    ----------
    name, kind
        Name in the config; one of `thresh.stimuli.KINDS`.
    ids : (n,) str
        Unique names; systems and recordings are joined on them.
    hashes : (n,) str
        First 16 hex digits of the SHA-256 of the content (see `thresh.stimuli.hashing`).
    split : (n,) str
        'train' or 'test'.
    attributes
        Name -> (n,) array, e.g. the label of an image.
    parameters
        How the set was made: the parameters of its kind.
    left_out
        How many documents of the source were left out, for they have no content.

    Raises
    ------
    StimuliError
        The set is empty, an id comes twice, or columns differ in length.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        *,
        ids: Sequence[str] | np.ndarray,
        hashes: Sequence[str] | np.ndarray,
        split: Sequence[str] | np.ndarray,
        attributes: dict[str, np.ndarray] | None = None,
        parameters: dict | None = None,
        contents: dict[str, Any] | None = None,
        images: ImageSource | None = None,
        features: np.ndarray | None = None,
        left_out: int = 0,
    ):
        self.name = name
        self.kind = kind
        self.ids = np.asarray(ids, dtype=str)
        self.hashes = np.asarray(hashes, dtype=str)
        self.split = np.asarray(split, dtype=str)
        self.attributes = {key: np.asarray(column) for key, column in (attributes or {}).items()}
        self.parameters = dict(parameters or {})
        self.left_out = left_out
        given = {"image": images, "features": features, **(contents or {})}
        self.contents = {key: as_content(key, value) for key, value in given.items() if value is not None}
        self.validate()

    def validate(self) -> None:
        if not len(self.ids):
            raise StimuliError(f"stimuli.{self.name}: found no stimulus, expected at least one.")
        unique, counts = np.unique(self.ids, return_counts=True)
        if (counts > 1).any():
            raise StimuliError(
                f"stimuli.{self.name}: found the id {str(unique[counts > 1][0])!r} more than once, expected unique ids."
            )
        if not self.contents or set(self.contents) - set(MODALITIES):
            found = ", ".join(self.contents) or "no content"
            raise StimuliError(f"stimuli.{self.name}: found {found}, expected some of {', '.join(MODALITIES)}.")
        lengths = {MODALITIES[key]: count_of(content) for key, content in self.contents.items()}
        columns = {"hashes": self.hashes, "split": self.split, **self.attributes}
        for key, length in [*lengths.items(), *((key, len(column)) for key, column in columns.items())]:
            if length != len(self.ids):
                raise StimuliError(f"stimuli.{self.name}: found {length} {key}, expected {len(self.ids)}.")

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Stimuli({self.name!r}, kind={self.kind!r}, {len(self)} stimuli)"

    @property
    def modalities(self) -> tuple[str, ...]:
        """What each stimulus shows: some of 'image', 'text', 'tokens', 'video', 'features', in this order."""
        return tuple(key for key in MODALITIES if key in self.contents)

    def content(self, modality: str) -> Any:
        """The source of one modality.

        Raises
        ------
        StimuliError
            The set has none.
        """
        if modality not in self.contents:
            raise StimuliError(f"stimuli.{self.name}: found kind {self.kind!r}, expected {MODALITIES[modality]}.")
        return self.contents[modality]

    # --- images ---

    def image(self, index: int) -> Image.Image:
        """One image, in mode L (grey) or RGB.

        Raises
        ------
        StimuliError
            The set has no images, or the image cannot be read or is not the one that was prepared.
        """
        return self.shown().image(int(index))

    def images(self, start: int, stop: int) -> list[Image.Image]:
        """Images start to stop."""
        return self.shown().images(start, min(stop, len(self)))

    def shown(self) -> ImageSource:
        return self.content("image")

    # --- documents ---

    def texts(self, indices: Sequence[int] | np.ndarray) -> list[str]:
        """Texts of some stimuli, in the order of the indices.

        Raises
        ------
        StimuliError
            The set has no texts.
        StoreError
            A byte of them is not as it was written.
        """
        source = self.content("text")
        return [source.item(int(index)).tobytes().decode() for index in indices]

    def token_ids(self, indices: Sequence[int] | np.ndarray) -> list[np.ndarray]:
        """Token ids of some stimuli, (length,) int64 each, in the order of the indices.

        Raises
        ------
        StimuliError
            The set has no token ids.
        StoreError
            A byte of them is not as it was written.
        """
        source = self.content("tokens")
        return [np.array(source.item(int(index)), dtype=np.int64) for index in indices]

    # --- video ---

    @property
    def frame_counts(self) -> np.ndarray:
        """(n,) int64: number of frames of each clip.

        Raises
        ------
        StimuliError
            The set has no video.
        """
        return self.content("video").frame_counts

    def frame_times(self, index: int) -> np.ndarray:
        """(frames,) float64: seconds since the first frame of a clip, which rise.

        Raises
        ------
        StimuliError
            The set has no video.
        """
        return self.content("video").frame_times(int(index))

    def frames(self, index: int, start: int, stop: int) -> list[Image.Image]:
        """Frames start to stop of a clip in the order in which they are shown, each in mode L (grey) or RGB.

        A call that begins where the last one on the same clip ended, or later, goes on decoding there.

        Raises
        ------
        StimuliError
            The set has no video, or the clip cannot be read or is not the one that was prepared.
        """
        return self.content("video").frames(int(index), int(start), int(stop))

    # --- features ---

    def features(self, start: int, stop: int) -> np.ndarray:
        """Features of the stimuli start to stop, float32 (stop - start, features).

        Raises
        ------
        StimuliError
            The set has no features.
        StoreError
            A byte of them is not as it was written.
        """
        return np.asarray(read_rows(self.content("features"), start, stop), dtype=np.float32)

    @property
    def feature_count(self) -> int:
        """Number of features of a set of features; 0 for other sets."""
        return int(self.contents["features"].shape[1]) if "features" in self.contents else 0

    @property
    def image_source(self) -> ImageSource | None:
        """Where the images come from; None where there are none."""
        return self.contents.get("image")

    @property
    def feature_source(self) -> np.ndarray | None:
        """Array of the features, (n, features); None where there are none."""
        return self.contents.get("features")

    def save(self, path: str | Path) -> None:
        """Write the set as a Zarr group into a fresh folder; `thresh.stimuli.open_stimuli` reads it again."""
        from thresh.stimuli.saved import save_stimuli

        save_stimuli(self, Path(path))


def as_content(modality: str, content: Any) -> Any:
    """Lists of texts and of token ids as `Ragged`; everything else as it is."""
    if modality == "text" and isinstance(content, list):
        return Ragged.of([np.frombuffer(text.encode(), np.uint8) for text in content], np.uint8)
    if modality == "tokens" and isinstance(content, list):
        return Ragged.of(content, np.int64)
    return content


def count_of(content: Any) -> int:
    return int(content.shape[0]) if hasattr(content, "shape") else len(content)
