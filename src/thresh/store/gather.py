"""The last step of a harvest: moments of the whole store, a look for constant units, and the seal."""

import shutil
from pathlib import Path

import numpy as np
import zarr

from thresh.errors import HarvestError
from thresh.store.activations import seal
from thresh.store.arrays import write_array
from thresh.store.moments import moments


def gather_activations(path: Path, name: str, constant_units: str = "refuse", scheduler: str = "threads") -> dict:
    """Compute the moments of a store whose shards are all there, and seal it.

    Parameters
    ----------
    path
        Folder of the store.
    name
        Place of the layer in the config, for messages.
    constant_units
        'refuse' units that have one value for all rows, or 'keep' them; metrics leave them out.
    scheduler
        Scheduler of dask.

    Returns
    -------
    facts: shape, dtype, constant_units (their number), system (what the system tells of itself).

    Raises
    ------
    HarvestError
        There are constant units and they are to be refused, or no unit ever changes.
    """
    found = moments(path, scheduler)
    constant = np.flatnonzero(found["high"] == found["low"])
    units = len(found["mean"])
    if len(constant) == units or (len(constant) and constant_units == "refuse"):
        shown = ", ".join(map(str, constant[:8])) + (" ..." if len(constant) > 8 else "")
        raise HarvestError(
            f"{name}: found {len(constant)} of {units} units constant over all rows (units {shown}),"
            f" expected units that change; constant_units: keep keeps such units."
        )
    shutil.rmtree(path / "stats", ignore_errors=True)
    group = zarr.open_group(path, mode="r+")
    stats = group.create_group("stats")
    for key, values in found.items():
        write_array(stats, key, values, tuple("unit" if size == units else "quantile" for size in values.shape))
    seal(path)
    values = group["values"]
    return {
        "shape": list(values.shape),
        "dtype": values.attrs["logical_dtype"],
        "constant_units": len(constant),
        # What reports say of the system stands among attributes, which digests leave out, so it is told here.
        "system": group.attrs["facts"],
    }
