"""Stimulus sets on disk: a Zarr v3 group of id, hash, split and attributes, and a part for each modality."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import numpy as np

from thresh.errors import StimuliError, StoreError
from thresh.stimuli.base import Stimuli
from thresh.stimuli.clips import Clips
from thresh.stimuli.pictures import EncodedImages, ImageFiles, PixelArray
from thresh.stimuli.ragged import open_ragged, write_ragged

if TYPE_CHECKING:
    import zarr

# Larger sets of images stay where they are and are read from there.
MAXIMUM_SIDE = 256
MAXIMUM_BYTES = 2**30


def save_stimuli(stimuli: Stimuli, path: Path) -> None:
    """Write a set into a fresh folder.

    Documents, features, arrays of images and what comes from a dataset are copied. Images in files are copied where
    all have one size and mode, no side is longer than 256 pixels, and all together take at most 1 GiB; else the store
    names the folder or zip file that they are read from, as it does for clips.
    """
    import zarr

    from thresh.store.arrays import write_array

    # Not mode "w": it would empty the folder, and with it what a stage runner keeps there.
    group = zarr.open_group(path, mode="a", zarr_format=3)
    for column, values in (("id", stimuli.ids), ("hash", stimuli.hashes), ("split", stimuli.split)):
        write_array(group, column, values, ("stimulus",))
    attributes = group.require_group("attributes")
    for column, values in stimuli.attributes.items():
        write_array(attributes, file_name(stimuli.name, column), values, ("stimulus",))
    facts = ("name", "kind", "parameters", "left_out")
    group.attrs.update({fact: getattr(stimuli, fact) for fact in facts})
    for modality in stimuli.modalities:
        WRITERS[modality](group, stimuli)


def file_name(name: str, column: str) -> str:
    """Name of a column as that of a folder, whatever signs a table's author put into it."""
    if not column:
        raise StimuliError(f"stimuli.{name}: found an attribute without a name.")
    return quote(column, safe=" ").replace(".", "%2E")


def write_features(group: zarr.Group, stimuli: Stimuli) -> None:
    from thresh.store.arrays import write_array

    write_array(group, "features", stimuli.features(0, len(stimuli)), ("stimulus", "feature"))


def write_images(group: zarr.Group, stimuli: Stimuli) -> None:
    source = stimuli.shown()
    shape = source.common_shape()
    large = shape is None or max(shape[:2]) > MAXIMUM_SIDE or math.prod(shape) * len(stimuli) > MAXIMUM_BYTES
    if large and isinstance(source, ImageFiles):
        write_paths(group, "image_files", source.names, {"path": str(source.path)}, hashes=source.hashes)
    elif large and isinstance(source, EncodedImages):
        write_ragged(group, "encoded_images", source.files)
        write_hashes(group["encoded_images"], source.hashes)
    else:
        write_pixels(group, stimuli, shape)


def write_pixels(group: zarr.Group, stimuli: Stimuli, shape: tuple[int, ...]) -> None:
    from thresh.store.arrays import create_array

    dimensions = ("stimulus", "height", "width", "channel")[: len(shape) + 1]
    array = create_array(group, "images", (len(stimuli), *shape), np.uint8, dimensions)
    rows = array.shards[0]
    for start in range(0, len(stimuli), rows):
        block = stimuli.images(start, start + rows)
        array[start : start + rows] = np.stack([np.asarray(image) for image in block])


def write_paths(
    group: zarr.Group, name: str, paths: list[str], facts: dict[str, Any], hashes: np.ndarray | None = None
) -> zarr.Group:
    """A group that names files; absent hashes are not written."""
    from thresh.store.arrays import write_array

    inner = group.require_group(name)
    write_array(inner, "path", np.array(paths, dtype=str), ("stimulus",))
    if hashes is not None:
        write_hashes(inner, hashes)
    inner.attrs.update(facts)
    return inner


def write_hashes(group: zarr.Group, hashes: np.ndarray) -> None:
    """Hashes of images alone, which are not those of the set where texts stand beside the images."""
    from thresh.store.arrays import write_array

    write_array(group, "hash", hashes, ("stimulus",))


def write_video(group: zarr.Group, stimuli: Stimuli) -> None:
    source = stimuli.content("video")
    options = {key: getattr(source, key) for key in ("frame_rate", "every", "maximum_frames")}
    inner = write_paths(group, "video", source.paths, {"path": str(source.folder), **options})
    write_ragged(inner, "times", source.times)
    write_ragged(inner, "checks", source.checks)


WRITERS = {
    "image": write_images,
    "text": lambda group, stimuli: write_ragged(group, "text", stimuli.content("text")),
    "tokens": lambda group, stimuli: write_ragged(group, "tokens", stimuli.content("tokens")),
    "video": write_video,
    "features": write_features,
}


def open_stimuli(path: str | Path) -> Stimuli:
    """Open a set that was saved; contents are read when they are asked for.

    Raises
    ------
    StimuliError
        No stimulus set is there, a shard of it is missing, or the files that it names are gone.
    StoreError
        A byte of it is not as it was written.
    """
    import zarr

    from thresh.store.arrays import read_array, require_shards

    try:
        group = zarr.open_group(path, mode="r", zarr_format=3)
        require_shards(Path(path), group, StimuliError)
        columns = {column: plain(read_array(group[column])) for column in ("id", "hash", "split")}
        facts = {fact: group.attrs[fact] for fact in ("name", "kind", "parameters", "left_out")}
        attributes = {unquote(key): plain(read_array(array)) for key, array in sorted(group["attributes"].arrays())}
        contents = saved_contents(facts["name"], group)
    except (StimuliError, StoreError):
        raise
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise StimuliError(f"{path}: found no stimulus set ({error}), expected one made by prepare_stimuli.") from error
    ids, hashes, split = columns.values()
    return Stimuli(**facts, ids=ids, hashes=hashes, split=split, attributes=attributes, contents=contents)


def saved_contents(name: str, group: zarr.Group) -> dict[str, Any]:
    """Modality -> source, of those that a group holds."""
    contents = {key: open_ragged(group[key]) for key in ("text", "tokens") if key in group}
    if "features" in group:
        contents["features"] = group["features"]
    if "video" in group:
        contents["video"] = saved_clips(name, group["video"])
    for key, opened in (("images", opened_pixels), ("image_files", opened_files), ("encoded_images", opened_encoded)):
        if key in group:
            contents["image"] = opened(name, group[key])
    return contents


def opened_pixels(name: str, array: zarr.Array) -> PixelArray:
    return PixelArray(array)


def opened_files(name: str, group: zarr.Group) -> ImageFiles:
    from thresh.store.arrays import read_array

    names, hashes = (plain(read_array(group[column])) for column in ("path", "hash"))
    return ImageFiles(name, group.attrs["path"], names.tolist(), hashes)


def opened_encoded(name: str, group: zarr.Group) -> EncodedImages:
    from thresh.store.arrays import read_array

    return EncodedImages(name, open_ragged(group), plain(read_array(group["hash"])))


def saved_clips(name: str, group: zarr.Group) -> Clips:
    from thresh.store.arrays import read_array

    options = {key: group.attrs[key] for key in ("frame_rate", "every", "maximum_frames")}
    paths = plain(read_array(group["path"])).tolist()
    times, checks = (open_ragged(group[part]) for part in ("times", "checks"))
    return Clips(name, group.attrs["path"], paths, **options, times=times, checks=checks)


def plain(values: np.ndarray) -> np.ndarray:
    return np.array(values.tolist(), dtype=str) if values.dtype.kind == "T" else values
