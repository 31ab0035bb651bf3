"""Step lengths and curvatures against closed forms: lines, circles, and what rotations and scales leave."""

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.errors import StoreError
from thresh.store import open_activations
from thresh.store import trajectories as module
from thresh.store.gather import gather_activations
from thresh.store.shards import ChunkReader
from thresh.store.trajectories import trajectories

from .stores import write_store


def rows_of(paths, positions=1, rate=25.0):
    """Columns of the rows of stimuli 0, 1, ... with so many frames each."""
    frames = np.concatenate([np.arange(count) for count in paths])
    return {
        "stimulus": np.repeat(np.repeat(np.arange(len(paths)), paths), positions),
        "position": np.tile(np.arange(positions), len(frames)),
        "frame": np.repeat(frames, positions),
        "time": np.repeat(frames / rate, positions),
    }


def measured(folder, states, rows):
    """Trajectories of states, written as float32."""
    write_store(folder, states.astype(np.float32), shard_rows=16, rows=rows)
    return trajectories(ChunkReader(folder), zarr.open_group(folder, mode="r"))


def circle(per_turn, frames, radius=1.0):
    angle = 2 * np.pi * np.arange(frames) / per_turn
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def rotation(size, seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def test_a_straight_line_has_no_curvature_whatever_its_speed(tmp_path):
    places = np.cumsum([1, 2, 5, 1, 1, 3, 8])
    found = measured(tmp_path / "x.zarr", places[:, None] * np.array([3.0, 0, 4.0]), rows_of([7]))
    np.testing.assert_allclose(found["step_distance"], 5 * np.diff(places), rtol=1e-6)
    np.testing.assert_allclose(found["step_curvature"], [0] * 5 + [np.nan], atol=1e-4)
    np.testing.assert_allclose(found["step_time"], np.arange(6) / 25)
    assert found["distance"] == pytest.approx([5 * 20 / 6])
    assert found["curvature"] == pytest.approx([0], abs=1e-4)
    assert found["frames"].tolist() == [7]


@pytest.mark.parametrize("per_turn", [3, 8, 100])
def test_a_circle_turns_by_its_share_of_a_turn_at_every_step(tmp_path, per_turn):
    states = circle(per_turn, 250, radius=7)
    found = measured(tmp_path / "x.zarr", states, rows_of([250]))
    np.testing.assert_allclose(found["step_curvature"][:-1], 360 / per_turn, rtol=1e-3)
    assert np.isnan(found["step_curvature"][-1])
    np.testing.assert_allclose(found["step_distance"], 14 * np.sin(np.pi / per_turn), rtol=1e-4)


def test_there_and_back_is_half_a_turn_and_standing_still_has_no_angle(tmp_path):
    states = np.array([[0.0], [1], [0], [0], [2], [4]])
    found = measured(tmp_path / "x.zarr", states, rows_of([6]))
    np.testing.assert_allclose(found["step_distance"], [1, 1, 0, 2, 2])
    np.testing.assert_allclose(found["step_curvature"], [180, np.nan, np.nan, 0, np.nan], atol=1e-5)
    assert found["curvature"] == pytest.approx([90])
    assert found["distance"] == pytest.approx([6 / 5])


@pytest.mark.parametrize("block", [1, 8 * 4 * 10, 10**9])
@pytest.mark.parametrize("positions", [1, 3])
def test_stimuli_are_paths_of_their_own_whatever_the_blocks(tmp_path, block, positions, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", block)
    monkeypatch.setattr(module, "BLOCK_ROWS", min(block, 7))
    counts = [1, 9, 2, 30, 3]
    states = np.random.default_rng(0).normal(size=(sum(counts) * positions, 4)).astype(np.float32)
    found = measured(tmp_path / "x.zarr", states, rows_of(counts, positions))
    starts = np.r_[0, np.cumsum(counts)]
    step = 0
    for stimulus, count in enumerate(counts):
        path = states.reshape(-1, positions * 4)[starts[stimulus] : starts[stimulus + 1]].astype(np.float64)
        steps = np.diff(path, axis=0)
        lengths = np.linalg.norm(steps, axis=1)
        unit = steps / lengths[:, None]
        angles = np.degrees(np.arccos((unit[1:] * unit[:-1]).sum(axis=1)))
        here = slice(step, step + count - 1)
        np.testing.assert_allclose(found["step_distance"][here], lengths, rtol=1e-12)
        np.testing.assert_allclose(found["step_curvature"][here], [*angles, np.nan][: count - 1], rtol=1e-9)
        assert (found["step_stimulus"][here] == stimulus).all()
        for name, values in (("distance", lengths), ("curvature", angles)):
            known = values.mean() if len(values) else np.nan
            np.testing.assert_allclose(found[name][stimulus], known, rtol=1e-9)
        step += count - 1
    assert step == len(found["step_distance"])
    assert found["frames"].tolist() == counts


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100), frames=st.integers(3, 20))
def test_rotation_changes_nothing_and_scale_only_distances(tmp_path_factory, seed, scale, frames):
    folder = tmp_path_factory.mktemp("paths")
    states = np.random.default_rng(seed).normal(size=(frames, 6))
    plain = measured(folder / "plain.zarr", states, rows_of([frames]))
    moved = measured(folder / "moved.zarr", scale * states @ rotation(6, seed) + 1, rows_of([frames]))
    np.testing.assert_allclose(moved["step_curvature"], plain["step_curvature"], atol=0.05)
    np.testing.assert_allclose(moved["step_distance"], scale * plain["step_distance"], rtol=1e-3)


