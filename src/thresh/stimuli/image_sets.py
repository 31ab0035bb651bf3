"""Sets of images: folders and zip files, tables of paths, arrays, Hugging Face datasets."""

import io
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from thresh.errors import ConfigError, StimuliError
from thresh.stimuli.choices import only_one, positive, without
from thresh.stimuli.columns import Columns, column_array
from thresh.stimuli.hashing import image_hash, pair_hash, text_hash
from thresh.stimuli.pictures import ImageFiles, ImageSpool, PixelArray, as_shown
from thresh.stimuli.ragged import Ragged
from thresh.stimuli.tables import read_table, strings


def images(
    name: str,
    *,
    folder: str | None = None,
    table: str | None = None,
    array: str | None = None,
    dataset: str | dict | None = None,
    column: str | None = None,
    id_column: str | None = None,
    text: str | None = None,
    limit: int | None = None,
) -> dict:
    """Images of a folder or .zip file, a table of paths, an array, or a Hugging Face dataset.

    Every image is decoded once, for its hash. `text` names the attribute that is a text beside each image: it then is
    content, and no attribute any more; `with_texts` makes it so, once all attributes are known.
    """
    positive(name, limit=limit)
    source = only_one(name, folder=folder, table=table, array=array, dataset=dataset)
    if source != "dataset":
        without(name, f"beside `{source}`", {"column": column})
    if source in ("folder", "array"):
        without(name, f"beside `{source}`", {"id_column": id_column})
    keep = () if text is None else (text,)
    if source == "folder":
        return {**folder_images(name, folder, limit), "text": text}
    if source == "table":
        return {**table_images(name, table, id_column, limit), "text": text}
    if source == "array":
        return {**array_images(name, array, limit), "text": text}
    return {**dataset_images(name, dataset, column or "image", id_column, keep, limit), "text": text}


def folder_images(name: str, folder: str, limit: int | None) -> dict:
    """Ids are the relative paths without suffix; the folder of an image is the attribute `folder`, if there are any."""
    files = ImageFiles(name, folder)
    files.names = files.names[:limit]
    folders = np.array([PurePosixPath(one).parent.as_posix() for one in files.names])
    return {
        "ids": [without_suffix(one) for one in files.names],
        "hashes": files.read_hashes(),
        "attributes": {"folder": folders} if (folders != ".").any() else {},
        "contents": {"image": files},
    }


def table_images(name: str, table: str, id_column: str | None, limit: int | None) -> dict:
    """Ids are those of `id_column`, or the paths without suffix; further columns are attributes."""
    key = f"stimuli.{name}.table"
    found = read_table(key, table, text=("id", "path", *([id_column] if id_column else [])))
    names = strings(key, table, found, "path")[:limit]
    if not names:
        raise StimuliError(f"{key}: {table}: found no row, expected some.")
    files = ImageFiles(name, Path(table).parent, names)
    columns = {column: column_array(values[:limit]) for column, values in found.items()}
    return {
        "ids": strings(key, table, found, id_column)[:limit] if id_column else [without_suffix(one) for one in names],
        "hashes": files.read_hashes(),
        "attributes": {
            column: values
            for column, values in columns.items()
            if values is not None and column not in ("path", id_column)
        },
        "contents": {"image": files},
    }


def array_images(name: str, array: str, limit: int | None) -> dict:
    """Ids are image000000 ...; in a .npz file, arrays of one value an image are attributes."""
    pixels, others = read_arrays(name, array)
    source = PixelArray(pixels[:limit])
    count = len(source)
    columns = {key: column_array(values[:limit].tolist()) for key, values in others.items()}
    return {
        "ids": [f"image{index:06d}" for index in range(count)],
        "hashes": [image_hash(source.image(index)) for index in range(count)],
        "attributes": {key: values for key, values in columns.items() if values is not None},
        "contents": {"image": source},
    }


