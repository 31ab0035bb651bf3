"""Digests of files and folders."""

import hashlib
import json
from pathlib import Path

from blake3 import blake3

from thresh.errors import StoreError
from thresh.stages.canonical import digest_of

RECORD_FOLDER = ".thresh"


def file_digest(path: Path) -> str:
    """BLAKE3 (64 hex digits) of the bytes of a file; four times as fast as SHA-256, and stores are large."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, blake3).hexdigest()


def files_of(folder: Path) -> list[Path]:
    """Files of a store, without the runner's own records, sorted by their relative path."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in paths if RECORD_FOLDER not in path.relative_to(folder).parts)


def inventory(folder: Path) -> dict[str, list]:
    """Relative path -> [size in bytes, BLAKE3] of every file of a store."""
    return {path.relative_to(folder).as_posix(): [path.stat().st_size, file_digest(path)] for path in files_of(folder)}


def content_digest(folder: Path, files: dict[str, list], facts: dict) -> str:
    """Digest of what a store says: its files and its facts.

    Attributes of Zarr groups do not count: they tell how the content was made (versions, recipe), and a new
    recipe that gives the same content must not make anything downstream stale.
    """
    content = {name: digest for name, (_, digest) in files.items() if not is_group_metadata(folder / name)}
    return digest_of({"files": content, "facts": facts})


def is_group_metadata(path: Path) -> bool:
    return path.name == "zarr.json" and json.loads(path.read_text()).get("node_type") == "group"


def input_digest(path: Path) -> str:
    """Digest of a source that thresh did not make: a file, or a folder with all its files.

    Raises
    ------
    StoreError
        Nothing is there.
    """
    if path.is_file():
        return file_digest(path)
    if path.is_dir():
        return digest_of(inventory(path))
    raise StoreError(f"{path}: found nothing, expected a file or a folder.")
