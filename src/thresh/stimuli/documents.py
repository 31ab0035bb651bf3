"""Documents: texts, and token ids for models without a tokenizer."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thresh.errors import StimuliError
from thresh.stimuli.choices import only_one, positive, without
from thresh.stimuli.columns import Columns, is_missing
from thresh.stimuli.hashing import text_hash, tokens_hash
from thresh.stimuli.ragged import Spool
from thresh.stimuli.records import Record, dataset_records, file_records, form_of

# These hold documents alone, so nobody can choose a column of them.
WITHOUT_COLUMNS = {".txt": "beside a .txt file", ".npy": "beside a .npy file", "folder": "beside a folder"}


@dataclass(frozen=True)
class Kind:
    """What texts and token ids differ in.

    Attributes
    ----------
    name, column, dtype
        Name in the registry, column by default, type as stored.
    encode
        Value of the column -> content, or None if it has none. Raises ValueError with what was found and expected.
    hash_of
        Content -> hash.
    """

    name: str
    column: str
    dtype: str
    encode: Callable[[object], np.ndarray | bytes | None]
    hash_of: Callable[[np.ndarray | bytes], str]


def text(
    name: str,
    *,
    file: str | None = None,
    dataset: str | dict | None = None,
    column: str | None = None,
    id_column: str | None = None,
    limit: int | None = None,
) -> dict:
    """Texts from a file or a Hugging Face dataset.

    A .txt file has one document a line, a folder of .txt files one a file, a .jsonl or .parquet file one a record, in
    `column` ('text' by default). Documents without content, empty or of white space alone, are left out. Ids are
    those of `id_column`, of a folder the paths without suffix, else document000000 ..., the number of the line or
    row counted from 0, so that what is left out leaves a gap. Other columns of numbers or short text are attributes.
    """
    kind = Kind("text", "text", "u1", encoded_text, text_hash)
    return gathered(name, kind, file, dataset, column, id_column, limit)


def tokens(
    name: str,
    *,
    file: str | None = None,
    dataset: str | dict | None = None,
    column: str | None = None,
    id_column: str | None = None,
    limit: int | None = None,
) -> dict:
    """Token ids from a .npy file (documents, length), or a .jsonl, .parquet or dataset `column` of lists of integers.

    The column is 'input_ids' by default. Ids, attributes and empty documents are as those of `text`.
    """
    kind = Kind("tokens", "input_ids", "<i8", encoded_tokens, tokens_hash)
    return gathered(name, kind, file, dataset, column, id_column, limit)


def gathered(
    name: str,
    kind: Kind,
    file: str | None,
    dataset: str | dict | None,
    column: str | None,
    id_column: str | None,
    limit: int | None,
) -> dict:
    """Documents one at a time: their contents go to a temporary file, the rest stays in memory."""
    positive(name, limit=limit)
    if only_one(name, file=file, dataset=dataset) == "file":
        form = form_of(name, kind.name, file)
        if form in WITHOUT_COLUMNS:
            without(name, WITHOUT_COLUMNS[form], {"column": column, "id_column": id_column})
        column = column or kind.column
        records = file_records(name, kind.name, file, column)
    else:
        column = column or kind.column
        records = dataset_records(name, dataset, column)
    spool, columns, ids, hashes, left_out = Spool(kind.dtype), Columns(), [], [], 0
    for record in records:
        content = encoded(name, record, column, kind)
        if content is None:
            left_out += 1
            continue
        spool.append(content)
        hashes.append(kind.hash_of(content))
        ids.append(id_of(name, record, id_column))
        columns.add({key: value for key, value in record.content.items() if key not in (column, id_column)})
        if len(ids) == limit:
            break
    parts = {"ids": ids, "hashes": hashes, "attributes": columns.arrays()}
    return {**parts, "contents": {kind.name: spool.ragged()}, "left_out": left_out}


def value_of(name: str, record: Record, column: str, key: str) -> object:
    if column not in record.content:
        shown = ", ".join(record.content)
        raise StimuliError(
            f"stimuli.{name}.{key}: {record.place}: found the columns {shown}, expected {column!r} among them."
        )
    return record.content[column]


def encoded(name: str, record: Record, column: str, kind: Kind) -> np.ndarray | bytes | None:
    value = value_of(name, record, column, "column")
    try:
        return kind.encode(value)
    except ValueError as error:
        raise StimuliError(f"stimuli.{name}: {record.place}: {column!r}: {error}.") from error


def encoded_text(value: object) -> bytes | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str):
        raise ValueError(f"found {type(value).__name__}, expected text")
    return value.encode()  # half a surrogate pair, which JSON can spell, raises a ValueError


def encoded_tokens(value: object) -> np.ndarray | None:
    if value is None:
        return None
    found = np.asarray(value)
    if found.size == 0:
        return None
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise ValueError(f"found {found.dtype} of shape {found.shape}, expected a list of integers")
    if found.min() < 0 or found.max() >= 2**63:
        raise ValueError(f"found {found.min()} to {found.max()}, expected token ids from 0 on")
    return found.astype("<i8")


def id_of(name: str, record: Record, id_column: str | None) -> str:
    if id_column is None:
        return record.identity or f"document{record.number:06d}"
    found = value_of(name, record, id_column, "id_column")
    if is_missing(found) or found == "" or not isinstance(found, str | int):
        raise StimuliError(f"stimuli.{name}: {record.place}: {id_column!r}: found {found!r}, expected an id.")
    return str(found)
