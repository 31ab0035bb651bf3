"""Sparse codes on disk: compressed sparse rows in the convention of AnnData, in sharded Zarr arrays.

A group with attributes encoding-type csr_matrix, encoding-version and shape, and the arrays data, indices, indptr.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import zarr
from scipy.sparse import csr_array

from thresh.errors import StoreError
from thresh.store.arrays import create_array, read_array, require_shards
from thresh.store.layout import Layout


def write_codes(folder: Path, blocks: Iterable[csr_array], rows: int, atoms: int, attributes: dict) -> dict:
    """Write codes block of rows by block of rows; no more than two blocks are held.

    Parameters
    ----------
    blocks
        CSR blocks in the order of their rows, float32.
    rows, atoms
        Shape of the whole.

    Returns
    -------
    facts: shape, entries (number of values that are not zero).
    """
    group = zarr.open_group(folder, mode="a", zarr_format=3)
    group.attrs.update(
        {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": [rows, atoms], **attributes}
    )
    counts = np.zeros(rows + 1, np.int64)
    spool = Spool(group)
    first = 0
    for block in blocks:
        counts[first + 1 : first + block.shape[0] + 1] = np.diff(block.indptr)
        spool.add(block.data, block.indices)
        first += block.shape[0]
    if first != rows:
        raise StoreError(f"{folder}: found codes of {first} rows, expected {rows}.")
    spool.close()
    indptr = create_array(group, "indptr", (rows + 1,), "int64", ("row_edge",))
    indptr[...] = np.cumsum(counts)
    group.attrs["complete"] = True
    return {"shape": [rows, atoms], "entries": int(counts.sum())}


class Spool:
    """data and indices, which grow by whole shards because their length is known only at the end."""

    SHARD = 2**22
    CHUNK = 2**19

    def __init__(self, group: zarr.Group):
        layout = Layout(self.CHUNK, self.SHARD)
        self.arrays = {
            "data": create_array(group, "data", (0,), "float32", ("entry",), layout),
            "indices": create_array(group, "indices", (0,), "int32", ("entry",), layout),
        }
        self.held: dict[str, list[np.ndarray]] = {"data": [], "indices": []}
        self.count = 0

    def add(self, data: np.ndarray, indices: np.ndarray) -> None:
        self.held["data"].append(np.asarray(data, np.float32))
        self.held["indices"].append(np.asarray(indices, np.int32))
        self.count += len(data)
        if self.count >= self.SHARD:
            self.flush(self.count // self.SHARD * self.SHARD)

    def flush(self, entries: int) -> None:
        for name, array in self.arrays.items():
            held = np.concatenate(self.held[name]) if self.held[name] else np.empty(0, array.dtype)
            start = array.shape[0]
            array.resize((start + entries,))
            if entries:
                array[start : start + entries] = held[:entries]
            self.held[name] = [held[entries:]]
        self.count -= entries

    def close(self) -> None:
        self.flush(self.count)


class Codes:
    """Codes of one layer for one dictionary, read from a store; `read` gives blocks of rows as CSR."""

    def __init__(self, path: Path, group: zarr.Group):
        self.path = path
        self.attrs = dict(group.attrs)
        self.shape: tuple[int, int] = tuple(group.attrs["shape"])
        self.data, self.indices = group["data"], group["indices"]
        self.indptr = read_array(group["indptr"])

    def read(self, start: int = 0, stop: int | None = None) -> csr_array:
        """Rows start to stop as a CSR array (stop - start, atoms) float32."""
        stop = self.shape[0] if stop is None else min(stop, self.shape[0])
        low, high = int(self.indptr[start]), int(self.indptr[stop])
        try:
            data, indices = self.data[low:high], self.indices[low:high]
        except ValueError as error:  # zarr's checksum codecs raise it
            raise StoreError(
                f"{self.path}: rows {start} to {stop} are damaged ({error}); run `snakemake verify`."
            ) from error
        return csr_array((data, indices, self.indptr[start : stop + 1] - low), shape=(stop - start, self.shape[1]))

    def blocks(self, rows: int = 65536) -> Iterator[csr_array]:
        """All rows, `rows` at a time."""
        for start in range(0, self.shape[0], rows):
            yield self.read(start, start + rows)


def open_codes(path: str | Path) -> Codes:
    """Open sparse codes.

    Raises
    ------
    StoreError
        There is no store, it is not complete, or a shard is missing.
    """
    path = Path(path)
    try:
        group = zarr.open_group(path, mode="r")
    except FileNotFoundError:
        raise StoreError(f"{path}: found no codes, expected a Zarr group.") from None
    if not group.attrs.get("complete"):
        raise StoreError(f"{path}: these codes are not complete; run the workflow to finish them.")
    require_shards(path, group)
    return Codes(path, group)
