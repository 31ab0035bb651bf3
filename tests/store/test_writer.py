"""Shards written a chunk at a time are Zarr's own, and what was not written whole is not there."""

import numpy as np
import pytest
import zarr
from blake3 import blake3

from thresh.errors import StoreError
from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations
from thresh.store.encoding import encode, stored_dtype
from thresh.store.shard_file import ShardFile


def test_a_write_that_failed_leaves_no_shard(tmp_path, monkeypatch):
    """The disk is full for a moment: what was lost is lost, and nothing after it makes the shard look whole."""
    folder, written = laid_out(tmp_path, rows=64), []
    writer = ShardWriter(folder, [0], lambda index, digest: written.append(index))
    writer.put(0, np.ones((16, 4), np.float32))
    with monkeypatch.context() as patched:
        patched.setattr(ShardFile, "append", lambda self, content: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(OSError, match="No space left"):
            writer.put(16, np.ones((32, 4), np.float32))
    with pytest.raises(StoreError, match="a shard could not be written before"):
        writer.put(48, np.ones((16, 4), np.float32))
    assert written == []
    assert not [path for path in (folder / "values").rglob("*") if path.is_file() and path.name != "zarr.json"]


def test_rows_that_do_not_come_in_order_are_refused(tmp_path):
    writer = ShardWriter(laid_out(tmp_path, rows=64), [0], lambda index, digest: None)
    with pytest.raises(StoreError, match="found row 16, expected 0: rows come in order"):
        writer.put(16, np.ones((16, 4), np.float32))


def test_zarr_reads_what_is_written_a_chunk_at_a_time(tmp_path):
    """Shards of several chunks, the last one with fewer rows than there is room for; rows in uneven portions."""
    values = np.random.default_rng(0).standard_normal((150, 4)).astype(np.float32)
    for dtype in ("float32", "float16", "bfloat16"):
        folder = laid_out(tmp_path / dtype, rows=150, dtype=dtype)
        digests = {}
        writer = ShardWriter(folder, [0, 1, 2], digests.__setitem__)
        for start, stop in ((0, 7), (7, 100), (100, 150)):
            writer.put(start, values[start:stop])
        stored = zarr.open_array(folder / "values", mode="r")[...]
        np.testing.assert_array_equal(stored, encode(values, dtype))
        for index, digest in digests.items():
            assert blake3((folder / "values" / "c" / str(index) / "0").read_bytes()).hexdigest() == digest


def laid_out(folder, rows, dtype="float32"):
    """A store without values: four units, chunks of 16 rows, shards of 64."""
    spec = ActivationsSpec(
        rows={"stimulus": np.arange(rows), "position": np.full(rows, -1)},
        units={"unit": np.arange(4)},
        stimuli={"id": np.array(["a"])},
        dtype=dtype,
        shard_rows=64,
    )
    # Chunks would be as large as the whole; here a shard has several.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("thresh.store.layout.CHUNK_BYTES", 16 * 4 * np.dtype(stored_dtype(dtype)).itemsize)
        lay_out_activations(folder, spec)
    assert zarr.open_array(folder / "values", mode="r").chunks == (16, 4)
    return folder
