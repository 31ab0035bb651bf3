"""Predictivity at size against the metric in memory, in scores, penalties and edges."""

import dask
import numpy as np
import pytest
from scipy import sparse

from thresh.alignment import at_size, linear_predictivity
from thresh.alignment.at_size import passes, reading
from thresh.errors import AlignmentError, ConfigError

from .simulate import normal, related
from .sources import in_every_form


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(reading, "BLOCK_ROWS", 32)


def assert_same(found, expected, tolerance=1e-8):
    np.testing.assert_allclose(found.r, expected.r, atol=tolerance)
    np.testing.assert_allclose(found.r2, expected.r2, atol=tolerance)
    np.testing.assert_array_equal(found.alphas, expected.alphas)
    np.testing.assert_array_equal(found.grid, expected.grid)


@pytest.mark.parametrize("noise", [0.0, 0.5, 8.0])
@pytest.mark.parametrize("parameters", [{}, {"folds": 3, "seed": 4}, {"components": 5}, {"alphas": [0.5]}])
def test_scores_and_penalties_are_those_of_memory(noise, parameters):
    x, y = related(400, 30, 20, noise)
    x, y = x + 1000 * np.arange(30), y - 50
    assert_same(at_size.linear_predictivity(x, y, **parameters), linear_predictivity(x, y, **parameters))


def test_every_form_and_scheduler_gives_the_same(tmp_path):
    x, y = (side.astype(np.float32).astype(np.float64) for side in related(300, 12, 9, 2.0))
    forms_x, forms_y = (in_every_form(side, tmp_path / name) for side, name in ((x, "x"), (y, "y")))
    expected = linear_predictivity(x, y)
    for form in forms_x:
        assert_same(at_size.linear_predictivity(forms_x[form], forms_y[form]), expected)
    one = at_size.linear_predictivity(forms_x["store"], forms_y["store"], scheduler="synchronous")
    with dask.config.set(num_workers=3):
        other = at_size.linear_predictivity(forms_x["store"], forms_y["store"])
    np.testing.assert_array_equal(one.r, other.r)
    np.testing.assert_array_equal(one.r2, other.r2)


@pytest.mark.parametrize("parts", [(1, 1), (9, 9)])
@pytest.mark.parametrize("block", [1, 10**6])
def test_parts_and_blocks_do_not_matter(parts, block, monkeypatch):
    monkeypatch.setattr(passes, "PARTS", parts)
    monkeypatch.setattr(reading, "BLOCK_ROWS", block)
    x, y = related(200, 15, 7, 2.0)
    assert_same(at_size.linear_predictivity(x, y), linear_predictivity(x, y))


def test_more_units_than_training_rows():
    x, y = related(60, 150, 8, noise=4)
    assert_same(at_size.linear_predictivity(x, y), linear_predictivity(x, y), 1e-6)


def test_rows_of_another_fold_may_be_a_million_times_as_large():
    x, y = related(60, 8, 5, noise=4)
    large = x.copy()
    large[::7] *= 1e6
    assert_same(at_size.linear_predictivity(large, y), linear_predictivity(large, y), 1e-6)


def test_constant_units_of_y_and_of_x():
    """Units that never vary, that vary in one row alone, and that are silent among the rows of some fold."""
    x, y = related(60, 5, 2)
    lonely, few = np.zeros((60, 1)), np.zeros((60, 1))
    lonely[17], few[:3] = 1, [[1], [2], [3]]
    y = np.c_[y, np.full(60, 2.5), lonely, few]
    x = np.c_[x, np.full(60, 0.1), 3 * lonely]
    found = at_size.linear_predictivity(x, y)
    assert_same(found, linear_predictivity(x, y))
    assert np.isnan(found.r).tolist() == [False, False, True, False, False]


def test_predictors_that_are_constant_on_a_training_fold_predict_the_mean():
    for seed in range(10):
        generator = np.random.default_rng(seed)
        x = np.tile(generator.random(6), (30, 1))
        x[4] = 10 * generator.standard_normal(6)
        y = normal(30, 3, seed + 1000)
        assert_same(at_size.linear_predictivity(x, y), linear_predictivity(x, y))


def test_bad_input_is_refused():
    x, y = related(60)
    bad = y.copy()
    bad[3, 1] = np.inf
    for wrong, message in (
        ((x, bad), "y: found inf at row 3, unit 1"),
        ((sparse.csr_array(x), y), "x: found sparse codes, expected dense"),
        ((np.ones((60, 2)), y), "x: found 2 constant units"),
        ((x[:14], y[:14]), "found 14 stimuli, expected at least 15 for 5 folds"),
    ):
        with pytest.raises(AlignmentError, match=message):
            at_size.linear_predictivity(*wrong)
    for key, value in (("alphas", [0.0]), ("components", 0), ("folds", 1)):
        with pytest.raises(ConfigError, match=key):
            at_size.linear_predictivity(x, y, **{key: value})