def test_gather_stores_them_and_tells_their_means(tmp_path):
    states = np.concatenate([circle(36, 20), 3 * circle(12, 30), circle(5, 1)])
    write_store(tmp_path / "x.zarr", states.astype(np.float32), rows=rows_of([20, 30, 1]))
    facts = gather_activations(tmp_path / "x.zarr", "systems.s.layers.l")
    table = open_activations(tmp_path / "x.zarr").trajectories
    assert table["stimulus"].tolist() == [0, 1, 2]
    assert table["frames"].tolist() == [20, 30, 1]
    lengths = [2 * np.sin(np.pi / 36), 6 * np.sin(np.pi / 12)]
    np.testing.assert_allclose(table["curvature"], [10, 30, np.nan], rtol=1e-3)
    np.testing.assert_allclose(table["distance"], [*lengths, np.nan], rtol=1e-4)
    assert facts["trajectories"]["stimuli"] == 2
    assert facts["trajectories"]["curvature"] == pytest.approx(20, rel=1e-3)
    assert facts["trajectories"]["distance"] == pytest.approx(np.mean(lengths), rel=1e-4)
    assert len(open_activations(tmp_path / "x.zarr").extra("trajectories/step_time")) == 19 + 29


def test_stimuli_without_time_have_none(tmp_path):
    write_store(tmp_path / "x.zarr", np.random.default_rng(0).normal(size=(20, 3)))
    facts = gather_activations(tmp_path / "x.zarr", "systems.s.layers.l")
    assert "trajectories" not in facts
    assert open_activations(tmp_path / "x.zarr").trajectories is None


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([0, 1, 4, 5, 2, 3], "rows of a stimulus are not neighbours"),
        ([1, 0, 2, 3, 4, 5], r"frames are not in ascending order \(stimulus 0\)"),
    ],
)
def test_rows_out_of_order_are_refused(tmp_path, order, message):
    rows = {name: column[order] for name, column in rows_of([4, 2]).items()}
    with pytest.raises(StoreError, match=message):
        measured(tmp_path / "x.zarr", np.random.default_rng(0).normal(size=(6, 2)), rows)


def test_frames_of_other_sizes_are_refused(tmp_path):
    frame = np.array([0, 0, 1, 1, 2])
    rows = {"stimulus": np.zeros(5, int), "position": np.array([0, 1, 0, 1, 0]), "frame": frame, "time": frame / 25}
    with pytest.raises(StoreError, match=r"frames have different numbers of rows \(stimulus 0\)"):
        measured(tmp_path / "x.zarr", np.random.default_rng(0).normal(size=(5, 2)), rows)
