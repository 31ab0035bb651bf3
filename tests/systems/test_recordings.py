import hashlib
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.errors import HarvestError
from thresh.systems import open_system
from thresh.systems.reliability import ceiling, split_half_reliability

from .models import image_stimuli

DATA = Path(__file__).parents[3] / "shared" / "data" / "macaque_v4_210325"


# --- reliability -----------------------------------------------------------------------------------------------------


def noisy(stimuli, repeats, units, noise, seed=0):
    generator = np.random.default_rng(seed)
    signal = generator.standard_normal((stimuli, 1, units))
    return signal + noise * generator.standard_normal((stimuli, repeats, units))


@pytest.mark.parametrize(("repeats", "noise"), [(2, 1.0), (4, 1.0), (10, 3.0)])
def test_reliability_is_signal_over_signal_plus_noise_of_the_mean(repeats, noise):
    """Var(signal) / (Var(signal) + Var(noise) / repeats) for an even number of repeats."""
    found = split_half_reliability(noisy(4000, repeats, 8, noise), splits=10)
    np.testing.assert_allclose(found, 1 / (1 + noise**2 / repeats), atol=0.04)
    assert found.mean() == pytest.approx(1 / (1 + noise**2 / repeats), abs=0.015)


def test_ceiling_is_the_correlation_of_a_perfect_model():
    repeats = noisy(20_000, 4, 1, 1.5)
    signal = noisy(20_000, 1, 1, 0.0)[:, 0, 0]  # same seed, same signal
    perfect = np.corrcoef(signal, repeats.mean(axis=1)[:, 0])[0, 1]
    assert ceiling(split_half_reliability(repeats, splits=10))[0] == pytest.approx(perfect, abs=0.01)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(0.1, 100), offset=st.floats(-100, 100))
def test_reliability_does_not_see_scale_and_offset(scale, offset):
    repeats = noisy(40, 4, 3, 1.0)
    expected = split_half_reliability(repeats, splits=5)
    np.testing.assert_allclose(split_half_reliability(scale * repeats + offset, splits=5), expected, atol=1e-9)


def test_repeats_that_were_not_shown_do_not_count():
    whole = noisy(3000, 4, 4, 1.0)
    padded = np.concatenate([whole, np.full_like(whole, np.nan)], axis=1)
    np.testing.assert_allclose(split_half_reliability(padded, splits=8), 0.8, atol=0.04)
    # Each unit misses other repeats; two or four of them remain.
    ragged = whole.copy()
    ragged[::2, 1:3, 0] = np.nan
    ragged[1::2, 2:, 1:] = np.nan
    found = split_half_reliability(ragged, splits=8)
    assert ((found > 0.62) & (found < 0.8)).all()


def test_units_without_a_reliability_have_nan():
    repeats = noisy(50, 4, 3, 1.0)
    repeats[:, :, 0] = 2.0  # never varies
    repeats[:, 1:, 1] = np.nan  # no pair of repeats
    found = split_half_reliability(repeats)
    assert np.isnan(found[:2]).all()
    assert np.isfinite(found[2])


def test_what_cannot_be_explained_has_no_ceiling():
    np.testing.assert_array_equal(ceiling(np.array([0.64, 0.0, -0.5, np.nan])), [0.8, np.nan, np.nan, np.nan])


# --- arrays ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def shown():
    """Twelve images; responses (units, stimuli, repeats) of five units with some repeats missing."""
    responses = np.random.default_rng(1).poisson(5, (5, 12, 4)).astype(float)
    responses[:, 3, 2:] = np.nan
    responses[1, 7, 0] = np.nan
    return image_stimuli(np.zeros((12, 4, 4), np.uint8)), responses


def arrays(stimuli, path, layers=None, **params):
    return open_system("arrays", "brain", stimuli, layers=layers or {"all": {}}, responses=str(path), **params)


def saved(tmp_path, values, name="r.npy"):
    np.save(tmp_path / name, values)
    return tmp_path / name


