"""Linear predictivity against scikit-learn, explicit hat matrices and planted linear maps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.pipeline import make_pipeline

from thresh.alignment import METRICS, linear_predictivity
from thresh.alignment.folds import split
from thresh.errors import AlignmentError, ConfigError
from thresh.systems.reliability import ceiling, split_half_reliability

from .simulate import normal, orthogonal, related, seeds


class UnitRows(TransformerMixin, BaseEstimator):
    """Divides by one number, so that rows are at a root mean square distance of 1 from the mean training row."""

    def fit(self, x, y=None):
        self.scale_ = np.sqrt(np.square(x - x.mean(axis=0)).sum(axis=1).mean())
        return self

    def transform(self, x):
        return x / self.scale_


def by_sklearn(model, x, y, folds=5, seed=0):
    """Mean r over folds, and R2 against the training mean pooled over folds, for every unit."""
    r, errors, deviations = [], 0.0, 0.0
    for train, test in split(len(x), folds, seed):
        prediction = model.fit(x[train], y[train]).predict(x[test])
        r.append([np.corrcoef(p, t)[0, 1] for p, t in zip(prediction.T, y[test].T, strict=True)])
        errors += ((y[test] - prediction) ** 2).sum(0)
        deviations += ((y[test] - y[train].mean(0)) ** 2).sum(0)
    return np.mean(r, axis=0), 1 - errors / deviations


@pytest.mark.parametrize("units", [12, 300])
@pytest.mark.parametrize("components", [None, 5])
@pytest.mark.parametrize("alpha", [1e-3, 1.0, 100.0])
def test_one_alpha_is_sklearns_pca_and_ridge(units, components, alpha):
    x, y = related(80, units, 6)
    reduction = [] if components is None else [PCA(components, svd_solver="full")]
    r, r2 = by_sklearn(make_pipeline(*reduction, UnitRows(), Ridge(alpha=alpha)), x, y)
    ours = linear_predictivity(x, y, alphas=[alpha], components=components)
    np.testing.assert_allclose(ours.r, r, atol=1e-8)
    np.testing.assert_allclose(ours.r2, r2, atol=1e-8)


@pytest.mark.parametrize("units", [12, 100])
def test_alpha_is_the_minimum_of_generalised_cross_validation(units):
    x, y = related(60, units, 8, noise=4)
    alphas = np.logspace(-4, 4, 9)
    train, _ = split(60, 5, 0)[0]
    xc, yc, rows = UnitRows().fit_transform(x[train] - x[train].mean(0)), y[train] - y[train].mean(0), len(train)
    criterion = []
    for alpha in alphas:
        hat = xc @ np.linalg.solve(xc.T @ xc + alpha * np.eye(units), xc.T) + 1 / rows
        residual = yc - hat @ yc
        criterion.append(rows * (residual**2).sum(0) / np.trace(np.eye(rows) - hat) ** 2)
    chosen = linear_predictivity(x, y, alphas=alphas).alphas[0]
    np.testing.assert_array_equal(chosen, alphas[np.argmin(criterion, axis=0)])
    assert len(set(chosen)) > 1


def test_alpha_may_be_tiny_where_the_units_span_all_training_rows():
    """(1 - H) y is then alpha (K + alpha)^-1 y: nearly nothing, and a rounding error of the span would drown it."""
    x, y = related(60, 200, 6, noise=0)
    alphas = np.array([1e-8, 1e1, 1e3])
    train, _ = split(60, 5, 0)[0]
    xc, yc = UnitRows().fit_transform(x[train] - x[train].mean(0)), y[train] - y[train].mean(0)
    centring = np.eye(48) - 1 / 48
    criterion = []
    for alpha in alphas:
        inverse = centring @ np.linalg.inv(xc @ xc.T + alpha * np.eye(48) + 1 / 48)
        criterion.append(((inverse @ yc) ** 2).sum(0) / np.trace(inverse) ** 2)
    expected = alphas[np.argmin(criterion, axis=0)]
    assert (expected == 1e-8).any()
    np.testing.assert_array_equal(linear_predictivity(x, y, alphas=alphas).alphas[0], expected)


def test_choosing_alpha_scores_like_sklearns_leave_one_out():
    x, y = related(150, 60, 10, noise=8)
    r, _ = by_sklearn(make_pipeline(UnitRows(), RidgeCV(np.logspace(-8, 8, 17), alpha_per_target=True)), x, y)
    assert linear_predictivity(x, y).r.mean() == pytest.approx(r.mean(), abs=0.01)


def test_a_linear_map_is_predicted_and_another_systems_noise_is_not():
    x, y = related(200, 12, 9, noise=0)
    result = linear_predictivity(x, y)
    np.testing.assert_allclose(result.r, 1, atol=1e-6)
    np.testing.assert_allclose(result.r2, 1, atol=1e-6)
    noise = linear_predictivity(normal(300, 400, 1), normal(300, 200, 2))
    assert abs(noise.r.mean()) < 0.02
    assert abs(noise.r2.mean()) < 0.03


@given(seed=seeds, exponent=st.floats(-6, 6), units=st.sampled_from([8, 60]))
@settings(max_examples=30, deadline=None)
def test_rotation_scale_and_offset_of_x_and_scale_of_y_are_not_seen(seed, exponent, units):
    x, y = related(40, units, 3, noise=2, seed=seed)
    moved = 10**exponent * (x @ orthogonal(units, seed) + normal(1, units, seed))
    same, other = linear_predictivity(x, y), linear_predictivity(moved, 5 * y - 2)
    np.testing.assert_allclose(other.r, same.r, atol=1e-8)
    np.testing.assert_allclose(other.r2, same.r2, atol=1e-8)
    np.testing.assert_array_equal(other.alphas, same.alphas)


@pytest.mark.parametrize(("rows", "units"), [(200, 10), (800, 10), (200, 150), (100, 400)])
def test_the_penalty_is_the_ratio_of_noise_to_signal_whatever_the_size_of_x(rows, units):
    """Weights drawn alike for all units of x: the best penalty is noise over signal, here .25."""
    x = normal(rows, units, 1)
    signal = x @ normal(units, 60, 2) / np.sqrt(units)
    result = linear_predictivity(x, signal + 0.5 * normal(rows, 60, 3), alphas=0.25 * np.logspace(-8, 8, 17))
    assert np.median(result.alphas) == 0.25


def test_held_out_rows_do_not_set_the_scale():
    """The first fold's penalties stay as they are when its held-out rows are a million times as large."""
    x, y = related(60, 8, 5, noise=4)
    _, test = split(60, 5, 0)[0]
    large = x.copy()
    large[test] *= 1e6
    np.testing.assert_array_equal(linear_predictivity(large, y).alphas[0], linear_predictivity(x, y).alphas[0])


