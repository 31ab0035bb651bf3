"""Texts and token ids: what was written into a file is what is read."""

import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thresh.errors import ConfigError, StimuliError
from thresh.stimuli import open_stimuli, prepare

TEXTS = ["Plain.", "Zwölf Boxkämpfer — 日本語 🦊", "two\nlines and a \u2028 separator", "tab\tand \x0b"]
EVEN = {"by": "hash", "test": 0.5}


def write_jsonl(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


def prepared(kind="text", **params):
    """A set, its split by name of a test id so that small sets have both."""
    first = prepare(kind, "docs", split={"by": ["document000000"]}, **params)
    return first


# --- where texts come from -------------------------------------------------------------------------------------------


def test_jsonl_gives_what_was_written(tmp_path):
    file = write_jsonl(tmp_path / "a.jsonl", [{"text": text} for text in TEXTS])
    stimuli = prepared(file=file)
    assert stimuli.texts([3, 1, 0, 2]) == [TEXTS[index] for index in (3, 1, 0, 2)]
    assert list(stimuli.ids) == ["document000000", "document000001", "document000002", "document000003"]
    assert stimuli.modalities == ("text",)


def test_parquet_gives_what_was_written(tmp_path):
    columns = {"body": TEXTS, "label": [3, 1, 2, 0], "score": [0.5, None, 1.5, 2.5], "name": pa.array(["a", "b"] * 2)}
    columns["name"] = columns["name"].dictionary_encode()
    pq.write_table(pa.table({**columns, "vector": [[1.0, 2.0]] * 4}), tmp_path / "a.parquet", row_group_size=3)
    stimuli = prepared(file=str(tmp_path / "a.parquet"), column="body")
    assert stimuli.texts(range(4)) == TEXTS
    assert stimuli.attributes.keys() == {"label", "score", "name"}
    assert stimuli.attributes["label"].tolist() == [3, 1, 2, 0]
    np.testing.assert_array_equal(stimuli.attributes["score"], [0.5, np.nan, 1.5, 2.5])
    assert stimuli.attributes["name"].tolist() == ["a", "b", "a", "b"]


def test_a_text_file_has_a_document_a_line_and_nothing_else_ends_one(tmp_path):
    lines = ["\ufefffirst", "", "third \u2028 \x0b \x85 still third", "   ", "fifth\r", "sixth without an end"]
    (tmp_path / "a.txt").write_bytes("\n".join(lines).encode())
    stimuli = prepared(file=str(tmp_path / "a.txt"))
    assert stimuli.texts(range(4)) == ["first", lines[2], "fifth", lines[5]]
    # Numbers are those of the lines, so the empty second and fourth leave gaps.
    assert [identity[-1] for identity in stimuli.ids] == ["0", "2", "4", "5"]
    assert stimuli.left_out == 2


def test_a_folder_has_a_document_a_file_as_it_stands(tmp_path):
    contents = {"b/two.txt": "two\r\nlines\n", "a/one.txt": " one ", "a/empty.txt": "\n", "a/.hidden.txt": "no"}
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    (tmp_path / "a/notes.md").write_text("no")
    stimuli = prepare("text", "docs", file=str(tmp_path), split={"by": ["a/one"]})
    assert list(stimuli.ids) == ["a/one", "b/two"]
    assert stimuli.texts([0, 1]) == [" one ", "two\r\nlines\n"]
    assert list(stimuli.attributes["folder"]) == ["a", "b"]
    assert stimuli.left_out == 1


def test_hash_is_sha256_of_a_prefix_and_the_utf8_bytes(tmp_path):
    stimuli = prepared(file=write_jsonl(tmp_path / "a.jsonl", [{"text": text} for text in TEXTS]))
    assert list(stimuli.hashes) == [hashlib.sha256(b"text " + text.encode()).hexdigest()[:16] for text in TEXTS]


# --- ids, attributes, limit ------------------------------------------------------------------------------------------


def test_ids_from_a_column_and_attributes_that_are_plain(tmp_path):
    records = [
        {"text": "a", "key": 7, "label": 1, "weight": 1, "kind": "x", "mixed": 1, "nested": {"a": 1}, "good": True},
        {"text": "b", "key": 8, "label": 0, "weight": 2.5, "mixed": "one", "nested": None, "good": False},
        {"text": "", "key": 9},
    ]
    records[0]["long"] = "x" * 300
    stimuli = prepare(
        "text", "docs", file=write_jsonl(tmp_path / "a.jsonl", records), id_column="key", split={"by": ["7"]}
    )
    assert list(stimuli.ids) == ["7", "8"]
    found = {name: column.tolist() for name, column in stimuli.attributes.items()}
    assert found == {"label": [1, 0], "weight": [1.0, 2.5], "kind": ["x", ""], "good": [True, False]}
    assert stimuli.attributes["label"].dtype == np.int64


def test_limit_counts_documents_that_are_kept_and_reads_no_further(tmp_path):
    file = tmp_path / "a.jsonl"
    write_jsonl(file, [{"text": text} for text in ("", "one", "two", "three")])
    file.write_text(file.read_text() + "this line is not JSON")
    stimuli = prepare("text", "docs", file=str(file), limit=2, split={"by": ["document000001"]})
    assert stimuli.texts([0, 1]) == ["one", "two"]
    with pytest.raises(StimuliError, match=r"a\.jsonl: line 5: cannot be read as JSON"):
        prepare("text", "docs", file=str(file), split=EVEN)


def test_a_set_from_disk_is_the_set_that_was_prepared(tmp_path):
    records = [{"text": text, "a.b/c": index, ".": f"%{index}"} for index, text in enumerate(TEXTS)]
    stimuli = prepared(file=write_jsonl(tmp_path / "a.jsonl", [*records, {"text": ""}]))
    for name in ("one.zarr", "two.zarr"):
        stimuli.save(tmp_path / name)
    found = open_stimuli(tmp_path / "one.zarr")
    assert found.texts(range(4)) == TEXTS
    assert {name: column.tolist() for name, column in found.attributes.items()} == {
        "a.b/c": [0, 1, 2, 3],
        ".": ["%0", "%1", "%2", "%3"],
    }
    assert (list(found.ids), list(found.hashes)) == (list(stimuli.ids), list(stimuli.hashes))
    assert (found.parameters, found.left_out, found.kind) == (stimuli.parameters, 1, "text")
    one, two = ({p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*") if p.is_file()}
                for n in ("one.zarr", "two.zarr"))  # fmt: skip
    assert one == two


# --- token ids -------------------------------------------------------------------------------------------------------


def test_token_ids_from_every_file_are_the_same(tmp_path):
    ids = np.random.default_rng(0).integers(0, 50_000, (6, 9))
    np.save(tmp_path / "a.npy", ids.astype(np.uint16))
    write_jsonl(tmp_path / "a.jsonl", [{"input_ids": row.tolist()} for row in ids])
    pq.write_table(pa.table({"input_ids": ids.tolist()}), tmp_path / "a.parquet")
    for name in ("a.npy", "a.jsonl", "a.parquet"):
        stimuli = prepared("tokens", file=str(tmp_path / name))
        np.testing.assert_array_equal(np.stack(stimuli.token_ids(range(6))), ids)
        assert stimuli.modalities == ("tokens",)
        expected = [hashlib.sha256(b"tokens " + row.astype("<i8").tobytes()).hexdigest()[:16] for row in ids]
        assert list(stimuli.hashes) == expected


def test_token_ids_may_differ_in_length_and_empty_ones_are_left_out(tmp_path):
    ids = [[5, 6, 7], [], [1], None, [2, 3]]
    pq.write_table(pa.table({"ids": ids, "label": list(range(5))}), tmp_path / "a.parquet")
    stimuli = prepared("tokens", file=str(tmp_path / "a.parquet"), column="ids")
    stimuli.save(tmp_path / "t.zarr")
    found = open_stimuli(tmp_path / "t.zarr")
    assert [one.tolist() for one in found.token_ids([2, 0, 1])] == [[2, 3], [5, 6, 7], [1]]
    assert list(found.ids) == ["document000000", "document000002", "document000004"]
    assert found.attributes["label"].tolist() == [0, 2, 4]
    assert found.left_out == 2


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"text": "a"}\n[1]\n', r"line 2: found list, expected a JSON object"),
        (b'{"text": "a"}\n\n{"body": "b"}\n', r"line 3: found the columns body, expected 'text'"),
        (b'{"text": 3}\n', r"line 1: 'text': found int, expected text"),
        (b'{"text": "\\ud800"}\n', r"line 1: 'text': .*surrogates not allowed"),
        (b'{"text": "a"}\n{"text": "\xff"}\n', r"line 2: found text that is not UTF-8"),
        (b'{"text": " "}\n', r"found no stimulus"),
    ],
)
def test_unusable_records_are_told_by_line(tmp_path, content, told):
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(StimuliError, match=rf"stimuli\.docs.*{told}"):
        prepare("text", "docs", file=str(tmp_path / "a.jsonl"))


