"""The last step of a harvest: moments of the whole store, trajectories, a look for constant units, and the seal."""

import shutil
from pathlib import Path

import numpy as np
import zarr

from thresh.errors import HarvestError
from thresh.store.activations import seal
from thresh.store.arrays import write_array
from thresh.store.moments import moments
from thresh.store.shards import ChunkReader
from thresh.store.trajectories import trajectories

DIMENSIONS = {
    "covariance": ("unit", "unit"),
    "eigenvalues": ("component",),
    "eigenvectors": ("component", "unit"),
    "quantiles": ("quantile",),
    "norm_quantiles": ("quantile",),
}


def gather_activations(path: Path, name: str, constant_units: str = "refuse", scheduler: str = "threads") -> dict:
    """Compute the moments of a store whose shards are all there, trajectories where rows have a time, and seal it.

    Parameters
    ----------
    path
        Folder of the store.
    name
        Place of the layer in the config, for messages.
    constant_units
        'refuse' units that have one value for all rows, or 'keep' them; metrics leave them out.
    scheduler
        Scheduler of dask, as for `thresh.store.moments.moments`.

    Returns
    -------
    facts: shape, dtype, constant_units (their number), system (what the system tells of itself); for stimuli with
    time, trajectories (stimuli with steps, mean step length, mean curvature in degrees).

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
            f"{name}: found {len(constant)} of {units} units constant over all rows as they are stored, in"
            f" {ChunkReader(path).dtype} (units {shown}), expected units that change; constant_units: keep keeps such"
            " units."
        )
    group = zarr.open_group(path, mode="r+")
    moved = trajectories(ChunkReader(path), group)
    write_table(path / "stats", found, {name: DIMENSIONS.get(name, ("unit",)) for name in found})
    shutil.rmtree(path / "trajectories", ignore_errors=True)
    if moved:
        write_table(path / "trajectories", moved, {name: ("step" if "_" in name else "path",) for name in moved})
    seal(path)
    values = group["values"]
    return {
        "shape": list(values.shape),
        "dtype": values.attrs["logical_dtype"],
        "constant_units": len(constant),
        # What reports say of the system stands among attributes, which digests leave out, so it is told here.
        "system": group.attrs["facts"],
    } | ({"trajectories": summary(moved)} if moved else {})


def write_table(folder: Path, arrays: dict[str, np.ndarray], dimensions: dict[str, tuple[str, ...]]) -> None:
    """Write arrays as a group in place of the one that is there."""
    shutil.rmtree(folder, ignore_errors=True)
    group = zarr.open_group(folder, mode="w", zarr_format=3)
    for name, values in arrays.items():
        write_array(group, name, values, dimensions[name])


def summary(moved: dict[str, np.ndarray]) -> dict:
    """How many stimuli have steps, and means over them of step length and curvature; None where undefined."""
    means = {name: moved[name][~np.isnan(moved[name])] for name in ("distance", "curvature")}
    # Six digits, for rounding must not make two manifests of equal stores differ.
    rounded = {name: float(f"{values.mean():.6g}") if len(values) else None for name, values in means.items()}
    return {"stimuli": len(means["distance"]), **rounded}
