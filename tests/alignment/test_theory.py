"""Predictions of theory against simulated superposition and against the numbers measured before this code."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import halfnorm, norm

from thresh.alignment import linear_cka, rsa
from thresh.alignment.theory import expected_cka, expected_rsa, overlap, sparse_kurtosis
from thresh.errors import ConfigError

from .simulate import mixed, mixing_of, normal, population_cka, sparse_features, two_thirds_shared

MIXINGS = ["gaussian", "unit_norm", "orthonormal"]
POWER_LAW = 1 / np.arange(1, 513)


def pairs(count, units, features, kind="gaussian"):
    """Mixings of both sides, several times."""
    return [
        [mixing_of(features, units[side], 2 * seed + side, kind) for side in (0, 1)] for seed in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    ("features", "units", "value"), [(512, (128, 128), 0.199), (512, (128, 384), 0.292), (1024, (64, 256), 0.108)]
)
def test_flat_spectrum(features, units, value):
    assert expected_cka(*units, features) == pytest.approx(value, abs=1e-3)
    shared = sparse_features(4000, features, 0.1)
    sides = [[shared @ mixing for mixing in pair] for pair in pairs(6, units, features)]
    assert np.mean([linear_cka(a, b, debiased=True) for a, b in sides]) == pytest.approx(value, abs=0.003)
    biased = expected_cka(*units, features, rows=4000, excess_kurtosis=sparse_kurtosis(0.1))
    assert np.mean([linear_cka(a, b) for a, b in sides]) == pytest.approx(biased, abs=0.003)


def test_power_law():
    assert expected_cka(128, 128, 512, spectrum=POWER_LAW) == pytest.approx(0.814, abs=1e-3)
    shared = normal(4000, 512) * np.sqrt(POWER_LAW)
    scores = [linear_cka(shared @ a, shared @ b, debiased=True) for a, b in pairs(6, (128, 128), 512)]
    assert np.mean(scores) == pytest.approx(0.814, abs=0.02)


@pytest.mark.parametrize("kind", MIXINGS)
@pytest.mark.parametrize(("units", "features"), [((128, 128), 512), ((48, 20), 128)])
def test_every_mixing_with_infinitely_many_stimuli(units, features, kind):
    scores = [population_cka(a, b) for a, b in pairs(30, units, features, kind)]
    assert np.mean(scores) == pytest.approx(expected_cka(*units, features, mixing=kind), abs=0.003)


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
    scores = [population_cka(a, b) for a, b in pairs(40, (48, 48), 128, "unit_norm")]
    assert np.mean(scores) == pytest.approx(full, abs=0.003)
    scores = [population_cka(a, b, shared=32) for a, b in pairs(40, (48, 48), 48, "unit_norm")]
    assert np.mean(scores) == pytest.approx(partial, abs=0.003)


def test_features_themselves_have_their_overlap():
    assert linear_cka(*two_thirds_shared(10_000), debiased=True) == pytest.approx(overlap(48, 48, 32), abs=0.01)
    assert overlap(48, 48, 32) == pytest.approx(2 / 3)
    assert overlap(50, 200, 50) == pytest.approx(0.5)


def test_spectrum_lists_shared_features_first():
    spectrum = np.r_[np.full(32, 2.0), np.full(16, 1.0), np.full(16, 3.0)]
    everything = normal(10_000, 64) * np.sqrt(spectrum)
    scores = []
    for seed in range(6):
        a = mixed(everything[:, :48], 24, 2 * seed)
        b = mixed(np.c_[everything[:, :32], everything[:, 48:]], 30, 2 * seed + 1)
        scores.append(linear_cka(a, b, debiased=True))
    assert np.mean(scores) == pytest.approx(expected_cka(24, 30, 48, 48, 32, spectrum), abs=0.01)


@pytest.mark.parametrize(("rows", "active"), [(100, 1.0), (1000, 1.0), (100, 0.05), (1000, 0.05)])
def test_biased_cka_from_few_rows(rows, active):
    scores = [
        linear_cka(*(sparse_features(rows, 128, active, number) @ mixing for mixing in pair))
        for number, pair in enumerate(pairs(100 if rows == 100 else 25, (48, 48), 128))
    ]
    predicted = expected_cka(48, 48, 128, rows=rows, excess_kurtosis=sparse_kurtosis(active))
    assert np.mean(scores) == pytest.approx(predicted, abs=0.005)


@pytest.mark.parametrize("mixing", MIXINGS)
@pytest.mark.parametrize("active", [0.02, 1.0])
def test_rsa_of_squared_distances(mixing, active):
    predicted = expected_rsa(128, 128, 512, excess_kurtosis=sparse_kurtosis(active), mixing=mixing)
    scores = []
    for seed, (a, b) in enumerate(pairs(6, (128, 128), 512, mixing)):
        shared = sparse_features(1200, 512, active, seed)
        scores.append(rsa(shared @ a, shared @ b, distance="sqeuclidean", compare="pearson"))
    assert np.mean(scores) == pytest.approx(predicted, abs=0.003 if active < 1 else 0.006)


def test_rsa_of_partial_overlap():
    scores = []
    for seed in range(40):
        sides = zip(two_thirds_shared(800, 0.05, seed), (24, 60), (0, 1), strict=True)
        a, b = (mixed(features, units, 2 * seed + side) for features, units, side in sides)
        scores.append(rsa(a, b, distance="sqeuclidean", compare="pearson"))
    predicted = expected_rsa(24, 60, 48, 48, 32, excess_kurtosis=sparse_kurtosis(0.05))
    assert np.mean(scores) == pytest.approx(predicted, abs=0.015)


def test_sparsity_hides_superposition_from_rsa():
    assert expected_rsa(128, 128, 512, excess_kurtosis=sparse_kurtosis(0.02)) == pytest.approx(0.89, abs=0.005)
    assert expected_rsa(128, 128, 512) == pytest.approx(expected_cka(128, 128, 512))


@pytest.mark.parametrize("amplitude", ["normal", "half_normal", "uniform"])
def test_kurtosis_is_that_of_the_features(amplitude):
    """Against numerical integration over the amplitude's density."""
    density, low, high = {
        "normal": (norm.pdf, -9, 9),
        "half_normal": (halfnorm.pdf, 0, 9),
        "uniform": (lambda _: 1.0, 0.5, 1.5),
    }[amplitude]

    def moment(power, mean=0.0):
        of_active = quad(lambda a: (a - mean) ** power * density(a), low, high)[0]
        return 0.1 * of_active + 0.9 * (0 - mean) ** power

    mean = moment(1)
    exact = moment(4, mean) / moment(2, mean) ** 2 - 3
    assert sparse_kurtosis(0.1, amplitude) == pytest.approx(exact, rel=1e-6)
    assert sparse_kurtosis(0.02) == pytest.approx(3 / 0.02 - 3)


