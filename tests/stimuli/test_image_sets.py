"""Images from tables, arrays and with texts beside them; attributes from a table, for every kind."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from thresh.errors import ConfigError, StimuliError
from thresh.stimuli import open_stimuli, prepare

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), dtype=np.uint8)


def image_digest(pixels):
    header = f"{'L' if pixels.ndim == 2 else 'RGB'} {pixels.shape[1]}x{pixels.shape[0]} ".encode()
    return hashlib.sha256(header + pixels.tobytes()).hexdigest()[:16]


@pytest.fixture
def table(tmp_path):
    """A table of five images in folders beside it, written as .csv and as .parquet."""
    names = ["b/0.png", "a/1.png", "a/2.png", "b/3.png", "4.png"]
    for name, pixels in zip(names, PIXELS, strict=True):
        (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "pictures" / name)
    columns = {
        "path": [f"pictures/{name}" for name in names],
        "key": ["007", "008", "009", "010", "011"],
        "label": [3, 1, 4, 1, 5],
        "caption": ["a “red” dog", "NA", "two,\nlines", "x" * 400, "last"],
    }
    frame = pd.DataFrame(columns)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    return tmp_path


@pytest.mark.parametrize("file", ["t.csv", "t.parquet"])
def test_a_table_gives_its_images_in_its_order_with_its_columns(table, file):
    stimuli = prepare("images", "i", table=str(table / file), id_column="key", split={"by": ["008"]})
    assert list(stimuli.ids) == ["007", "008", "009", "010", "011"]
    for index, pixels in enumerate(PIXELS):
        np.testing.assert_array_equal(np.asarray(stimuli.image(index)), pixels)
    assert stimuli.attributes["label"].tolist() == [3, 1, 4, 1, 5]
    assert stimuli.attributes["caption"].tolist()[:3] == ["a “red” dog", "NA", "two,\nlines"]
    assert list(stimuli.hashes) == [image_digest(pixels) for pixels in PIXELS]
    assert stimuli.modalities == ("image",)


def test_a_table_without_ids_takes_the_paths_and_a_limit_its_first_rows(table):
    stimuli = prepare("images", "i", table=str(table / "t.csv"), limit=2, split={"by": ["pictures/a/1"]})
    assert list(stimuli.ids) == ["pictures/b/0", "pictures/a/1"]
    assert stimuli.attributes["label"].tolist() == [3, 1]


@pytest.mark.parametrize("size", [None, (300, 10)], ids=["copied", "left in files"])
def test_texts_stand_beside_images_and_count_in_the_hash(table, size):
    if size:
        for path in (table / "pictures").rglob("*.png"):
            Image.open(path).resize(size, Image.Resampling.NEAREST).save(path)
    plain = prepare("images", "i", table=str(table / "t.csv"), split={"by": ["pictures/a/1"]})
    stimuli = prepare("images", "i", table=str(table / "t.csv"), text="caption", split={"by": ["pictures/a/1"]})
    stimuli.save(table / "i.zarr")
    found = open_stimuli(table / "i.zarr")
    captions = ["a “red” dog", "NA", "two,\nlines", "x" * 400, "last"]
    for one in (stimuli, found):
        assert one.modalities == ("image", "text")
        assert one.texts([3, 2, 1, 0, 4]) == [captions[index] for index in (3, 2, 1, 0, 4)]
        assert "caption" not in one.attributes
        assert [image.tobytes() for image in one.images(0, 5)] == [image.tobytes() for image in plain.images(0, 5)]
    texts = [hashlib.sha256(b"text " + text.encode()).hexdigest()[:16] for text in captions]
    pairs = [f"image {image} text {text}" for image, text in zip(plain.hashes, texts, strict=True)]
    assert list(found.hashes) == [hashlib.sha256(pair.encode()).hexdigest()[:16] for pair in pairs]


@pytest.mark.parametrize(
    ("text", "told"),
    [("title", "text: found 'title', expected an attribute of texts, of key, caption"), ("label", "found 'label'")],
)
def test_texts_that_are_not_there_are_refused(table, text, told):
    with pytest.raises(StimuliError, match=told):
        prepare("images", "i", table=str(table / "t.parquet"), text=text)


def test_an_empty_text_beside_an_image_is_refused(table):
    pd.DataFrame({"id": ["0", "1"], "caption": ["one", " "]}).to_csv(table / "c.csv", index=False)
    np.save(table / "a.npy", PIXELS[:2])
    pd.DataFrame({"id": ["image000000", "image000001"], "caption": ["one", " "]}).to_csv(table / "c.csv", index=False)
    with pytest.raises(StimuliError, match="no text beside 1 images, first 'image000001'"):
        prepare("images", "i", array=str(table / "a.npy"), attributes=str(table / "c.csv"), text="caption")


@pytest.mark.parametrize("grey", [True, False])
def test_arrays_are_shown_as_they_are_and_copied(tmp_path, grey):
    pixels = PIXELS[..., 0] if grey else PIXELS
    np.save(tmp_path / "a.npy", pixels)
    np.savez(tmp_path / "a.npz", images=pixels, label=np.arange(5), mean=np.linspace(0, 1, 5), other=np.zeros((5, 2)))
    for name in ("a.npy", "a.npz"):
        stimuli = prepare("images", "i", array=str(tmp_path / name), split={"by": ["image000003"]})
        stimuli.save(tmp_path / f"{name}.zarr")
        (tmp_path / name).unlink()
        found = open_stimuli(tmp_path / f"{name}.zarr")
        np.testing.assert_array_equal(np.stack([np.asarray(one) for one in found.images(0, 5)]), pixels)
        assert list(found.hashes) == [image_digest(one) for one in pixels]
    assert found.attributes.keys() == {"label", "mean"}
    assert found.attributes["label"].tolist() == list(range(5))


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (PIXELS.astype(np.float32), r"found float32 \(5, 6, 7, 3\), expected uint8"),
        (PIXELS[..., :2], r"found uint8 \(5, 6, 7, 2\)"),
        (PIXELS[0, :, :, 0], r"found uint8 \(6, 7\)"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, told):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(StimuliError, match=rf"stimuli\.i\.array: .*a\.npy: {told}"):
        prepare("images", "i", array=str(tmp_path / "a.npy"))


def test_lost_images_and_columns_are_told_by_name(table):
    (table / "pictures/a/2.png").unlink()
    with pytest.raises(StimuliError, match=r"pictures/a/2\.png cannot be read"):
        prepare("images", "i", table=str(table / "t.csv"))
    pd.DataFrame({"file": ["a"]}).to_csv(table / "f.csv", index=False)
    with pytest.raises(StimuliError, match=r"f\.csv: found the columns file, expected 'path'"):
        prepare("images", "i", table=str(table / "f.csv"))
    pd.DataFrame({"path": ["a", None]}).to_csv(table / "f.csv", index_label="n")
    with pytest.raises(StimuliError, match=r"f\.csv: row 2: found nothing in the column 'path'"):
        prepare("images", "i", table=str(table / "f.csv"))


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"folder": "a", "table": "b.csv"}, "i.table: found 'b.csv', expected no such key beside `folder`"),
        ({"folder": "a", "column": "b"}, "i.column: found 'b', expected no such key beside `folder`"),
        ({"array": "a.npy", "id_column": "b"}, "i.id_column: found 'b', expected no such key beside `array`"),
        ({"array": "a.png"}, "i.array: found 'a.png', expected a .npy or a .npz file"),
        ({}, "expected one of the keys folder, table, array, dataset"),
    ],
)
def test_wrong_keys_are_told_by_name(params, told):
    with pytest.raises(ConfigError) as error:
        prepare("images", "i", **params)
    assert told in str(error.value)


# --- attributes of a table, for every kind ---------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_attributes_are_joined_on_the_id(tmp_path, suffix):
    order = np.random.default_rng(1).permutation(1800)  # more rows than there are digits
    ids = np.array([f"digit{index:04d}" for index in range(1800)])
    frame = pd.DataFrame({"id": ids[order], "number": order, "half": order / 2, "word": [f"w{one}" for one in order]})
    path = tmp_path / f"a{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    stimuli = prepare("digits", "d", attributes=str(path))
    assert stimuli.attributes["number"].tolist() == list(range(1797))
    assert stimuli.attributes["half"].tolist() == [index / 2 for index in range(1797)]
    assert stimuli.attributes["word"].tolist() == [f"w{index}" for index in range(1797)]
    assert stimuli.attributes["label"][0] == 0  # their own stay


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ({"id": ["sample000000"], "a": [1]}, "no row for 4 of 5 stimuli, first 'sample000001'"),
        ({"id": ["sample000000"] * 2, "a": [1, 2]}, "the id 'sample000000' more than once"),
        ({"name": ["sample000000"]}, "found the columns name, expected 'id'"),
        ({"id": [f"sample{i:06d}" for i in range(5)], "a": [[1]] * 5}, "a column 'a' of other values"),
    ],
)
def test_attributes_that_do_not_fit_are_refused(tmp_path, frame, told):
    pd.DataFrame(frame).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(StimuliError, match=rf"stimuli\.f\.attributes: .*a\.parquet: found .*{told}|{told}"):
        prepare("features", "f", samples=5, features=2, probability=0.5, attributes=str(tmp_path / "a.parquet"))


def test_attributes_do_not_replace_others(tmp_path):
    pd.DataFrame({"id": [f"digit{i:04d}" for i in range(1797)], "label": 1}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(StimuliError, match="column 'label', which the stimuli have already"):
        prepare("digits", "d", attributes=str(tmp_path / "a.csv"))
    with pytest.raises(StimuliError, match=r"lost\.csv: found no file"):
        prepare("digits", "d", attributes=str(tmp_path / "lost.csv"))
    with pytest.raises(ConfigError, match=r"stimuli\.d\.attributes: .*expected a \.csv or a \.parquet"):
        prepare("digits", "d", attributes=str(tmp_path / "a.xlsx"))
