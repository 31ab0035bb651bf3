"""Predictions of theory against simulated superposition and against the numbers measured before this code."""

import numpy as np
import pytest

from thresh.alignment import linear_cka, linear_predictivity, rsa
from thresh.alignment.theory import chance_cka, expected_cka, expected_r2, expected_rsa, overlap
from thresh.errors import ConfigError

from .simulate import mixed, normal, sparse_features, two_thirds_shared

MIXINGS = ["gaussian", "unit_norm", "orthonormal"]
POWER_LAW = 1 / np.arange(1, 513)


@pytest.mark.parametrize(
    ("features", "units", "value"), [(512, (128, 128), 0.199), (512, (128, 384), 0.292), (1024, (64, 256), 0.108)]
)
def test_flat_spectrum(features, units, value):
    assert expected_cka(*units, features) == pytest.approx(value, abs=1e-3)
    shared = sparse_features(15_000, features, 0.1)
    a, b = (mixed(shared, count, seed) for seed, count in enumerate(units, start=1))
    assert linear_cka(a, b, debiased=True) == pytest.approx(value, abs=0.005)
    assert linear_cka(a, b) == pytest.approx(expected_cka(*units, features, rows=15_000), abs=0.005)


def test_power_law():
    assert expected_cka(128, 128, 512, spectrum=POWER_LAW) == pytest.approx(0.814, abs=1e-3)
    shared = normal(5000, 512) * np.sqrt(POWER_LAW)
    a, b = (mixed(shared, 128, seed) for seed in (1, 2))
    assert linear_cka(a, b, debiased=True) == pytest.approx(0.814, abs=0.02)


@pytest.mark.parametrize("mixing", MIXINGS)
def test_every_mixing(mixing):
    shared = sparse_features(10_000, 256, 0.2)
    scores = []
    for seed in range(4):
        a, b = (mixed(shared, 64, 2 * seed + side, mixing) for side in (1, 2))
        scores.append(linear_cka(a, b, debiased=True))
    assert np.mean(scores) == pytest.approx(expected_cka(64, 64, 256, mixing=mixing), abs=0.005)


def test_orthonormal_rows_have_a_closed_form():
    assert expected_cka(32, 50, 128, mixing="orthonormal") == pytest.approx(np.sqrt(32 * 50) / 128)
    assert expected_cka(20, 30, 48, 40, 32, mixing="orthonormal") == pytest.approx(32 * np.sqrt(20 * 30) / (48 * 40))


def test_inversion_more_shared_features_can_mean_less_cka():
    full, partial = expected_cka(48, 48, 128, mixing="unit_norm"), expected_cka(48, 48, 48, 48, 32, mixing="unit_norm")
    assert (full, partial) == (pytest.approx(0.274, abs=1e-3), pytest.approx(0.337, abs=1e-3))
    everything = sparse_features(10_000, 128, 0.05)
    scores = []
    for seed in range(4):
        pair = [mixed(everything, 48, 2 * seed + side, "unit_norm") for side in (1, 2)]
        other = [
            mixed(features, 48, 2 * seed + side, "unit_norm")
            for side, features in enumerate(two_thirds_shared(10_000), start=1)
        ]
        scores.append([linear_cka(*pair, debiased=True), linear_cka(*other, debiased=True)])
    assert np.mean(scores, axis=0) == pytest.approx([full, partial], abs=0.01)
    assert linear_cka(everything, everything, debiased=True) == pytest.approx(1)
    assert linear_cka(*two_thirds_shared(10_000), debiased=True) == pytest.approx(overlap(48, 48, 32), abs=0.01)


def test_spectrum_lists_shared_features_first():
    spectrum = np.r_[np.full(32, 2.0), np.full(16, 1.0), np.full(16, 3.0)]
    everything = normal(10_000, 64) * np.sqrt(spectrum)
    scores = []
    for seed in range(6):
        a = mixed(everything[:, :48], 24, 2 * seed)
        b = mixed(np.c_[everything[:, :32], everything[:, 48:]], 30, 2 * seed + 1)
        scores.append(linear_cka(a, b, debiased=True))
    assert np.mean(scores) == pytest.approx(expected_cka(24, 30, 48, 48, 32, spectrum), abs=0.01)


@pytest.mark.parametrize("rows", [400, 4000])
def test_biased_cka_from_few_rows(rows):
    scores = [
        linear_cka(*(mixed(normal(rows, 128, seed), 48, 100 + 2 * seed + side) for side in (0, 1))) for seed in range(6)
    ]
    assert np.mean(scores) == pytest.approx(expected_cka(48, 48, 128, rows=rows), abs=0.01)