def test_detail_tells_what_share_of_penalties_is_at_an_edge_of_the_grid():
    """Three units without noise choose the lowest penalty, one that is noise alone the highest."""
    x = normal(200, 4, 1)
    y = np.c_[x @ normal(4, 3, 2), normal(200, 1, 3)]
    for name in ("linear_predictivity", "linear_predictivity_r2"):
        assert METRICS[name].score(x, y, alphas=[1e-6, 1e-3, 1.0, 1e6])[1]["alpha_at_edge"] == 1
        assert METRICS[name].score(x, y[:, :3], alphas=[1e-9, 1e-6, 1.0])[1]["alpha_at_edge"] == 1
        noisy = x @ normal(4, 3, 2) + normal(200, 3, 4)
        assert METRICS[name].score(x, noisy)[1]["alpha_at_edge"] == 0
        assert METRICS[name].score(x, y, alphas=[1.0])[1]["alpha_at_edge"] == 0


def test_wide_and_narrow_predictors_give_the_same_numbers():
    """The same information in 20 units (by units) and rotated into 500 (by the stimuli's Gram matrix)."""
    x, y = related(80, 20, 5)
    wide = x @ np.linalg.qr(normal(500, 20, 7))[0].T
    np.testing.assert_allclose(linear_predictivity(wide, y).r, linear_predictivity(x, y).r, atol=1e-6)


def test_a_constant_unit_of_y_is_nan_and_left_out_of_the_score():
    x, y = related(60, 5, 3)
    silent = np.c_[y, np.full(60, 2.0)]
    result = linear_predictivity(x, silent)
    assert np.isnan(result.r).tolist() == np.isnan(result.r2).tolist() == [False, False, False, True]
    score, detail = METRICS["linear_predictivity"].score(x, silent)
    assert score == METRICS["linear_predictivity"].score(x, y)[0]
    assert (detail["units_scored"], detail["units_left_out"]) == (3, 1)


