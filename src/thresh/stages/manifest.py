"""Manifests: the small deterministic files that Snakemake sees in place of stores."""

from pathlib import Path

from thresh.errors import StoreError
from thresh.stages.files import read_json, write_json


def write_manifest(path: Path, content: dict) -> None:
    """Write a manifest; it holds content digests and facts, never a time, a host or an absolute path."""
    write_json(path, content)


def read_manifest(path: Path) -> dict:
    """Content of a manifest.

    Raises
    ------
    StoreError
        There is none, or it is not whole.
    """
    content = read_json(path)
    if content is None:
        raise StoreError(f"{path}: found no manifest, expected the result of an earlier stage; run the workflow first.")
    return content


def manifest_digest(path: Path, part: str | None = None) -> str:
    """Content digest that a manifest vouches for; of one named part of it where `part` is given."""
    content = read_manifest(path)
    if part is None:
        return content["digest"]
    try:
        return content["parts"][part]
    except KeyError:
        raise StoreError(f"{path}: found parts {sorted(content.get('parts', {}))}, expected {part!r}.") from None
