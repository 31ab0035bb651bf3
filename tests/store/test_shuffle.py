"""Shuffled batches: every row once, any batch found again, parts that share nothing, and mixing as theory has it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.errors import ConfigError, StoreError
from thresh.store import batches_in_epoch, open_activations, shuffled_batches
from thresh.store.row_numbers import shuffled_numbers
from thresh.store.shuffle import plan_epoch, read_buffer

from .stores import write_store

ROWS = 1000


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Row i holds i; chunks of 32 rows."""
    values = np.arange(ROWS, dtype=np.float32)[:, None]
    return open_activations(write_store(tmp_path_factory.mktemp("shuffle") / "x.zarr", values, shard_rows=32))


def numbers(batches):
    return [batch[:, 0].astype(int).tolist() for batch in batches]


OPTIONS = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, 400),
        "seed": st.integers(0, 5),
        "epoch": st.integers(0, 5),
        "buffer_rows": st.integers(1, 700),
        "select": st.sampled_from([None, np.arange(ROWS) % 3 == 0, np.arange(ROWS) > 700, np.zeros(ROWS, bool)]),
    }
)


@settings(max_examples=40, deadline=None)
@given(options=OPTIONS, parts=st.integers(1, 5), data=st.data())
def test_parts_share_no_row_and_together_have_all(store, options, parts, data):
    found = [numbers(shuffled_batches(store, part=part, parts=parts, **options)) for part in range(parts)]
    wanted = np.arange(ROWS) if options["select"] is None else np.flatnonzero(options["select"])
    rows = [[row for batch in batches for row in batch] for batches in found]
    assert sorted(row for part in rows for row in part) == wanted.tolist()
    assert max(map(len, rows)) - min(map(len, rows)) <= 1
    counts = [batches_in_epoch(len(wanted), options["batch_size"], part, parts) for part in range(parts)]
    assert [len(batches) for batches in found] == counts
    assert batches_in_epoch(len(wanted), options["batch_size"], parts=parts) == min(counts)
    assert all(len(batch) == options["batch_size"] for batches in found for batch in batches[:-1])


@settings(max_examples=40, deadline=None)
@given(options=OPTIONS, start=st.integers(0, 40), parts=st.integers(1, 3), data=st.data())
def test_resuming_at_a_batch_gives_what_would_have_come(store, options, start, parts, data):
    options |= {"parts": parts, "part": data.draw(st.integers(0, parts - 1))}
    whole = numbers(shuffled_batches(store, **options))
    assert numbers(shuffled_batches(store, start_batch=start, **options)) == whole[start:]


@settings(max_examples=40, deadline=None)
@given(options=OPTIONS, parts=st.integers(1, 3), data=st.data())
def test_numbers_are_those_of_the_rows_that_come(store, options, parts, data):
    options |= {"parts": parts, "part": data.draw(st.integers(0, parts - 1))}
    rows = [row for batch in numbers(shuffled_batches(store, **options)) for row in batch]
    options.pop("batch_size")
    assert shuffled_numbers(store, **options).tolist() == rows


def test_numbers_are_found_without_reading(store, monkeypatch):
    monkeypatch.setattr(store.reader, "chunk", lambda number: pytest.fail("a chunk was read"))
    assert sorted(shuffled_numbers(store, 0)) == list(range(ROWS))


def test_resuming_reads_no_buffer_that_comes_before(store, monkeypatch):
    read = []
    chunk = store.reader.chunk
    monkeypatch.setattr(store.reader, "chunk", lambda number: read.append(number) or chunk(number))
    # 1000 rows are 6 buffers of about 167 rows; batch 95 begins with row 950.
    (*_, last) = shuffled_batches(store, 10, 0, buffer_rows=128, start_batch=95)
    assert len(last) == 10
    assert len(read) <= 6
    assert len(set(read)) == len(read)


@pytest.mark.parametrize("part", [0, 1])
def test_no_buffer_is_smaller_than_was_asked_for(store, part):
    for seed in range(20):
        sizes = np.diff(plan_epoch(store, seed, 0, 100, None, part, 2).edges)
        assert len(sizes) == 3
        assert sizes.min() >= 100


def test_seeds_epochs_parts_and_buffers_mix_the_same_rows_each_in_its_own_way(store):
    plan = plan_epoch(store, 0, 0, 100, None, 0, 1)
    found = [
        read_buffer(store.reader, replace(plan, edges=np.array([0] * number + [0, 100]), random=random), number)
        for random, number in [((0, 0, 0), 0), ((1, 0, 0), 0), ((0, 1, 0), 0), ((0, 0, 1), 0), ((0, 0, 0), 1)]
    ]
    orders = [rows[:, 0].tolist() for rows in found]
    assert all(sorted(order) == sorted(orders[0]) for order in orders)
    assert len(set(map(tuple, orders))) == len(orders)


@pytest.mark.parametrize("dtype", ["float16", "float32", "bfloat16"])
def test_the_stored_type_holds_the_same_rows(tmp_path, dtype):
    values = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    store = open_activations(write_store(tmp_path / "x.zarr", values, dtype, shard_rows=64))
    plain, stored = (
        np.concatenate(list(shuffled_batches(store, 70, 1, buffer_rows=50, stored=stored))) for stored in (False, True)
    )
    assert plain.dtype == np.float32
    assert stored.dtype == store.values.dtype
    # All bits of float32 but those that bfloat16 drops.
    known = (stored.astype(np.uint32) << 16).view(np.float32) if dtype == "bfloat16" else stored
    np.testing.assert_array_equal(plain, known)


def test_damage_is_told_when_its_rows_are_due(tmp_path):
    folder = write_store(tmp_path / "x.zarr", np.random.default_rng(0).normal(size=(500, 4)), shard_rows=64)
    shard = folder / "values" / "c" / "3" / "0"
    data = bytearray(shard.read_bytes())
    data[100] ^= 1
    shard.write_bytes(data)
    with pytest.raises(StoreError, match=r"c/3/0: rows 192 to 256 are damaged"):
        list(shuffled_batches(open_activations(folder), 10, 0, buffer_rows=64))


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"buffer_rows": 0}, "buffer_rows"),
        ({"start_batch": -1}, "start_batch"),
        ({"parts": 0}, "parts"),
        ({"part": 2, "parts": 2}, "part"),
        ({"select": np.ones(3, bool)}, "select"),
    ],
)
def test_parameters_out_of_range_are_told_at_the_call(store, options, key):
    with pytest.raises(ConfigError, match=f"^{key}: found"):
        shuffled_batches(store, **{"batch_size": 10, "seed": 0, **options})


def test_batch_means_vary_almost_as_with_independent_rows(tmp_path):
    """Documents of 128 rows, a tenth of the variance between documents: in order it would be 13.7 times as much."""
    random, documents, units, share = np.random.default_rng(0), 1600, 64, 0.1
    means = np.repeat(random.standard_normal((documents, units), np.float32), 128, axis=0)
    values = share**0.5 * means + (1 - share) ** 0.5 * random.standard_normal((documents * 128, units), np.float32)
    store = open_activations(write_store(tmp_path / "x.zarr", values, "float16", shard_rows=2048))
    found = np.array([batch.mean(axis=0) for batch in shuffled_batches(store, 256, 0)])
    ratio = (found.var(axis=0, ddof=1) / (values.var(axis=0) / 256)).mean()
    assert 0.97 < ratio < 1.1
