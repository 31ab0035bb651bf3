"""From rows to stimuli, at once and a block at a time."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array, issparse

from thresh.errors import StoreError
from thresh.store import pool, pool_store

STIMULUS = np.array([5, 5, 5, 2, 2, 2])
ROWS = np.array([[1, 0], [3, 0], [8, 3], [0, 1], [0, 1], [0, 4]], np.float32)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("mean", [[4, 1], [0, 2]]),
        ("sum", [[12, 3], [0, 6]]),
        ("max", [[8, 3], [0, 4]]),
        ("flatten", [[1, 0, 3, 0, 8, 3], [0, 1, 0, 1, 0, 4]]),
    ],
)
def test_rules(sparse, rule, expected):
    stimuli, pooled = pool(csr_array(ROWS) if sparse else ROWS, STIMULUS, rule)
    assert stimuli.tolist() == [5, 2]
    assert pooled.tolist() == expected


def test_flatten_needs_equally_many_rows_of_each_stimulus():
    with pytest.raises(StoreError, match="found 1 to 3 rows a stimulus"):
        pool(ROWS[:4], STIMULUS[:4], "flatten")


@pytest.mark.parametrize("block_rows", [1, 7, 20, 1000])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("rule", ["mean", "sum", "max", "flatten"])
def test_blocks_of_a_store_give_what_all_rows_at_once_give(rule, sparse, block_rows):
    random = np.random.default_rng(0)
    counts = np.full(13, 5) if rule == "flatten" else random.integers(1, 12, 13)
    stimulus = np.repeat(random.permutation(13), counts)
    values = (random.normal(size=(len(stimulus), 6)) * (random.random((len(stimulus), 6)) < 0.5)).astype(np.float32)
    values = csr_array(values) if sparse else values
    keep = (stimulus % 3 > 0) & (stimulus != 5)
    store = SimpleNamespace(read=lambda start, stop: values[start:stop])
    found, known = pool_store(store, stimulus, keep, rule, block_rows), pool(values[keep], stimulus[keep], rule)
    for one, other in zip(found, known, strict=True):
        np.testing.assert_array_equal(one, other)


def test_blocks_see_that_other_blocks_have_other_numbers_of_rows():
    store = SimpleNamespace(read=lambda start, stop: ROWS[start:stop])
    stimulus = np.array([5, 5, 5, 2, 2, 7])
    with pytest.raises(StoreError, match="found 1 to 3 rows a stimulus"):
        pool_store(store, stimulus, stimulus != 2, "flatten", 3)


@pytest.mark.parametrize("rule", ["mean", "max", "sum", "flatten"])
@pytest.mark.parametrize("lowest", [0.0, -1.0])
def test_codes_that_stay_sparse_are_those_of_pooling_dense(rule, lowest):
    random = np.random.default_rng(0)
    counts = np.full(30, 3) if rule == "flatten" else random.integers(1, 6, 30)
    stimulus = np.repeat(np.arange(30), counts)
    values = random.uniform(lowest, 1, (len(stimulus), 7)) * (random.random((len(stimulus), 7)) < 0.6)
    values[:, 3], values[stimulus == 4] = 0, 0
    codes, keep = csr_array(values.astype(np.float32)), (random.random(30) < 0.7)[stimulus]
    store = SimpleNamespace(read=lambda start, stop: codes[start:stop])
    shown, dense = pool_store(store, stimulus, keep, rule)
    again, sparse = pool_store(store, stimulus, keep, rule, 10, sparse=True)
    assert issparse(sparse)
    assert sparse.dtype == dense.dtype
    assert sparse.nnz == np.count_nonzero(dense)
    np.testing.assert_array_equal(shown, again)
    np.testing.assert_array_equal(sparse.toarray(), dense)


def test_codes_of_more_atoms_than_could_be_dense_are_pooled():
    entries, atoms = 900, 2**22
    random = np.random.default_rng(0)
    row, atom = np.divmod(random.choice(900 * 50, entries, replace=False), 50)
    codes = csr_array((np.ones(entries, np.float32), (row, atom * 2**16)), shape=(900, atoms))
    store, stimulus = SimpleNamespace(read=lambda start, stop: codes[start:stop]), np.repeat(np.arange(300), 3)
    for rule in ("sum", "max"):
        _, found = pool_store(store, stimulus, np.full(900, True), rule, sparse=True)
        assert found.shape == (300, atoms)
        assert found.sum() == (entries if rule == "sum" else len(np.unique(row // 3 * 50 + atom)))
