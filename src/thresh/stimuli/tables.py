"""Tables in .csv and .parquet files: of images, and of attributes that are joined on the id."""

from pathlib import Path

import numpy as np

from thresh.errors import ConfigError, StimuliError
from thresh.stimuli.columns import column_array, is_missing

TABLES = (".csv", ".parquet")


def read_table(key: str, path: str, text: tuple[str, ...] = ("id",)) -> dict[str, list]:
    """Columns of a table, as Python values; what is missing is None or NaN.

    Parameters
    ----------
    key
        Path of the config key that names the table, for messages.
    text
        Columns that stay text where a .csv could be read as numbers, so that the id 007 is not 7.

    Raises
    ------
    ConfigError
        The file has another suffix.
    StimuliError
        There is no such file, it cannot be read, or it has a column twice.
    """
    if Path(path).suffix.lower() not in TABLES:
        raise ConfigError(key, path, "a .csv or a .parquet file")
    if not Path(path).is_file():
        raise StimuliError(f"{key}: {path}: found no file, expected a table.")
    try:
        return read_parquet(path) if Path(path).suffix.lower() == ".parquet" else read_csv(path, text)
    # pandas' and pyarrow's errors of content are ValueErrors; a folder or a lacking right is an OSError.
    except (OSError, ValueError) as error:
        raise StimuliError(f"{key}: {path} cannot be read as a table ({' '.join(str(error).split())}).") from error


def read_parquet(path: str) -> dict[str, list]:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    repeated = {name for name in table.column_names if table.column_names.count(name) > 1}
    if repeated:
        raise ValueError(f"found the column {min(repeated)!r} more than once")
    return {name: table[name].to_pylist() for name in table.column_names}


def read_csv(path: str, text: tuple[str, ...]) -> dict[str, list]:
    import pandas

    # 'NA', 'None' and the like are words; nothing at all is missing.
    frame = pandas.read_csv(
        path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=["", "NaN", "nan"], low_memory=False
    )
    return {str(name): column.tolist() for name, column in frame.items()}


def strings(key: str, path: str, table: dict[str, list], column: str) -> list[str]:
    """One column as text, none of it missing.

    Raises
    ------
    StimuliError
        There is no such column, or a cell is empty.
    """
    if column not in table:
        raise StimuliError(f"{key}: {path}: found the columns {', '.join(table)}, expected {column!r} among them.")
    for number, value in enumerate(table[column]):
        if is_missing(value) or value == "":
            raise StimuliError(f"{key}: {path}: row {number + 1}: found nothing in the column {column!r}.")
    return [str(value) for value in table[column]]


def image_paths(key: str, path: str) -> list[str]:
    """Column `path` of a table of images, relative to the table's folder."""
    return strings(key, path, read_table(key, path, text=("path",)), "path")


def joined(name: str, ids: list[str], own: dict[str, np.ndarray], path: str | None) -> dict[str, np.ndarray]:
    """Attributes of stimuli with those of a table that has a row for each id; further rows do not matter.

    Raises
    ------
    StimuliError
        A stimulus has no row, an id has two, a column is an attribute already, or holds neither numbers nor text.
    """
    if path is None:
        return own
    key = f"stimuli.{name}.attributes"
    table = read_table(key, path)
    known = strings(key, path, table, "id")
    rows = {identity: row for row, identity in enumerate(known)}
    if len(rows) < len(known):
        twice = next(identity for row, identity in enumerate(known) if rows[identity] != row)
        raise StimuliError(f"{key}: {path}: found the id {twice!r} more than once, expected one row a stimulus.")
    lacking = [identity for identity in ids if identity not in rows]
    if lacking:
        raise StimuliError(
            f"{key}: {path}: found no row for {len(lacking)} of {len(ids)} stimuli, first {lacking[0]!r};"
            f" its ids are such as {known[0]!r}."
        )
    order = [rows[identity] for identity in ids]
    added = {}
    for column in table:
        if column == "id":
            continue
        if column in own:
            raise StimuliError(f"{key}: {path}: found the column {column!r}, which the stimuli have already.")
        added[column] = column_array([table[column][row] for row in order])
        if added[column] is None:
            raise StimuliError(f"{key}: {path}: found a column {column!r} of other values, expected numbers or text.")
    return own | added