def read_arrays(name: str, path: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Pixels (n, height, width[, 3]) uint8, and the arrays (n,) beside them."""
    key = f"stimuli.{name}.array"
    if Path(path).suffix.lower() not in (".npy", ".npz"):
        raise ConfigError(key, path, "a .npy or a .npz file")
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        arrays = {"images": found} if isinstance(found, np.ndarray) else dict(found)
    except (OSError, ValueError) as error:
        raise StimuliError(f"{key}: {path} cannot be read as an array ({error}).") from error
    pixels = arrays.pop("images" if "images" in arrays else next(iter(arrays), ""), None)
    if pixels is None or pixels.dtype != np.uint8 or not (pixels.ndim == 3 or pixels.shape[3:] == (3,)):
        shown = "no array" if pixels is None else f"{pixels.dtype} {pixels.shape}"
        raise StimuliError(f"{key}: {path}: found {shown}, expected uint8 (n, height, width) or (n, height, width, 3).")
    return pixels, {key: values for key, values in arrays.items() if values.shape == pixels.shape[:1]}


def dataset_images(
    name: str, dataset: str | dict, column: str, id_column: str | None, keep: tuple[str, ...], limit: int | None
) -> dict:
    """Ids are those of `id_column`, or image000000 ...; other columns of numbers or short text are attributes."""
    from thresh.stimuli.documents import id_of
    from thresh.stimuli.records import dataset_records

    spool, columns, ids = ImageSpool(name), Columns(keep), []
    for record in dataset_records(name, dataset, column):
        spool.append(decoded(f"stimuli.{name}: {record.place}: {column!r}", record.content.get(column)))
        ids.append(id_of(name, record, id_column) if id_column else f"image{record.number:06d}")
        columns.add({key: value for key, value in record.content.items() if key not in (column, id_column)})
        if len(ids) == limit:
            break
    source = spool.images()
    return {"ids": ids, "hashes": spool.hashes, "attributes": columns.arrays(), "contents": {"image": source}}


def decoded(place: str, value: object) -> Image.Image:
    """An image of a dataset, which `datasets` has decoded, or has left as the bytes of a file."""
    content = value.get("bytes") if isinstance(value, dict) else value
    try:
        if isinstance(content, bytes):
            content = Image.open(io.BytesIO(content))
        if isinstance(content, Image.Image):
            return as_shown(content, place)
    except StimuliError:
        raise
    except (OSError, ValueError, SyntaxError) as error:
        raise StimuliError(f"{place}: cannot be read as an image ({error}).") from error
    raise StimuliError(f"{place}: found {type(content).__name__}, expected an image.")


def with_texts(name: str, parts: dict, column: str) -> dict:
    """A set of images in which an attribute has become a text beside each of them; hashes are those of the pairs.

    Raises
    ------
    StimuliError
        There is no such attribute, it is no text, or a text is empty.
    """
    attributes = dict(parts["attributes"])
    place = f"stimuli.{name}.text"
    if column not in attributes or attributes[column].dtype.kind not in "UT":
        known = [key for key, values in attributes.items() if values.dtype.kind in "UT"]
        raise StimuliError(
            f"{place}: found {column!r}, expected an attribute of texts, of {', '.join(known) or 'none'}."
        )
    texts = attributes.pop(column).tolist()
    empty = [identity for identity, text in zip(parts["ids"], texts, strict=True) if not text.strip()]
    if empty:
        raise StimuliError(f"{place}: found no text beside {len(empty)} images, first {empty[0]!r}, expected one each.")
    encoded = [text.encode() for text in texts]
    hashes = [pair_hash(image, text_hash(text)) for image, text in zip(parts["hashes"], encoded, strict=True)]
    ragged = Ragged.of([np.frombuffer(text, np.uint8) for text in encoded], np.uint8)
    contents = {**parts["contents"], "text": ragged}
    return {**parts, "attributes": attributes, "hashes": hashes, "contents": contents}


def without_suffix(path: str) -> str:
    return PurePosixPath(path).with_suffix("").as_posix()
