"""Moments of a store against NumPy's, whatever the parts, the workers and the scheduler."""

import dask
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.errors import ConfigError, StoreError
from thresh.store import moments as module
from thresh.store import open_activations
from thresh.store.gather import gather_activations
from thresh.store.moments import moments
from thresh.store.norms import NormCounts
from thresh.store.sketch import largest_eigenpairs, probe

from .stores import write_store

UNITS = 60


@pytest.fixture(scope="module")
def values():
    """Correlated units far from zero, whose mean drifts along the rows."""
    random = np.random.default_rng(0)
    mixing = random.normal(size=(UNITS, UNITS)) / np.arange(1, UNITS + 1)[:, None] ** 1.5
    drift = np.linspace(-2, 2, 2000)[:, None]
    return (random.normal(size=(2000, UNITS)) @ mixing + drift + 300).astype(np.float32)


@pytest.fixture(scope="module")
def path(tmp_path_factory, values):
    """32 chunks."""
    return write_store(tmp_path_factory.mktemp("moments") / "x.zarr", values, shard_rows=64)


@pytest.mark.parametrize("parts", [(1, 1), (3, 3), (64, 64)])
@pytest.mark.parametrize("block", [1, 200, 10**6])
def test_moments_are_those_of_numpy_however_rows_are_cut(path, values, parts, block, monkeypatch):
    monkeypatch.setattr(module, "PARTS", parts)
    monkeypatch.setattr(module, "BLOCK_ROWS", block)
    found, exact = moments(path), values.astype(np.float64)
    np.testing.assert_allclose(found["mean"], exact.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(found["variance"], exact.var(axis=0, ddof=1), rtol=1e-10)
    np.testing.assert_allclose(found["covariance"], np.cov(exact.T), rtol=1e-9, atol=1e-10)
    np.testing.assert_array_equal(found["low"], exact.min(axis=0))
    np.testing.assert_array_equal(found["high"], exact.max(axis=0))


@pytest.mark.parametrize("covariance_units", [UNITS, UNITS - 1])
def test_the_number_of_workers_changes_no_bit(path, covariance_units):
    def with_workers(count):
        with dask.config.set(num_workers=count):
            return moments(path, covariance_units=covariance_units)

    one = with_workers(1)
    for count in (2, 5):
        other = with_workers(count)
        assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("covariance_units", [UNITS, UNITS - 1])
def test_a_cluster_gives_what_the_local_scheduler_gives(path, covariance_units, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.chdir(path.parent)  # workers have another working directory
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        assert cluster.scheduler_address.startswith("tcp://")
        found = moments("x.zarr", cluster.scheduler_address, covariance_units)
    for name, known in moments(path, covariance_units=covariance_units).items():
        np.testing.assert_allclose(found[name], known, rtol=1e-12, atol=1e-12 * np.abs(known).max())


def test_an_address_without_a_cluster_is_told_by_its_key(path):
    pytest.importorskip("distributed")
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}),
        pytest.raises(
            ConfigError, match=r"dask\.scheduler: found 'tcp://127\.0\.0\.1:9', expected the address of a runn"
        ),
    ):
        moments(path, "tcp://127.0.0.1:9")


def test_damage_is_an_error_that_names_the_file(tmp_path, values):
    folder = write_store(tmp_path / "x.zarr", values, shard_rows=64)
    shard = folder / "values" / "c" / "7" / "0"
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(StoreError, match="values/c/7/0: rows 448 to 512 are damaged"):
        moments(folder)


class TestEigenpairs:
    """The sketch against the eigendecomposition of the whole matrix."""

    def test_all_is_exact_where_the_rank_is_no_more_than_the_columns(self, tmp_path, monkeypatch):
        random = np.random.default_rng(1)
        values = (random.normal(size=(1500, 6)) * [9, 7, 5, 3, 2, 1] @ random.normal(size=(6, 40)) + 50).astype(
            np.float32
        )
        monkeypatch.setattr(module, "probe", lambda units: probe(units, 10))
        found = moments(write_store(tmp_path / "x.zarr", values, shard_rows=64), covariance_units=39)
        known, vectors = np.linalg.eigh(np.cov(values.astype(np.float64).T))
        # What float32 rounds off fills the other dimensions, far below.
        np.testing.assert_allclose(found["eigenvalues"][:6], known[:-7:-1], rtol=1e-9)
        np.testing.assert_allclose(np.abs(np.sum(found["eigenvectors"][:6] * vectors.T[:-7:-1], axis=1)), 1, atol=1e-9)

    def test_errors_stay_below_the_bound_and_values_are_never_too_large(self):
        units, columns = 300, 60
        basis = np.linalg.qr(np.random.default_rng(2).normal(size=(units, units)))[0]
        known = 1 / np.arange(1, units + 1) ** 1.5
        test = probe(units, columns)
        values, vectors = largest_eigenpairs((basis * known) @ basis.T @ test, test, columns)
        assert (values <= known[:columns] * (1 + 1e-9)).all()
        bound = min((1 + r / (columns - r - 1)) * known[r:].sum() for r in range(columns - 1))
        assert known.sum() - values.sum() <= bound
        np.testing.assert_allclose(values[:5], known[:5], rtol=0.1)
        np.testing.assert_allclose(np.abs(np.sum(vectors[:3] * basis.T[:3], axis=1)), 1, atol=0.005)
        np.testing.assert_allclose(vectors @ vectors.T, np.eye(columns), atol=1e-8)

    def test_gather_keeps_them_in_place_of_the_covariance(self, tmp_path, values, monkeypatch):
        monkeypatch.setattr(module.moments, "__defaults__", ("threads", UNITS - 1))
        folder = write_store(tmp_path / "x.zarr", values, shard_rows=64)
        gather_activations(folder, "systems.s.layers.l")
        stats = open_activations(folder).stats
        assert "covariance" not in stats
        # The probe has all columns that 60 units can have: exact.
        exact = np.cov(values.astype(np.float64).T)
        rebuilt = (stats["eigenvectors"].T * stats["eigenvalues"]) @ stats["eigenvectors"]
        np.testing.assert_allclose(rebuilt, exact, atol=1e-9 * exact.max())
        np.testing.assert_allclose(stats["variance"], np.diag(exact), rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    norms=st.lists(st.floats(0, 1e300), min_size=1, max_size=200),
    cut=st.integers(0, 200),
    at=st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_quantiles_are_those_of_numpy_to_the_stated_error(norms, cut, at):
    parts = [np.array(part) for part in (norms[:cut], norms[cut:]) if part]
    counts = NormCounts.none()
    for part in parts:
        counts = counts.merged(NormCounts.of(part))
    known = np.quantile(norms, at)
    # Below 1e-300 a float64 itself has fewer digits.
    np.testing.assert_allclose(counts.quantiles(at), known, rtol=2**-12 * (1 + 1e-9), atol=1e-300)
    np.testing.assert_array_equal(counts.quantiles((0.0, 1.0)), [min(norms), max(norms)])
