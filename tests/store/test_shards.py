"""Chunks read from the files are Zarr's, and what is damaged, cut or missing is an error that names the file."""

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import ShardingCodec

from thresh.errors import StoreError
from thresh.store.encoding import decode
from thresh.store.shards import ChunkReader

from .stores import write_store

DTYPES = ["float16", "float32", "bfloat16"]


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """400 rows of 9 units in shards of 128 rows, of four chunks each; the last shard and its chunk are not full."""
    found = {}
    for dtype in DTYPES:
        folder = tmp_path_factory.mktemp("shards") / f"{dtype}.zarr"
        found[dtype] = ChunkReader(rechunked(folder, dtype))
    return found


def rechunked(folder, dtype):
    """A store whose shards have several chunks, which thresh itself writes only when they are large."""
    values = np.random.default_rng(0).normal(size=(400, 9)).astype(np.float32)
    written = zarr.open_array(write_store(folder, values, dtype) / "values", mode="r")
    content, (sharding,) = written[...], written.metadata.codecs
    *compressors, _, checksum = [*sharding.codecs[1:-1], None, sharding.codecs[-1]]
    array = zarr.open_group(folder, mode="r+").create_array(
        "values",
        shape=content.shape,
        dtype=content.dtype,
        chunks=(32, 9),
        shards=(128, 9),
        compressors=[*compressors, checksum],
        attributes=dict(written.attrs),
        overwrite=True,
    )
    array[...] = content
    return folder


@settings(max_examples=60, deadline=None)
@given(dtype=st.sampled_from(DTYPES), start=st.integers(0, 410), rows=st.integers(0, 410))
def test_rows_are_those_that_zarr_reads(readers, dtype, start, rows):
    reader = readers[dtype]
    assert reader.compression == ("blosc" if dtype == "bfloat16" else "none")
    found = reader.read(start, start + rows)
    np.testing.assert_array_equal(found, decode(reader.values[start : start + rows], dtype))
    assert found.dtype == np.float32


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_flipped_bit_anywhere_is_an_error_that_names_the_file(tmp_path, dtype):
    reader = ChunkReader(rechunked(tmp_path / "x.zarr", dtype))
    shard = tmp_path / "x.zarr" / "values" / "c" / "1" / "0"
    whole = shard.read_bytes()
    for place in [*np.linspace(0, len(whole) - 70, 50).astype(int), *range(len(whole) - 70, len(whole))]:
        shard.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        with pytest.raises(StoreError, match=r"values/c/1/0: rows \d+ to \d+ are damaged"):
            reader.read(0, 400)
    shard.write_bytes(whole)
    reader.read(0, 400)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_cut_file_is_an_error(tmp_path, dtype):
    reader = ChunkReader(rechunked(tmp_path / "x.zarr", dtype))
    shard = tmp_path / "x.zarr" / "values" / "c" / "1" / "0"
    whole = shard.read_bytes()
    for length in [0, 1, 67, 68, 69, len(whole) // 2, len(whole) - 68, len(whole) - 1]:
        shard.write_bytes(whole[:length])
        with pytest.raises(StoreError, match="values/c/1/0: rows 128 to 160 are damaged"):
            reader.read(0, 400)


def test_a_chunk_that_was_never_written_is_an_error_and_not_zeros(tmp_path):
    folder = rechunked(tmp_path / "x.zarr", "float32")
    array = zarr.open_array(folder / "values", mode="r+")
    array[128:160] = 0  # without write_empty_chunks Zarr takes the chunk out
    with pytest.raises(StoreError, match=r"c/1/0: rows 128 to 160 are damaged \(they were never written\)"):
        ChunkReader(folder).read(0, 400)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shards": (128, 9), "compressors": None},
        {"shards": (128, 9), "compressors": zarr.codecs.ZstdCodec()},
        {"shards": (128, 9), "serializer": zarr.codecs.BytesCodec(endian="big")},
        {"shards": (128, 9), "chunks": (32, 3)},
        {"shards": (128, 9), "filters": zarr.codecs.TransposeCodec(order=(1, 0)), "compressors": None},
        {
            "chunks": (128, 9),
            "compressors": None,
            "serializer": ShardingCodec(
                chunk_shape=(32, 9),
                codecs=[zarr.codecs.BytesCodec(), zarr.codecs.Crc32cCodec()],
                index_location="start",
            ),
        },
    ],
    ids=["no shards", "no checksum", "zstd", "big endian", "chunks of units", "transposed", "index first"],
)
def test_other_codecs_are_left_to_zarr(tmp_path, options):
    values = np.random.default_rng(0).normal(size=(400, 9)).astype(np.float32)
    array = zarr.open_group(tmp_path, mode="w").create_array(
        "values", **{"shape": (400, 9), "dtype": "float32", "chunks": (32, 9), **options}
    )
    array[...] = values
    array.attrs["logical_dtype"] = "float32"
    reader = ChunkReader(tmp_path)
    assert reader.compression is None
    np.testing.assert_array_equal(reader.read(5, 390), values[5:390])
    (tmp_path / "values" / "c" / "1" / "0").unlink()
    with pytest.raises(StoreError, match="values/c/1/0 is missing"):
        reader.read(0, 400)


def test_a_missing_shard_is_an_error(tmp_path):
    reader = ChunkReader(rechunked(tmp_path / "x.zarr", "float16"))
    (tmp_path / "x.zarr" / "values" / "c" / "2" / "0").unlink()
    reader.read(0, 256)
    with pytest.raises(StoreError, match="values/c/2/0 is missing; run `snakemake verify`"):
        reader.read(0, 257)
