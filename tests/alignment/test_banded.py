"""Banded ridge against plain ridge, scikit-learn on explicit candidates, and planted scales of bands."""

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.linear_model import Ridge

from thresh.alignment import METRICS, linear_predictivity
from thresh.alignment.banded import candidate_shares
from thresh.alignment.folds import split
from thresh.errors import AlignmentError, ConfigError

from .simulate import normal, related, seeds


def planted(shares, rows=300, units=20, targets=40, noise=0.5, seed=0):
    """Bands of unit mean squared row norm, weights of variance `shares`; the signal has a variance of 1 in all."""
    blocks = [normal(rows, units, seed + band) / np.sqrt(units) for band in range(len(shares))]
    weights = [np.sqrt(share) * normal(units, targets, seed + 50 + band) for band, share in enumerate(shares)]
    signal = sum(block @ weight for block, weight in zip(blocks, weights, strict=True))
    labels = [f"layer {band}" for band in range(len(shares)) for _ in range(units)]
    return np.hstack(blocks), signal + noise * normal(rows, targets, seed + 99), labels


@pytest.mark.parametrize("units", [12, 100])
def test_one_band_is_ridge(units):
    x, y = related(60, units, 6, noise=3)
    plain, banded = linear_predictivity(x, y), linear_predictivity(x, y, bands=list(np.zeros(units, int)))
    np.testing.assert_allclose(banded.r, plain.r, atol=1e-10)
    np.testing.assert_allclose(banded.r2, plain.r2, atol=1e-10)
    np.testing.assert_array_equal(banded.alphas, plain.alphas)
    np.testing.assert_array_equal(banded.shares, 1)


@pytest.mark.parametrize("units", [(5, 7), (40, 60)])
def test_the_choice_is_the_best_criterion_of_all_candidates_and_its_prediction_is_sklearns(units):
    """Equal shares and each band alone, by explicit hat matrices of ridge with an intercept."""
    first, y = related(60, units[0], 8, noise=4)
    x, bands = np.c_[first, 30 * normal(60, units[1], 9)], [3] * units[0] + [1] * units[1]
    y[:, :3] += 10 * normal(60, units[1], 9)[:, :3]
    alphas = np.logspace(-2, 3, 6)
    ours = linear_predictivity(x, y, bands=bands, draws=0, alphas=alphas)
    train, test = split(60, 5, 0)[0]
    found = []
    for shares in ([0.5, 0.5], [1, 0], [0, 1]):
        scaled = x - x[train].mean(axis=0)
        for label, share in zip((3, 1), shares, strict=True):
            block = scaled[:, np.array(bands) == label]
            block *= np.sqrt(share / np.square(block[train]).sum(axis=1).mean())
            scaled[:, np.array(bands) == label] = block
        for alpha in alphas:
            design, centred = scaled[train], y[train] - y[train].mean(axis=0)
            inverse = np.linalg.inv(design @ design.T + alpha * np.eye(48))
            hat = design @ design.T @ inverse + 1 / 48
            criterion = np.square(centred - hat @ centred).sum(axis=0) / np.trace(np.eye(48) - hat) ** 2
            prediction = Ridge(alpha=alpha).fit(scaled[train], y[train]).predict(scaled[test])
            found.append((criterion, shares, alpha, prediction))
    best = np.argmin([criterion for criterion, *_ in found], axis=0)
    np.testing.assert_array_equal(ours.alphas[0], [found[one][2] for one in best])
    np.testing.assert_array_equal(ours.shares[0], [found[one][1] for one in best])
    assert len({tuple(shares) for shares in ours.shares[0]}) > 1
    assert ours.bands == ("3", "1")


