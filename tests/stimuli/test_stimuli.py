import hashlib
import zipfile

import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits

from thresh.errors import ConfigError, StimuliError, StoreError
from thresh.stimuli import Stimuli, open_stimuli, prepare
from thresh.stimuli.columns import spelled
from thresh.stimuli.hashing import split_of

EVEN = {"by": "hash", "test": 0.5}


def write_images(folder, sizes=((12, 10),) * 4, names=None, seed=0):
    generator = np.random.default_rng(seed)
    for index, (width, height) in enumerate(sizes):
        path = folder / (names[index] if names else f"picture{index}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)


# --- digits ----------------------------------------------------------------------------------------------------------


def test_digits_are_those_of_scikit_learn():
    stimuli, known = prepare("digits", "digits"), load_digits()
    np.testing.assert_array_equal(stimuli.attributes["label"], known.target)
    shown = np.stack([np.asarray(image) for image in stimuli.images(0, len(stimuli))])
    np.testing.assert_allclose(shown / 255 * 16, known.images, atol=16 / 255 / 2)
    assert stimuli.ids[3] == "digit0003"


def test_hash_is_sha256_of_mode_size_and_pixels():
    stimuli = prepare("digits", "digits")
    pixels = np.asarray(stimuli.image(5))
    assert stimuli.hashes[5] == hashlib.sha256(b"L 8x8 " + pixels.tobytes()).hexdigest()[:16]
    # Equal digits would be equal stimuli; scikit-learn's are all different.
    assert len(set(stimuli.hashes)) == 1797


# --- split -----------------------------------------------------------------------------------------------------------


@given(order=st.permutations(range(40)), keep=st.integers(20, 40))
def test_split_does_not_depend_on_order_or_on_the_other_stimuli(order, keep):
    ids = np.array([f"s{index}" for index in range(40)])
    whole = dict(zip(ids, split_of("x", list(ids), test=0.5), strict=True))
    some = ids[list(order)[:keep]]
    assert dict(zip(some, split_of("x", list(some), test=0.5), strict=True)) == {one: whole[one] for one in some}


def test_share_of_test_stimuli():
    split = split_of("x", [str(index) for index in range(20_000)], test=0.25)
    # Four standard errors of a binomial share.
    assert (split == "test").mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 20_000))


def test_split_by_list_of_ids():
    stimuli = prepare("features", "f", samples=5, features=2, probability=0.5, split={"by": ["sample000003"]})
    assert list(stimuli.split) == ["train", "train", "train", "test", "train"]


def test_what_is_held_out_by_attributes_is_in_the_test_split_too(tmp_path):
    plain = prepare("digits", "digits")
    digit = plain.attributes["label"]
    table = {"id": plain.ids, "even": digit % 2 == 0, "large": digit > 4}
    pd.DataFrame(table).to_csv(tmp_path / "more.csv", index=False)
    split = {"held_out": {"combinations": ["even", "large"], "share": 0.3}}
    stimuli = prepare("digits", "digits", split=split, attributes=tmp_path / "more.csv")
    pairs = np.array([f"{a} {b}" for a, b in zip(table["even"], table["large"], strict=True)])
    unseen = set(pairs) - set(pairs[stimuli.split == "train"])
    assert len(unseen) == 1
    others = ~np.isin(pairs, list(unseen))
    assert np.array_equal(stimuli.split[others], plain.split[others])
    with pytest.raises(StimuliError, match=r"stimuli.digits.split.held_out: found no attribute 'shape', expected one"):
        prepare("digits", "digits", split={"held_out": {"range": "shape"}})


@pytest.mark.parametrize(
    ("split", "told"),
    [
        ({"by": ["nobody"]}, "'nobody', expected ids such as 'sample000000'"),
        ({"test": 1e-9}, "no test stimulus"),
        ({"by": "label"}, "expected 'hash' or the list"),
    ],
)
def test_unusable_splits_are_refused(split, told):
    with pytest.raises(StimuliError, match=told):
        prepare("features", "f", samples=5, features=2, probability=0.5, split=split)


