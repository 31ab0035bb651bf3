"""CKA at size against the metric in memory, whatever holds the responses and whoever sums them."""

import itertools

import dask
import numpy as np
import pytest
from scipy import sparse

from thresh.alignment import at_size, linear_cka
from thresh.alignment.at_size import dense, passes, reading
from thresh.alignment.at_size import sparse as sparse_side
from thresh.errors import AlignmentError, ConfigError

from .simulate import normal, related, sparse_features
from .sources import code_store, in_every_form


def rounded(rows=300, units_x=12, units_y=9, seed=0):
    """Responses that float32 holds exactly, far from zero and drifting along the rows."""
    drift = np.linspace(-2, 2, rows)[:, None]
    return [
        (side + drift + 100).astype(np.float32).astype(np.float64) for side in related(rows, units_x, units_y, seed)
    ]


@pytest.fixture
def small_blocks(monkeypatch):
    """Several blocks, parts and pieces of columns even of small data."""
    monkeypatch.setattr(reading, "BLOCK_ROWS", 16)
    monkeypatch.setattr(dense, "PRODUCT_BYTES", 8 * 9 * 5)
    monkeypatch.setattr(sparse_side, "PRODUCTS", 50)


@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.usefixtures("small_blocks")
def test_every_form_gives_what_memory_gives(debiased, tmp_path):
    x, y = rounded()
    forms_x, forms_y = (in_every_form(side, tmp_path / name) for side, name in ((x, "x"), (y, "y")))
    expected = linear_cka(x, y, debiased=debiased)
    for form in forms_x:
        found = at_size.linear_cka(forms_x[form], forms_y[form], debiased=debiased)
        assert found == pytest.approx(expected, abs=1e-6 if form == "store" else 1e-9), form
    assert at_size.linear_cka(forms_x["dask"], forms_y["store"], debiased=debiased) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("debiased", [False, True])
def test_parts_blocks_and_pieces_do_not_matter(debiased, monkeypatch):
    x, y = rounded(500, 30, 20)
    expected = linear_cka(x, y, debiased=debiased)
    for parts, block, product in itertools.product([(1, 1), (7, 7)], [9, 10**6], [8 * 20 * 9, 2**20]):
        monkeypatch.setattr(passes, "PARTS", parts)
        monkeypatch.setattr(reading, "BLOCK_ROWS", block)
        monkeypatch.setattr(dense, "PRODUCT_BYTES", product)
        assert at_size.linear_cka(x, y, debiased=debiased) == pytest.approx(expected, abs=1e-9)
        single = at_size.linear_cka(x.astype(np.float32), y.astype(np.float32), debiased=debiased)
        assert single == pytest.approx(expected, abs=1e-6)


@pytest.mark.usefixtures("small_blocks")
def test_schedulers_and_workers_change_no_bit(tmp_path):
    x, y = (in_every_form(side, tmp_path / name)["store"] for side, name in zip(rounded(), "xy", strict=True))
    expected = at_size.linear_cka(x, y, debiased=True, scheduler="synchronous")
    for workers in (1, 3):
        with dask.config.set(num_workers=workers):
            assert at_size.linear_cka(x, y, debiased=True) == expected


@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.usefixtures("small_blocks")
def test_codes_are_centred_without_being_made_dense(debiased, tmp_path):
    features = np.abs(sparse_features(200, 60, 0.08)).astype(np.float32).astype(np.float64)
    features[:, 3] += 2  # an atom that is always active
    a, b = features[:, :40], features[:, 15:]
    expected = linear_cka(a, b, debiased=debiased)
    stores = code_store(a, tmp_path / "a.zarr"), code_store(b, tmp_path / "b.zarr")
    assert at_size.linear_cka(*stores, debiased=debiased) == pytest.approx(expected, abs=1e-9)
    assert at_size.linear_cka(sparse.csc_matrix(a), b, debiased=debiased) == pytest.approx(expected, abs=1e-9)
    assert at_size.linear_cka(a, stores[1], debiased=debiased) == pytest.approx(expected, abs=1e-9)


@pytest.mark.usefixtures("small_blocks")
def test_picked_rows_of_every_form(tmp_path):
    x, y = rounded()
    rows = np.r_[0, 7:90:3, 220:299]
    expected = linear_cka(x[rows], y[rows], debiased=True)
    forms = in_every_form(x, tmp_path / "x")
    for form, values in forms.items():
        found = at_size.linear_cka(at_size.picked(values, rows), y[rows], debiased=True)
        assert found == pytest.approx(expected, abs=1e-9), form
    codes = np.abs(sparse_features(300, 20, 0.2)).astype(np.float32).astype(np.float64)
    found = at_size.linear_cka(at_size.picked(code_store(codes, tmp_path / "z.zarr"), rows), y[rows])
    assert found == pytest.approx(linear_cka(codes[rows], y[rows]), abs=1e-9)
    for wrong in ([], [3, 2], [5, 5], [-1, 2], [0, 300]):
        with pytest.raises(AlignmentError, match="expected rising numbers from 0 to 299"):
            at_size.picked(x, wrong)


def test_half_precision_and_extreme_scales():
    x, y = related(200)
    half = x.astype(np.float16)
    assert at_size.linear_cka(half, y) == pytest.approx(linear_cka(half, y), abs=1e-6)
    assert at_size.linear_cka(1e200 * x, 1e-200 * y) == pytest.approx(linear_cka(x, y), abs=1e-9)


def test_bad_input_is_refused_as_in_memory():
    x, y = related()
    bad = x.copy()
    bad[70, 2] = np.nan
    for wrong, message in (
        ((bad, y), "x: found nan at row 70, unit 2, expected finite"),
        ((sparse.csr_array(bad), y), "x: found nan at row 70, unit 2, expected finite"),
        ((x, y[:-1]), "found 80 and 79 rows"),
        ((x, np.ones((80, 3))), "y: found 3 constant units"),
        ((x, sparse.csr_array((80, 3))), "y: found 3 constant units"),
        ((x[:1], y[:1]), "found 1 stimuli, expected at least 2"),
        ((x, y[:, 0]), "y: found shape"),
        ((x, np.full((80, 2), "a")), "found values that are not numbers"),
    ):
        with pytest.raises(AlignmentError, match=message):
            at_size.linear_cka(*wrong)
    with pytest.raises(AlignmentError, match="found 3 stimuli, expected at least 4"):
        at_size.linear_cka(x[:3], y[:3], debiased=True)
    with pytest.raises(AlignmentError, match="0/0"):
        at_size.linear_cka(np.eye(12), normal(12, 3), debiased=True)
    with pytest.raises(ConfigError, match="debiased"):
        at_size.linear_cka(x, y, debiased=1)
