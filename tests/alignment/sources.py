"""The same responses in every form that metrics at size take."""

from pathlib import Path

import dask.array
import numpy as np
import zarr

from store.stores import write_store
from thresh.store import open_activations, open_codes, write_codes


def in_every_form(x: np.ndarray, folder: Path) -> dict[str, object]:
    """x (rows, units), of float32 numbers, in memory, as arrays of dask and Zarr, and as a store."""
    array = zarr.create_array(folder / "array.zarr", shape=x.shape, chunks=(37, x.shape[1]), dtype="float64")
    array[...] = x
    return {
        "memory": x,
        "dask": dask.array.from_array(x, chunks=(23, -1)),
        "zarr": array,
        "store": open_activations(write_store(folder / "store.zarr", x.astype(np.float32), shard_rows=64)),
    }


def code_store(codes, folder: Path):
    """Codes (rows, atoms) as a store, in two blocks."""
    from scipy.sparse import csr_array

    codes = csr_array(codes.astype(np.float32))
    half = codes.shape[0] // 2
    write_codes(folder, [codes[:half], codes[half:]], *codes.shape, attributes={})
    return open_codes(folder)