def test_a_unit_that_is_silent_among_the_held_out_rows_scores_zero_there():
    """It answers to one stimulus only: constant in training while that is held out, silent in the four other folds."""
    x, y = related(60, 5, 2)
    lonely = np.zeros(60)
    lonely[17] = 1
    result = linear_predictivity(x, np.c_[y, lonely])
    assert result.r[2] == 0
    assert np.isfinite(result.r2).all()
    assert np.isnan(result.alphas[:, 2]).sum() == 1


@pytest.mark.parametrize("units", [1, 40])
def test_constant_predictors_in_a_training_fold_predict_the_mean(units):
    """All but one stimulus have the same responses; what centring leaves of them is rounding, and says nothing."""
    for seed in range(60):
        generator = np.random.default_rng(seed)
        x = np.tile(generator.random(units), (30, 1))
        x[4] = 10 * generator.standard_normal(units)
        result = linear_predictivity(x, normal(30, 3, seed + 1000))
        assert (np.abs(result.r) < 1).all()
        # In the other folds the lonely stimulus tells its own response and nothing of the held-out rows.
        assert (result.r2 > -0.1).all()


def test_score_is_the_median_over_ceilings_without_clipping():
    x, y = related(100, 8, 5, noise=1)
    r = linear_predictivity(x, y).r
    ceiling = np.array([0.9, 0.5, np.nan, 0.0, 0.7])
    score, detail = METRICS["linear_predictivity"].score(x, y, ceiling=ceiling)
    assert score == pytest.approx(np.median(r[[0, 1, 4]] / ceiling[[0, 1, 4]]))
    assert score > 1
    assert detail["median_r"] == pytest.approx(np.median(r))
    assert detail["mean_r"] == pytest.approx(r.mean())
    assert detail["ceiling"] == pytest.approx(0.7)
    assert (detail["units_scored"], detail["units_left_out"]) == (3, 2)


def test_ceilings_must_fit_the_units():
    x, y = related(60, 5, 3)
    with pytest.raises(AlignmentError, match="ceiling: found 2 values, expected one for each of 3 units"):
        METRICS["linear_predictivity"].score(x, y, ceiling=np.ones(2))
    with pytest.raises(AlignmentError, match="positive ceiling"):
        METRICS["linear_predictivity"].score(x, y, ceiling=np.zeros(3))


@pytest.mark.parametrize(
    ("key", "value"), [("alphas", []), ("alphas", [0.0]), ("alphas", [np.nan]), ("components", 0), ("folds", 1)]
)
def test_parameters_out_of_range_are_refused(key, value):
    with pytest.raises(ConfigError, match=key):
        linear_predictivity(*related(), **{key: value})


def test_folds_hold_every_row_out_once_and_need_three_rows_each():
    parts = split(53, 5, 1)
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(53))
    assert all(not set(train) & set(test) and len(train) + len(test) == 53 for train, test in parts)
    with pytest.raises(AlignmentError, match="found 14 stimuli, expected at least 15 for 5 folds"):
        linear_predictivity(*related(14))


@pytest.mark.parametrize("name", ["linear_predictivity", "linear_predictivity_r2"])
def test_a_perfect_model_of_a_noisy_recording_scores_1_and_not_above(name):
    # Units are linear in the features, with noise of its own in every presentation; reliabilities from .5 to .94.
    found = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        features = random.normal(size=(600, 5))
        signal = features @ random.normal(size=(5, 20))
        noise = np.linspace(0.5, 2, 20) * np.linalg.norm(signal, axis=0) / np.sqrt(600)
        repeats = signal[:, None] + noise * random.normal(size=(600, 4, 20))
        ceilings = ceiling(split_half_reliability(repeats, splits=20, seed=seed))
        found.append(METRICS[name].score(features, repeats.mean(axis=1), ceiling=ceilings)[0])
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    # What five weights cost out of sample is about 1 %.
    assert 0.98 - 3 * error < np.mean(found) < 1 + 3 * error
    assert error < 0.005
