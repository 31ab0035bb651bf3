"""Completion records: which key a store answers to, and the size and digest of each of its files."""

from dataclasses import asdict, dataclass
from pathlib import Path

from thresh.stages.digests import RECORD_FOLDER
from thresh.stages.files import read_json, write_atomically, write_json


@dataclass(frozen=True)
class Record:
    """What was finished.

    Attributes
    ----------
    key
        Key of the stage's parameters, code and inputs.
    digest
        Content digest, as the manifest tells it.
    files
        Relative path -> [size in bytes, SHA-256].
    manifest
        Text of the manifest, so that a lost one is written again without computing.
    """

    key: str
    digest: str
    files: dict[str, list]
    manifest: str


def record_folder(store: Path) -> Path:
    """Where a store keeps its records; made as an empty Zarr group, so that Zarr readers pass over it in silence."""
    folder = store / RECORD_FOLDER
    marker = folder / "zarr.json"
    if not marker.exists():
        write_atomically(marker, '{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    return folder


def write_record(store: Path, record: Record, name: str = "complete") -> None:
    write_json(record_folder(store) / f"{name}.json", asdict(record))


def read_record(store: Path, name: str = "complete") -> Record | None:
    content = read_json(store / RECORD_FOLDER / f"{name}.json")
    return None if content is None else Record(**content)


def missing_files(store: Path, record: Record) -> list[str]:
    """Recorded files that are absent or whose size differs. Their content is `verify`'s work."""
    return [name for name, (size, _) in record.files.items() if not has_size(store / name, size)]


def has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except (FileNotFoundError, NotADirectoryError):
        return False