# --- features --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amplitude", "mean"), [("uniform", 1.0), ("half_normal", np.sqrt(2 / np.pi))])
def test_features_have_the_probability_and_the_mean_asked_for(amplitude, mean):
    values = prepare(
        "features", "f", samples=20_000, features=10, probability=0.1, amplitude=amplitude, seed=1
    ).features(0, 20_000)
    active = values > 0
    assert active.mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 200_000))
    assert values[active].mean() == pytest.approx(mean, abs=0.02)
    # Activities of different features are independent.
    assert np.abs(np.corrcoef(active.T) - np.eye(10)).max() < 0.04


def test_more_samples_continue_fewer():
    few, many = (prepare("features", "f", samples=samples, features=7, probability=0.3, seed=2) for samples in (50, 90))
    np.testing.assert_array_equal(few.features(0, 50), many.features(0, 50))
    np.testing.assert_array_equal(few.hashes, many.hashes[:50])
    assert few.hashes[4] == hashlib.sha256(few.features(4, 5).astype("<f4").tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("params", [{"probability": 0}, {"probability": 0.1, "amplitude": "normal"}])
def test_unknown_features_are_refused(params):
    with pytest.raises(ConfigError, match=r"stimuli\.f\.(probability|amplitude): found"):
        prepare("features", "f", samples=5, features=2, **params)


def test_unknown_kind_is_refused():
    with pytest.raises(ConfigError, match="digits, images, text, tokens, video, features"):
        prepare("movies", "m")


# --- images ----------------------------------------------------------------------------------------------------------


def test_folder_and_zip_give_the_same_stimuli(tmp_path):
    folder = tmp_path / "images"
    write_images(folder, names=["b/two.png", "a/one.png", "a/Three.PNG", "b/._two.png"])
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder))
    one, other = (prepare("images", "i", folder=str(tmp_path / name), split=EVEN) for name in ("images", "images.zip"))
    assert list(one.ids) == list(other.ids) == ["a/Three", "a/one", "b/two"]
    assert list(one.hashes) == list(other.hashes)
    assert list(one.attributes["folder"]) == ["a", "a", "b"]
    assert one.image(1).tobytes() == Image.open(folder / "a/one.png").tobytes() == other.image(1).tobytes()


def test_modes_become_grey_or_colour(tmp_path):
    Image.new("1", (4, 4), 1).save(tmp_path / "a.png")
    Image.new("RGBA", (4, 4), (10, 20, 30, 0)).save(tmp_path / "b.png")
    stimuli = prepare("images", "i", folder=str(tmp_path), split={"by": ["a"]})
    assert [stimuli.image(index).mode for index in (0, 1)] == ["L", "RGB"]
    assert np.asarray(stimuli.image(0)).min() == 255
    assert stimuli.image(1).getpixel((0, 0)) == (10, 20, 30)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda folder: folder.mkdir(), "found no image"),
        (lambda folder: None, "found nothing, expected a folder or a .zip"),
        (lambda folder: folder.write_text("no zip"), "cannot be read as an image or zip"),
        (lambda folder: (folder.mkdir(), (folder / "broken.png").write_bytes(b"\x89PNG no")), "broken.png"),
        (
            lambda folder: (folder.mkdir(), Image.new("I;16", (4, 4)).save(folder / "deep.png")),
            "deep.png: found an image of mode I;16, expected 8 bits",
        ),
    ],
)
def test_unusable_images_are_refused_by_name(tmp_path, content, told):
    folder = tmp_path / "images"
    content(folder)
    with pytest.raises(StimuliError, match=told) as error:
        prepare("images", "i", folder=str(folder))
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_ids_come_once(tmp_path):
    write_images(tmp_path, names=["same.png", "same.jpg", "b.png", "c.png"])
    with pytest.raises(StimuliError, match="found the id 'same' more than once"):
        prepare("images", "i", folder=str(tmp_path), split={"by": ["b"]})


def test_images_and_features_are_not_mistaken_for_one_another():
    with pytest.raises(StimuliError, match="found kind 'features', expected images"):
        prepare("features", "f", samples=9, features=2, probability=0.5).image(0)
    with pytest.raises(StimuliError, match="found kind 'digits', expected features"):
        prepare("digits", "d").features(0, 1)


def test_an_empty_set_and_ragged_columns_are_refused():
    columns = {"hashes": [], "split": [], "features": np.empty((0, 2))}
    with pytest.raises(StimuliError, match="no stimulus"):
        Stimuli("s", "features", ids=[], **columns)
    with pytest.raises(StimuliError, match="found 0 hashes, expected 2"):
        Stimuli("s", "features", ids=["a", "b"], **{**columns, "features": np.empty((2, 2))})


