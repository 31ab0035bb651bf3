"""How far and how sharply the responses to a stimulus with time move from frame to frame.

The state of a frame is all of its rows side by side: one of pooled responses, or all patches. Steps are
v_t = x_(t+1) - x_t; the curvature is the angle between successive steps, arccos(v_t . v_(t+1) / (|v_t| |v_(t+1)|)), in
degrees: 0 along a straight line, 90 for independent steps and 120 for independent states in many dimensions (Hénaff,
Goris and Simoncelli 2019, perceptual straightening: natural video curves less in perception than in pixels). Rotations
change neither, and a scale does not change the curvature.
"""

from dataclasses import dataclass

import numpy as np
import zarr

from thresh.errors import StoreError
from thresh.store.arrays import read_array
from thresh.store.shards import ChunkReader

BLOCK_BYTES = 16 * 2**20  # of a block of rows as float64
BLOCK_ROWS = 2**18  # of the columns that tell stimulus, frame and time


@dataclass(frozen=True)
class Frames:
    """Frames of all stimuli, in the order of their rows.

    Attributes
    ----------
    first
        (frames + 1,) first row of each, and the number of rows.
    stimulus, time
        (frames,) index into the stimuli; seconds.
    step
        (frames,) boolean: the frame follows one of the same stimulus.
    """

    first: np.ndarray
    stimulus: np.ndarray
    time: np.ndarray
    step: np.ndarray


def trajectories(reader: ChunkReader, group: zarr.Group) -> dict[str, np.ndarray] | None:
    """Steps of each stimulus through a layer, and their means.

    Rows are read some megabytes at a time: a block and two frames before it are in memory, and some hundred bytes of
    each frame.

    Parameters
    ----------
    reader, group
        A store whose shards are all there; it need not be sealed. Its rows have the columns `stimulus`, `frame`, the
        number of the frame in its stimulus, and `time`, in seconds; rows of a stimulus are neighbours, ordered by frame
        and, within a frame, by position.

    Returns
    -------
    None where rows have no `frame` or no `time`; else

    step_stimulus, step_time, step_distance, step_curvature
        (steps,): stimulus; time of the frame where the step begins; its Euclidean length; the angle to the next step in
        degrees, NaN for the last step of a stimulus and where either has no length.
    stimulus, frames, distance, curvature
        (stimuli,): stimulus; how many frames; mean length; mean angle over those defined. NaN where there is none.

    Raises
    ------
    StoreError
        Rows are not in that order, or frames of one stimulus have different numbers of rows.
    """
    columns = group["rows"]
    if "frame" not in columns or "time" not in columns:
        return None
    frames = frames_of(reader, columns)
    squared, product = measures(reader, frames)
    ends = np.flatnonzero(frames.step)
    distance = np.sqrt(squared[ends])
    curvature = np.full(len(ends), np.nan)
    # A step has an angle where the next frame is of the same stimulus too.
    turns = np.flatnonzero(np.r_[frames.step[1:], False][ends])
    lengths = distance[turns] * distance[turns + 1]
    defined = turns[lengths > 0]
    cosine = product[ends[defined] + 1] / lengths[lengths > 0]
    curvature[defined] = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    steps = {
        "step_stimulus": frames.stimulus[ends],
        "step_time": frames.time[ends - 1],
        "step_distance": distance,
        "step_curvature": curvature,
    }
    return steps | by_stimulus(frames, steps)


def frames_of(reader: ChunkReader, columns: zarr.Group) -> Frames:
    """Where frames begin; refuses rows out of order. Columns are read a block at a time."""
    rows, last, found = reader.shape[0], None, []
    for start in range(0, rows, BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        stimulus, frame = (read_array(columns[name], part) for name in ("stimulus", "frame"))
        changed = np.r_[(stimulus[0], frame[0]) != last, (stimulus[1:] != stimulus[:-1]) | (frame[1:] != frame[:-1])]
        first = np.flatnonzero(changed)
        found.append((start + first, stimulus[first], frame[first], read_array(columns["time"], part)[first]))
        last = (stimulus[-1], frame[-1])
    first, owner, number, time = (np.concatenate(part) for part in zip(*found, strict=True))
    step = np.r_[False, owner[1:] == owner[:-1]]
    counts = np.diff(np.r_[first, rows])
    if len(np.unique(owner)) != len(owner) - step.sum():
        raise StoreError(f"{reader.path}: rows of a stimulus are not neighbours, expected them in order of frames.")
    for wrong, what in (
        (number[1:] <= number[:-1], "frames are not in ascending order"),
        (counts[1:] != counts[:-1], "frames have different numbers of rows"),
    ):
        stimuli = owner[1:][wrong & step[1:]]
        if len(stimuli):
            raise StoreError(f"{reader.path}: {what} (stimulus {stimuli[0]}), so that there is no path to follow.")
    return Frames(np.r_[first, rows], owner, time, step)


def measures(reader: ChunkReader, frames: Frames) -> tuple[np.ndarray, np.ndarray]:
    """|v|^2 of the step into each frame and its product with the step before; 0 where there is none; (frames,) each."""
    counts = np.diff(frames.first)
    squared, product = np.zeros(len(counts)), np.zeros(len(counts))
    begin = 0
    while begin < len(counts):
        # As many frames as a block holds, but one at least.
        room = frames.first[begin] + BLOCK_BYTES // (8 * reader.shape[1])
        end = max(int(np.searchsorted(frames.first, room, side="right")) - 1, begin + 1)
        # The first step of a block, and its angle to the one before, need the two frames before the block.
        before = begin - (0 if not frames.step[begin] else 2 if frames.step[begin - 1] else 1)
        low = frames.first[before]
        x = reader.read(low, frames.first[end]).astype(np.float64)
        follows = frames.step[before:end].copy()
        follows[0] = False
        inside = counts[before:end]
        rows = np.flatnonzero(np.repeat(follows, inside))
        back = rows - np.repeat(inside, inside)[rows]  # the same position, a frame earlier
        step, bend = np.zeros_like(x), np.zeros(len(x))
        step[rows] = x[rows] - x[back]
        bend[rows] = np.einsum("ij,ij->i", step[rows], step[back])
        edges = frames.first[begin:end] - low
        squared[begin:end] = np.add.reduceat(np.einsum("ij,ij->i", step, step), edges)
        product[begin:end] = np.add.reduceat(bend, edges)
        begin = end
    return squared, product


def by_stimulus(frames: Frames, steps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Means over the steps of each stimulus."""
    first = np.flatnonzero(~frames.step)
    place = np.repeat(np.arange(len(first)), np.diff(np.r_[first, len(frames.step)]))[frames.step]
    found = {"stimulus": frames.stimulus[first], "frames": np.diff(np.r_[first, len(frames.step)])}
    for name in ("distance", "curvature"):
        values = steps[f"step_{name}"]
        known = ~np.isnan(values)
        sums, counts = (np.bincount(place[known], weights, len(first)) for weights in (values[known], None))
        found[name] = np.divide(sums, counts, out=np.full(len(first), np.nan), where=counts > 0)
    return found
