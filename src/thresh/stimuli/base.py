"""A stimulus set: names, hashes, split and attributes of its members, and access to what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from thresh.errors import StimuliError


class ImageSource(Protocol):
    """Where images come from: an array in memory or on disk, a folder, a zip file."""

    def __len__(self) -> int: ...

    def image(self, index: int) -> Image.Image: ...

    def images(self, start: int, stop: int) -> list[Image.Image]: ...

    def common_shape(self) -> tuple[int, ...] | None: ...


class Stimuli:
    """An ordered set of stimuli.

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
        ids: np.ndarray,
        hashes: np.ndarray,
        split: np.ndarray,
        attributes: dict[str, np.ndarray] | None = None,
        parameters: dict | None = None,
        images: ImageSource | None = None,
        features: np.ndarray | None = None,
    ):
        self.name = name
        self.kind = kind
        self.ids = np.asarray(ids, dtype=str)
        self.hashes = np.asarray(hashes, dtype=str)
        self.split = np.asarray(split, dtype=str)
        self.attributes = {key: np.asarray(column) for key, column in (attributes or {}).items()}
        self.parameters = dict(parameters or {})
        self.image_source = images
        self.feature_source = features
        self.validate()

    def validate(self) -> None:
        if not len(self.ids):
            raise StimuliError(f"stimuli.{self.name}: found no stimulus, expected at least one.")
        unique, counts = np.unique(self.ids, return_counts=True)
        if (counts > 1).any():
            raise StimuliError(
                f"stimuli.{self.name}: found the id {str(unique[counts > 1][0])!r} more than once, expected unique ids."
            )
        content = len(self.image_source) if self.feature_source is None else self.feature_source.shape[0]
        columns = {"hashes": self.hashes, "split": self.split, **self.attributes}
        for key, length in [("contents", content), *((key, len(column)) for key, column in columns.items())]:
            if length != len(self.ids):
                raise StimuliError(f"stimuli.{self.name}: found {length} {key}, expected {len(self.ids)}.")

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Stimuli({self.name!r}, kind={self.kind!r}, {len(self)} stimuli)"

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
        if self.image_source is None:
            raise StimuliError(f"stimuli.{self.name}: found kind {self.kind!r}, expected images.")
        return self.image_source

    def features(self, start: int, stop: int) -> np.ndarray:
        """Features of the stimuli start to stop, float32 (stop - start, features).

        Raises
        ------
        StimuliError
            The set has no features.
        """
        if self.feature_source is None:
            raise StimuliError(f"stimuli.{self.name}: found kind {self.kind!r}, expected features.")
        return np.asarray(self.feature_source[start:stop], dtype=np.float32)

    @property
    def feature_count(self) -> int:
        """Number of features of a set of features; 0 for images."""
        return 0 if self.feature_source is None else int(self.feature_source.shape[1])

    def save(self, path: str | Path) -> None:
        """Write the set as a Zarr group into a fresh folder; `thresh.stimuli.open_stimuli` reads it again."""
        from thresh.stimuli.saved import save_stimuli

        save_stimuli(self, Path(path))