def test_responses_are_means_over_the_repeats_that_exist(shown, tmp_path):
    stimuli, values = shown
    system = arrays(stimuli, saved(tmp_path, values))
    system.check()
    found = system.responses(2, 9, ["all"])["all"]
    np.testing.assert_allclose(found, np.nanmean(values, axis=2).T[2:9], rtol=1e-6)
    assert found.dtype == np.float32


def test_trials_are_the_presentations_that_were_shown(shown, tmp_path):
    stimuli, values = shown
    trials = arrays(stimuli, saved(tmp_path, values)).trials("all")
    assert len(trials.values) == 12 * 4 - 2
    for row, stimulus, repeat in zip(trials.values, trials.stimulus, trials.repeat, strict=True):
        np.testing.assert_array_equal(row, values[:, stimulus, repeat].astype(np.float32))
    expected = split_half_reliability(values.transpose(1, 2, 0))
    np.testing.assert_allclose(trials.reliability, expected, rtol=1e-6)


@pytest.mark.parametrize("axes", [["stimulus", "unit", "repeat"], ["repeat", "stimulus", "unit"]])
def test_axes_may_come_in_any_order(shown, tmp_path, axes):
    stimuli, values = shown
    moved = values.transpose([("unit", "stimulus", "repeat").index(axis) for axis in axes])
    one = arrays(stimuli, saved(tmp_path, values))
    other = arrays(stimuli, saved(tmp_path, moved, "moved.npy"), axes=axes)
    for start, stop in ((0, 12), (4, 6)):
        np.testing.assert_array_equal(*(s.responses(start, stop, ["all"])["all"] for s in (one, other)))


def test_a_recording_without_repeats_has_responses_and_no_reliability(shown, tmp_path):
    stimuli, values = shown
    system = arrays(stimuli, saved(tmp_path, values[:, :, 0].T[:, [0, 2]]), axes=["stimulus", "unit"])
    system.check()
    np.testing.assert_array_equal(system.responses(0, 12, ["all"])["all"], values[[0, 2], :, 0].T)
    assert np.isnan(system.layer_shape("all").unit_table["reliability"]).all()
    assert system.facts("all")["median_reliability"] is None


def test_stimuli_are_joined_by_id(shown, tmp_path):
    """The recording holds p9, p10, ..., p14 in this order; the set ends with p11."""
    stimuli, values = shown
    path = saved(tmp_path, values[:, :6])
    by_pattern = arrays(stimuli, path, ids="p{index}", first_index=9)
    (tmp_path / "ids.txt").write_text("p9\np10\np11\np12\np13\np14\n")
    by_file = arrays(stimuli, path, ids=str(tmp_path / "ids.txt"))
    for system in (by_pattern, by_file):
        system.check()
        np.testing.assert_array_equal(system.stimuli_index, [9, 10, 11])
        expected = np.nanmean(values[:, :3], axis=2).T
        np.testing.assert_allclose(system.responses(0, 3, ["all"])["all"], expected, rtol=1e-6)
        assert system.facts("all")["stimuli_recorded"] == 3


def test_stimuli_without_a_response_of_every_used_unit_are_left_out(shown, tmp_path):
    stimuli, values = shown
    values[0, 5] = np.nan
    path = saved(tmp_path, values)
    system = arrays(stimuli, path)
    assert list(system.stimuli_index) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert system.facts("all")["stimuli_left_out"] == 1
    # Unit 3 alone was recorded with every stimulus.
    alone = arrays(stimuli, path, {"one": {"where": {"unit": "3"}}})
    assert len(alone.stimuli_index) == 12
    np.testing.assert_allclose(alone.responses(5, 6, ["one"])["one"].item(), values[3, 5].mean(), rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ids": "image{index:04d}"}, r"names e\.g\. 'image0000', the stimuli 'pictures' hold e\.g\. 'p0'"),
        ({"ids": "image{number}"}, r"found 'image\{number\}', expected a pattern"),
        ({"ids": "/none/ids.txt"}, "/none/ids.txt: found no file"),
        ({"axes": ["unit", "stimulus"]}, r"for an array of shape \(5, 12, 4\)"),
        ({"axes": ["unit", "unit", "repeat"]}, "once each"),
        ({"layers": {"a": {"where": {"region": "V4"}}}}, r"layers\.a\.where: found no column of units 'region'"),
        ({"layers": {"a": {"where": {"unit": "9"}}}}, "found no unit with unit '9', expected some; there are: 0, 1"),
        ({"responses": "/none/r.npy"}, "/none/r.npy: found no file"),
    ],
)
def test_unusable_arrays_are_told_in_one_line(shown, tmp_path, change, told):
    stimuli, values = shown
    params = {"path": saved(tmp_path, values), **change}
    path = params.pop("responses", params.pop("path"))
    params.pop("path", None)
    with pytest.raises(HarvestError, match=told) as error:
        arrays(stimuli, path, **params).check()
    assert "\n" not in str(error.value)
    assert "systems.brain" in str(error.value)


