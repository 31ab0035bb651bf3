"""Creating Zarr arrays the one way that thresh writes them."""

import warnings
from pathlib import Path
from types import EllipsisType

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.errors import ZarrUserWarning

from thresh.errors import StoreError, ThreshError
from thresh.store.layout import Layout, choose_layout


def create_array(
    group: zarr.Group,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype | str,
    dimensions: tuple[str, ...],
    layout: Layout | None = None,
    compress: bool = False,
    attributes: dict | None = None,
) -> zarr.Array:
    """Empty array, sharded along its first dimension, with a checksum on every chunk.

    Parameters
    ----------
    layout
        Rows of a chunk and of a shard; chosen by size where it is None.
    compress
        Blosc-lz4 with bit shuffle: worth it for bfloat16 bits, not for float16 and float32.
    """
    row_bytes = max(int(np.prod(shape[1:])) * np.dtype(dtype).itemsize, 1)
    layout = layout or choose_layout(max(shape[0], 1), row_bytes)
    codecs = [BloscCodec(cname="lz4", shuffle="bitshuffle", typesize=np.dtype(dtype).itemsize)] if compress else []
    return group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=(layout.chunk_rows, *shape[1:]),
        shards=(layout.shard_rows, *shape[1:]),
        compressors=[*codecs, Crc32cCodec()],
        dimension_names=dimensions,
        fill_value=0,
        attributes=attributes or {},
        # A shard that is absent is an error; without this a shard of zeros would be absent too.
        config={"write_empty_chunks": True},
    )


def write_array(group: zarr.Group, name: str, values: np.ndarray, dimensions: tuple[str, ...]) -> zarr.Array:
    """Write a whole array that fits in memory; strings are written as variable-length UTF-8."""
    values = np.asarray(values)
    if values.dtype.kind in "UOT":
        return group.create_array(
            name,
            data=values.astype(np.dtypes.StringDType()),
            chunks=(max(len(values), 1),),
            compressors=[ZstdCodec(), Crc32cCodec()],
            dimension_names=dimensions,
            config={"write_empty_chunks": True},
        )
    array = create_array(group, name, values.shape, values.dtype, dimensions)
    if values.size:
        array[...] = values
    return array


def read_table(group: zarr.Group) -> dict[str, np.ndarray]:
    """All arrays of a group, in memory, by name."""
    return {name: read_array(array) for name, array in sorted(group.arrays())}


def read_array(array: zarr.Array, part: slice | EllipsisType = ...) -> np.ndarray:
    """A whole array, or a part of its first dimension.

    Raises
    ------
    StoreError
        A byte of it is not as it was written.
    """
    try:
        return array[part]
    except ValueError as error:  # zarr's checksum codecs raise it
        raise StoreError(f"{array.store_path} is damaged ({error}); run `snakemake verify`.") from error


def shard_names(array: zarr.Array, name: str) -> list[str]:
    """Paths of the shards of the array called `name` below its group, in the order of their rows."""
    rows = array.shards[0] if array.shards else array.chunks[0]
    tail = ["0"] * (array.ndim - 1)
    return ["/".join([name, "c", str(index), *tail]) for index in range(-(-array.shape[0] // rows))]


def require_shards(path: Path, group: zarr.Group, refusal: type[ThreshError] = StoreError) -> None:
    """Refuse a store that lacks a shard of any of its arrays, for Zarr would read it as zeros.

    Only names are looked at, no content.

    Parameters
    ----------
    path
        Folder of the store.
    group
        The store, every array of which was written whole, with empty chunks.
    refusal
        Class of the error.

    Raises
    ------
    refusal
        A shard is not there.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)  # the runner's records are no part of the hierarchy
        arrays = [(name, member) for name, member in group.members(max_depth=None) if isinstance(member, zarr.Array)]
    names = [shard for name, array in sorted(arrays) for shard in shard_names(array, name)]
    missing = [name for name in names if not (path / name).is_file()]
    if missing:
        raise refusal(f"{path}: {len(missing)} shards are missing, first {missing[0]}; run `snakemake verify`.")
