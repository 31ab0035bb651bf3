"""Codes on disk are the codes that were written, in the convention of AnnData."""

import numpy as np
import pytest
import zarr
from scipy import sparse

from thresh.errors import StoreError
from thresh.store import open_codes, write_codes
from thresh.store.codes import Spool


@pytest.fixture
def codes():
    return sparse.random_array((1000, 50), density=0.05, rng=np.random.default_rng(0), dtype=np.float32, format="csr")


def blocks(codes, rows):
    return (codes[start : start + rows] for start in range(0, codes.shape[0], rows))


@pytest.mark.parametrize("rows", [1, 33, 1000])
def test_codes_come_back_whatever_the_blocks(tmp_path, codes, rows, monkeypatch):
    monkeypatch.setattr(Spool, "SHARD", 256)
    monkeypatch.setattr(Spool, "CHUNK", 64)
    facts = write_codes(tmp_path / "codes.zarr", blocks(codes, rows), 1000, 50, {})
    assert facts == {"shape": [1000, 50], "entries": codes.nnz}
    found = open_codes(tmp_path / "codes.zarr")
    assert (found.read() != codes).nnz == 0
    assert (found.read(100, 250) != codes[100:250]).nnz == 0
    assert (sparse.vstack(list(found.blocks(300))) != codes).nnz == 0


def test_the_layout_is_anndatas(tmp_path, codes):
    write_codes(tmp_path / "codes.zarr", blocks(codes, 100), 1000, 50, {})
    group = zarr.open_group(tmp_path / "codes.zarr", mode="r")
    assert group.attrs["encoding-type"] == "csr_matrix"
    parts = [group[name][...] for name in ("data", "indices", "indptr")]
    assert (sparse.csr_array(tuple(parts), shape=tuple(group.attrs["shape"])) != codes).nnz == 0


def test_codes_without_any_active_atom_are_codes(tmp_path):
    write_codes(tmp_path / "codes.zarr", [sparse.csr_array((10, 4), dtype=np.float32)], 10, 4, {})
    assert open_codes(tmp_path / "codes.zarr").read().nnz == 0


@pytest.mark.parametrize("lost", ["data/c/3", "indices/c/0", "indptr/c/0"])
def test_a_missing_shard_is_an_error_and_never_zeros(tmp_path, codes, lost, monkeypatch):
    monkeypatch.setattr(Spool, "SHARD", 256)
    monkeypatch.setattr(Spool, "CHUNK", 64)
    write_codes(tmp_path / "codes.zarr", blocks(codes, 100), 1000, 50, {})
    (tmp_path / "codes.zarr" / lost).unlink()
    with pytest.raises(StoreError, match=rf"codes\.zarr: 1 shards are missing, first {lost}"):
        open_codes(tmp_path / "codes.zarr")


def test_too_few_rows_are_an_error_and_leave_no_complete_store(tmp_path, codes):
    with pytest.raises(StoreError, match="found codes of 900 rows, expected 1000"):
        write_codes(tmp_path / "codes.zarr", blocks(codes[:900], 100), 1000, 50, {})
    with pytest.raises(StoreError, match="not complete"):
        open_codes(tmp_path / "codes.zarr")
