"""RSA of unbiased distances: from repeats of arrays, of sides, and of the stores of recordings."""

import numpy as np
import pytest
import rsatoolbox
import zarr

from thresh.alignment import align_pair, compare_rdms, rsa, rsa_unbiased, unbiased_distances
from thresh.alignment.sides_from_stores import read_side
from thresh.alignment.statistics import halves, permutations
from thresh.alignment.uncertainty import Uncertainty
from thresh.errors import AlignmentError
from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations, seal
from thresh.store.arrays import write_array

from .simulate import normal, related
from .test_compare import row, side
from .test_repeats import crossnobis, repeated

METRIC = {"rsa_unbiased": {}}


@pytest.fixture
def recordings():
    """Two recordings with four repeats of 20 stimuli, which share some of what they hold."""
    x, y = related(20, 8, 15)
    return repeated(x, 4, 2.0, 1), repeated(y, 4, 2.0, 2)


def sides(a, b):
    return [side(name, {"raw": one.mean(axis=0)}, repeats=one) for name, one in (("a", a), ("b", b))]


def test_it_is_the_whitened_unbiased_cosine_of_rsatoolbox(recordings):
    a, b = recordings
    expected = rsatoolbox.rdm.compare(crossnobis(a), crossnobis(b), method="cosine_cov").item()
    found = rsa_unbiased(a.mean(axis=0), b.mean(axis=0), repeats_x=a, repeats_y=b)
    assert found == pytest.approx(expected, abs=1e-9)
    assert row(align_pair(*sides(a, b), METRIC), representation="raw").score == pytest.approx(expected, abs=1e-9)


def test_a_side_without_repeats_is_free_of_noise(recordings):
    x, y = related(20, 8, 15)
    expected = rsatoolbox.rdm.compare(
        crossnobis(recordings[0]),
        rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(y), method="euclidean"),
        method="cosine_cov",
    ).item()
    found = rsa_unbiased(recordings[0].mean(axis=0), y, repeats_x=recordings[0])
    assert found == pytest.approx(expected, abs=1e-9)
    alike = rsa(x, y, distance="sqeuclidean", compare="whitened_cosine")
    assert rsa_unbiased(x, y) == pytest.approx(alike, abs=1e-12)


def test_noise_that_differs_between_stimuli_makes_unrelated_recordings_no_more_alike():
    noise, found = np.linspace(1, 4, 40)[:, None], []
    for seed in range(30):
        a, b = (repeated(normal(40, 12, seed + part), 4, noise, seed + part) for part in (0, 500))
        means = a.mean(axis=0), b.mean(axis=0)
        alike = rsa(*means, distance="sqeuclidean", compare="whitened_cosine")
        found.append((rsa_unbiased(*means, repeats_x=a, repeats_y=b), alike))
    unbiased, biased = np.mean(found, axis=0)
    assert abs(unbiased) < 0.06
    assert biased > 0.25


def test_repeats_go_with_their_stimuli_and_units_into_permutations_and_halves(recordings):
    a, b = recordings
    plan = Uncertainty(permutations=3, resamples=10, over="stimuli and units", seed=2)
    found = row(align_pair(*sides(a, b), METRIC, uncertainty=plan), representation="raw")

    def score(a, b):
        return compare_rdms(unbiased_distances(a), unbiased_distances(b), "whitened_cosine")

    expected = [score(a, b[:, order]) for order in permutations(20, 3, seed=2)]
    np.testing.assert_allclose(found.null, expected, atol=1e-9)
    alone = Uncertainty(resamples=10, over="units", seed=2)
    errors = row(align_pair(*sides(a, b), METRIC, uncertainty=alone), representation="raw").standard_error
    of_a, of_b = (halves(side.shape[2], 10, seed=3 * 2 + stream) for stream, side in ((1, a), (2, b)))
    drawn = [score(a[:, :, one], b[:, :, other]) for one, other in zip(of_a, of_b, strict=True)]
    assert errors == pytest.approx(np.std(drawn, ddof=1), abs=1e-9)


