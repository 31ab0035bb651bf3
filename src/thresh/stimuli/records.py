"""Records of documents, one after another, from text, JSONL, parquet and .npy files, folders and datasets."""

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from thresh.errors import ConfigError, StimuliError

BATCH_ROWS = 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Record(NamedTuple):
    """A document before it is looked at.

    Attributes
    ----------
    place
        Where it stands, for messages: the file, and the line or row counted from 1.
    number
        The same, counted from 0.
    content
        Column -> value.
    identity
        Its id, where the source has one that is no column.
    """

    place: str
    number: int
    content: dict[str, Any]
    identity: str | None = None


def text_lines(path: Path, column: str) -> Iterator[Record]:
    """Lines of a UTF-8 text file, without their ends (a newline, or a carriage return and a newline)."""
    for place, number, line in raw_lines(path):
        yield Record(place, number, {column: decoded(place, line.removesuffix(b"\n").removesuffix(b"\r"))})


def json_lines(path: Path, column: str) -> Iterator[Record]:
    """Objects of a JSONL file; blank lines are passed over."""
    for place, number, line in raw_lines(path):
        if not line.strip():
            continue
        try:
            content = json.loads(decoded(place, line))
        except json.JSONDecodeError as error:
            raise StimuliError(f"{place}: cannot be read as JSON ({error}).") from error
        if not isinstance(content, dict):
            raise StimuliError(f"{place}: found {type(content).__name__}, expected a JSON object.")
        yield Record(place, number, content)


def raw_lines(path: Path) -> Iterator[tuple[str, int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file):
            yield f"{path}: line {number + 1}", number, line.removeprefix(BYTE_ORDER_MARK) if number == 0 else line


def decoded(place: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise StimuliError(f"{place}: found text that is not UTF-8 ({error}).") from error


def text_files(folder: Path, column: str) -> Iterator[Record]:
    """Files *.txt of a folder, searched recursively, in the order of their paths; each is one document as it stands."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() == ".txt" and path.is_file()]
    shown = sorted(path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts))
    if not shown:
        raise StimuliError(f"{folder}: found no .txt file, expected some.")
    names = [PurePosixPath(name) for name in shown]
    nested = any(name.parent.name for name in names)
    for number, name in enumerate(names):
        place = str(folder / name)
        content = {column: decoded(place, (folder / name).read_bytes().removeprefix(BYTE_ORDER_MARK))}
        attributes = {"folder": name.parent.as_posix()} if nested else {}
        yield Record(place, number, content | attributes, name.with_suffix("").as_posix())


def parquet_rows(path: Path, column: str) -> Iterator[Record]:
    """Rows of a parquet file: the wanted column, and those of numbers or text; lists of numbers as NumPy arrays."""
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        wanted = [field.name for field in file.schema_arrow if field.name == column or plain_type(field.type)]
        if column not in wanted:
            raise StimuliError(
                f"{path}: found the columns {', '.join(file.schema_arrow.names)}, expected {column!r} among them."
            )
        number = 0
        for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
            columns = {name: python_values(batch.column(name)) for name in wanted}
            for row in range(batch.num_rows):
                content = {name: values[row] for name, values in columns.items()}
                yield Record(f"{path}: row {number + 1}", number, content)
                number += 1
    except (OSError, pyarrow.ArrowException) as error:
        raise StimuliError(f"{path} cannot be read as parquet ({' '.join(str(error).split())}).") from error


def plain_type(kind: Any) -> bool:
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    tests = (types.is_boolean, types.is_integer, types.is_floating, types.is_string, types.is_large_string)
    return any(test(kind) for test in tests)


def python_values(values: Any) -> list:
    from pyarrow import types

    kind = values.type
    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if lists and types.is_integer(kind.value_type):
        # A number at a time, as Python objects, a million documents would take many minutes.
        return [one.values.to_numpy(zero_copy_only=False) if one.is_valid else None for one in values]
    return values.to_pylist()


def array_rows(path: Path, column: str) -> Iterator[Record]:
    """Rows of a .npy file (documents, length) of integers."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise StimuliError(f"{path} cannot be read as .npy ({error}).") from error
    if values.ndim != 2 or values.dtype.kind not in "iu":
        raise StimuliError(f"{path}: found {values.dtype} {values.shape}, expected integers (documents, length).")
    for number, row in enumerate(values):
        yield Record(f"{path}: row {number + 1}", number, {column: row})


READERS = {
    "text": {".txt": text_lines, ".jsonl": json_lines, ".parquet": parquet_rows},
    "tokens": {".npy": array_rows, ".jsonl": json_lines, ".parquet": parquet_rows},
}


def form_of(name: str, kind: str, file: str) -> str:
    """Suffix of a file of documents, or 'folder'.

    Raises
    ------
    ConfigError
        The suffix is none of those that the kind reads.
    StimuliError
        There is no such file, or a folder where the kind reads none.
    """
    path, known = Path(file), READERS[kind]
    expected = f"{', '.join(known)}{' or a folder of .txt files' if kind == 'text' else ''}"
    if path.is_dir() and kind == "text":
        return "folder"
    if path.suffix.lower() not in known:
        raise ConfigError(f"stimuli.{name}.file", file, f"a file {expected}")
    if not path.is_file():
        raise StimuliError(f"stimuli.{name}.file: {file}: found no file, expected one {expected}.")
    return path.suffix.lower()


def file_records(name: str, kind: str, file: str, column: str) -> Iterator[Record]:
    """Records of a file, or of a folder, of documents; `name` is that of the set, for messages.

    Raises
    ------
    ConfigError, StimuliError
        As `form_of`, and where what is in the file cannot be read.
    """
    form = form_of(name, kind, file)
    read = text_files if form == "folder" else READERS[kind][form]
    try:
        yield from read(Path(file), column)
    except StimuliError as error:
        raise StimuliError(f"stimuli.{name}.file: {error}") from error


def dataset_records(name: str, dataset: str | dict, column: str) -> Iterator[Record]:
    """Records of a Hugging Face dataset."""
    from thresh.stimuli.hub import records_of

    for number, content in enumerate(records_of(name, dataset, column)):
        yield Record(f"record {number + 1} of the dataset", number, content)
