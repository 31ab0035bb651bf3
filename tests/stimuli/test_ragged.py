"""Contents of different lengths: what is written is read again, in any order, and never with a changed byte."""

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thresh.errors import StoreError
from thresh.stimuli import Stimuli, open_stimuli
from thresh.stimuli import ragged as ragged_module
from thresh.stimuli.ragged import Ragged, Spool, open_ragged, write_ragged

SHARED = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def documents(count, **contents):
    columns = {"ids": [f"d{index}" for index in range(count)], "hashes": ["0"] * count, "split": ["test"] * count}
    return Stimuli("docs", "text", **columns, contents=contents)


def stored(stimuli, folder):
    stimuli.save(folder)
    return open_stimuli(folder)


@SHARED
@given(texts=st.lists(st.text(max_size=40), min_size=1, max_size=12), data=st.data())
def test_texts_come_back_in_any_order(texts, data, tmp_path_factory):
    found = stored(documents(len(texts), text=texts), tmp_path_factory.mktemp("store") / "d.zarr")
    order = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=20))
    assert found.texts(order) == [texts[index] for index in order]
    assert found.modalities == ("text",)


@SHARED
@given(ids=st.lists(st.lists(st.integers(0, 2**63 - 1), max_size=9), min_size=1, max_size=12))
def test_token_ids_come_back(ids, tmp_path_factory):
    found = stored(documents(len(ids), tokens=ids), tmp_path_factory.mktemp("store") / "d.zarr")
    read = found.token_ids(range(len(ids)))
    assert [one.tolist() for one in read] == ids
    assert all(one.dtype == np.int64 for one in read)


@SHARED
@given(lengths=st.lists(st.integers(0, 50), min_size=1, max_size=30), chunk=st.sampled_from([1, 4, 16]))
def test_items_may_end_anywhere_in_chunks_and_shards(lengths, chunk, tmp_path_factory):
    generator = np.random.default_rng(0)
    items = [generator.integers(0, 256, length, dtype=np.uint8) for length in lengths]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ragged_module, "CHUNK_BYTES", chunk)
        patch.setattr(ragged_module, "SHARD_CHUNKS", 3)
        group = zarr.open_group(tmp_path_factory.mktemp("store") / "r.zarr", mode="a")
        spool = Spool("u1")
        for item in items:
            spool.append(item)
        write_ragged(group, "r", spool.ragged())
    found = open_ragged(group["r"])
    for index in generator.permutation(len(items)):
        np.testing.assert_array_equal(found.item(int(index)), items[index])


def test_equal_contents_are_equal_bytes_in_memory_and_from_a_temporary_file(tmp_path):
    spool, texts = Spool("u1"), [b"one", b"", b"three"]
    for text in texts:
        spool.append(text)
    for name, source in (("a", spool.ragged()), ("b", Ragged.of([np.frombuffer(t, "u1") for t in texts], "u1"))):
        write_ragged(zarr.open_group(tmp_path / name, mode="a"), "r", source)
    a, b = ({str(p.relative_to(tmp_path / n)): p.read_bytes() for p in (tmp_path / n).rglob("c/*")} for n in "ab")
    assert a == b
    assert any(len(content) for content in a.values())


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_item_outside(index):
    with pytest.raises(IndexError, match="expected 0 to 2"):
        documents(3, text=["a", "b", "c"]).texts([index])


def test_a_flipped_byte_of_a_document_is_an_error(tmp_path):
    documents(2, text=["one " * 500, "two " * 500]).save(tmp_path / "d.zarr")
    shard = tmp_path / "d.zarr/text/values/c/0"
    content = bytearray(shard.read_bytes())
    content[30] ^= 1
    shard.write_bytes(content)
    with pytest.raises(StoreError, match="text/values is damaged"):
        open_stimuli(tmp_path / "d.zarr").texts([0])


@pytest.mark.parametrize("offsets", [[0, 2], [0, 3, 2, 4], [1, 4], []])
def test_offsets_that_do_not_fit_are_refused(offsets):
    with pytest.raises(StoreError, match="offsets that do not fit 4 elements"):
        Ragged(np.zeros(4, np.uint8), offsets)


def test_a_set_says_what_it_does_not_show():
    stimuli = documents(1, text=["a"])
    for ask, told in [
        (lambda: stimuli.image(0), "images"),
        (lambda: stimuli.token_ids([0]), "token ids"),
        (lambda: stimuli.frames(0, 0, 1), "video"),
        (lambda: stimuli.frame_counts, "video"),
        (lambda: stimuli.features(0, 1), "features"),
    ]:
        with pytest.raises(ValueError, match=rf"stimuli\.docs: found kind 'text', expected {told}"):
            ask()
