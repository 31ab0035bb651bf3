"""Stores side by side: rows of the same stimulus and position stand in one row, whatever order each store has."""

import numpy as np
import pytest

from thresh.dictionaries import StoreRows
from thresh.errors import StoreError
from thresh.store import JoinedActivations, open_activations, shuffled_batches

from .stores import write_store


def number(stimulus, position):
    return 10 * stimulus + position


def store_of(folder, rows, units, *, names=None, shard_rows=64, hashes="same"):
    """Each value tells its stimulus, position and unit; `names` are the stimuli in the order of the store's own set."""
    stimulus, position = np.array(rows).T
    names = np.arange(40) if names is None else names
    values = number(names[stimulus], position)[:, None] + np.arange(units) / 8
    return open_activations(
        write_store(
            folder,
            values.astype(np.float32),
            rows={"stimulus": stimulus, "position": position},
            stimuli={"id": np.char.add("s", names.astype(str)), "hash": np.full(len(names), hashes)},
            shard_rows=shard_rows,
        )
    )


@pytest.fixture
def stores(tmp_path):
    random = np.random.default_rng(0)
    every = [(stimulus, position) for stimulus in range(40) for position in range(4)]
    some = [every[i] for i in random.permutation(len(every))[:100]]
    # Its stimulus set has another order: row tables hold places in it.
    return (
        store_of(tmp_path / "a.zarr", every, 3),
        store_of(tmp_path / "b.zarr", some, 5, names=random.permutation(40), shard_rows=16),
    )


def test_each_row_is_one_stimulus_and_position_of_all_stores(stores):
    joined = JoinedActivations(stores)
    assert (joined.shape, joined.blocks) == ((100, 8), [3, 5])
    x = np.concatenate(list(shuffled_batches(joined, 32, seed=1)))
    assert np.array_equal(np.floor(x[:, 0]), np.floor(x[:, 3]))
    first, second = (np.floor(store.read(0, store.shape[0])[:, 0]) for store in stores)
    assert sorted(np.floor(x[:, 0])) == sorted(set(first) & set(second))
    assert np.allclose(x[:, :3] % 1, np.arange(3) / 8)
    assert np.allclose(x[:, 3:] % 1, np.arange(5) / 8)
    told = number(joined.rows["stimulus"], joined.rows["position"])
    in_order = np.concatenate([joined.reader.chunk(chunk) for chunk in range(-(-100 // joined.reader.chunk_rows))])
    assert np.array_equal(told, np.floor(in_order[:, 0]))


def test_a_selection_of_joined_rows_is_learned_from(stores):
    joined = JoinedActivations(stores)
    select = joined.rows["stimulus"].to_numpy() < 20
    rows = StoreRows(joined, select)
    x = np.concatenate(list(rows.batches(16, 0, 0)))
    assert len(x) == select.sum() == rows.shape[0]
    assert (x[:, 0] < 200).all()


def test_stores_that_do_not_belong_together_are_refused(tmp_path, stores):
    other = store_of(tmp_path / "c.zarr", [(0, 7), (1, 7)], 2)
    with pytest.raises(StoreError, match=r"c\.zarr: found no stimulus and position that .*a\.zarr has too"):
        JoinedActivations([stores[0], other])
    changed = store_of(tmp_path / "d.zarr", [(0, 0), (1, 1)], 2, hashes="other")
    with pytest.raises(StoreError, match=r"d\.zarr: stimulus 's0' has other content than in .*a\.zarr"):
        JoinedActivations([stores[0], changed])
