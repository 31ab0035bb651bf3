"""Mean, covariance and norms of a store in one pass, out of core."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import dask
import numpy as np
import zarr

from thresh.errors import ConfigError
from thresh.store.encoding import decode

# Above this many units the covariance would outgrow the activations of most studies; the variances are kept alone.
COVARIANCE_UNITS = 4096
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


@dataclass
class Moments:
    """Moments of some rows, in float64, in a form that can be merged."""

    rows: int
    mean: np.ndarray
    scatter: np.ndarray  # sum of (x - mean)'(x - mean), (units, units), or its diagonal
    low: np.ndarray
    high: np.ndarray
    norms: np.ndarray


def moments(path: str | Path, scheduler: str = "threads") -> dict[str, np.ndarray]:
    """Moments of the rows of a store of activations.

    Parameters
    ----------
    path
        Folder of the store; it need not be sealed.
    scheduler
        Scheduler of dask: 'threads', 'processes', 'synchronous', or the address of a dask.distributed cluster.

    Returns
    -------
    mean, variance, low, high: (units,) float64; covariance: (units, units) float64, up to 4096 units;
    norm_quantiles: Euclidean norms of the rows at `quantiles`.
    """
    values = zarr.open_array(Path(path) / "values", mode="r")
    rows, step = values.shape[0], values.shards[0]
    parts = [dask.delayed(moments_of_rows)(str(path), start, min(start + step, rows)) for start in range(0, rows, step)]
    with running(scheduler):
        total: Moments = tree(parts).compute()
    degrees = max(total.rows - 1, 1)
    whole = total.scatter.ndim == 2
    return {
        "mean": total.mean,
        "variance": (np.diag(total.scatter) if whole else total.scatter) / degrees,
        "low": total.low,
        "high": total.high,
        "quantiles": np.array(QUANTILES),
        "norm_quantiles": np.quantile(total.norms, QUANTILES),
    } | ({"covariance": total.scatter / degrees} if whole else {})


def moments_of_rows(path: str, start: int, stop: int) -> Moments:
    values = zarr.open_array(Path(path) / "values", mode="r")
    x = decode(values[start:stop], values.attrs["logical_dtype"]).astype(np.float64)
    mean = x.mean(axis=0)
    centred = x - mean
    scatter = centred.T @ centred if x.shape[1] <= COVARIANCE_UNITS else (centred**2).sum(axis=0)
    norms = np.sqrt((x**2).sum(axis=1)).astype(np.float32)
    return Moments(len(x), mean, scatter, x.min(axis=0), x.max(axis=0), norms)


def merged(a: Moments, b: Moments) -> Moments:
    """Moments of both sets of rows (Chan, Golub and LeVeque 1983, eq. 2.1)."""
    rows = a.rows + b.rows
    step = b.mean - a.mean
    between = np.outer(step, step) if a.scatter.ndim == 2 else step**2
    return Moments(
        rows,
        a.mean + step * (b.rows / rows),
        a.scatter + b.scatter + between * (a.rows * b.rows / rows),
        np.minimum(a.low, b.low),
        np.maximum(a.high, b.high),
        np.concatenate([a.norms, b.norms]),
    )


def tree(parts: list):
    """Merge neighbours until one is left: the order, and so the rounding, does not depend on the workers."""
    while len(parts) > 1:
        pairs = [parts[start : start + 2] for start in range(0, len(parts), 2)]
        parts = [dask.delayed(merged)(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return parts[0]


def running(scheduler: str) -> contextlib.AbstractContextManager:
    """A local scheduler of dask, or a client of the cluster at an address, while the block lasts."""
    if "://" not in scheduler:
        return dask.config.set(scheduler=scheduler)
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError("dask.scheduler", scheduler, "the package to be there: pip install distributed") from None
    return Client(scheduler)
