"""Matching at size against the metrics in memory, and against planted permutations."""

import dask
import numpy as np
import pytest
from hypothesis import given, settings
from scipy import sparse

from thresh.alignment import at_size, matched_fraction, matching, one_to_one_matching, semi_matching
from thresh.alignment.at_size import partners
from thresh.alignment.at_size import sparse as sparse_side
from thresh.errors import AlignmentError, ConfigError

from .simulate import normal, seeds, sparse_features
from .sources import code_store


def pair_of_codes(rows=300, atoms=40, others=50, seed=0, nonnegative=True):
    """The first atoms of both are alike up to noise; some of y's are never active, one is always, one only once."""
    features = sparse_features(rows, atoms, 0.1, seed)
    more = sparse_features(rows, others, 0.1, seed + 1)
    more[:, :30] = features[:, np.random.default_rng(seed).permutation(30)] * np.linspace(0.5, 2, 30)
    more[:, :30] += sparse_features(rows, 30, 0.05, seed + 2)
    if nonnegative:
        features, more = np.abs(features), np.abs(more)
    more[:, 35:37], more[:, 38] = 0, 0
    more[:, 37] = 3 + 0.1 * normal(1, rows, seed)[0]
    more[seed % rows, 38] = 1
    return features, more


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("entries", [1, 500, 2**22])
def test_semi_matching_is_that_of_memory(nonnegative, entries, monkeypatch):
    monkeypatch.setattr(partners, "BLOCK_ENTRIES", entries)
    x, y = pair_of_codes(nonnegative=nonnegative)
    for one, other in ((x, y), (y, x)):
        for folds, seed in ((2, 0), (5, 3)):
            found = at_size.semi_matches(sparse.csr_array(one), sparse.csr_array(other), folds=folds, seed=seed)
            expected = matching.semi_matches(one, other, folds=folds, seed=seed)
            assert_same(found, expected)


def assert_same(found, expected):
    for at_size_fold, fold in zip(found, expected, strict=True):
        assert at_size_fold.live == fold.live
        np.testing.assert_array_equal(at_size_fold.x, fold.x)
        np.testing.assert_array_equal(at_size_fold.y, fold.y)
        np.testing.assert_allclose(at_size_fold.weight, fold.weight)
        np.testing.assert_allclose(at_size_fold.correlation, fold.correlation, atol=1e-9)


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_one_to_one_among_all_pairs_is_that_of_memory(seed):
    x, y = pair_of_codes(200, seed=seed, nonnegative=bool(seed % 2))
    for one, other in ((x, y), (y, x)):
        codes = sparse.csr_array(one), sparse.csr_array(other)
        found = at_size.one_to_one_matching(*codes, candidates=50)
        assert found == pytest.approx(one_to_one_matching(one, other, folds=2), abs=1e-9)
        found = at_size.matched_fraction(*codes, candidates=50, folds=3, threshold=0.4)
        assert found == pytest.approx(matched_fraction(one, other, 0.4, folds=3), abs=1e-9)


def test_candidates_are_the_best_and_in_order():
    x, y = (sparse.csr_array(side) for side in pair_of_codes(200, nonnegative=False))
    units = []
    for side in (x, y):
        columns = side.tocsc()
        units.append(partners.UnitAtoms(**vars(at_size.matches.unit_atoms(columns))))
    every = units[0].entries.toarray() - units[0].offset
    every = every.T @ (units[1].entries.toarray() - units[1].offset)
    for k in (1, 3, 40):
        index, value = partners.best_partners(*units, k)
        np.testing.assert_allclose(value, -np.sort(-every, axis=0)[:k].T, atol=1e-12)
        np.testing.assert_allclose(np.take_along_axis(every, index.T, axis=0).T, value, atol=1e-12)


