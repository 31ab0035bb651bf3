"""Stimulus sets on disk: a Zarr v3 group of id, hash, split, attributes, and images or features."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from thresh.errors import StimuliError
from thresh.stimuli.base import Stimuli
from thresh.stimuli.pictures import ImageFiles, PixelArray

if TYPE_CHECKING:
    import zarr

# Larger sets of images stay where they are and are read from there.
MAXIMUM_SIDE = 256
MAXIMUM_BYTES = 2**30


def save_stimuli(stimuli: Stimuli, path: Path) -> None:
    """Write a set into a fresh folder.

    Images are copied where all have one size and mode, no side is longer than 256 pixels, and all together take at
    most 1 GiB; else the store names the folder or zip file that they are read from.
    """
    import zarr

    from thresh.store.arrays import write_array

    # Not mode "w": it would empty the folder, and with it what a stage runner keeps there.
    group = zarr.open_group(path, mode="a", zarr_format=3)
    for column, values in (("id", stimuli.ids), ("hash", stimuli.hashes), ("split", stimuli.split)):
        write_array(group, column, values, ("stimulus",))
    attributes = group.require_group("attributes")
    for column, values in stimuli.attributes.items():
        write_array(attributes, column, values, ("stimulus",))
    group.attrs.update({"name": stimuli.name, "kind": stimuli.kind, "parameters": stimuli.parameters})
    if stimuli.feature_source is not None:
        write_array(group, "features", stimuli.features(0, len(stimuli)), ("stimulus", "feature"))
    else:
        write_images(group, stimuli)


def write_images(group: zarr.Group, stimuli: Stimuli) -> None:
    from thresh.store.arrays import create_array

    source = stimuli.shown()
    shape = source.common_shape()
    large = shape is None or max(shape[:2]) > MAXIMUM_SIDE or math.prod(shape) * len(stimuli) > MAXIMUM_BYTES
    if large and isinstance(source, ImageFiles):
        group.attrs.update({"path": str(source.path), "files": json.dumps(source.names)})
        return
    dimensions = ("stimulus", "height", "width", "channel")[: len(shape) + 1]
    array = create_array(group, "images", (len(stimuli), *shape), np.uint8, dimensions)
    rows = array.shards[0]
    for start in range(0, len(stimuli), rows):
        block = stimuli.images(start, start + rows)
        array[start : start + rows] = np.stack([np.asarray(image) for image in block])


def open_stimuli(path: str | Path) -> Stimuli:
    """Open a set that was saved; images and features are read when they are asked for.

    Raises
    ------
    StimuliError
        No stimulus set is there, a shard of it is missing, or the images that it names are gone.
    """
    import zarr

    from thresh.store.arrays import read_array, require_shards

    try:
        group = zarr.open_group(path, mode="r", zarr_format=3)
        columns = {column: plain(read_array(group[column])) for column in ("id", "hash", "split")}
        name, kind, parameters = (group.attrs[key] for key in ("name", "kind", "parameters"))
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise StimuliError(f"{path}: found no stimulus set ({error}), expected one made by prepare_stimuli.") from error
    require_shards(Path(path), group, StimuliError)
    return Stimuli(
        name,
        kind,
        ids=columns["id"],
        hashes=columns["hash"],
        split=columns["split"],
        attributes={column: plain(read_array(array)) for column, array in sorted(group["attributes"].arrays())},
        parameters=parameters,
        features=group.get("features"),
        images=None if "features" in group else saved_images(name, group, columns["hash"]),
    )


def saved_images(name: str, group: zarr.Group, hashes: np.ndarray) -> PixelArray | ImageFiles:
    if "images" in group:
        return PixelArray(group["images"])
    return ImageFiles(name, group.attrs["path"], json.loads(group.attrs["files"]), hashes)


def plain(values: np.ndarray) -> np.ndarray:
    return np.array(values.tolist(), dtype=str) if values.dtype.kind == "T" else values