@pytest.mark.parametrize(
    ("value", "told"),
    [([1, -2], "found -2 to 1, expected token ids from 0 on"), ([1.5], "found float64"), ([[1], [2]], "shape")],
)
def test_unusable_token_ids_are_refused(tmp_path, value, told):
    file = write_jsonl(tmp_path / "a.jsonl", [{"input_ids": value}])
    with pytest.raises(StimuliError, match=f"line 1: 'input_ids': .*{told}"):
        prepare("tokens", "docs", file=file)


def test_ids_must_be_there(tmp_path):
    file = write_jsonl(tmp_path / "a.jsonl", [{"text": "a", "key": "k"}, {"text": "b", "key": None}])
    with pytest.raises(StimuliError, match=r"line 2: 'key': found None, expected an id"):
        prepare("text", "docs", file=file, id_column="key")
    with pytest.raises(StimuliError, match=r"line 1: found the columns text, key, expected 'name' among them"):
        prepare("text", "docs", file=file, id_column="name")


@pytest.mark.parametrize(
    ("kind", "params", "told"),
    [
        ("text", {"file": "a.txt", "dataset": "b"}, "docs.dataset: found 'b', expected no such key beside `file`"),
        ("text", {}, "docs: found None, expected one of the keys file, dataset"),
        ("text", {"file": "a.txt", "column": "body"}, "docs.column: found 'body', expected no such key beside a .txt"),
        ("text", {"file": "a.doc"}, "docs.file: found 'a.doc', expected a file .txt, .jsonl, .parquet or a folder"),
        ("tokens", {"file": "a.txt"}, "docs.file: found 'a.txt', expected a file .npy, .jsonl, .parquet"),
        ("text", {"file": "a.txt", "limit": 0}, "docs.limit: found 0, expected a number above 0"),
    ],
)
def test_wrong_keys_are_told_by_name(tmp_path, monkeypatch, kind, params, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ConfigError) as error:
        prepare(kind, "docs", **params)
    assert told in str(error.value)


def test_missing_and_broken_files_are_told_by_name(tmp_path):
    with pytest.raises(StimuliError, match=r"lost\.txt: found no file"):
        prepare("text", "docs", file=str(tmp_path / "lost.txt"))
    for name, told in (("a.parquet", "cannot be read as parquet"), ("a.npy", r"cannot be read as \.npy")):
        (tmp_path / name).write_bytes(b"neither")
        kind = "text" if name.endswith("parquet") else "tokens"
        with pytest.raises(StimuliError, match=rf"stimuli\.docs\.file: .*{told}"):
            prepare(kind, "docs", file=str(tmp_path / name))
    (tmp_path / "empty").mkdir()
    with pytest.raises(StimuliError, match=r"empty: found no \.txt file"):
        prepare("text", "docs", file=str(tmp_path / "empty"))
