"""Small stores for tests."""

from pathlib import Path

import numpy as np

from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations, seal


def write_store(
    folder: Path,
    values: np.ndarray,
    dtype: str = "float32",
    shard_rows: int = 256,
    rows: dict | None = None,
    stimuli: dict | None = None,
) -> Path:
    """A sealed store of values (rows, units) without statistics."""
    spec = ActivationsSpec(
        rows=rows or {"stimulus": np.arange(len(values)), "position": np.full(len(values), -1)},
        units={"unit": np.arange(values.shape[1])},
        stimuli=stimuli or {"id": np.array([f"s{i}" for i in range(len(values))])},
        dtype=dtype,
        shard_rows=shard_rows,
        attributes={"recipe": {}, "facts": {}},
    )
    names = lay_out_activations(folder, spec)
    ShardWriter(folder, list(range(len(names))), lambda index, digest: None).put(0, values)
    seal(folder)
    return folder