def test_a_planted_permutation_is_found():
    """2000 atoms, each of 8 active in a row; y has them in another order, rescaled, and with atoms of its own."""
    generator = np.random.default_rng(0)
    rows, atoms = 4000, 2000
    codes = sparse.csr_array(
        (
            generator.uniform(0.5, 1.5, 8 * rows),
            (np.repeat(np.arange(rows), 8), generator.integers(0, atoms, 8 * rows)),
        ),
        shape=(rows, atoms),
    )
    order = generator.permutation(atoms)
    noisy = codes.copy()
    noisy.data *= generator.uniform(0.5, 1.5, noisy.nnz)
    for fold in at_size.one_to_one_matches(codes, noisy[:, order], candidates=4, min_active=2):
        assert np.mean(order[fold.y] == fold.x) >= 0.999
        assert len(fold.x) == fold.live[0]
    assert at_size.matched_fraction(codes, noisy[:, order[:500]], candidates=4) == pytest.approx(0.5, abs=0.02)


def test_atoms_without_a_free_candidate_stay_alone_and_count_as_zero():
    """Three copies of one atom want the same partner, and nobody else is a candidate."""
    x = np.abs(sparse_features(200, 1, 0.3))
    y = np.c_[x, np.abs(sparse_features(200, 3, 0.3, 1))]
    three = sparse.csr_array(np.repeat(x, 3, axis=1))
    found = at_size.one_to_one_matches(three, sparse.csr_array(y[:, :1]), candidates=1)
    assert [len(fold.x) for fold in found] == [1, 1]
    found = at_size.one_to_one_matches(sparse.csr_array(y[:, :1]), three, candidates=3)
    assert [fold.weight.sum() for fold in found] == pytest.approx([1, 1])


def test_rare_atoms_are_dead_below_min_active():
    x, y = pair_of_codes()
    codes = sparse.csr_array(x), sparse.csr_array(y)
    counts = [(side != 0).sum(axis=0) for side in (x, y)]
    found = at_size.semi_matches(*codes, min_active=12)
    assert all(fold.live[0] < np.sum(counts[0] > 0) for fold in found)
    for fold in found:
        assert (counts[0][fold.x] >= 12).all()
        assert (counts[1][fold.y] >= 12).all()
        assert 37 in fold.y
    with pytest.raises(AlignmentError, match="x: found no unit that varies on the training rows of fold 1"):
        at_size.semi_matches(*codes, min_active=301)


def test_stores_give_the_same_and_workers_change_no_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(partners, "BLOCK_ENTRIES", 300)
    monkeypatch.setattr(sparse_side, "PRODUCTS", 300)
    x, y = (side.astype(np.float32).astype(np.float64) for side in pair_of_codes())
    stores = code_store(x, tmp_path / "x.zarr"), code_store(y, tmp_path / "y.zarr")
    expected = at_size.one_to_one_matches(*stores, candidates=5, scheduler="synchronous")
    assert_same(at_size.one_to_one_matches(sparse.csr_array(x), sparse.coo_matrix(y), candidates=5), expected)
    with dask.config.set(num_workers=3):
        found = at_size.one_to_one_matches(*stores, candidates=5)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.correlation, other.correlation)


def test_bad_input_is_refused():
    x, y = (sparse.csr_array(side) for side in pair_of_codes(60))
    bad = x.copy()
    bad.data[0] = np.inf
    for wrong, message in (
        ((bad, y), "x: found inf at row"),
        ((x, y.toarray()), "y: found dense responses, expected sparse codes"),
        ((x, y[:-1]), "found 60 and 59 rows"),
        ((x, sparse.csr_array((60, 4))), "y: found 4 constant units"),
        ((x[:5], y[:5]), "found 5 stimuli, expected at least 6 for 2 folds"),
    ):
        with pytest.raises(AlignmentError, match=message):
            at_size.semi_matching(*wrong)
    for key, value in (("folds", 1), ("min_active", 0), ("candidates", 0)):
        with pytest.raises(ConfigError, match=key):
            at_size.one_to_one_matching(x, y, **{key: value})


def test_scores_are_means_over_folds():
    x, y = pair_of_codes()
    codes = sparse.csr_array(x), sparse.csr_array(y)
    assert at_size.semi_matching(*codes, folds=4) == pytest.approx(semi_matching(x, y, folds=4), abs=1e-12)
