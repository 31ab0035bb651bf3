"""Rows, units and groups of rows that are picked from responses at size, against the same on matrices in memory."""

import numpy as np
import pytest
from scipy import sparse

from thresh.alignment import at_size, linear_predictivity, matching
from thresh.alignment.at_size import activity
from thresh.alignment.at_size.picked import PickedRows
from thresh.errors import AlignmentError

from .simulate import normal, related, sparse_features
from .sources import code_store, in_every_form

CODES = sparse_features(60, 20, 0.2, seed=3).astype(np.float32)


@pytest.mark.parametrize("span", [1, 7, 1000])
def test_rows_of_picked_rows_are_read_once_from_where_they_are(span):
    x = normal(90, 4)
    outer, inner = np.sort(np.random.default_rng(1).permutation(90)[:50]), np.arange(3, 50, 4)
    found = at_size.picked(at_size.picked(x, outer), inner)
    found.span = span
    assert not isinstance(found.source, PickedRows)
    np.testing.assert_array_equal(found.read(0, len(inner)), x[outer][inner])
    np.testing.assert_array_equal(found.read(2, 5), x[outer][inner][2:5])


def test_picked_units_are_columns_of_every_form(tmp_path):
    x, units = normal(80, 9).astype(np.float32), [7, 0, 3]
    for values in in_every_form(x, tmp_path / "x").values():
        found = at_size.picked_units(values, units)
        assert found.shape == (80, 3)
        np.testing.assert_array_equal(found.read(5, 40), x[5:40, units])
    store = code_store(CODES, tmp_path / "codes.zarr")
    rows = np.arange(1, 60, 2)
    found = at_size.picked_units(at_size.picked(store, rows), units)
    assert found.sparse
    np.testing.assert_array_equal(found.read(0, 30).toarray(), CODES[rows][:, units])


def test_units_that_are_not_there_are_refused():
    for wrong in ([], [-1], [9]):
        with pytest.raises(AlignmentError, match=r"units: found .* expected numbers from 0 to 8"):
            at_size.picked_units(normal(80, 9), wrong)


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_atoms_are_counted_by_stimuli(block, monkeypatch, tmp_path):
    """Also where rows of a stimulus lie apart, and where a zero is stored."""
    monkeypatch.setattr(activity, "BLOCK_ROWS", block)
    stored = sparse.csr_array(CODES)
    stored.data[::5] = 0
    values, groups = stored.toarray(), np.random.default_rng(0).integers(0, 9, 60)
    for codes in (values, stored, code_store(stored, tmp_path / "codes.zarr")):
        np.testing.assert_array_equal(at_size.active_on(codes), np.count_nonzero(values, axis=0))
        of_stimuli = sum((values[groups == group] != 0).any(axis=0).astype(int) for group in range(9))
        np.testing.assert_array_equal(at_size.active_on(codes, groups), of_stimuli)


def test_whole_groups_are_held_out_as_in_memory():
    groups = np.random.default_rng(0).integers(0, 30, 240)
    x, y = related(240, 12, 7, 2.0)
    found, expected = (
        metric(x, y, seed=3, groups=groups) for metric in (at_size.linear_predictivity, linear_predictivity)
    )
    np.testing.assert_allclose(found.r, expected.r, atol=1e-8)
    np.testing.assert_allclose(found.r2, expected.r2, atol=1e-8)
    assert np.abs(found.r - linear_predictivity(x, y, seed=3).r).max() > 1e-4
    codes = [np.abs(sparse_features(240, 20, 0.3, seed)) for seed in (0, 1)]
    codes[1][:, :12] += codes[0][:, :12]
    at_size_codes = [sparse.csr_array(side) for side in codes]
    for name in ("semi_matches", "one_to_one_matches"):
        found = getattr(at_size, name)(*at_size_codes, folds=4, groups=groups)
        expected = getattr(matching, name)(*codes, folds=4, groups=groups)
        for one, other in zip(found, expected, strict=True):
            assert one.live == other.live
            np.testing.assert_allclose(one.correlation, other.correlation, atol=1e-9)
