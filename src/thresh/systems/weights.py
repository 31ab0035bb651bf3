"""Weight files of models: where they are, and their digest."""

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

from thresh.errors import HarvestError

WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


def is_folder(where: str, model: str) -> bool:
    """Whether a model is given as a local folder rather than by its hub name.

    Raises
    ------
    HarvestError
        It looks like a path, and nothing is there.
    """
    if Path(model).is_dir():
        return True
    if model.startswith(("/", ".", "~")) or model.count("/") > 1:
        raise HarvestError(f"{where}.model: {model}: found no folder, expected a transformers model.")
    return False


def folder_weights(where: str, folder: str) -> list[Path]:
    """Weight files of a local folder that would be loaded, shards after their index.

    Raises
    ------
    HarvestError
        The folder has no config, no weights, or not all shards that the index names.
    """
    root = Path(folder)
    if not (root / "config.json").is_file():
        raise HarvestError(f"{where}.model: {folder}: found no config.json, expected a transformers model.")
    first = next((root / name for name in WEIGHT_FILES if (root / name).is_file()), None)
    if first is None:
        raise HarvestError(
            f"{where}.model: {folder}: found no weights, expected {WEIGHT_FILES[0]} (or {WEIGHT_FILES[2]})."
        )
    files = [first, *(root / shard for shard in shards_of(first))]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise HarvestError(f"{where}.model: {folder}: found no {missing[0]}, expected every shard of the index.")
    for file in files:
        check_header(where, file)
    return files


def check_header(where: str, file: Path) -> None:
    """Refuse a safetensors file that is cut off; only its header is read."""
    if file.suffix != ".safetensors":
        return
    try:
        with safe_open(file, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise HarvestError(f"{where}.model: {file}: found no readable weights ({error}).") from error


def hub_weights(model: str, revision: str) -> list[Path]:
    """Weight files of a hub model in the local cache; downloads what is not there."""
    from transformers.utils import cached_file

    def cached(name: str, required: bool) -> str | None:
        return cached_file(model, name, revision=revision, _raise_exceptions_for_missing_entries=required)

    first = next((found for found in (cached(name, False) for name in WEIGHT_FILES) if found), None)
    if first is None:
        raise HarvestError(f"{model}: found no weights on the hub, expected {WEIGHT_FILES[0]} or {WEIGHT_FILES[2]}.")
    return [Path(first), *(Path(cached(shard, True)) for shard in shards_of(Path(first)))]


def shards_of(index: Path) -> list[str]:
    """Names of the shards that an index file lists; none for a plain weight file."""
    if index.suffix != ".json":
        return []
    return sorted(set(json.loads(index.read_text())["weight_map"].values()))


def digest_of_files(files: list[Path]) -> str:
    """SHA-256 over names and contents of files."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            digest.update(f"{file.name} {hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