# --- on disk ---------------------------------------------------------------------------------------------------------


def assert_same(one, other):
    for column in ("ids", "hashes", "split"):
        np.testing.assert_array_equal(getattr(one, column), getattr(other, column))
    assert one.attributes.keys() == other.attributes.keys()
    for name in one.attributes:
        np.testing.assert_array_equal(one.attributes[name], other.attributes[name])
    assert (one.name, one.kind, one.parameters) == (other.name, other.kind, other.parameters)


def test_digits_come_back_from_disk(tmp_path):
    stimuli = prepare("digits", "digits")
    stimuli.save(tmp_path / "d.zarr")
    found = open_stimuli(tmp_path / "d.zarr")
    assert_same(stimuli, found)
    assert [a.tobytes() for a in stimuli.images(1790, 2000)] == [b.tobytes() for b in found.images(1790, 2000)]
    assert found.image(17).tobytes() == stimuli.image(17).tobytes()


def test_features_come_back_from_disk(tmp_path):
    stimuli = prepare("features", "f", samples=300, features=20, probability=0.1)
    stimuli.save(tmp_path / "f.zarr")
    found = open_stimuli(tmp_path / "f.zarr")
    assert_same(stimuli, found)
    np.testing.assert_array_equal(found.features(40, 310), stimuli.features(40, 300))
    assert found.parameters["amplitude"] == "uniform"  # defaults are kept too
    assert found.feature_count == 20


def test_a_flipped_bit_on_disk_is_an_error(tmp_path):
    prepare("features", "f", samples=300, features=20, probability=0.1).save(tmp_path / "f.zarr")
    shard = next(path for path in (tmp_path / "f.zarr/features/c").rglob("*") if path.is_file())
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        open_stimuli(tmp_path / "f.zarr").features(0, 300)


@pytest.mark.parametrize("lost", ["id/c/0", "split/c/0", "attributes/label/c/0", "images/c/0/0/0"])
def test_a_missing_shard_is_an_error_and_never_zeros(tmp_path, lost):
    prepare("digits", "digits").save(tmp_path / "d.zarr")
    (tmp_path / "d.zarr" / lost).unlink()
    with pytest.raises(StimuliError, match=rf"d\.zarr: 1 shards are missing, first {lost}"):
        open_stimuli(tmp_path / "d.zarr")


def test_small_images_of_one_size_are_copied(tmp_path):
    folder = tmp_path / "images"
    write_images(folder)
    stimuli = prepare("images", "i", folder=str(folder), split=EVEN)
    stimuli.save(tmp_path / "i.zarr")
    shown = [image.tobytes() for image in stimuli.images(0, 4)]
    for path in folder.iterdir():
        path.unlink()
    found = open_stimuli(tmp_path / "i.zarr")
    assert [image.tobytes() for image in found.images(0, 4)] == shown
    assert zarr.open_group(tmp_path / "i.zarr", mode="r")["images"].metadata.dimension_names[0] == "stimulus"


@pytest.mark.parametrize("sizes", [((12, 10), (10, 12)) * 2, ((300, 10),) * 4], ids=["sizes differ", "large"])
def test_other_images_stay_where_they_are_and_must_not_change(tmp_path, sizes):
    folder = tmp_path / "images"
    write_images(folder, sizes)
    stimuli = prepare("images", "i", folder=str(folder), split=EVEN)
    stimuli.save(tmp_path / "i.zarr")
    found = open_stimuli(tmp_path / "i.zarr")
    assert_same(stimuli, found)
    assert found.image(2).tobytes() == stimuli.image(2).tobytes()
    write_images(folder, sizes, seed=1)
    with pytest.raises(StimuliError, match=r"picture2\.png: found other pixels than when the set was prepared"):
        found.image(2)


def test_what_is_no_stimulus_set_is_refused(tmp_path):
    with pytest.raises(StimuliError, match=r"none\.zarr: found no stimulus set"):
        open_stimuli(tmp_path / "none.zarr")


def test_columns_are_spelled_with_missing_numbers_too():
    assert spelled(np.array([1.5, np.nan, -np.inf])) == [1.5, "nan", "-inf"]
    assert spelled(np.array([3, 4])) == [3, 4]
    assert spelled(np.array(["nan", ""])) == ["nan", ""]