def test_more_units_than_stimuli_keep_their_repeats():
    x, y = related(12, 30, 40)
    a, b = repeated(x, 3, 1.0, 1), repeated(y, 3, 1.0, 2)
    plan = Uncertainty(permutations=3, resamples=10, seed=2)
    found = row(align_pair(*sides(a, b), METRIC, uncertainty=plan), representation="raw")
    distances = unbiased_distances(a)
    orders = permutations(12, 3, seed=2)
    expected = [compare_rdms(distances, unbiased_distances(b[:, order]), "whitened_cosine") for order in orders]
    np.testing.assert_allclose(found.null, expected, atol=1e-9)
    assert found.standard_error > 0


def test_shuffled_repeats_are_those_of_shuffled_stimuli(recordings):
    a, b = recordings
    shuffled = np.random.default_rng(5).permutation(20)
    table = align_pair(*sides(a, b), METRIC, seed=5)
    expected = compare_rdms(unbiased_distances(a[:, shuffled]), unbiased_distances(b), "whitened_cosine")
    assert row(table, representation="raw shuffled").score == pytest.approx(expected, abs=1e-9)


def test_repeats_of_other_stimuli_and_single_ones_are_refused(recordings):
    a, b = recordings
    x, y = a.mean(axis=0), b.mean(axis=0)
    with pytest.raises(AlignmentError, match=r"y: found repeats of shape \(4, 19, 15\), expected \(repeats, 20, 15\)"):
        rsa_unbiased(x, y, repeats_y=b[:, 1:])
    with pytest.raises(AlignmentError, match=r"found shape \(1, 20, 15\)"):
        rsa_unbiased(x, y, repeats_y=b[:1])
    with pytest.raises(
        AlignmentError, match=r"a/layer1: found repeats of shape \(4, 20, 7\), expected \(repeats, 20, 8\)"
    ):
        align_pair(side("a", {"raw": x}, repeats=a[:, :, :7]), side("b", {"raw": y}), METRIC)


def test_repeats_are_read_from_the_store_of_a_recording(tmp_path):
    x = normal(40, 6)
    stimulus = np.repeat(np.arange(40), 4)[1:]  # the first was shown three times
    repeat = np.r_[np.arange(3), np.tile(np.arange(4), 39)]
    values = x[stimulus] + normal(159, 6, 1)
    trials = {"values": values, "stimulus": stimulus, "repeat": repeat}
    write(tmp_path / "v4.zarr", x, np.arange(40), trials)
    found = read_side("v4", "responses", tmp_path / "v4.zarr", {}, np.arange(40) % 3 == 0, "mean", with_repeats=True)
    assert found.repeats.shape == (4, 14, 6)
    assert np.isnan(found.repeats[3, 0]).all()
    for place, number in enumerate(range(0, 40, 3)):
        for one in range(4 - (number == 0)):
            own = values[(stimulus == number) & (repeat == one)][0]
            np.testing.assert_allclose(found.repeats[one, place], own, atol=1e-6)
    assert found.ceiling.tolist() == [0.5] * 6
    once = trials | {"repeat": np.zeros(159, int)}
    write(tmp_path / "once.zarr", x, np.arange(40), once)
    assert read_side("v4", "responses", tmp_path / "once.zarr", {}, np.arange(40) >= 0, "mean").ceiling is None
    without = read_side("v4", "responses", tmp_path / "v4.zarr", {}, np.arange(40) % 3 == 0, "mean")
    assert without.repeats is None


def write(path, values, stimulus, trials):
    """A sealed store, with what a recording has beside its responses."""
    ids = np.array([f"{number:03d}" for number in range(stimulus.max() + 1)])
    spec = ActivationsSpec(
        rows={"stimulus": stimulus, "position": np.full(len(values), -1)},
        units={"unit": np.arange(values.shape[1]), "ceiling": np.full(values.shape[1], 0.5)},
        stimuli={"id": ids, "hash": ids},
        dtype="float32",
        attributes={"facts": {}},
    )
    shards = lay_out_activations(path, spec)
    ShardWriter(path, list(range(len(shards))), lambda index, digest: None).put(0, values.astype(np.float32))
    if trials:
        group = zarr.open_group(path, mode="r+").create_group("trials")
        for name, content in trials.items():
            write_array(group, name, content, ("presentation", "unit")[: content.ndim])
    seal(path)
