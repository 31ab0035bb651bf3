"""Hugging Face datasets, of the hub or on disk, as a stream of records."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thresh.errors import ConfigError, StimuliError

# Suffix of a data file -> the builder of `datasets` that reads it.
BUILDERS = {".parquet": "parquet", ".jsonl": "json", ".json": "json", ".csv": "csv", ".arrow": "arrow", ".txt": "text"}
KEYS = ("name", "config", "split", "revision")
PLAIN = ("Value", "ClassLabel")


def records_of(name: str, dataset: str | dict, column: str) -> Iterator[dict[str, Any]]:
    """Records of a dataset in its order: the wanted column, and all that hold numbers or text.

    Parameters
    ----------
    name
        Name of the stimulus set, for messages.
    dataset
        Name on the hub, data file, folder of data files or folder of `save_to_disk`; or a mapping of `name`,
        `config`, `split` ('train' by default) and `revision`.
    column
        The wanted column.

    Raises
    ------
    ConfigError
        The mapping has other keys or no name.
    StimuliError
        The package `datasets` is not there, the dataset cannot be read, or it has no such column.
    """
    key = f"stimuli.{name}.dataset"
    chosen = {"name": dataset} if isinstance(dataset, str) else dict(dataset)
    if not chosen.get("name") or set(chosen) - set(KEYS):
        raise ConfigError(key, dataset, f"a name, or the keys {', '.join(KEYS)}")
    try:
        import datasets
    except ImportError as error:
        raise StimuliError(
            f"{key}: found no package `datasets`, which reads Hugging Face datasets: pip install 'thresh[datasets]'."
        ) from error
    told = " ".join(str(chosen[part]) for part in KEYS if chosen.get(part))
    found = attempt(key, told, lambda: only_plain(opened(datasets, **chosen), column))
    if found.column_names is not None and column not in found.column_names:
        raise StimuliError(
            f"{key}: {told}: found the columns {', '.join(found.column_names)}, expected {column!r} among them."
        )
    stream = attempt(key, told, lambda: iter(found))
    while (record := attempt(key, told, lambda: next(stream, None))) is not None:
        yield record


def opened(datasets: Any, name: str, config: str | None = None, split: str | None = None, revision: str | None = None):
    """The dataset, its records not read yet."""
    path, split = Path(name), split or "train"
    if (path / "dataset_dict.json").is_file():
        return datasets.load_from_disk(name)[split]
    if (path / "state.json").is_file():
        return datasets.load_from_disk(name)
    if path.is_file():
        if path.suffix.lower() not in BUILDERS:
            raise ValueError(f"found a data file {path.suffix!r}, expected {', '.join(BUILDERS)}")
        return datasets.load_dataset(
            BUILDERS[path.suffix.lower()], data_files={split: name}, split=split, streaming=True
        )
    return datasets.load_dataset(name, config, split=split, revision=revision, streaming=True)


def only_plain(found: Any, column: str):
    """Without the columns that are of no use here: pictures and sounds among them would be decoded for nothing."""
    if found.features is None or column not in found.features:
        return found
    kept = [name for name, feature in found.features.items() if name == column or type(feature).__name__ in PLAIN]
    return found.select_columns(kept)


def attempt(key: str, told: str, work):
    """Whatever goes wrong in another library, in its network and its file systems, as one line."""
    try:
        return work()
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise StimuliError(f"{key}: {told}: cannot be read as a Hugging Face dataset ({reason}).") from error
