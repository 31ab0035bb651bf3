"""Mean, covariance and norms of a store in one pass, out of core."""

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dask
import numpy as np

from thresh.errors import ConfigError
from thresh.store.norms import NormCounts
from thresh.store.shards import ChunkReader
from thresh.store.sketch import largest_eigenpairs, probe

# Above this many units the covariance would outgrow the activations of most studies; its largest eigenpairs are kept.
COVARIANCE_UNITS = 4096
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)

BLOCK_ROWS = 512  # or one chunk, if that is more; fewer would make sums of many units slow
SUM_BYTES = 512 * 2**20  # of all parts' scatters, were none of them merged
PARTS = (8, 64)


@dataclass
class Moments:
    """Moments of some rows, in float64, in a form that can be merged.

    Attributes
    ----------
    mean, squares, low, high
        (units,); squares is the sum of (x - mean)^2.
    scatter
        Sum of (x - mean)'(x - mean) T, (units, columns of T); T is the identity where the covariance is wanted whole
        and `thresh.store.sketch.probe` where it is not.
    """

    rows: int
    mean: np.ndarray
    squares: np.ndarray
    scatter: np.ndarray
    low: np.ndarray
    high: np.ndarray
    norms: NormCounts


def moments(
    path: str | Path, scheduler: str = "threads", covariance_units: int = COVARIANCE_UNITS
) -> dict[str, np.ndarray]:
    """Moments of the rows of a store of activations, in one pass in float64.

    Rows are read some megabytes at a time and every part of the store is summed before parts are merged, in an order
    that does not depend on the workers: memory does not grow with the rows.

    Parameters
    ----------
    path
        Folder of the store; it need not be sealed.
    scheduler
        Scheduler of dask: 'threads', 'processes', 'synchronous', or the address of a dask.distributed cluster, whose
        workers must see the store under the same path.
    covariance_units
        Most units of which the covariance is kept whole.

    Returns
    -------
    mean, variance, low, high
        (units,) float64.
    covariance
        (units, units) float64, up to `covariance_units`.
    eigenvalues, eigenvectors
        (k,) and (k, units), in place of the covariance: its largest eigenpairs from a sketch; how exact they are is
        told by `thresh.store.sketch`.
    quantiles, norm_quantiles
        Euclidean norms of the rows at `quantiles`, with a relative error of 2^-12 at most.

    Raises
    ------
    StoreError
        A shard is missing or damaged; names the file.
    ConfigError
        The cluster cannot be reached, or dask.distributed is not installed.
    """
    path = Path(path).resolve()
    whole = ChunkReader(path).shape[1] <= covariance_units
    parts = [dask.delayed(moments_of_rows)(str(path), start, stop, whole) for start, stop in parts_of(path, whole)]
    with running(scheduler):
        total: Moments = tree(parts, partial(merged, whole=whole)).compute()
    degrees = max(total.rows - 1, 1)
    found = {
        "mean": total.mean,
        "variance": total.squares / degrees,
        "low": total.low,
        "high": total.high,
        "quantiles": np.array(QUANTILES),
        "norm_quantiles": total.norms.quantiles(QUANTILES),
    }
    if whole:
        return found | {"covariance": total.scatter / degrees}
    values, vectors = largest_eigenpairs(total.scatter / degrees, probe(len(total.mean)))
    return found | {"eigenvalues": values, "eigenvectors": vectors}


def parts_of(path: Path, whole: bool) -> list[tuple[int, int]]:
    """Ranges of whole chunks, so many that workers have enough to do and that their sums fit in memory."""
    reader = ChunkReader(path)
    (rows, units), step = reader.shape, reader.chunk_rows
    sums = 8 * units * (units if whole else probe(units).shape[1])
    chunks = -(-rows // step)
    count = min(max(int(np.clip(SUM_BYTES // sums, *PARTS)), 1), chunks)
    edges = [min(chunks * part // count * step, rows) for part in range(count + 1)]
    return list(itertools.pairwise(edges))


def moments_of_rows(path: str, start: int, stop: int, whole: bool) -> Moments:
    """Moments of rows start to stop, read a block at a time and summed about the mean of the first block.

    Sums about a point near the mean lose no digits, and moving them to the mean afterwards is one step.
    """
    reader = ChunkReader(path)
    units = reader.shape[1]
    columns = None if whole else probe(units)
    step = -(-BLOCK_ROWS // reader.chunk_rows) * reader.chunk_rows
    origin = reader.read(start, min(start + step, stop)).mean(axis=0, dtype=np.float64)
    total, squares = np.zeros(units), np.zeros(units)
    scatter = np.zeros((units, units if columns is None else columns.shape[1]))
    low, high, norms = np.full(units, np.inf), np.full(units, -np.inf), NormCounts.none()
    for first in range(start, stop, step):
        x = reader.read(first, min(first + step, stop)).astype(np.float64)
        low, high = np.minimum(low, x.min(axis=0)), np.maximum(high, x.max(axis=0))
        norms = norms.merged(NormCounts.of(np.einsum("ij,ij->i", x, x) ** 0.5))
        x -= origin
        total += x.sum(axis=0)
        squares += np.einsum("ij,ij->j", x, x)
        scatter += x.T @ (x if columns is None else x @ columns)
    rows = stop - start
    shift = total / rows
    squares -= shift**2 * rows
    scatter -= np.outer(shift * rows, shift if columns is None else shift @ columns)
    return Moments(rows, origin + shift, np.maximum(squares, 0), scatter, low, high, norms)


def merged(a: Moments, b: Moments, whole: bool) -> Moments:
    """Moments of both sets of rows (Chan, Golub and LeVeque 1983, eq. 2.1)."""
    rows = a.rows + b.rows
    step = b.mean - a.mean
    weight = a.rows * b.rows / rows
    scatter = np.outer(step * weight, step if whole else step @ probe(len(step)))
    scatter += a.scatter
    scatter += b.scatter
    return Moments(
        rows,
        a.mean + step * (b.rows / rows),
        a.squares + b.squares + step**2 * weight,
        scatter,
        np.minimum(a.low, b.low),
        np.maximum(a.high, b.high),
        a.norms.merged(b.norms),
    )


def tree(parts: list, merge: Callable):
    """Merge neighbours until one is left: the order, and so the rounding, does not depend on the workers."""
    while len(parts) > 1:
        pairs = [parts[start : start + 2] for start in range(0, len(parts), 2)]
        parts = [dask.delayed(merge)(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return parts[0]


@contextlib.contextmanager
def running(scheduler: str):
    """A local scheduler of dask, or a client of the cluster at an address, while the block lasts."""
    if "://" not in scheduler:
        with dask.config.set(scheduler=scheduler):
            yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError("dask.scheduler", scheduler, "dask.distributed: pip install 'thresh[distributed]'") from None
    try:
        client = Client(scheduler)
    except (OSError, ValueError) as error:
        raise ConfigError("dask.scheduler", scheduler, f"the address of a running cluster ({error})") from error
    with client:
        yield
