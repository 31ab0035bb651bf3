"""Dictionaries that others learned, as dictionaries of a layer."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from thresh.devices import pick_device
from thresh.dictionaries.formats import CONFIGS, FORMATS, declared_units, folder_of, format_of, read
from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.moments import Moments
from thresh.dictionaries.quality import quality
from thresh.dictionaries.rows import Rows
from thresh.errors import DictionaryError


def import_dictionary(
    name: str, source: dict[str, str], rows: Rows, raw: Moments, order: int = 0, device: str | None = None
) -> Dictionary:
    """A dictionary of others, with scale and quality on the rows of a layer, as of one that was learned there.

    Parameters
    ----------
    name
        Its name in the config.
    source
        path (a folder, or a name on the hub), subfolder and revision; see `thresh.dictionaries.load`.
    rows, raw
        Rows of the layer and their moments.

    Raises
    ------
    DictionaryError
        It cannot be read, or was learned on another number of units.
    """
    with told_of(f"dictionaries.{name}.source"):
        folder = folder_of(**source)
        dictionary = read(folder)
        check_units(folder, dictionary.units, rows.shape[1])
    atoms, units = dictionary.atoms.shape
    dictionary.scale = raw.scale(dictionary.bias)
    dictionary.facts = {"method": "imported", "atoms": atoms, "units": units, "source": source | origin(source, folder)}
    dictionary.facts |= quality(dictionary, rows, raw, order, pick_device(device))
    return dictionary


def origin(source: dict[str, str], folder: Path) -> dict[str, Any]:
    """Format and SHA-256 of the files that were read; of the hub, the commit too."""
    name = format_of(folder)
    digests = {}
    for file in FORMATS[name].FILES:
        with (folder / file).open("rb") as opened:
            digests[file] = hashlib.file_digest(opened, "sha256").hexdigest()
    known = {"format": name, "sha256": digests}
    if Path(source["path"]).is_dir():
        return known
    # The hub's cache has a folder for each commit.
    return known | {"commit": folder.parts[-1 - len(Path(source["subfolder"]).parts)]}


def check_source(name: str, layer: str, source: dict[str, str], units: int | None) -> None:
    """A look at a source before anything long begins: whether it is there and, as far as its config says, fits.

    Parameters
    ----------
    name, layer
        For messages.
    units
        Of the layer, where they are known.

    Raises
    ------
    DictionaryError
        Nothing is there, or it was learned on another number of units.
    """
    with told_of(f"dictionaries.{name}.source: {layer}"):
        folder = folder_of(**source, files=CONFIGS)
        if Path(source["path"]).is_dir():
            format_of(folder)
        elif not any((folder / config).is_file() for config in CONFIGS):
            raise DictionaryError(f"{folder}: found no {' and no '.join(CONFIGS)}, expected a dictionary.")
        declared = declared_units(folder)
        if declared is not None and units is not None:
            check_units(folder, declared, units)


def check_units(folder: Path, found: int, units: int) -> None:
    if found != units:
        raise DictionaryError(f"{folder}: found a dictionary of {found} units, expected the {units} of the layer.")


@contextmanager
def told_of(place: str) -> Iterator[None]:
    """Name the place in the config that an error is about."""
    try:
        yield
    except DictionaryError as error:
        raise DictionaryError(f"{place}: {error}") from None
