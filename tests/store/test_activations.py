"""What is written is what is read: values, tables, moments; and what is damaged is never read for whole."""

import numpy as np
import pytest
import torch
import xarray
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.errors import ConfigError, HarvestError, StoreError
from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations, open_activations, shuffled_batches
from thresh.store.arrays import require_shards, write_array
from thresh.store.encoding import decode, encode, first_bad_row
from thresh.store.gather import gather_activations
from thresh.store.layout import choose_layout


def write(folder, values, dtype="float32", shard_rows=256, portion=100, positions=1, gather=True):
    rows, units = values.shape
    spec = ActivationsSpec(
        rows={"stimulus": np.arange(rows) // positions, "position": np.arange(rows) % positions},
        units={"region": np.array([f"region {unit}" for unit in range(units)])},
        stimuli={"id": np.array([f"s{i}" for i in range(rows)]), "hash": np.array(["h"] * rows)},
        dtype=dtype,
        shard_rows=shard_rows,
        attributes={"recipe": {}, "facts": {}},
    )
    names = lay_out_activations(folder, spec)
    writer = ShardWriter(folder, list(range(len(names))), lambda index, digest: None)
    for start in range(0, rows, portion):
        writer.put(start, values[start : start + portion])
    if gather:
        gather_activations(folder, "systems.s.layers.l")
    return folder


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(1000, 12)).astype(np.float32)


@pytest.mark.parametrize(("dtype", "error"), [("float32", 0), ("float16", 2**-11), ("bfloat16", 2**-8)])
def test_values_come_back_to_the_rounding_of_their_type(tmp_path, values, dtype, error):
    store = open_activations(write(tmp_path / "x.zarr", values, dtype))
    assert np.abs(store.read(0, 1000) / values - 1).max() <= error
    assert store.units["region"][3] == "region 3"
    assert store.stimuli["id"][999] == "s999"


def test_bfloat16_bits_are_those_of_torch(values):
    expected = torch.from_numpy(values).to(torch.bfloat16).view(torch.uint16).numpy()
    np.testing.assert_array_equal(encode(values, "bfloat16"), expected)
    np.testing.assert_array_equal(decode(expected, "bfloat16"), torch.from_numpy(values).bfloat16().float().numpy())


def test_bfloat16_refuses_all_that_torch_makes_infinite():
    """float32 next to its largest value and next to the value from which on torch rounds to infinity."""
    largest = torch.finfo(torch.bfloat16).max
    edges = [int(np.float32(largest).view(np.uint32)) + above for above in (0, 2**15)]
    near = np.concatenate([np.arange(edge - 40, edge + 40, dtype=np.uint32) for edge in edges]).view(np.float32)
    values = np.concatenate([near, -near])[:, None]
    by_torch = torch.from_numpy(values).bfloat16()
    kept = np.array([first_bad_row(row[None], "bfloat16") is None for row in values])
    np.testing.assert_array_equal(kept, ~torch.isinf(by_torch[:, 0]).numpy())
    np.testing.assert_array_equal(encode(values[kept], "bfloat16"), by_torch[kept].view(torch.uint16).numpy())


@pytest.mark.parametrize("portion", [1, 37, 256, 1000])
def test_the_store_has_the_same_bytes_whatever_portions_came(tmp_path, values, portion):
    one = write(tmp_path / "one.zarr", values, portion=1000)
    other = write(tmp_path / "other.zarr", values, portion=portion)
    for path in one.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (other / path.relative_to(one)).read_bytes()


def test_a_damaged_shard_is_written_again_without_being_read(tmp_path, values):
    whole = write(tmp_path / "whole.zarr", values)
    damaged = write(tmp_path / "damaged.zarr", values)
    last = damaged / "values" / "c" / "3" / "0"  # shorter than a shard: the one that Zarr would read first
    last.write_bytes(b"x" * last.stat().st_size)
    ShardWriter(damaged, [3], lambda index, digest: None).put(0, values)
    assert last.read_bytes() == (whole / "values" / "c" / "3" / "0").read_bytes()


def test_xarray_and_dask_open_the_store(tmp_path, values):
    folder = write(tmp_path / "x.zarr", values)
    dataset = xarray.open_zarr(folder, consolidated=False)
    assert dataset["values"].dims == ("row", "unit")
    np.testing.assert_array_equal(dataset["values"].to_numpy(), values)


def test_moments_are_those_of_numpy(tmp_path, values):
    values = values * 3 + 100  # far from zero, where naive sums of squares lose digits
    stats = open_activations(write(tmp_path / "x.zarr", values)).stats
    exact = values.astype(np.float64)
    np.testing.assert_allclose(stats["mean"], exact.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(stats["covariance"], np.cov(exact.T), rtol=1e-9, atol=1e-9)
    norms = np.linalg.norm(exact, axis=1)
    np.testing.assert_allclose(stats["norm_quantiles"], np.quantile(norms, stats["quantiles"]), rtol=2**-12)


def test_a_store_that_is_not_sealed_is_refused(tmp_path, values):
    folder = write(tmp_path / "x.zarr", values, gather=False)
    with pytest.raises(StoreError, match=r"x\.zarr: this store is not complete"):
        open_activations(folder)
    with pytest.raises(StoreError, match="found no activations store"):
        open_activations(tmp_path / "nothing.zarr")


def test_a_missing_shard_is_an_error_and_never_zeros(tmp_path, values):
    folder = write(tmp_path / "x.zarr", np.eye(1000, 12, dtype=np.float32))
    (folder / "values" / "c" / "2" / "0").unlink()
    with pytest.raises(StoreError, match="1 shards are missing, first values/c/2/0"):
        open_activations(folder)


@pytest.mark.parametrize("lost", ["rows/stimulus", "units/region", "stimuli/id", "stats/covariance", "trials/values"])
def test_a_table_that_lacks_its_shard_is_never_zeros(tmp_path, values, lost):
    folder = write(tmp_path / "x.zarr", values)
    trials = zarr.open_group(folder, mode="r+").create_group("trials")
    write_array(trials, "values", np.zeros((4, 12)), ("presentation", "unit"))
    open_activations(folder)
    (shard,) = (path for path in (folder / lost / "c").rglob("*") if path.is_file())
    shard.unlink()
    with pytest.raises(StoreError, match=rf"x\.zarr: 1 shards are missing, first {lost}/c/0"):
        open_activations(folder)


def test_zeros_and_empty_text_are_written_and_arrays_without_rows_have_nothing_to_lack(tmp_path):
    group = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=3)
    for name, content in {"zeros": np.zeros(9), "text": np.array(["", ""]), "none": np.zeros(0)}.items():
        write_array(group, name, content, ("row",))
    require_shards(tmp_path / "x.zarr", group)
    (tmp_path / "x.zarr" / "text" / "c" / "0").unlink()
    with pytest.raises(StoreError, match="1 shards are missing, first text/c/0"):
        require_shards(tmp_path / "x.zarr", group)


