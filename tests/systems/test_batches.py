"""Batches that do not fit into memory, work in threads, and frames of video."""

import threading
import weakref

import numpy as np
import pytest
import torch
import zarr

from thresh.ahead import ahead
from thresh.errors import HarvestError
from thresh.stimuli import Stimuli
from thresh.systems import open_system
from thresh.systems.feeds.text import TextFeed
from thresh.systems.feeds.token_plan import TokenPlan
from thresh.systems.feeds.token_source import TOKEN, TokenFile
from thresh.systems.feeds.tokenising import GivenTokens
from thresh.systems.harvest import harvest_layers, lay_out_layer
from thresh.systems.model import is_out_of_memory
from thresh.systems.pipeline import Behind

from .test_harvest import harvested
from .test_torch import FOLDER, torch_system

LAYERS = {"a": {"module": "block", "pooling": "positions"}}


def limited(stimuli, most, batch_size, **params):
    """A model for which more than `most` images at a time are too many."""
    system = torch_system(stimuli, LAYERS, untrained=True, batch_size=batch_size, **params)
    forward = system.forward

    def refusing(model, inputs):
        if len(inputs["pixel_values"]) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.")
        return forward(model, inputs)

    system.forward = refusing
    return system


def test_batches_are_halved_until_they_fit_and_the_size_is_kept(pictures, tmp_path, capsys):
    system = limited(pictures, most=3, batch_size=12)
    path = tmp_path / "a.zarr"
    shards = lay_out_layer(system, "a", path, "float32", 64)
    assert zarr.open_group(path, mode="r").attrs["recipe"]["batch_size"] == 3
    assert "out of memory, going on with 3" in capsys.readouterr().out
    # Another job, on a larger machine, keeps to the size: the bits are those of batches of three.
    harvest_layers(
        limited(pictures, 12, 12), {"a": (path, list(range(len(shards))))}, lambda layer, index, digest: None
    )
    alone = torch_system(pictures, LAYERS, untrained=True, batch_size=3).responses(0, 12, ["a"])["a"]
    np.testing.assert_array_equal(zarr.open_array(path / "values", mode="r")[...], alone)


def test_a_size_that_was_fixed_is_not_changed(pictures, tmp_path):
    path = tmp_path / "a.zarr"
    lay_out_layer(limited(pictures, most=6, batch_size=6), "a", path, "float32", 64)
    with pytest.raises(
        HarvestError, match=r"batch_size: a batch of 6, with which this harvest was begun, does not fit"
    ):
        harvest_layers(limited(pictures, 5, 6), {"a": (path, [0])}, lambda layer, index, digest: None)


def test_an_item_that_does_not_fit_alone_is_told(pictures):
    with pytest.raises(HarvestError, match=r"systems\.net\.batch_size: a single item does not fit into memory"):
        limited(pictures, 0, 4).fit("float32")


def test_missing_memory_is_known_by_what_the_allocator_says():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_a_size_is_tried_out_with_the_rows_of_the_batches_before(pictures, monkeypatch):
    """A forward pass alone would fit: what a harvest holds beside it does not."""
    system = torch_system(pictures, LAYERS, untrained=True, batch_size=8)
    computed, alive = type(system).computed, weakref.WeakSet()

    def counted(self, batch, layers, dtype):
        rows = computed(self, batch, layers, dtype)
        alive.add(rows)
        if len(alive) * self.batch_size > 8:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return rows

    monkeypatch.setattr(type(system), "computed", counted)
    system.fit("float32")
    # Three batches are alive at once: two that wait and one that is computed.
    assert system.batch_size == 2


def test_the_largest_batches_are_those_of_what_is_fed():
    """Padded to one length, many short items take more than few long ones."""
    lengths = [60] * 8 + [6] * 64
    for fixed, sizes in ((None, {8, 64}), (64, {64})):
        plan = TokenPlan(
            TokenFile(np.zeros(n, TOKEN) for n in lengths), window=None, keep_special=True, fixed_length=fixed
        )
        feed = TextFeed("net", None, GivenTokens("net", None, None), length=64, packing=False, special_tokens="keep")
        feed.plan = plan
        assert {stop - start for start, stop in feed.largest_batches(64)} == sizes


# --- threads ---------------------------------------------------------------------------------------------------------


def test_items_are_made_ahead_in_order_and_errors_come_where_they_belong():
    made = []

    def source():
        for number in range(5):
            made.append((number, threading.current_thread() is threading.main_thread()))
            yield number
        raise ValueError("the end")

    found = []
    with pytest.raises(ValueError, match="the end"):
        found.extend(ahead(source()))
    # `extend` keeps what came before the error.
    assert found == [0, 1, 2, 3, 4]
    assert made == [(number, False) for number in range(5)]


