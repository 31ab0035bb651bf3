"""What a study says of its stimuli: refused keys, and the files whose change must be seen."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from thresh.sources import fingerprint, stimuli_sources
from thresh.study_loading import StudyError, load_study


def study(**content):
    systems = {"p": {"kind": "pixels", "stimuli": "s"}}
    return load_study({"stimuli": {"s": content}, "systems": systems}, "study.yaml")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"kind": "text", "file": "a.txt", "dataset": "b"}, "dataset: found 'b', expected no `dataset` beside `file`"),
        ({"kind": "tokens"}, "expected one of the keys `file`, `dataset`"),
        (
            {"kind": "images", "folder": "a", "table": "b.csv"},
            "table: found 'b.csv', expected no `table` beside `folder`",
        ),
        ({"kind": "images", "folder": "a", "column": "b"}, "column: found 'b', expected no `column` without `dataset`"),
        (
            {"kind": "images", "array": "a.npy", "id_column": "b"},
            "id_column: found 'b', expected no `id_column` without `table` or `dataset`",
        ),
        ({"kind": "digits", "attributes": "a.xlsx"}, "attributes: found 'a.xlsx', expected a .csv or a .parquet file"),
        ({"kind": "text", "dataset": {"name": "a", "subset": "b"}}, "dataset.subset: unknown key here"),
        ({"kind": "video", "folder": "a", "frame_rate": 0}, "frame_rate: found 0, input should be greater than 0"),
    ],
)
def test_wrong_keys_are_told_by_name(content, line):
    with pytest.raises(StudyError) as error:
        study(**content)
    assert line in str(error.value)
    assert str(error.value).startswith("study.yaml: stimuli.s")
    assert "\n" not in str(error.value)


def test_a_name_is_short_for_a_dataset():
    long = {"name": "a/b", "config": None, "split": "train", "revision": None}
    for dataset in ("a/b", {"name": "a/b"}, long):
        assert study(kind="text", dataset=dataset).params("stimuli", "s")["dataset"] == long


def test_every_file_that_a_set_is_read_from_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("local").mkdir()
    assert stimuli_sources(study(kind="digits"), "s") == []
    assert stimuli_sources(study(kind="digits", attributes="a.csv"), "s") == ["a.csv"]
    assert stimuli_sources(study(kind="images", folder="f", attributes="a.csv"), "s") == ["f", "a.csv"]
    assert stimuli_sources(study(kind="images", array="a.npy"), "s") == ["a.npy"]
    assert stimuli_sources(study(kind="text", file="t.jsonl"), "s") == ["t.jsonl"]
    assert stimuli_sources(study(kind="video", folder="v", frame_rate=1), "s") == ["v"]
    assert stimuli_sources(study(kind="tokens", dataset="local"), "s") == ["local"]
    assert stimuli_sources(study(kind="text", dataset="name/of_the_hub"), "s") == []


@pytest.mark.parametrize("classes", [2, 40])
def test_a_table_names_the_folders_of_its_images_and_never_many(tmp_path, monkeypatch, classes):
    monkeypatch.chdir(tmp_path)
    paths = [f"images/class{number}/{one}.png" for number in range(classes) for one in range(3)]
    for path in [f"data/{path}" for path in paths] + ["data/other/big.bin", "elsewhere/x.png"]:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(b"1")
    pd.DataFrame({"path": [*paths, "../elsewhere/x.png"]}).to_csv("data/t.csv", index=False)
    found = stimuli_sources(study(kind="images", table="data/t.csv"), "s")
    folders = ["data/images/class0", "data/images/class1"] if classes == 2 else ["data/images"]
    assert found == ["data/t.csv", *folders, "elsewhere"]
    before = fingerprint(found)
    Path("data/other/big.bin").write_bytes(b"22")
    assert fingerprint(found) == before
    Path("data/images/class1/2.png").write_bytes(b"22")
    assert fingerprint(found) != before


def test_a_lost_table_is_left_to_the_set(tmp_path):
    lost = str(tmp_path / "t.csv")
    assert stimuli_sources(study(kind="images", table=lost), "s") == [lost]


def test_the_stage_prepares_a_set_from_what_the_config_says(tmp_path):
    """One command line as the workflow writes it: twice the same bytes, and a change that is seen."""
    file = tmp_path / "docs.jsonl"
    file.write_text("".join(json.dumps({"text": "x" * number, "label": number}) + "\n" for number in range(9)))
    script = Path(__file__).parents[2] / "scripts" / "prepare_stimuli.py"
    checked = study(kind="text", file=str(file), split={"test": 0.5})
    digests = []
    for name in ("one", "two", "changed"):
        if name == "changed":
            file.write_text(file.read_text().replace("xxx", "xyx"))
        params = json.dumps(checked.params("stimuli", "s"))
        command = [sys.executable, str(script), "--source", *stimuli_sources(checked, "s"), "--params", params]
        manifest = tmp_path / name / "docs.json"
        done = subprocess.run([*command, "--manifest", str(manifest)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        digests.append(json.loads(manifest.read_text()))
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]
    facts = json.dumps(digests[0])
    assert '"modalities": ["text"]' in facts
    assert '"left_out": 1' in facts
