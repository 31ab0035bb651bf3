import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.errors import ConfigError, HarvestError
from thresh.stimuli import prepare
from thresh.systems import open_system

from .models import image_stimuli

FEATURES = prepare("features", "f", samples=3000, features=24, probability=0.1, seed=3)


def planted(stimuli=FEATURES, layers=None, **params):
    return open_system("planted", "p", stimuli, layers=layers or {"units": {}}, **{"units": 10, **params})


# --- planted ---------------------------------------------------------------------------------------------------------


def test_responses_are_features_times_mixing():
    system = planted(features=[4, 20], seed=5)
    truth = system.truth("units")
    np.testing.assert_allclose(np.linalg.norm(truth["mixing"], axis=1), 1, rtol=1e-6)
    known = FEATURES.features(0, 3000).astype(float)[:, truth["features"]] @ truth["mixing"].astype(float)
    np.testing.assert_allclose(system.responses(0, 3000, ["units"])["units"], known, atol=1e-5)
    assert list(truth["features"]) == list(range(4, 20))
    facts = system.facts("units")["planted"]
    assert facts["features"] == [f"feature{index:03d}" for index in range(4, 20)]
    assert (facts["probability"], facts["units"]) == (0.1, 10)


def test_directions_are_gaussian_and_follow_the_seed():
    one, same, other = (planted(units=400, seed=seed).truth("units")["mixing"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    # Random directions in n dimensions have cosines of variance 1 / n.
    for cosines in (one @ other.T, (one @ one.T)[np.triu_indices(24, 1)]):
        assert cosines.var() * 400 == pytest.approx(1, abs=0.3)


@settings(max_examples=25, deadline=None)
@given(cut=st.tuples(st.integers(0, 3000), st.integers(0, 3000)), noise=st.sampled_from([0.0, 0.3]))
def test_cuts_change_no_bit(cut, noise):
    start, stop = sorted(cut)
    whole = planted(noise=noise).responses(0, 3000, ["units"])["units"]
    part = planted(noise=noise).responses(start, stop, ["units"])["units"]
    np.testing.assert_array_equal(part, whole[start:stop])


def test_noise_has_the_deviation_asked_for_and_is_independent():
    added = planted(noise=0.3).responses(0, 3000, ["units"])["units"] - planted().responses(0, 3000, ["units"])["units"]
    assert added.std() == pytest.approx(0.3, abs=0.01)
    assert np.abs(np.corrcoef(added.T) - np.eye(10)).max() < 0.08
    assert np.abs(np.corrcoef(added[:1024, 0], added[1024:2048, 0])[0, 1]) < 0.15  # blocks differ


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"features": [4, 25]}, r"features: found \[4, 25\], expected a range within 0 to 24"),
        ({"features": [4, 4]}, r"features: found \[4, 4\]"),
        ({"layers": {"a": {}, "b": {}}}, "found 2 layers, expected one"),
        ({"layers": {"a": {"where": {"unit": "1"}}}}, "only recordings have columns of units"),
        ({"stimuli": image_stimuli(np.zeros((4, 2, 2), np.uint8))}, "of kind 'images', expected features"),
    ],
)
def test_what_cannot_be_planted_is_told(change, told):
    with pytest.raises(HarvestError, match=told):
        planted(**change).check()


# --- pixels ----------------------------------------------------------------------------------------------------------


def pixels(stimuli, **params):
    return open_system("pixels", "px", stimuli, layers={"pixels": {}}, **params)


def test_pixels_are_the_units(pictures):
    system = pixels(pictures)
    system.check()
    found, table = system.responses(3, 7, ["pixels"])["pixels"], system.layer_shape("pixels").unit_table
    shown = np.stack([np.asarray(image) for image in pictures.images(3, 7)])
    np.testing.assert_allclose(found, shown[:, table["y"], table["x"], table["channel"]] / 255, rtol=1e-6)


def test_grey_images_have_one_unit_a_pixel_and_a_size_may_be_asked_for():
    flat = image_stimuli(np.full((4, 6, 8), 51, np.uint8))
    assert pixels(flat).layer_shape("pixels").units == 48
    np.testing.assert_allclose(pixels(flat, image_size=3).responses(0, 4, ["pixels"])["pixels"], np.full((4, 9), 0.2))


def test_images_of_several_sizes_need_a_size(tmp_path):
    from PIL import Image

    for size in (4, 5, 6):
        Image.new("RGB", (size, 4)).save(tmp_path / f"{size}.png")
    stimuli = prepare("images", "i", folder=str(tmp_path), split={"by": ["4"]})
    with pytest.raises(HarvestError, match=r"systems\.px\.image_size: found none, expected a size"):
        pixels(stimuli).check()
    pixels(stimuli, image_size=4).check()
    with pytest.raises(HarvestError, match="of kind 'features', expected images"):
        pixels(FEATURES).check()


# --- registry --------------------------------------------------------------------------------------------------------


def test_kinds_are_imported_when_they_are_asked_for():
    heavy = {"torch", "transformers", "zarr", "pynwb"}
    code = f"import sys, thresh.systems, thresh.stimuli; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_unknown_kind_is_told():
    with pytest.raises(ConfigError, match="one of transformers, torch, timm, nwb, arrays, pixels, planted"):
        open_system("keras", "k", FEATURES, layers={})