@given(
    units=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    sizes=st.tuples(st.integers(1, 60), st.integers(1, 60), st.integers(0, 60)),
    scale=st.floats(1e-3, 1e3),
    active=st.floats(0.001, 1),
)
def test_predictions_do_not_see_sides_or_scale_and_stay_below_the_features(units, sizes, scale, active):
    first, second, shared = *sizes[:2], min(sizes)
    spectrum = scale * np.random.default_rng(0).uniform(0.5, 2, first + second - shared)
    swapped = np.r_[spectrum[:shared], spectrum[first:], spectrum[shared:first]]
    model = {"excess_kurtosis": sparse_kurtosis(active)}
    for expected in (expected_cka, expected_rsa):
        score = expected(*units, first, second, shared, spectrum, **model)
        assert score == pytest.approx(expected(*units[::-1], second, first, shared, swapped, **model))
        assert score == pytest.approx(expected(*units, first, second, shared, spectrum / scale, **model))
        assert 0 <= score < 1 + 1e-12
        assert score <= expected(10**9, 10**9, first, second, shared, spectrum, **model) + 1e-12


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
        ({"units_a": 4, "units_b": 4, "features_a": 8, "excess_kurtosis": -3.0}, "excess_kurtosis: found -3.0"),
    ],
)
def test_impossible_systems_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        expected_cka(**arguments)


def test_a_feature_is_active_sometimes():
    for active, amplitude in ((0.0, "normal"), (1.5, "normal"), (0.1, "gamma")):
        with pytest.raises(ConfigError, match="active" if amplitude == "normal" else "amplitude"):
            sparse_kurtosis(active, amplitude)