def test_other_files_are_told(shown, tmp_path):
    stimuli, values = shown
    (tmp_path / "text.npy").write_text("no array")
    np.savez(tmp_path / "other.npz", counts=values)
    np.savez(tmp_path / "right.npz", responses=values)
    with pytest.raises(HarvestError, match="found no readable array"):
        arrays(stimuli, tmp_path / "text.npy").check()
    with pytest.raises(HarvestError, match="found the arrays counts, expected one named 'responses'"):
        arrays(stimuli, tmp_path / "other.npz").check()
    arrays(stimuli, tmp_path / "right.npz").check()
    with pytest.raises(HarvestError, match=r"found none, and 11 stimuli in r\.npy against 12"):
        arrays(stimuli, saved(tmp_path, values[:, :11])).check()
    with pytest.raises(HarvestError, match="found no stimulus to which every unit has a response"):
        arrays(stimuli, saved(tmp_path, np.where(np.eye(5, 12)[:, :, None] > 0, values, np.nan))).check()


@pytest.mark.skipif(not DATA.is_dir(), reason="macaque_v4_210325 is not on this machine")
def test_macaque_v4():
    from thresh.stimuli import prepare

    stimuli = prepare("images", "v4", folder=str(DATA / "images_210325.zip"))
    path = DATA / "raw_responses_210325.npy"
    system = arrays(stimuli, path, {"V4": {}}, ids="image{index:04d}", first_index=1)
    system.check()
    published = np.load(DATA / "repeat_averaged_responses_210325.npy")
    np.testing.assert_allclose(system.responses(0, 640, ["V4"])["V4"], published.T, atol=1e-5)
    assert np.nanmedian(system.layer_shape("V4").unit_table["ceiling"]) == pytest.approx(0.875, abs=0.005)


# --- NWB -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def nwb_file(tmp_path):
    """Three units in two regions, 24 presentations of twelve images in a table of its own, times not in order."""
    from pynwb import NWBHDF5IO, NWBFile
    from pynwb.epoch import TimeIntervals

    generator = np.random.default_rng(4)
    content = NWBFile("a session", "id", datetime(2026, 1, 1, tzinfo=UTC))
    device = content.create_device("probe")
    groups = [
        content.create_electrode_group(name, name, location, device) for name, location in (("g", "V4"), ("h", "IT"))
    ]
    content.add_unit_column("quality", "a note")
    spikes = [np.sort(generator.uniform(0, 24, 400)) for _ in range(3)]
    for number, times in enumerate(spikes):
        content.add_unit(spike_times=times, electrode_group=groups[number % 2], quality=f"q{number}")
    table = TimeIntervals(name="presentations", description="images")
    table.add_column("image", "number of the image")
    starts, numbers = generator.permutation(24).astype(float), np.tile(np.arange(12), 2)
    for start, number in zip(starts, numbers, strict=True):
        table.add_row(start_time=start, stop_time=start + 0.5, image=f"p{number}")
    content.add_time_intervals(table)
    with NWBHDF5IO(str(tmp_path / "r.nwb"), "w") as opened:
        opened.write(content)
    return tmp_path / "r.nwb", spikes, starts, numbers


def nwb(stimuli, path, layers=None, **params):
    params = {"intervals": "presentations", "stimulus_column": "image", **params}
    return open_system("nwb", "brain", stimuli, layers=layers or {"all": {}}, file=str(path), **params)