@pytest.mark.parametrize(("table", "column"), [("stimuli", "id"), ("units", "region"), ("rows", "stimulus")])
def test_a_flipped_bit_in_a_table_is_an_error(tmp_path, values, table, column):
    folder = write(tmp_path / "x.zarr", values)
    shard = folder / table / column / "c" / "0"
    whole = shard.read_bytes()
    for place in np.linspace(0, len(whole) - 1, 40).astype(int):
        shard.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(StoreError, match=f"x.zarr.*{column} is damaged"):
            getattr(open_activations(folder), table)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_flipped_bit_is_an_error_at_reading(tmp_path, values, dtype):
    folder = write(tmp_path / "x.zarr", values, dtype)
    shard = folder / "values" / "c" / "1" / "0"
    data = bytearray(shard.read_bytes())
    data[len(data) // 3] ^= 4
    shard.write_bytes(data)
    store = open_activations(folder)
    store.read(0, 256)
    with pytest.raises(StoreError, match="rows 256 to 512 are damaged"):
        store.read(256, 512)


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        ("float32", np.nan, "row 7: found nan at unit 2"),
        ("float16", np.inf, "row 7: found inf at unit 2"),
        ("float16", 70000, "row 7: found 70000 at unit 2, more than float16 holds"),
        ("bfloat16", 3.4e38, r"row 7: found 3\.4e\+38 at unit 2, more than bfloat16 holds \(3\.38953e\+38\)"),
    ],
)
def test_what_cannot_be_stored_is_told_with_its_row(values, dtype, value, message):
    values[7, 2] = value
    with pytest.raises(StoreError, match=message):
        encode(values, dtype)


def test_constant_units_are_refused_by_number_or_kept(tmp_path, values):
    values[:, [4, 9]] = 2.5
    folder = write(tmp_path / "x.zarr", values, gather=False)
    with pytest.raises(HarvestError, match=r"systems\.a\.layers\.b: found 2 of 12 units constant .*\(units 4, 9\)"):
        gather_activations(folder, "systems.a.layers.b")
    assert gather_activations(folder, "systems.a.layers.b", constant_units="keep")["constant_units"] == 2


def test_a_layer_that_never_changes_is_refused_even_where_constant_units_are_kept(tmp_path):
    folder = write(tmp_path / "x.zarr", np.ones((300, 3), np.float32), gather=False)
    with pytest.raises(HarvestError, match="found 3 of 3 units constant"):
        gather_activations(folder, "systems.a.layers.b", constant_units="keep")


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 10**7), units=st.integers(1, 20000), itemsize=st.sampled_from([2, 4]))
def test_chunks_and_shards_keep_their_bounds(rows, units, itemsize):
    layout = choose_layout(rows, units * itemsize)
    assert layout.chunk_rows & (layout.chunk_rows - 1) == 0
    assert layout.shard_rows % layout.chunk_rows == 0
    # A chunk has 2 to 4 MiB unless the array is smaller or one row is larger.
    assert layout.chunk_rows == 1 or layout.chunk_rows * units * itemsize < 4 * 2**20
    assert layout.chunk_rows >= rows or layout.chunk_rows * units * itemsize >= 2 * 2**20


def test_a_shard_size_that_is_no_power_of_two_is_refused():
    with pytest.raises(ConfigError, match=r"harvest\.shard_rows: found 100, expected a power of two"):
        choose_layout(1000, 4, shard_rows=100)


class TestShuffledBatches:
    def batches(self, folder, **options):
        return list(shuffled_batches(open_activations(folder), 64, **{"seed": 3, "buffer_rows": 300, **options}))

    @pytest.fixture
    def folder(self, tmp_path):
        return write(tmp_path / "x.zarr", np.arange(1000, dtype=np.float32)[:, None])

    def test_each_row_comes_once_an_epoch(self, folder):
        batches = self.batches(folder)
        assert [len(batch) for batch in batches] == [64] * 15 + [40]
        np.testing.assert_array_equal(np.sort(np.concatenate(batches)[:, 0]), np.arange(1000))

    def test_only_selected_rows_come(self, folder):
        select = np.arange(1000) % 3 == 0
        found = np.concatenate(self.batches(folder, select=select))[:, 0]
        np.testing.assert_array_equal(np.sort(found), np.arange(0, 1000, 3))

    def test_seed_and_epoch_fix_the_order(self, folder):
        def first(**options):
            return self.batches(folder, **options)[0][:, 0].tolist()

        assert first() == first()
        assert first() != first(epoch=1)
        assert first() != first(seed=4)