def test_calls_behind_are_done_in_order_and_their_errors_stop_the_work():
    done = []
    with Behind(waiting=2) as behind:
        for number in range(20):
            behind.submit(done.append, number)
    assert done == list(range(20))

    def fail():
        raise OSError("no space")

    submitted = []
    with pytest.raises(OSError, match="no space"), Behind(waiting=1) as behind:
        submitted.extend(behind.submit(fail) for _ in range(100))
    assert len(submitted) < 3
    with pytest.raises(OSError, match="no space"), Behind() as behind:
        behind.submit(fail)


# --- video -----------------------------------------------------------------------------------------------------------


class Clips:
    """Frames whose colour tells clip and frame; five frames a second."""

    def __init__(self, counts):
        self.frame_counts = np.array(counts)

    def __len__(self):
        return len(self.frame_counts)

    def frame_times(self, index):
        return np.arange(self.frame_counts[index]) / 5

    def frames(self, index, start, stop):
        from PIL import Image

        return [Image.new("RGB", (6, 6), (10 * index, 20 * frame, 5 * index + frame)) for frame in range(start, stop)]


def clips(counts):
    return Stimuli(
        "clips",
        "video",
        ids=[f"clip{index}" for index in range(len(counts))],
        hashes=[f"{index:016x}" for index in range(len(counts))],
        split=["train", "test"] * (len(counts) // 2) + ["train"] * (len(counts) % 2),
        contents={"video": Clips(counts)},
    )


@pytest.mark.parametrize("pooling", ["mean", "positions"])
def test_rows_of_video_are_frames_in_order_with_their_times(tmp_path, pooling):
    """Clips end within batches and batches within clips; the module gives back the colour of its frame."""
    from thresh.store import open_activations

    counts = [3, 7, 1, 5]
    system = open_system(
        "torch",
        "net",
        clips(counts),
        layers={"a": {"module": "0", "pooling": pooling}},
        factory="factories:seeing",
        search_path=FOLDER,
        image_size=6,
        untrained=True,
        batch_size=4,
        device="cpu",
    )
    system.check()
    store = open_activations(harvested(system, tmp_path)["a"])
    positions = 36 if pooling == "positions" else 1
    clip = np.repeat(np.arange(4), counts)
    frame = np.concatenate([np.arange(count) for count in counts])
    assert store.rows["stimulus"].tolist() == np.repeat(clip, positions).tolist()
    assert store.rows["frame"].tolist() == np.repeat(frame, positions).tolist()
    np.testing.assert_allclose(store.rows["time"], np.repeat(frame / 5, positions))
    colour = np.stack([10 * clip, 20 * frame, 5 * clip + frame], axis=1) / 255
    np.testing.assert_allclose(store.read(0, 16 * positions), np.repeat(colour, positions, axis=0), atol=1e-6)
    assert system.rows_of_stimuli("a").tolist() == [count * positions for count in counts]


def test_pixels_of_clips_are_the_baseline_of_their_trajectories(tmp_path):
    """All pixels of a frame have its colour, which moves along a straight line."""
    from thresh.store import open_activations

    counts = [3, 7, 1, 5]
    system = open_system("pixels", "pixels", clips(counts), layers={"pixels": {}}, image_size=2)
    system.check()
    store = open_activations(harvested(system, tmp_path, "float32")["pixels"])
    assert store.rows["stimulus"].tolist() == np.repeat(np.arange(4), counts).tolist()
    found = store.trajectories.set_index("stimulus")
    np.testing.assert_allclose(found.loc[[0, 1, 3], "curvature"], 0, atol=0.1)
    np.testing.assert_allclose(found.loc[[0, 1, 3], "distance"], np.hypot(20, 1) * 2 / 255, rtol=1e-5)
    assert system.rows_of_stimuli("pixels").tolist() == counts


# --- a store that was begun ------------------------------------------------------------------------------------------


def test_a_harvest_does_not_go_on_with_another_model(pictures, tmp_path):
    """As when a branch on the hub has moved between a kill and the next run."""
    path = tmp_path / "a.zarr"
    lay_out_layer(torch_system(pictures, LAYERS, untrained=True, seed=0), "a", path, "float32", 64)
    other = torch_system(pictures, LAYERS, untrained=True, seed=1)
    with pytest.raises(HarvestError, match=r"begun with another recipe \(untrained_seed changed\); remove the store"):
        harvest_layers(other, {"a": (path, [0])}, lambda layer, index, digest: None)


def test_a_harvest_goes_on_with_the_threads_it_was_begun_with(pictures, tmp_path):
    path = tmp_path / "a.zarr"
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        lay_out_layer(torch_system(pictures, LAYERS, untrained=True), "a", path, "float32", 64)
        torch.set_num_threads(2)
        harvest_layers(torch_system(pictures, LAYERS, untrained=True), {"a": (path, [0])}, lambda *_: None)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_calls_after_one_that_failed_are_not_done():
    done = []

    def fail():
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"), Behind(waiting=50) as behind:  # noqa: PT012
        behind.submit(fail)
        for number in range(20):
            behind.submit(done.append, number)
    assert done == []