def test_spikes_are_counted_in_the_window_of_each_presentation(shown, nwb_file):
    path, spikes, starts, numbers = nwb_file
    system = nwb(shown[0], path, window=(0.1, 0.6))
    system.check()
    counts = [[((times >= start + 0.1) & (times < start + 0.6)).sum() for times in spikes] for start in starts]
    counts = np.array(counts)
    trials = system.trials("all")
    for stimulus in range(12):
        np.testing.assert_array_equal(trials.values[trials.stimulus == stimulus], counts[numbers == stimulus])
    means = np.stack([counts[numbers == stimulus].mean(axis=0) for stimulus in range(12)])
    np.testing.assert_allclose(system.responses(0, 12, ["all"])["all"], means)
    assert system.facts("all")["simulated"] is False


def test_units_are_chosen_by_their_columns(shown, nwb_file):
    system = nwb(shown[0], nwb_file[0], {"V4": {"where": {"region": "V4"}}, "q1": {"where": {"quality": "q1"}}})
    found, every = system.responses(0, 12, ["V4", "q1"]), nwb(shown[0], nwb_file[0]).responses(0, 12, ["all"])["all"]
    np.testing.assert_array_equal(found["V4"], every[:, [0, 2]])
    np.testing.assert_array_equal(found["q1"], every[:, [1]])
    assert list(system.layer_shape("V4").unit_table["quality"]) == ["q0", "q2"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"intervals": "trial"}, "found no table 'trial', expected one of: presentations"),
        ({"stimulus_column": "images"}, "found no column 'images', expected one of: image"),
        ({"window": (0.2, 0.2)}, r"window: found \[0\.2, 0\.2\], expected start before stop"),
        ({"file": "/none/r.nwb"}, "/none/r.nwb: found no file"),
    ],
)
def test_unusable_nwb_settings_are_told(shown, nwb_file, change, told):
    with pytest.raises(HarvestError, match=told):
        nwb(shown[0], change.pop("file", nwb_file[0]), **change).check()


def test_words_about_simulation_do_not_make_a_recording_simulated(shown, nwb_file):
    with h5py.File(nwb_file[0], "r+") as opened:
        opened["general/notes"] = "validated against simulated ground truth"
        opened["general/experiment_description"] = "responses to simulated and to real scenes"
        opened["general/source_script"] = "compare thresh.systems.simulated_recording with this animal"
        opened["general/source_script"].attrs["file_name"] = "simulated_recording.py"
    assert nwb(shown[0], nwb_file[0]).facts("all")["simulated"] is False


def test_broken_nwb_files_are_told_in_one_line(shown, nwb_file, tmp_path):
    whole = nwb_file[0].read_bytes()
    for name, content in (("text", b"no HDF5"), ("cut", whole[: len(whole) // 2]), ("empty", b"")):
        path = tmp_path / f"{name}.nwb"
        path.write_bytes(content)
        with pytest.raises(HarvestError, match=f"{name}.nwb: found no readable NWB 2 file") as error:
            nwb(shown[0], path).check()
        assert "\n" not in str(error.value)


def test_nwb_files_without_units_are_told(shown, tmp_path):
    from pynwb import NWBHDF5IO, NWBFile

    with NWBHDF5IO(str(tmp_path / "n.nwb"), "w") as opened:
        opened.write(NWBFile("a session", "id", datetime(2026, 1, 1, tzinfo=UTC)))
    with pytest.raises(HarvestError, match="found no units with spike_times"):
        nwb(shown[0], tmp_path / "n.nwb").check()


def test_recipe_sees_file_and_window(shown, nwb_file):
    one, other = nwb(shown[0], nwb_file[0]).recipe("all"), nwb(shown[0], nwb_file[0], window=(0, 1)).recipe("all")
    assert {key for key in one if one[key] != other[key]} == {"window"}
    content = hashlib.sha256(nwb_file[0].read_bytes()).hexdigest()
    assert one["file"] == hashlib.sha256(f"r.nwb {content}\n".encode()).hexdigest()
