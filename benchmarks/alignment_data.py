"""Stores for the benchmark of alignment: responses with shared directions, and codes with a planted permutation."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations, seal, write_codes

DIRECTIONS, ACTIVE, KEPT = 256, 32, 0.9
BLOCK = 8192


def write_responses(folder: Path, rows: int, units: int) -> None:
    """x.zarr and y.zarr (rows, units), float16: the same 256 directions mixed into both, and as much noise."""
    mixings = [np.random.default_rng(side).normal(size=(DIRECTIONS, units)).astype(np.float32) for side in (1, 2)]
    sides = [begun(folder / f"{name}.zarr", rows, units) for name in "xy"]
    for start in range(0, rows, BLOCK):
        random = np.random.default_rng([3, start])
        shared = random.standard_normal((min(BLOCK, rows - start), DIRECTIONS), np.float32) / DIRECTIONS**0.5
        for writer, mixing in zip(sides, mixings, strict=True):
            writer.put(start, shared @ mixing + random.standard_normal((len(shared), units), np.float32))
    for name in "xy":
        seal(folder / f"{name}.zarr")


def begun(path: Path, rows: int, units: int) -> ShardWriter:
    spec = ActivationsSpec(
        rows={"stimulus": np.arange(rows), "position": np.full(rows, -1)},
        units={"unit": np.arange(units)},
        stimuli={"id": np.arange(rows)},
    )
    shards = lay_out_activations(path, spec)
    return ShardWriter(path, list(range(len(shards))), lambda index, digest: None)


def write_code_pair(folder: Path, rows: int, atoms: int) -> None:
    """x.zarr and y.zarr (rows, atoms) with 32 active, and order.npy: atom j of y is atom order[j] of x.

    A tenth of the active atoms of y are others, drawn anew, and all of its values are scaled by a factor of .8 to 1.2.
    """
    order = np.random.default_rng(0).permutation(atoms)
    np.save(folder / "order.npy", order)
    for number, name in enumerate("xy"):
        blocks = code_blocks(rows, atoms, np.argsort(order) if number else None)
        write_codes(folder / f"{name}.zarr", blocks, rows, atoms, {})


def code_blocks(rows: int, atoms: int, place: np.ndarray | None) -> Iterator[csr_array]:
    for start in range(0, rows, BLOCK):
        random = np.random.default_rng([4, start])
        count = min(BLOCK, rows - start)
        active, values = random.integers(0, atoms, (count, ACTIVE)), random.uniform(0.5, 1.5, (count, ACTIVE))
        if place is not None:
            other = random.integers(0, atoms, active.shape)
            active = place[np.where(random.random(active.shape) < KEPT, active, other)]
            values = values * random.uniform(0.8, 1.2, active.shape)
        row = np.repeat(np.arange(count), ACTIVE)
        yield csr_array((values.ravel().astype(np.float32), (row, active.ravel())), shape=(count, atoms))