def test_predictions_are_sklearns_ridge_with_the_chosen_shares():
    x, y, bands = planted([0.7, 0.3], rows=80, targets=6)
    result = linear_predictivity(x, y, bands=bands, draws=20)
    r = np.zeros((5, 6))
    for fold, (train, test) in enumerate(split(80, 5, 0)):
        blocks = [x[:, :20] - x[train, :20].mean(axis=0), x[:, 20:] - x[train, 20:].mean(axis=0)]
        norms = [np.square(block[train]).sum(axis=1).mean() for block in blocks]
        for unit in range(6):
            scales = np.sqrt(result.shares[fold, unit] / norms)
            scaled = np.hstack([block * scale for block, scale in zip(blocks, scales, strict=True)])
            model = Ridge(alpha=result.alphas[fold, unit]).fit(scaled[train], y[train, unit])
            r[fold, unit] = np.corrcoef(model.predict(scaled[test]), y[test, unit])[0, 1]
    np.testing.assert_allclose(result.r, r.mean(axis=0), atol=1e-8)


def test_noise_of_large_variance_is_set_aside():
    x, y, bands = planted([1.0, 0.0], rows=120, units=60)
    x[:, 60:] *= 30
    plain, banded = linear_predictivity(x, y), linear_predictivity(x, y, bands=bands)
    assert banded.r.mean() > plain.r.mean() + 0.3
    alone = linear_predictivity(x[:, :60], y)
    assert banded.r.mean() == pytest.approx(alone.r.mean(), abs=0.03)


@pytest.mark.parametrize("shares", [[0.9, 0.1], [0.2, 0.7, 0.1]])
def test_the_shares_that_were_planted_are_found(shares):
    x, y, bands = planted(shares, rows=400, units=30, targets=60, noise=1.0)
    score, detail = METRICS["linear_predictivity"].score(x, y, bands=bands, folds=2)
    assert list(detail["band_shares"].values()) == pytest.approx(shares, abs=0.05)
    assert sum(detail["band_shares"].values()) == pytest.approx(1)
    assert detail["alpha"] == 1  # noise over signal
    assert score > METRICS["linear_predictivity"].score(x, y, folds=2)[0] + 0.01
    of_r2 = METRICS["linear_predictivity_r2"].score(x, y, bands=bands, folds=2)[1]
    assert of_r2["band_shares"] == detail["band_shares"]


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_the_scale_of_a_band_is_not_seen_and_draws_come_with_the_seed(seed):
    x, y, bands = planted([0.6, 0.4], rows=40, units=4, targets=3, seed=seed)
    same = linear_predictivity(x, y, bands=bands, draws=6, seed=seed)
    moved = x.copy()
    moved[:, 4:] = 1e200 * moved[:, 4:]
    other = linear_predictivity(moved, y, bands=bands, draws=6, seed=seed)
    np.testing.assert_allclose(other.r, same.r, atol=1e-8)
    np.testing.assert_allclose(other.shares, same.shares, atol=1e-12)
    assert not np.array_equal(candidate_shares(2, 6, seed), candidate_shares(2, 6, seed + 1))


def test_a_band_that_is_constant_tells_nothing():
    x, y, bands = planted([0.6, 0.4], rows=60, units=5, targets=4)
    silent = np.c_[x, np.full((60, 3), 0.1)]
    result = linear_predictivity(silent, y, bands=[*bands, "silent", "silent", "silent"], draws=0)
    known = linear_predictivity(x, y, bands=bands, draws=0)
    np.testing.assert_allclose(result.r, known.r, atol=0.05)
    assert np.isfinite(result.r2).all()


def test_labels_must_fit_the_units_and_components_would_mix_them():
    x, y = related(60, 6, 3)
    with pytest.raises(AlignmentError, match="bands: found 4 labels, expected one for each of 6 units"):
        linear_predictivity(x, y, bands=["a", "a", "b", "b"])
    with pytest.raises(ConfigError, match="components: found 3, expected none where there are bands"):
        linear_predictivity(x, y, bands=["a"] * 6, components=3)
    for key, value in (("bands", [1.5] * 6), ("draws", -1)):
        with pytest.raises(ConfigError, match=key):
            linear_predictivity(x, y, **{key: value})
