"""Hugging Face datasets, from local files of the same form: no hub is asked."""

import hashlib
import io
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from thresh.errors import ConfigError, StimuliError
from thresh.stimuli import open_stimuli, prepare

TEXTS = ["one", "", "zwei\nlines 🦊", "three", "four"]
PIXELS = [np.random.default_rng(n).integers(0, 256, (5 + n, 300, 3), dtype=np.uint8) for n in range(4)]


@pytest.fixture
def datasets():
    return pytest.importorskip("datasets")


@pytest.fixture(params=["folder of parquet", "save_to_disk", "save_to_disk with splits", "jsonl file"])
def documents(request, tmp_path, datasets):
    """The same documents in the forms that `datasets` reads."""
    columns = {"text": TEXTS, "label": [0, 1, 2, 3, 4], "name": list("abcde"), "more": [[1], [2], [3], [4], [5]]}
    place = tmp_path / "data"
    if request.param == "folder of parquet":
        place.mkdir()
        # Two files, whose order is that of their names.
        for number, part in enumerate((slice(0, 2), slice(2, 5))):
            table = pa.table({key: values[part] for key, values in columns.items()})
            pq.write_table(table, place / f"train-0000{number}-of-00002.parquet")
        pq.write_table(pa.table({"text": ["other split"]}), place / "test-00000-of-00001.parquet")
        return str(place)
    whole = datasets.Dataset.from_dict(columns)
    if request.param == "save_to_disk":
        whole.save_to_disk(place)
        return str(place)
    if request.param == "save_to_disk with splits":
        datasets.DatasetDict({"train": whole, "test": whole.select([0])}).save_to_disk(place)
        return str(place)
    records = [{key: values[row] for key, values in columns.items()} for row in range(5)]
    place.with_suffix(".jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    return str(place.with_suffix(".jsonl"))


def test_documents_are_those_of_the_dataset_and_are_copied(documents, tmp_path):
    stimuli = prepare("text", "docs", dataset=documents, split={"by": ["document000003"]})
    stimuli.save(tmp_path / "d.zarr")
    found = open_stimuli(tmp_path / "d.zarr")
    assert found.texts(range(4)) == [text for text in TEXTS if text]
    assert list(found.ids) == ["document000000", "document000002", "document000003", "document000004"]
    assert found.attributes["label"].tolist() == [0, 2, 3, 4]
    assert found.attributes["name"].tolist() == ["a", "c", "d", "e"]
    assert found.attributes.keys() == {"label", "name"}
    assert found.left_out == 1


def test_a_limit_and_ids_of_a_column(documents):
    stimuli = prepare("text", "docs", dataset={"name": documents}, limit=2, id_column="name", split={"by": ["c"]})
    assert list(stimuli.ids) == ["a", "c"]


def test_token_ids_of_a_dataset(documents):
    stimuli = prepare("tokens", "docs", dataset=documents, column="more", split={"by": ["document000001"]})
    assert [one.tolist() for one in stimuli.token_ids(range(5))] == [[1], [2], [3], [4], [5]]


def test_another_split_is_another_dataset(datasets, tmp_path):
    splits = {split: datasets.Dataset.from_dict({"text": [split, "x"]}) for split in ("train", "validation")}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "d")
    given = {"name": str(tmp_path / "d"), "split": "validation"}
    assert prepare("text", "d", dataset=given, split={"by": ["document000001"]}).texts([0]) == ["validation"]


def encoded(pixels, form):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_images_of_any_size_are_copied_without_loss(datasets, tmp_path, form):
    files = [encoded(pixels, form) for pixels in PIXELS]
    shown = [np.asarray(Image.open(io.BytesIO(file))) for file in files]
    columns = {"picture": [{"bytes": file, "path": None} for file in files], "label": [1, 0, 1, 0]}
    features = {"picture": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    columns["caption"], features["caption"] = list("wxyz"), datasets.Value("string")
    whole = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    (tmp_path / "data").mkdir()
    whole.to_parquet(tmp_path / "data" / "train.parquet")
    params = {"dataset": str(tmp_path / "data"), "column": "picture", "text": "caption"}
    stimuli = prepare("images", "i", **params, split={"by": ["image000001"]})
    stimuli.save(tmp_path / "i.zarr")
    found = open_stimuli(tmp_path / "i.zarr")
    for index in (2, 0, 1, 3):
        np.testing.assert_array_equal(np.asarray(found.image(index)), shown[index])
    assert found.attributes["label"].tolist() == [1, 0, 1, 0]
    assert found.texts(range(4)) == list("wxyz")
    header = f"RGB 300x{len(shown[1])} ".encode()
    image = hashlib.sha256(header + shown[1].tobytes()).hexdigest()[:16]
    text = hashlib.sha256(b"text x").hexdigest()[:16]
    assert found.hashes[1] == hashlib.sha256(f"image {image} text {text}".encode()).hexdigest()[:16]


def test_small_images_of_one_size_become_an_array(datasets, tmp_path):
    files = [{"bytes": encoded(pixels[:5, :9], "PNG"), "path": None} for pixels in PIXELS]
    datasets.Dataset.from_dict({"image": files}, features=datasets.Features({"image": datasets.Image()})).save_to_disk(
        tmp_path / "data"
    )
    stimuli = prepare("images", "i", dataset=str(tmp_path / "data"), limit=3, split={"by": ["image000001"]})
    stimuli.save(tmp_path / "i.zarr")
    assert (tmp_path / "i.zarr/images").is_dir()
    found = np.stack([np.asarray(image) for image in open_stimuli(tmp_path / "i.zarr").images(0, 3)])
    np.testing.assert_array_equal(found, np.stack([pixels[:5, :9] for pixels in PIXELS[:3]]))


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        ({"name": "data.jsonl", "revision": "x", "subset": "y"}, "a name, or the keys name, config, split, revision"),
        ({"config": "x"}, "a name, or the keys"),
    ],
)
def test_wrong_keys_are_told(dataset, told):
    with pytest.raises(ConfigError, match=rf"stimuli\.d\.dataset: found .* expected {told}"):
        prepare("text", "d", dataset=dataset)


def test_what_cannot_be_read_is_told_in_one_line(datasets, tmp_path):
    file = tmp_path / "data.jsonl"
    file.write_text('{"body": "a"}\n{"body": "b"}\n')
    with pytest.raises(StimuliError, match="'text'"):
        prepare("text", "d", dataset=str(file))
    (tmp_path / "empty").mkdir()
    for place in (str(tmp_path / "empty"), str(tmp_path / "lost.jsonl")):
        with pytest.raises(StimuliError, match=r"stimuli\.d\.dataset: .*cannot be read as a Hugging Face") as error:
            prepare("text", "d", dataset=place)
        assert "\n" not in str(error.value)


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(StimuliError, match=r"stimuli\.d\.dataset: .*pip install 'thresh\[datasets\]'"):
        prepare("text", "d", dataset="some/name")