def test_r2_of_flat_features_is_units_over_features_whoever_is_predicted():
    assert expected_r2(128, 512) == pytest.approx(0.25)
    assert expected_r2(48, 48, 48, 32) == pytest.approx(2 / 3)
    assert expected_r2(600, 512) == 1
    shared = sparse_features(5000, 256, 0.1)
    for units in (40, 160):
        r2 = [linear_predictivity(mixed(shared, 64, s), mixed(shared, units, s + 9)).r2.mean() for s in range(4)]
        assert np.mean(r2) == pytest.approx(expected_r2(64, 256, rows=4000), abs=0.01)


def test_r2_of_partial_overlap():
    a, b = two_thirds_shared(6000)
    r2 = np.mean([linear_predictivity(mixed(a, 24, s), mixed(b, 60, s + 50)).r2.mean() for s in range(4)])
    assert r2 == pytest.approx(expected_r2(24, 48, 48, 32, rows=4800), abs=0.015)


def test_r2_of_a_power_law_is_a_share_of_variance():
    """Exact population R2 of all units together, no sampling: tr(A_b L A_a' (A_a L A_a')^-1 A_a L A_b') / tr(...)."""
    shares = []
    for seed in range(10):
        a, b = normal(128, 512, 2 * seed), normal(400, 512, 2 * seed + 1)
        across = (a * POWER_LAW) @ b.T
        explained = np.trace(across.T @ np.linalg.solve((a * POWER_LAW) @ a.T, across))
        shares.append(explained / np.trace((b * POWER_LAW) @ b.T))
    assert np.mean(shares) == pytest.approx(expected_r2(128, 512, spectrum=POWER_LAW), abs=0.01)


def test_r2_from_few_rows_is_that_of_least_squares():
    scores = []
    for seed in range(20):
        shared = normal(150, 128, seed)
        x, y = mixed(shared, 48, 100 + 2 * seed), mixed(shared, 48, 101 + 2 * seed)
        scores.append(linear_predictivity(x, y, alphas=[1e-8]).r2.mean())
    assert np.mean(scores) == pytest.approx(expected_r2(48, 128, rows=120), abs=0.03)


@pytest.mark.parametrize("mixing", MIXINGS)
@pytest.mark.parametrize("active", [0.02, 1.0])
def test_rsa_of_squared_distances(mixing, active):
    predicted = expected_rsa(128, 128, 512, excess_kurtosis=3 / active - 3, mixing=mixing)
    shared = sparse_features(1500, 512, active)
    a, b = (mixed(shared, 128, seed, mixing) for seed in (1, 2))
    assert rsa(a, b, distance="sqeuclidean", compare="pearson") == pytest.approx(predicted, abs=0.015)


def test_sparsity_hides_superposition_from_rsa():
    assert expected_rsa(128, 128, 512, excess_kurtosis=3 / 0.02 - 3) == pytest.approx(0.89, abs=0.005)
    assert expected_rsa(128, 128, 512) == pytest.approx(expected_cka(128, 128, 512))


def test_chance_cka_is_what_independent_responses_have():
    assert chance_cka(100, 512, 512) == pytest.approx(0.84, abs=0.005)
    scores = [linear_cka(normal(100, 300, 2 * s), normal(100, 60, 2 * s + 1)) for s in range(10)]
    assert np.mean(scores) == pytest.approx(chance_cka(100, 300, 60), abs=0.01)


def test_overlap():
    assert overlap(48, 48, 32) == pytest.approx(2 / 3)
    assert overlap(50, 200, 50) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units_a": 0, "units_b": 4, "features_a": 8}, "units: found 0"),
        ({"units_a": 4, "units_b": 4, "features_a": 0}, "features_a: found 0"),
        ({"units_a": 4, "units_b": 4, "features_a": 8, "features_b": 6, "shared": 7}, "shared: found 7"),
        ({"units_a": 4, "units_b": 4, "features_a": 8, "spectrum": np.ones(7)}, "spectrum: found 'shape"),
        ({"units_a": 4, "units_b": 4, "features_a": 8, "spectrum": np.zeros(8)}, "spectrum: found 'a variance"),
        ({"units_a": 4, "units_b": 4, "features_a": 8, "mixing": "sparse"}, "mixing: found 'sparse'"),
        ({"units_a": 9, "units_b": 4, "features_a": 8, "mixing": "orthonormal"}, "units: found 9"),
        ({"units_a": 4, "units_b": 4, "features_a": 8, "rows": 1}, "rows: found 1"),
    ],
)
def test_impossible_systems_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        expected_cka(**arguments)


def test_least_squares_needs_more_rows_than_units():
    with pytest.raises(ConfigError, match="rows: found 40"):
        expected_r2(48, 128, rows=40)
