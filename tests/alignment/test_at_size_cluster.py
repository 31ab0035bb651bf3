"""Metrics at size on a cluster of processes, which see nothing but the stores, against the local scheduler."""

import numpy as np
import pytest
from scipy import sparse

from thresh.alignment import at_size
from thresh.alignment.at_size import partners

from .simulate import related, sparse_features
from .sources import code_store, in_every_form


@pytest.fixture(scope="module")
def address():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def responses(folder):
    """Stores of 5000 rows, hence of three blocks."""
    return [in_every_form(side, folder / name)["store"] for side, name in zip(related(5000, 12, 9), "xy", strict=True)]


@pytest.fixture(scope="module")
def codes(folder):
    features = np.abs(sparse_features(5000, 60, 0.1))
    return code_store(features[:, :40], folder / "a.zarr"), code_store(features[:, :9:-1], folder / "b.zarr")


def test_cka(address, responses, codes):
    for x, y in (responses, codes, (codes[0], responses[1])):
        for debiased in (False, True):
            found = at_size.linear_cka(x, y, debiased=debiased, scheduler=address)
            assert found == pytest.approx(at_size.linear_cka(x, y, debiased=debiased), abs=1e-12)


def test_predictivity(address, responses):
    found = at_size.linear_predictivity(*responses, scheduler=address)
    expected = at_size.linear_predictivity(*responses, scheduler="synchronous")
    np.testing.assert_allclose(found.r, expected.r, atol=1e-12)
    np.testing.assert_allclose(found.r2, expected.r2, atol=1e-12)
    np.testing.assert_array_equal(found.alphas, expected.alphas)


def test_matching(address, codes, monkeypatch):
    monkeypatch.setattr(partners, "BLOCK_ENTRIES", 300)
    for found, expected in zip(
        at_size.one_to_one_matches(*codes, candidates=5, scheduler=address),
        at_size.one_to_one_matches(*codes, candidates=5),
        strict=True,
    ):
        np.testing.assert_array_equal(found.x, expected.x)
        np.testing.assert_array_equal(found.y, expected.y)
        np.testing.assert_array_equal(found.correlation, expected.correlation)
    scipy_codes = sparse.csr_array(codes[0].read())
    assert at_size.semi_matching(scipy_codes, codes[1], scheduler=address) == at_size.semi_matching(*codes)
