import numpy as np
import pytest

from thresh.errors import HarvestError
from thresh.stimuli import prepare
from thresh.systems import open_system
from thresh.systems.simulated_recording import simulate_recording
from thresh.systems.tuning import firing_rates

from .models import image_stimuli


@pytest.fixture(scope="module")
def some_digits(digits):
    return image_stimuli(np.stack([np.asarray(image) for image in digits.images(0, 300)]))


@pytest.fixture(scope="module")
def recording(some_digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("simulated") / "r.nwb"
    return path, simulate_recording(some_digits, path, neurons=20, repeats=6, seed=3)


def read(stimuli, path):
    return open_system("nwb", "simulated", stimuli, layers={"responses": {}}, file=str(path))


def test_counts_are_poisson_at_the_rates_of_the_population(some_digits, recording):
    trials = read(some_digits, recording[0]).trials("responses")
    expected = 0.2 * firing_rates(some_digits, 20, 3)
    mean = np.stack([trials.values[trials.stimulus == index].mean(axis=0) for index in range(300)])
    # (mean - rate) / sqrt(rate / repeats) has mean 0 and variance 1 over 6000 pairs of stimulus and neuron.
    z = (mean - expected) / np.sqrt(expected / 6)
    assert z.mean() == pytest.approx(0, abs=4 / np.sqrt(6000))
    assert z.var() == pytest.approx(1, abs=0.1)
    assert list(np.bincount(trials.repeat)) == [300] * 6


def test_reliability_is_what_the_rates_imply(some_digits, recording):
    """Signal variance over signal variance plus Poisson variance of the mean of six repeats."""
    table = read(some_digits, recording[0]).layer_shape("responses").unit_table
    expected = 0.2 * firing_rates(some_digits, 20, 3)
    known = expected.var(axis=0) / (expected.var(axis=0) + expected.mean(axis=0) / 6)
    np.testing.assert_allclose(table["reliability"], known, atol=0.12)
    assert 0.6 < np.median(table["reliability"]) < 0.95


def test_it_says_that_it_is_simulated(some_digits, recording):
    facts = read(some_digits, recording[0]).facts("responses")
    assert facts["simulated"] is True
    assert facts["description"].startswith("simulated")
    assert facts["presentations"] == recording[1]["presentations"] == 1800


def test_the_same_seed_gives_the_same_bytes(some_digits, recording, tmp_path):
    again = simulate_recording(some_digits, tmp_path / "again.nwb", neurons=20, repeats=6, seed=3)
    assert again == recording[1]
    assert (tmp_path / "again.nwb").read_bytes() == recording[0].read_bytes()
    simulate_recording(some_digits, tmp_path / "other.nwb", neurons=20, repeats=6, seed=4)
    assert (tmp_path / "other.nwb").read_bytes() != recording[0].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.nwb", "other.nwb"]  # nothing is left beside


def test_features_cannot_be_seen(tmp_path):
    features = prepare("features", "f", samples=8, features=2, probability=0.5)
    with pytest.raises(HarvestError, match="of kind 'features', expected images"):
        simulate_recording(features, tmp_path / "r.nwb")
